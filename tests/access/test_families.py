"""Documents beyond authorization details, as the AWS command line writes them, and the newest of each family.

Shapes: the "Output" and "Examples" sections of the AWS CLI reference for each command named.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.snapshots import Snapshot, import_files, latest
from pipeline.cli import main
from pipeline.engines.duckdb import connect
from pipeline.errors import SnapshotError
from pipeline.lake.tables import Lake
from tests.access.test_import import ACCOUNT, DOCUMENT, REPORT, details, saved

OTHER = "210987654321"
MASTER = "999999999999"
PASSWORD = {"PasswordPolicy": {"MinimumPasswordLength": 14, "RequireSymbols": True, "ExpirePasswords": False}}
SUMMARY = {"SummaryMap": {"AccountMFAEnabled": 1, "AccountAccessKeysPresent": 0, "Users": 2}}
ALIASES = {"AccountAliases": ["example-corp"]}
VIRTUAL = {
    "VirtualMFADevices": [
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/root-account-mfa-device", "EnableDate": "2025-01-01T00:00:00Z",
         "User": {"UserId": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "CreateDate": "2020-01-01T00:00:00Z"}},
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann", "EnableDate": "2025-02-01T00:00:00Z",
         "User": {"UserName": "ann", "UserId": "AIDAANN", "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann"}},
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/nobody"},
    ]
}  # fmt: skip
HARDWARE = {
    "MFADevices": [
        {"UserName": "bob", "SerialNumber": "GAHT12345678", "EnableDate": "2025-03-01T00:00:00Z"},
        {"UserName": "bob", "SerialNumber": f"arn:aws:iam::{ACCOUNT}:u2f/user/bob/key-AAAA",
         "EnableDate": "2025-03-02T00:00:00Z"},
        {"UserName": "ann", "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/ann", "EnableDate": "2025-02-01T00:00:00Z"},
    ]
}  # fmt: skip
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main"
SECOND = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/second"
TRAILS = {
    "trailList": [
        {"Name": "main", "S3BucketName": "logs", "IsMultiRegionTrail": True, "HomeRegion": "eu-west-1",
         "TrailARN": TRAIL, "LogFileValidationEnabled": True, "IsOrganizationTrail": False},
        {"Name": "second", "S3BucketName": "logs", "IsMultiRegionTrail": False, "TrailARN": SECOND},
    ]
}  # fmt: skip
SELECTORS = {
    "TrailARN": TRAIL,
    "EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}],
}
STATUS = {"IsLogging": True, "LatestDeliveryTime": 1795168800.0}
ORG = f"arn:aws:organizations::{MASTER}"


@pytest.fixture
def lake(empty_lake: Lake) -> Lake:
    return empty_lake


def files(folder: Path, *contents: object) -> list[str]:
    number = len(list(folder.iterdir()))
    return [saved(folder, each, f"file{number + i}") for i, each in enumerate(contents)]


def newest(lake: Lake, at: datetime | None = None) -> Snapshot:
    with connect(lake) as engine:
        return latest(engine, at)


def without_account(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in each.items() if name != "account_id"} for each in items]


def test_settings_take_the_account_of_the_other_files(lake: Lake, tmp_path: Path) -> None:
    import_files(lake, files(tmp_path, details("ann"), PASSWORD, SUMMARY, ALIASES))
    found = newest(lake)
    for kind, expected in (("password_policy", PASSWORD), ("account_summary", SUMMARY), ("account_alias", ALIASES)):
        assert found.of(kind) == [{**expected, "account_id": ACCOUNT}]
    assert found.asked("settings", ACCOUNT) == "complete" == found.asked("details", ACCOUNT)
    assert found.asked("trails", ACCOUNT) is None and found.asked("settings", OTHER) is None


def test_no_password_policy_is_an_item(lake: Lake, tmp_path: Path) -> None:
    done = import_files(lake, files(tmp_path, {"PasswordPolicy": None}), account=ACCOUNT)
    assert done.kinds == {"password_policy": 1}
    assert newest(lake).of("password_policy") == [{"PasswordPolicy": None, "account_id": ACCOUNT}]
    assert newest(lake).asked("settings", ACCOUNT) == "partial", "the other two were not asked for"


@pytest.mark.parametrize("content", [PASSWORD, SUMMARY, ALIASES, {"trailList": []}, {"VirtualMFADevices": []}])
def test_whose_it_is_must_be_known(lake: Lake, tmp_path: Path, content: object) -> None:
    with pytest.raises(SnapshotError, match="which account it is of; name it by --account"):
        import_files(lake, files(tmp_path, content))
    strangers = details("ann") | {"RoleDetailList": [{"RoleName": "r", "Arn": f"arn:aws:iam::{OTHER}:role/r"}]}
    with pytest.raises(SnapshotError, match="which account it is of"):
        import_files(lake, files(tmp_path, strangers, content))
    assert import_files(lake, files(tmp_path, content), account=ACCOUNT).new


def test_mfa_devices(lake: Lake, tmp_path: Path) -> None:
    done = import_files(lake, files(tmp_path, VIRTUAL, HARDWARE))
    found = {each["SerialNumber"].rpartition("/")[2]: each for each in newest(lake).of("mfa_device")}
    assert done.kinds == {"mfa_device": 4}, "a device in both answers is one, one that is nobody's is none"
    assert {name: (each["UserName"], each["Virtual"]) for name, each in found.items()} == {
        "root-account-mfa-device": (None, True),
        "ann": ("ann", True),
        "GAHT12345678": ("bob", False),
        "key-AAAA": ("bob", False),
    }
    assert found["ann"]["EnableDate"] == "2025-02-01T00:00:00Z"
    assert {each["account_id"] for each in found.values()} == {ACCOUNT}


def test_trails_are_joined_by_their_arn(lake: Lake, tmp_path: Path) -> None:
    import_files(lake, files(tmp_path, SELECTORS, TRAILS, {**STATUS, "TrailARN": TRAIL}, TRAILS))
    main_trail, second = newest(lake).of("trail")
    assert main_trail == {**TRAILS["trailList"][0], **STATUS, "EventSelectors": SELECTORS["EventSelectors"],
                          "account_id": ACCOUNT}  # fmt: skip
    assert second == {**TRAILS["trailList"][1], "account_id": ACCOUNT}, "what was not asked is missing, not false"
    assert newest(lake).asked("trails", ACCOUNT) == "partial"


def test_the_status_of_the_only_trail_needs_no_name(lake: Lake, tmp_path: Path) -> None:
    import_files(lake, files(tmp_path, {"trailList": TRAILS["trailList"][:1]}, STATUS))
    assert newest(lake).of("trail")[0]["IsLogging"] is True


def test_an_organization_trail_does_not_tell_the_account_that_was_asked(lake: Lake, tmp_path: Path) -> None:
    shared = {"trailList": [{**TRAILS["trailList"][0], "IsOrganizationTrail": True}]}
    with pytest.raises(SnapshotError, match="which account"):
        import_files(lake, files(tmp_path, shared))
    import_files(lake, files(tmp_path, shared), account=OTHER)
    assert newest(lake).of("trail")[0]["account_id"] == OTHER


def summary(name: str, kind: str = "SERVICE_CONTROL_POLICY", account: str = MASTER) -> dict[str, Any]:
    return {"Id": f"p-{name}", "Arn": f"arn:aws:organizations::{account}:policy/o-1/x/p-{name}", "Name": name,
            "Type": kind, "AwsManaged": account == "aws"}  # fmt: skip


def described(name: str, **more: Any) -> dict[str, Any]:
    return {"Policy": {"PolicySummary": summary(name, **more), "Content": json.dumps(DOCUMENT)}}


def test_the_organization(lake: Lake, tmp_path: Path) -> None:
    account = {"Id": ACCOUNT, "Arn": f"{ORG}:account/o-1/{ACCOUNT}", "Name": "prod", "Email": "a@example.com",
               "Status": "ACTIVE", "JoinedMethod": "CREATED"}  # fmt: skip
    unit = {"Id": "ou-1", "Arn": f"{ORG}:ou/o-1/ou-1", "Name": "Workloads"}
    nested = {"Id": "ou-2", "Arn": f"{ORG}:ou/o-1/ou-2", "Name": "Nested"}
    root = {"Id": "r-1", "Arn": f"{ORG}:root/o-1/r-1", "Name": "Root",
            "PolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]}  # fmt: skip
    organization = {"Id": "o-1", "Arn": f"{ORG}:organization/o-1", "FeatureSet": "ALL", "MasterAccountId": MASTER}
    targets = [{"TargetId": "ou-1", "Arn": unit["Arn"], "Name": "Workloads", "Type": "ORGANIZATIONAL_UNIT"}]
    done = import_files(
        lake,
        files(
            tmp_path,
            {"Organization": organization},
            {"Roots": [root]},
            {"ParentId": "r-1", "OrganizationalUnits": [unit]},
            {"OrganizationalUnits": [nested]},
            {"ParentId": "ou-1", "Children": [{"Id": "ou-2", "Type": "ORGANIZATIONAL_UNIT"}]},
            {"Accounts": [account]},
            {"ChildId": ACCOUNT, "Parents": [{"Id": "ou-2", "Type": "ORGANIZATIONAL_UNIT"}]},
            {"Policies": [summary("Guard"), summary("FullAWSAccess", account="aws")]},
            described("Guard"),
            described("FullAWSAccess", account="aws"),
            described("Perimeter", kind="RESOURCE_CONTROL_POLICY"),
            {"PolicyId": "p-Guard", "Targets": targets},
        ),
    )
    assert done.kinds == {"organization": 1, "organizational_unit": 3, "account": 1, "scp": 2, "rcp": 1}
    found = newest(lake)
    assert without_account(found.of("organization")) == [organization]
    assert without_account(found.of("organizational_unit")) == [
        {**unit, "ParentId": "r-1"},
        {**nested, "ParentId": "ou-1"},
        {**root, "ParentId": None},
    ]
    assert without_account(found.of("account")) == [
        {name: account[name] for name in ("Id", "Arn", "Name", "Email", "Status")} | {"ParentId": "ou-2"}
    ]
    scps = {each["name"]: each for each in found.of("scp")}
    assert scps["Guard"]["targets"] == targets and scps["Guard"]["document"] == DOCUMENT
    every = [each for kind in done.kinds for each in found.of(kind)]
    assert {each["account_id"] for each in every} == {MASTER}, "AWS's own SCP belongs to the organization it came with"
    assert found.asked("organization", MASTER) == "partial"


ARN = f"arn:aws:iam::{ACCOUNT}:role/ci"
USED = {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": "2026-10-01T00:00:00Z",
        "TrackedActionsLastAccessed": [{"ActionName": "GetObject"}]}  # fmt: skip
LAST = {"JobStatus": "COMPLETED", "JobType": "ACTION_LEVEL", "JobCompletionDate": "2026-11-20T10:00:00Z"}


def test_last_accessed(lake: Lake, tmp_path: Path) -> None:
    other = {"ServiceName": "AWS Lambda", "ServiceNamespace": "lambda", "TotalAuthenticatedEntities": 0}
    pages = [
        {"Arn": ARN, **LAST, "ServicesLastAccessed": [each], "IsTruncated": each is USED} for each in (USED, other)
    ]
    import_files(lake, files(tmp_path, pages))
    assert newest(lake).of("last_accessed") == [
        {"Arn": ARN, "JobCompletionDate": LAST["JobCompletionDate"], "JobType": "ACTION_LEVEL",
         "ServicesLastAccessed": [USED, other], "account_id": ACCOUNT}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"PasswordPolicy": 5}, "PasswordPolicy: is not as IAM gives it"),
        ({"SummaryMap": []}, "SummaryMap"),
        ({"AccountAliases": "x"}, "AccountAliases"),
        ({"VirtualMFADevices": {"a": 1}}, "is no list"),
        ({"MFADevices": [{"UserName": "ann"}]}, "has no SerialNumber"),
        ({"MFADevices": [3]}, "has no SerialNumber"),
        ({"trailList": [{"Name": "x"}]}, "has no TrailARN"),
        (SELECTORS, "not among the files; import describe-trails"),
        ([TRAILS, STATUS], 'put "TrailARN": "…" beside'),
        ({"OrganizationalUnits": [{"Id": "ou-1", "Arn": f"{ORG}:ou/o-1/ou-1"}]}, 'put "ParentId": "…" beside'),
        ({"Children": []}, 'put "ParentId": "…" beside'),
        ({"Parents": [{"Id": "r-1"}]}, 'put "ChildId": "…" beside'),
        ({"Targets": []}, 'put "PolicyId": "…" beside'),
        ({"Policies": [summary("Guard")]}, "Guard without its content; import describe-policy"),
        ({"Organization": {"Id": "o-1"}}, "has no MasterAccountId"),
        ({**LAST, "ServicesLastAccessed": []}, 'put "Arn": "arn:aws:iam::…" beside'),
        ({"Arn": ARN, "JobStatus": "IN_PROGRESS"}, "IN_PROGRESS; ask again"),
        ({"Arn": ARN, "ServicesLastAccessed": {"a": 1}}, "is no list"),
        ('{"trailsift_collection": 1}\n', "not as iam collect writes it"),
        ('{"trailsift_collection": 1', "cut off in its first line"),
    ],
)
def test_what_lacks_its_context_is_refused_in_one_line(lake: Lake, tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(SnapshotError) as caught:
        import_files(lake, files(tmp_path, content), account=ACCOUNT)
    assert says in str(caught.value) and str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)
    assert not lake.load("iam_snapshots").snapshots()


def kept(folder: Path, family: str, *lines: object, account: str = ACCOUNT, taken: str = "2026-11-20T10:00:00Z") -> str:
    """A file as `iam collect` keeps one."""
    first = {"trailsift_collection": 1, "account_id": account, "family": family, "taken_at": taken, "asked": {}}
    text = "".join(json.dumps(each) + "\n" for each in (first, *lines))
    return saved(folder, text, f"{account}-{family}-{len(list(folder.iterdir()))}")


def call(operation: str, answer: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {"operation": operation, "given": given, "answer": answer}


COMPLETE = {"state": "complete", "detail": None}


def test_a_refused_family_does_not_hide_an_older_one(lake: Lake, tmp_path: Path) -> None:
    refused = {"state": "refused", "detail": "AccessDenied"}
    import_files(
        lake, [kept(tmp_path, "trails", call("DescribeTrails", TRAILS), COMPLETE, taken="2026-11-01T00:00:00Z")]
    )
    import_files(lake, [kept(tmp_path, "trails", refused), kept(tmp_path, "mfa", refused)])
    found = newest(lake)
    assert len(found.of("trail")) == 2 and found.asked("trails", ACCOUNT) == "complete"
    assert found.asked("mfa", ACCOUNT) == "refused" and not found.of("mfa_device")
    assert found.dated["trails"] == datetime(2026, 11, 1, tzinfo=UTC) and "mfa" not in found.dated


def test_a_complete_family_without_items_hides_an_older_one(lake: Lake, tmp_path: Path) -> None:
    import_files(
        lake, [kept(tmp_path, "trails", call("DescribeTrails", TRAILS), COMPLETE, taken="2026-11-01T00:00:00Z")]
    )
    import_files(lake, [kept(tmp_path, "trails", call("DescribeTrails", {"trailList": []}), COMPLETE)])
    assert not newest(lake).of("trail") and newest(lake).asked("trails", ACCOUNT) == "complete"
    assert len(newest(lake, datetime(2026, 11, 2, tzinfo=UTC)).of("trail")) == 2


def test_a_file_of_one_kind_leaves_the_others_of_its_family(lake: Lake, tmp_path: Path) -> None:
    first, second = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    import_files(lake, files(tmp_path, PASSWORD, SUMMARY, ALIASES), first, ACCOUNT)
    import_files(lake, files(tmp_path, {"PasswordPolicy": None}), second, ACCOUNT)
    assert newest(lake).of("password_policy")[0]["PasswordPolicy"] is None
    assert len(newest(lake).of("account_summary")) == 1


def test_families_of_two_accounts_do_not_touch_each_other(lake: Lake, tmp_path: Path) -> None:
    import_files(lake, files(tmp_path, PASSWORD), account=ACCOUNT)
    second = import_files(lake, files(tmp_path, PASSWORD), account=OTHER)
    assert second.new, "the same content of another account is another snapshot"
    assert {each["account_id"] for each in newest(lake).of("password_policy")} == {ACCOUNT, OTHER}


def test_a_bad_item_of_a_collection_costs_itself_only(lake: Lake, tmp_path: Path) -> None:
    given = details("ann", "bob", IsTruncated=False)
    given["UserDetailList"][1]["UserPolicyList"] = [{"PolicyName": "p", "PolicyDocument": "{not json"}]
    given["RoleDetailList"] = [7, {"RoleName": "r", "Arn": f"arn:aws:iam::{ACCOUNT}:role/r", "RolePolicyList": 7}]
    path = kept(tmp_path, "details", call("GetAccountAuthorizationDetails", given), COMPLETE)
    done = import_files(lake, [path])
    assert done.kinds == {"user": 1} and len(done.refused) == 3 and "bob" in done.refused[0]
    assert done.states == {(ACCOUNT, "details"): "partial"} and newest(lake).asked("details", ACCOUNT) == "partial"


def test_a_collection_that_was_cut_off_is_partial(lake: Lake, tmp_path: Path) -> None:
    path = kept(tmp_path, "settings", call("GetAccountSummary", SUMMARY))
    with Path(path).open("a") as file:
        file.write('{"operation": "ListAccou')
    done = import_files(lake, [path])
    assert done.kinds == {"account_summary": 1} and newest(lake).asked("settings", ACCOUNT) == "partial"


def test_answers_of_another_family_are_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="does not belong to the family 'settings'"):
        import_files(lake, [kept(tmp_path, "settings", call("DescribeTrails", TRAILS), COMPLETE)])


def test_a_snapshot_of_old_says_nothing_and_counts_as_whole(lake: Lake, tmp_path: Path) -> None:
    """Rows as an earlier version stored them, without items that say what was asked."""
    import pyarrow.compute as pc

    import_files(lake, files(tmp_path, details("ann"), REPORT))
    table = lake.load("iam_snapshots")
    rows = table.scan().to_arrow()
    table.overwrite(rows.filter(pc.not_equal(rows["kind"], "collected")))
    found = newest(lake)
    assert len(found.of("user")) == 1 and len(found.of("credential")) == 2 and found.asked("details", ACCOUNT) is None


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake, words = str(tmp_path / "new"), ["-o", "json", "--account", ACCOUNT]
    bad = details("ann", IsTruncated=False) | {"RoleDetailList": [7]}
    paths = [
        kept(tmp_path, "details", call("GetAccountAuthorizationDetails", bad), COMPLETE),
        *files(tmp_path, SUMMARY),
    ]
    with pytest.raises(SystemExit) as caught:
        main(["iam", "import", *paths, "--lake", lake, *words])
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert caught.value.code == 4 and answer["refused"] == 1 and said.err.count("\n") == 1
    assert answer["families"] == [
        {"account_id": ACCOUNT, "family": "details", "state": "partial"},
        {"account_id": ACCOUNT, "family": "settings", "state": "partial"},
    ]
    for wrong in ("12", "12345678901²", "x" * 12):
        with pytest.raises(SystemExit) as caught:
            main(["iam", "import", *paths, "--lake", lake, "--account", wrong])
        assert caught.value.code == 2 and "--account" in capsys.readouterr().err
