"""Collecting: what AWS answers becomes the items of one snapshot, whatever AWS does meanwhile."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.access.collect import Collection, Plan, collect
from pipeline.access.snapshots import Snapshot, import_files, latest
from pipeline.engines.duckdb import connect
from pipeline.errors import SourceError, UsageError
from pipeline.lake.tables import Lake
from tests.access.asked import DOCUMENT, MASTER, MEMBER, ROLE, role, user
from tests.aws.iam import World

BOTH = Plan(accounts=(MASTER, MEMBER), role=ROLE)
OWN = Plan(last_accessed=False)


@pytest.fixture
def lake(empty_lake: Lake) -> Lake:
    return empty_lake


def newest(lake: Lake) -> Snapshot:
    with connect(lake) as engine:
        return latest(engine)


def stored(lake: Lake) -> list[tuple[Any, ...]]:
    rows = lake.load("iam_snapshots").scan().to_arrow().to_pylist()
    return sorted((r["kind"], r["account_id"], r["arn"] or "", r["name"], r["item"], r["taken_at"]) for r in rows)


def test_two_accounts_by_role(world: World, lake: Lake) -> None:
    done = collect(lake, BOTH)
    assert not done.lacking and not done.imported.refused and done.imported.accounts == [MASTER, MEMBER]
    found = newest(lake)
    counts = {kind: Counter(each["account_id"] for each in items) for kind, items in found.items.items()}
    each = {"user": 2, "group": 1, "role": 2, "policy": 1, "credential": 2, "password_policy": 1, "account_summary": 1,
            "account_alias": 1, "mfa_device": 2, "trail": 1, "last_accessed": 4}  # fmt: skip
    for kind, count in each.items():
        assert counts[kind] == {MASTER: count, MEMBER: count}, kind
    tree = {"organization": 1, "organizational_unit": 2, "account": 3, "scp": 2, "rcp": 1}
    assert {kind: counts[kind] for kind in tree} == {kind: {MASTER: count} for kind, count in tree.items()}
    for family in ("details", "credentials", "settings", "mfa", "trails", "last_accessed"):
        assert found.asked(family, MASTER) == found.asked(family, MEMBER) == "complete", family
    assert found.asked("organization", MASTER) == "complete" and found.asked("organization", MEMBER) is None
    assert len({row[-1] for row in stored(lake)}) == 1, "one time for all"
    assert world.calls[MEMBER, "DescribeOrganization"] == 0 and world.calls[MASTER, "AssumeRole"] == 1


def test_items_are_as_aws_has_them(world: World, lake: Lake) -> None:
    collect(lake, Plan())
    found = newest(lake)
    by_arn = {each["Arn"]: each for each in found.of("role") + found.of("last_accessed")}
    ci = f"arn:aws:iam::{MASTER}:role/ci"
    assert [each["RolePolicyList"][0]["PolicyDocument"] for each in found.of("role")] == [DOCUMENT, DOCUMENT]
    assert found.of("role")[0]["CreateDate"] == "2024-03-01T12:00:00+00:00"
    used = by_arn[ci]["ServicesLastAccessed"]
    assert by_arn[ci]["JobType"] == "ACTION_LEVEL" and by_arn[ci]["JobCompletionDate"] == "2026-11-25T12:00:05+00:00"
    assert [each["ServiceNamespace"] for each in used] == ["s3", "lambda"]
    assert used[0]["TrackedActionsLastAccessed"][0]["ActionName"] == "PutBucketPolicy"
    devices = {
        each["SerialNumber"].rpartition("/")[2]: (each["UserName"], each["Virtual"]) for each in found.of("mfa_device")
    }
    assert devices == {"ann": ("ann", True), "GAHT12345678": ("bob", False)}
    trail = found.of("trail")[0]
    assert trail["IsLogging"] is True and trail["EventSelectors"][0]["ReadWriteType"] == "All"
    assert trail["LatestDeliveryTime"].startswith("2026-11-20")
    scps = {each["name"]: each for each in found.of("scp")}
    assert scps["FullAWSAccess"]["targets"][0]["TargetId"] == "r-r1" and scps["Guard"]["account_id"] == MASTER
    places = {each["Id"]: each["ParentId"] for each in found.of("account") + found.of("organizational_unit")}
    assert places == {
        "r-r1": None,
        "ou-r1-work": "r-r1",
        MASTER: "r-r1",
        MEMBER: "ou-r1-work",
        "333333333333": "ou-r1-work",
    }


def test_saved_answers_import_to_the_same_items(world: World, lake: Lake, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    done = collect(lake, Plan(accounts=(MASTER, MEMBER), role=ROLE, folder=saved))
    other = Lake.open(tmp_path / "other", create=True)
    again = import_files(other, sorted(saved.glob("*/*.jsonl")))
    assert stored(other) == stored(lake) and again.snapshot_id == done.imported.snapshot_id
    assert not import_files(lake, sorted(saved.glob("*/*.jsonl"))).new
    assert {path.stat().st_mode & 0o777 for path in saved.glob("*/*.jsonl")} == {0o600}
    assert not any(word in path.read_text() for path in saved.glob("*/*.jsonl") for word in ("Secret", "SessionToken"))


def test_all_active_accounts_of_the_organization(world: World, lake: Lake) -> None:
    done = collect(lake, Plan(organization=True, role=ROLE, last_accessed=False))
    assert done.imported.accounts == [MASTER, MEMBER] and not done.lacking
    assert world.calls[MEMBER, "GetAccountAuthorizationDetails"] == 1


def test_every_page_is_asked_for(world: World, lake: Lake) -> None:
    world.page, world.organization_page = 1, 1
    account = world.accounts[MASTER]
    account.users += [user(MASTER, f"u{n}") for n in range(7)]
    assert collect(lake, Plan()).imported.kinds["user"] == 9
    found = newest(lake)
    assert len(found.of("role")) == 2 and len(found.of("last_accessed")) == 11 and len(found.of("scp")) == 2
    assert len(found.of("account")) == 3
    ci = next(each for each in found.of("last_accessed") if each["Arn"].endswith("role/ci"))
    assert len(ci["ServicesLastAccessed"]) == 2
    assert world.calls[MASTER, "GetAccountAuthorizationDetails"] == 13, "9 users, a group, 2 roles, a policy"


def test_reports_and_jobs_that_take_a_while(world: World, lake: Lake) -> None:
    world.polls = 3
    done = collect(lake, Plan())
    assert done.imported.kinds["credential"] == 2 and done.imported.kinds["last_accessed"] == 4 and not done.lacking
    assert world.calls[MASTER, "GenerateCredentialReport"] == 4 and world.calls[MASTER, "GetCredentialReport"] == 1
    assert world.calls[MASTER, "GetServiceLastAccessedDetails"] == 16


def test_no_password_policy(world: World, lake: Lake) -> None:
    world.accounts[MASTER].password_policy = None
    done = collect(lake, OWN)
    assert newest(lake).of("password_policy") == [{"PasswordPolicy": None, "account_id": MASTER}]
    assert newest(lake).asked("settings", MASTER) == "complete" and not done.lacking


def test_a_storm_of_throttling(world: World, lake: Lake) -> None:
    world.storm, world.every = 15, 2
    done = collect(lake, Plan())
    assert not done.lacking and done.imported.kinds["last_accessed"] == 4 and world.throttled > 15
    assert {newest(lake).asked(name, MASTER) for name in ("details", "trails", "mfa", "organization")} == {"complete"}


def test_throttling_without_end_ends_the_run_and_it_goes_on(world: World, lake: Lake) -> None:
    world.hook = lambda account, operation: setattr(world, "storm", 10**6) if operation == "ListUsers" else None
    with pytest.raises(SourceError, match="Rate exceeded"):
        collect(lake, OWN)
    assert not lake.load("iam_snapshots").snapshots()
    world.hook, world.storm = None, 0
    assert not collect(lake, OWN).lacking
    assert world.calls[MASTER, "GetAccountAuthorizationDetails"] == 1


def refused(world: World, lake: Lake, *operations: str, plan: Plan = OWN) -> tuple[Collection, Snapshot]:
    world.denied = {(MASTER, each) for each in operations}
    return collect(lake, plan), newest(lake)


@pytest.mark.parametrize(
    ("family", "operations", "state"),
    [
        ("details", ("GetAccountAuthorizationDetails",), "refused"),
        ("credentials", ("GenerateCredentialReport",), "refused"),
        ("credentials", ("GetCredentialReport",), "refused"),
        ("settings", ("GetAccountPasswordPolicy",), "partial"),
        ("settings", ("GetAccountPasswordPolicy", "GetAccountSummary", "ListAccountAliases"), "refused"),
        ("mfa", ("ListVirtualMFADevices",), "partial"),
        ("mfa", ("ListMFADevices",), "partial"),
        ("trails", ("DescribeTrails",), "refused"),
        ("trails", ("GetEventSelectors",), "partial"),
        ("trails", ("DescribeRegions",), "partial"),
        ("organization", ("DescribeOrganization",), "refused"),
        ("organization", ("ListRoots",), "partial"),
        ("organization", ("DescribePolicy",), "partial"),
        ("last_accessed", ("GenerateServiceLastAccessedDetails",), "refused"),
        ("last_accessed", ("ListRoles",), "refused"),
    ],
)
def test_what_is_refused_costs_itself_only(
    world: World, lake: Lake, family: str, operations: tuple[str, ...], state: str
) -> None:
    done, found = refused(world, lake, *operations, plan=Plan())
    assert found.asked(family, MASTER) == state
    assert len(done.lacking) == 1 and done.lacking[0].startswith(f"{MASTER} {family}: {state} (")
    assert f"{operations[0]}: " in done.lacking[0] and "not authorized to perform" in done.lacking[0]
    others = {"details", "credentials", "settings", "mfa", "trails", "organization", "last_accessed"} - {family}
    assert {name: found.asked(name, MASTER) for name in others} == dict.fromkeys(others, "complete")


def test_a_trail_without_its_selectors_is_there(world: World, lake: Lake) -> None:
    _, found = refused(world, lake, "GetEventSelectors")
    assert found.of("trail")[0]["IsLogging"] is True and "EventSelectors" not in found.of("trail")[0]


def test_an_account_that_cannot_be_entered_costs_itself_only(world: World, lake: Lake) -> None:
    world.roles.remove(f"arn:aws:iam::{MEMBER}:role/{ROLE}")
    done = collect(lake, BOTH)
    assert len(done.lacking) == 1 and "cannot be entered" in done.lacking[0] and MEMBER in done.lacking[0]
    assert newest(lake).asked("details", MEMBER) == "refused" and newest(lake).asked("details", MASTER) == "complete"


def test_a_member_account_sees_no_tree_and_lacks_nothing(world: World, lake: Lake) -> None:
    world.keys["testing"] = MEMBER
    done = collect(lake, OWN)
    found = newest(lake)
    assert not done.lacking and len(done.notes) == 1 and "a member account" in done.notes[0]
    assert found.asked("organization", MASTER) == "partial" and len(found.of("organization")) == 1


def test_the_tree_is_seen_through_a_role_in_the_management_account(world: World, lake: Lake) -> None:
    world.keys["testing"] = MEMBER
    done = collect(lake, Plan(accounts=(MASTER,), role=ROLE, last_accessed=False))
    assert not done.lacking and newest(lake).asked("organization", MASTER) == "complete"
    assert len(newest(lake).of("scp")) == 2
    assert [row[3] for row in stored(lake) if row[0] == "collected"].count("organization") == 1


def test_an_account_of_no_organization(world: World, lake: Lake) -> None:
    world.accounts[MASTER].organization = None
    done = collect(lake, OWN)
    assert not done.lacking and not newest(lake).of("organization")
    assert newest(lake).asked("organization", MASTER) == "complete", "it was asked, and is in none"


def test_a_failed_job_is_lacking(world: World, lake: Lake) -> None:
    world.failing = {f"arn:aws:iam::{MASTER}:role/ci"}
    done = collect(lake, Plan())
    assert done.imported.kinds["last_accessed"] == 3 and "role/ci: The job took too long" in done.lacking[0]
    assert newest(lake).asked("last_accessed", MASTER) == "partial"


def test_a_job_of_a_session_that_ended_is_made_anew(world: World, lake: Lake) -> None:
    """GenerateServiceLastAccessedDetails: the JobId is good within the session that began it."""
    ci = f"arn:aws:iam::{MASTER}:role/ci"
    world.lost = {ci}
    done = collect(lake, Plan())
    assert not done.lacking and ci in {each["Arn"] for each in newest(lake).of("last_accessed")}


def test_the_organizations_trail_in_a_member_account(world: World, lake: Lake) -> None:
    """DescribeTrails: without shadow trails a member account does not see it. Its selectors are not the member's."""
    arn = f"arn:aws:cloudtrail:eu-west-1:{MASTER}:trail/all"
    shared = {"Name": "all", "TrailARN": arn, "HomeRegion": "eu-west-1", "IsMultiRegionTrail": True,
              "IsOrganizationTrail": True}  # fmt: skip
    world.keys["testing"] = MEMBER
    world.accounts[MEMBER].trails = {"eu-west-1": [shared]}
    done = collect(lake, OWN)
    trail = newest(lake).of("trail")[0]
    assert (trail["TrailARN"], trail["account_id"], trail["IsLogging"]) == (arn, MEMBER, True)
    assert newest(lake).asked("trails", MEMBER) == "partial" and "EventSelectors" not in trail
    assert not done.lacking and any("of another account" in each for each in done.notes)


