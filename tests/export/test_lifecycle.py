"""A finding's life as other systems are told of it: what changed last, and when.

Sources: "BatchImportFindings for finding providers" in the Security Hub User Guide (an update has a later UpdatedAt;
Workflow, Note, VerificationState and UserDefinedFields are the customer's), schema.ocsf.io/1.5.0/objects/finding_info.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import export
from pipeline.detect import store
from pipeline.detect.store import Looked, verbs
from pipeline.lake.tables import Lake
from pipeline.names import Names
from tests.aws.moto import Aws
from tests.export.found import finding

BEGUN = datetime(2026, 11, 1, 12, tzinfo=UTC)
RULE = "detections/access_key_for_another_user"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The instant that the store takes for now."""
    moment = [BEGUN]
    monkeypatch.setattr(store, "now", lambda: moment[0])
    monkeypatch.setattr(verbs, "now", lambda: moment[0], raising=False)
    return moment


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def asff(found: list[dict[str, Any]]) -> dict[str, Any]:
    (told,) = json.loads(export.to_bytes(store.table(found), "asff"))
    answer: dict[str, Any] = told
    return answer


def ocsf(found: list[dict[str, Any]]) -> dict[str, Any]:
    (told,) = (json.loads(each) for each in export.to_bytes(store.table(found), "ocsf").splitlines())
    answer: dict[str, Any] = told
    return answer


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_each_change_is_an_update(lake: Lake, clock: list[datetime]) -> None:
    """Found at 12:00, grown at 13:00, resolved at 14:00 by somebody, opened again at 15:00: ids and creation stay."""
    store.record(lake, [finding()])
    told = [(asff(store.current(lake)), ocsf(store.current(lake)))]
    clock[0] = BEGUN + timedelta(hours=1)
    store.record(lake, [finding(count=3, event_ids=["e-1", "e-2", "e-3"])])
    told.append((asff(store.current(lake)), ocsf(store.current(lake))))
    clock[0] = BEGUN + timedelta(hours=2)
    verbs.mark(lake, [finding()["id"]], "resolved", "ana", "the key is gone")
    told.append((asff(store.current(lake)), ocsf(store.current(lake))))
    clock[0] = BEGUN + timedelta(hours=3)
    verbs.mark(lake, [finding()["id"]], "reopened", "ana", "")
    told.append((asff(store.current(lake)), ocsf(store.current(lake))))

    hub = [each for each, _ in told]
    assert [each["UpdatedAt"] for each in hub] == [f"2026-11-01T{hour}:00:00Z" for hour in (12, 13, 14, 15)]
    assert {(each["Id"], each["CreatedAt"]) for each in hub} == {("0123456789abcdef", "2026-11-01T10:00:00.500000Z")}
    assert [each["RecordState"] for each in hub] == ["ACTIVE", "ACTIVE", "ARCHIVED", "ACTIVE"]

    events = [each for _, each in told]
    assert [each["activity_id"] for each in events] == [1, 2, 3, 2]  # Create, Update, Close, Update
    assert [each["type_uid"] for each in events] == [200401, 200402, 200403, 200402]
    assert [each["status_id"] for each in events] == [1, 1, 4, 1]  # New, New, Resolved, New
    moments = [milliseconds(BEGUN + timedelta(hours=hour)) for hour in range(4)]
    assert [each["finding_info"]["modified_time"] for each in events] == moments
    assert {each["finding_info"]["created_time"] for each in events} == {moments[0]}
    assert not any({"found_at", "updated_at"} & each.get("unmapped", {}).keys() for each in events)


