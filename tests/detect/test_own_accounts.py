"""Own accounts and foreign ones: which are known, and what rules about sharing and trust make of them.

What a record of each call holds: the API references of ModifySnapshotAttribute, CreateRole, ModifyDBSnapshotAttribute.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.catalog import home
from pipeline.config import Settings
from pipeline.detect.own import placeholders
from pipeline.detect.run import detect
from pipeline.detect.sigma.correlations import load
from pipeline.detect.sigma.values import OWN
from pipeline.detect.store.examined import asked
from pipeline.detect.watch import Watch
from pipeline.engines.duckdb import over
from pipeline.ingest import ingest
from pipeline.records.normalize import to_table
from pipeline.records.schema import IAM_SNAPSHOTS
from tests.detect.sigma import CATALOG, log, plain, rule, rules
from tests.lakes import make_lake
from tests.logs import event

HERE, SISTER, STRANGER = "111122223333", "222233334444", "999988887777"
PACK = home() / "detections"
SISTERS = {OWN: (SISTER,)}


def shared(*accounts: str) -> dict[str, Any]:
    """The sharing of a volume's snapshot with these accounts."""
    items = [{"userId": each} for each in accounts]
    return {
        "eventSource": "ec2.amazonaws.com",
        "eventName": "ModifySnapshotAttribute",
        "requestParameters": {"snapshotId": "snap-1", "createVolumePermission": {"add": {"items": items}}},
    }


def trusting(*principals: str) -> dict[str, Any]:
    """The making of a role that trusts these principals."""
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    return {
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateRole",
        "requestParameters": {"roleName": "r", "assumeRolePolicyDocument": json.dumps({"Statement": [statement]})},
    }


def told(name: str, *given: dict[str, Any], known: dict[str, tuple[str, ...]] | None = None) -> list[int]:
    """The numbers of the events that a rule of the pack tells of, these accounts being known as own."""
    records = [event(eventID=str(number), **each) for number, each in enumerate(given)]
    with log(*records) as engine:
        found = detect(engine, load(PACK / f"{name}.yml", known or {})).findings
    return sorted(int(each) for finding in found for each in finding["event_ids"])


def test_what_is_shared_with_an_own_account_is_no_news_and_a_foreign_one_beside_it_is() -> None:
    given = (shared(SISTER), shared(STRANGER), shared(SISTER, STRANGER), shared(HERE))
    assert told("image_or_volume_shared", *given, known=SISTERS) == [1, 2]
    assert told("image_or_volume_shared", *given) == [0, 1, 2]


def test_a_trust_policy_is_told_where_one_of_its_accounts_is_foreign() -> None:
    given = (
        trusting(f"arn:aws:iam::{SISTER}:root"),
        trusting(f"arn:aws:iam::{SISTER}:role/deploy", STRANGER),
        trusting(f"arn:aws:iam::{HERE}:root", f"arn:aws:iam::{STRANGER}:root"),
        trusting(f"arn:aws:iam::{HERE}:root"),
        trusting(f"arn:aws:iam::{SISTER}:role/{STRANGER}-reader"),  # digits in a role's name are no account
    )
    assert told("role_trusts_another_account", *given, known=SISTERS) == [1, 2]
    assert told("role_trusts_another_account", *given) == [0, 1, 2, 4]


@pytest.mark.parametrize(
    ("value", "foreign"),
    [
        (STRANGER, True),
        (f"arn:aws:kms:eu-west-1:{STRANGER}:key/1", True),
        (f"arn:aws:kms:eu-west-1:{SISTER}:key/1234abcd-12ab-34cd-56ef-{STRANGER}", False),  # the tail of a UUID
        (f"arn:aws:backup:eu-west-1:{SISTER}:backup-vault:202610011200", False),
        (f"arn:aws-cn:iam::{STRANGER}:user/x", True),
        ("ec2.amazonaws.com", False),
        (STRANGER + "0", False),
        (f"{SISTER}, {STRANGER}", True),
        (f'{{"AWS":"{STRANGER}"}}', True),
        ([SISTER, HERE], False),
        ([SISTER, HERE, STRANGER], True),
        (None, False),
    ],
)
def test_where_an_account_stands_in_a_value(value: Any, foreign: bool) -> None:
    asks = rules(rule({"s": {"requestParameters.a|expand": "%foreign_accounts%"}}), **SISTERS)
    assert asks.refused == []
    with log(event(requestParameters={"a": value})) as engine:
        assert bool(detect(engine, asks).findings) == foreign


def test_the_placeholder_stands_alone() -> None:
    (refused,) = rules(rule({"s": {"requestParameters.a|expand|contains": "%foreign_accounts%"}})).refused
    assert "stand alone" in str(refused)


def test_a_rule_is_new_where_other_accounts_are_own_and_only_one_that_asks_about_them() -> None:
    asking = rule({"s": {"requestParameters.a|expand": "%foreign_accounts%"}}, name="one", title="one")
    both = rules(asking, rule({"s": {"eventName": "A"}}, name="two", title="two"))
    before, after = asked(both, {OWN: (HERE,)}), asked(both, {OWN: (HERE, SISTER)})
    changed = [each.about.title for each in both.rules if before[each.about.id] != after[each.about.id]]
    assert changed == ["one"]


def item(kind: str, account: str, snapshot: str, day: str, **told: Any) -> dict[str, Any]:
    """A row of an IAM snapshot."""
    at = datetime(2026, 10, int(day), tzinfo=UTC)
    row = {"snapshot_id": snapshot, "taken_at": at, "imported_at": at, "account_id": account, "kind": kind}
    return row | {"item": json.dumps(told)}


def test_own_are_accounts_that_deliver_were_imported_are_in_the_organization_or_have_a_name() -> None:
    rows = [
        item("role", "333344445555", "a", "01", RoleName="r"),
        item("account", "444455556666", "b", "02", Id="444455556666"),
        item("account", "444455556666", "b", "02", Id="555566667777"),  # it left before the next list was taken
        item("account", "444455556666", "c", "03", Id="444455556666"),
    ]
    called = event(userIdentity={"type": "AWSAccount", "accountId": STRANGER}, recipientAccountId=HERE)
    items = pa.Table.from_pylist(rows, schema=IAM_SNAPSHOTS)
    with over({"events": plain(to_table([called])), "iam_snapshots": items}) as engine:
        CATALOG.install_views(engine)
        named = {"accounts": {SISTER: "data lake", "no number": "x"}}
        known = placeholders(engine, Settings(names=named, placeholders={"tools": ("x",)}))
        assert known == {"tools": ("x",), OWN: (HERE, SISTER, "333344445555", "444455556666")}
        own = Settings(names=named, placeholders={OWN: (SISTER,)})
        assert placeholders(engine, own) == {OWN: (SISTER,)}


def test_an_account_that_begins_to_deliver_is_own_from_the_next_look_on(tmp_path: Path) -> None:
    lake = make_lake(tmp_path / "lake", [event(**trusting(f"arn:aws:iam::{SISTER}:root"))])
    watch = Watch(lake, PACK / "role_trusts_another_account.yml", Settings())
    first = watch.look()
    assert first and len(first.recorded.new) == 1
    theirs = event(recipientAccountId=SISTER, eventID="theirs", eventTime="2026-10-02T10:00:00Z")
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"Records": [theirs]}))
    ingest(lake.location, [str(more)], Settings(jobs=1))
    second = watch.look()
    assert second and (second.whole, second.recorded.gone, second.recorded.new) == (1, 1, [])