def test_a_user_who_is_deleted_meanwhile_costs_nothing(world: World, lake: Lake) -> None:
    account = world.accounts[MASTER]

    def hook(number: str, operation: str) -> None:
        if operation in ("ListMFADevices", "GenerateServiceLastAccessedDetails"):
            account.users[:] = [each for each in account.users if each["UserName"] != "bob"]

    world.hook = hook
    done = collect(lake, Plan())
    assert not done.lacking and done.imported.kinds["user"] == 2


@pytest.mark.parametrize("document", ["%7Bnot json", "5", "[]", "%7B%22Statement%22%3A%207%7D", "\u202e"])
def test_a_document_that_is_no_policy_costs_its_item_only(world: World, lake: Lake, document: str) -> None:
    world.accounts[MASTER].roles.append(role(MASTER, "evil", document))
    summary, _, targets = world.accounts[MASTER].organization.policies[1]  # type: ignore[union-attr]
    world.accounts[MASTER].organization.policies[1] = (summary, document, targets)  # type: ignore[union-attr]
    done = collect(lake, OWN)
    found = newest(lake)
    assert len(done.imported.refused) == 2 and all("\n" not in each for each in done.imported.refused)
    assert {each["RoleName"] for each in found.of("role")} == {"ci", "app"}
    assert {each["name"] for each in found.of("scp")} == {"FullAWSAccess"}
    assert found.asked("details", MASTER) == found.asked("organization", MASTER) == "partial"