def test_a_mute_is_an_update_when_it_begins_and_when_it_ends(lake: Lake, clock: list[datetime]) -> None:
    """Nobody ran anything in between: the history does not tell of the mute's end yet."""
    store.record(lake, [finding()])
    clock[0] = BEGUN + timedelta(hours=1)
    verbs.mute(lake, [], "ana", "known", "ana", BEGUN + timedelta(hours=5), rule=RULE)
    clock[0] = BEGUN + timedelta(hours=2)
    (muted,) = store.current(lake)
    assert (muted["status"], muted["updated_at"]) == ("muted", BEGUN + timedelta(hours=1))
    clock[0] = BEGUN + timedelta(hours=9)
    store.record(lake, [finding()])
    (ended,) = store.current(lake)
    assert ended["status"] == "open"
    assert ended["updated_at"] >= BEGUN + timedelta(hours=5)


def test_what_was_never_stored_is_of_the_time_of_the_run(lake: Lake, clock: list[datetime]) -> None:
    told = store.judged(lake, [finding()])
    assert asff(told)["UpdatedAt"] == "2026-11-01T12:00:00Z"
    assert (ocsf(told)["activity_id"], ocsf(told)["finding_info"]["modified_time"]) == (1, milliseconds(BEGUN))


def test_an_update_is_never_before_its_creation(lake: Lake, clock: list[datetime]) -> None:
    """A lake that was told of events later than this machine's clock."""
    clock[0] = datetime(2026, 1, 1, tzinfo=UTC)
    told = asff(store.judged(lake, [finding()]))
    assert told["UpdatedAt"] == "2026-11-01T11:00:00Z" >= told["CreatedAt"]


def test_what_another_took_the_place_of_is_archived(lake: Lake, clock: list[datetime]) -> None:
    """An earlier event came late, and with it the episode has another id: whoever knows the old one hears its end."""
    store.record(lake, [finding()])
    clock[0] = BEGUN + timedelta(hours=1)
    heir = finding(id="fedcba9876543210", event_ids=["e-0", "e-1", "e-2"], count=3)
    store.record(lake, [heir], looked=[Looked(frozenset({RULE}), frozenset({heir["id"]}))])
    told = asff(store.replaced(lake))
    assert (told["Id"], told["RecordState"], told["UpdatedAt"]) == (
        "0123456789abcdef",
        "ARCHIVED",
        "2026-11-01T13:00:00Z",
    )
    assert told["ProductFields"]["trailsift/Note"] == "it is part of fedcba9876543210 now"
    assert ocsf(store.replaced(lake))["activity_id"] == 3


def test_security_hub_takes_the_end(lake: Lake, clock: list[datetime], aws: Aws) -> None:
    hub = aws.client("securityhub", "us-east-1")
    store.record(lake, [finding()])
    assert hub.batch_import_findings(Findings=[asff(store.current(lake))])["FailedCount"] == 0
    clock[0] = BEGUN + timedelta(hours=1)
    verbs.mark(lake, [finding()["id"]], "resolved", "ana", "the key is gone")
    assert hub.batch_import_findings(Findings=[asff(store.current(lake))])["FailedCount"] == 0
    told = [each for each in hub.get_findings()["Findings"] if each["Id"] == finding()["id"]]
    assert told[-1]["RecordState"] == "ARCHIVED"


def test_names_have_members_of_their_own() -> None:
    """AwsAccountName (at most 50 characters), and OCSF's cloud.account.name and src_endpoint.zone; ids stay."""
    names = Names.read(
        {
            "accounts": {"111122223333": "p" * 60},
            "networks": {"203.0.113.0/24": "office"},
            "owners": {"*:role/ci/*": "platform team"},
        }
    )
    rows = store.table([finding()])
    (hub,) = json.loads(export.to_bytes(rows, "asff", names=names))
    assert (hub["AwsAccountId"], hub["AwsAccountName"]) == ("111122223333", "p" * 49 + "…")
    assert hub["ProductFields"]["trailsift/PrincipalOwner"] == "platform team"
    event = json.loads(export.to_bytes(rows, "ocsf", names=names))
    assert (event["cloud"]["account"]["uid"], event["cloud"]["account"]["name"]) == ("111122223333", "p" * 60)
    assert event["evidences"][0]["src_endpoint"] == {"ip": "203.0.113.24", "zone": "office"}