def test_named_regions(world: World, lake: Lake) -> None:
    done = collect(lake, Plan(last_accessed=False, regions=("eu-west-1",)))
    assert not done.lacking and "only eu-west-1" in done.notes[0]
    assert newest(lake).asked("trails", MASTER) == "partial"
    assert newest(lake).of("trail")[0]["IsLogging"] is True, "a trail that reaches into it is asked at its home"


def test_another_run_is_another_snapshot(world: World, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    first = collect(lake, OWN)
    monkeypatch.setattr("pipeline.access.collect.datetime", _Later)
    second = collect(lake, OWN)
    assert second.imported.new and second.imported.taken_at > first.imported.taken_at
    assert world.calls[MASTER, "GetAccountAuthorizationDetails"] == 2


class _Later:
    """A clock an hour ahead."""

    @staticmethod
    def now(zone: Any) -> Any:
        from datetime import datetime, timedelta

        return datetime.now(zone) + timedelta(hours=1)


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan(accounts=("12",)), "no account"),
        (Plan(accounts=(MEMBER,)), "name a role by --role"),
        (Plan(organization=True), "needs a role"),
        (Plan(organization=True, role=ROLE, accounts=(MEMBER,)), "leave out one"),
        (Plan(role="arn:aws:iam::1:user/x"), "no role's ARN"),
    ],
)
def test_what_cannot_be_meant(world: World, lake: Lake, plan: Plan, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        collect(lake, plan)
    assert caught.value.exit_code == 2


def test_the_organizations_accounts_must_be_seen(world: World, lake: Lake) -> None:
    world.keys["testing"] = MEMBER
    with pytest.raises(SourceError, match="management account or a delegated administrator"):
        collect(lake, Plan(organization=True, role=ROLE))


def test_credentials_that_are_no_longer_good(world: World, lake: Lake) -> None:
    world.expired = True
    with pytest.raises(SourceError, match="expired"):
        collect(lake, OWN)
    assert json.loads((lake.path / "collect" / "run.json").read_text())["committed"] is False
