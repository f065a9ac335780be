"""Each page on the sample lake: it renders, its numbers are those of the files, its filters and rows lead on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards import parts
from tests.conftest import ROOT
from tests.dashboards.conftest import Open, moment

PLANTED = json.loads((ROOT / "sample_logs" / "planted.json").read_text())
PROD, DEV = PLANTED["accounts"]
VIEWS = parts.views()
# Error codes of refusals that the sample plants; the others are throttling and things that do not exist.
DENIED = ("AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation")


def said(at: Any) -> str:
    """Every word of the page that is not in a table."""
    kinds = ("title", "text", "caption", "markdown", "code", "info", "success", "warning", "error", "subheader")
    return "\n".join(str(each.value) for kind in kinds for each in at.get(kind) if hasattr(each, "value"))


def numbers(at: Any) -> dict[str, int]:
    return {each.label: int(each.value.replace(",", "")) for each in at.metric}


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.path.stem)
def test_a_page_renders(view: parts.View, sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, view.path.stem)
    assert view.title in [each.value for each in at.title]
    assert not at.error


@pytest.mark.parametrize(
    ("params", "accounts", "regions", "days"),
    [
        ({}, None, None, None),
        ({"window": "7d"}, None, None, 7),
        ({"account": DEV}, [DEV], None, None),
        ({"region": "us-west-2", "window": "24h"}, None, ["us-west-2"], 1),
        ({"account": [PROD, DEV], "region": ["us-east-1", "eu-west-1"]}, [PROD, DEV], ["us-east-1", "eu-west-1"], None),
    ],
)
def test_the_overview_counts_what_the_url_asks_for(
    params: dict[str, Any],
    accounts: list[str] | None,
    regions: list[str] | None,
    days: int | None,
    sample_lake: Path,
    sample_records: list[dict[str, Any]],
    open_page: Open,
) -> None:
    newest = max(map(moment, sample_records))
    wanted = [
        each
        for each in sample_records
        if (accounts is None or each["recipientAccountId"] in accounts)
        and (regions is None or each["awsRegion"] in regions)
        and (days is None or moment(each) >= newest - timedelta(days=days))
    ]
    denied = [each for each in wanted if each.get("errorCode") in DENIED]
    shown = numbers(open_page(sample_lake, **params))
    assert (shown["Events"], shown["Denied calls"]) == (len(wanted), len(denied))


def test_from_and_to_take_the_place_of_the_window(
    sample_lake: Path, sample_records: list[dict[str, Any]], open_page: Open
) -> None:
    at = open_page(sample_lake, from_="2026-10-27T02:00", to="2026-10-27T04:00")
    wanted = [each for each in sample_records if "2026-10-27T02:00:00Z" <= each["eventTime"] <= "2026-10-27T04:00:00Z"]
    assert numbers(at)["Events"] == len(wanted)
    assert "2026-10-27 02:00 to 2026-10-27 04:00 UTC (2 h)" in said(at)


def test_a_window_that_ends_before_it_begins_is_told(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, from_="2026-10-20T00:00", to="2026-10-10T00:00")
    assert "ends before it begins" in at.error[0].value


def test_filters_change_with_their_widgets(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake)
    every = numbers(at)["Events"]
    at.multiselect(key="account").set_value([DEV]).run()
    dev = numbers(at)["Events"]
    at.multiselect(key="account").set_value([PROD]).run()
    assert 0 < dev < every == PLANTED["events"]
    assert numbers(at)["Events"] == every - dev


def test_the_state_of_the_filters_goes_from_page_to_page(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, window="7d", account=DEV)
    for view in VIEWS[1:]:
        at.switch_page(f"views/{view.path.name}").run()
        assert at.session_state["trailsift_scope"].name == "7d"
        assert at.session_state["trailsift_scope"].accounts == (DEV,)


def test_an_old_log_says_so_and_what_as_of_is(sample_lake: Path, open_page: Open) -> None:
    words = said(open_page(sample_lake))
    assert "As of **2026-10-31 20:14 UTC**, newest event in the lake" in words
    assert "The newest event is" in words
    assert "days old" in words


def test_the_incident_is_among_the_findings(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "anomalies")
    table = at.dataframe[0].value
    steps = {each["name"]: each["event_ids"] for each in PLANTED["incident"]}
    mine = table[table["principal_arn"].str.endswith("report-exporter")]
    (incident,) = mine.to_dict("records")
    assert incident["severity"] == "critical"
    assert incident["count"] >= sum(map(len, steps.values())) - 5  # KMS decrypts for S3, on the principal's behalf


def test_severities_filter_findings(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "anomalies")
    every = at.dataframe[0].value
    at.pills(key="severity").set_value(["high"]).run()
    assert list(at.dataframe[0].value["title"]) == list(every[every["severity"] == "high"]["title"])
    at.pills(key="severity").set_value(sorted(set(every["severity"]))).run()
    assert list(at.dataframe[0].value["title"]) == list(every["title"])


def test_a_finding_shows_its_events(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "anomalies")
    names = list(at.dataframe[0].value["principal_arn"].str.rpartition("/")[2])
    at.session_state["table-findings"] = {
        "selection": {"rows": [names.index("report-exporter")], "columns": [], "cells": []}
    }
    at.run()
    events = at.dataframe[1].value
    assert set(events["event_id"]) <= {each for step in PLANTED["incident"] for each in step["event_ids"]}
    assert "AttachUserPolicy" in set(events["eventName"])
    assert at.query_params["finding"]


@pytest.mark.parametrize("planted", PLANTED["over_permissioned"], ids=lambda each: each["name"])
def test_verdicts_of_an_over_permissioned_principal(
    planted: dict[str, Any], sample_lake: Path, open_page: Open
) -> None:
    at = open_page(sample_lake, "unused", principal=planted["principal_arn"])
    table = at.dataframe[1].value
    for verdict in ("used", "unused", "blocked"):
        for action in planted.get(verdict, []):
            assert verdict in set(table[table["action"] == action]["verdict"]), action


def test_what_somebody_answers_for_is_no_unused_permission(
    sample_lake: Path, open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = f"arn:aws:iam::{PROD}:role/datacentre-migration"
    table = f'[[exclusions]]\nowner = "ops"\nreason = "kept for the audit"\nprincipal = "{arn}"\naction = "ec2:*"\n'
    (tmp_path / "trailsift.toml").write_text(table)
    monkeypatch.chdir(tmp_path)
    at = open_page(sample_lake, "unused", principal=arn)
    ranked = at.dataframe[0].value.set_index("principal_arn")
    assert ranked.loc[arn, "excluded"] > 500 and ranked.loc[arn, "unused"] > 10_000
    rows = at.dataframe[1].value.set_index("action")
    assert rows.loc["ec2:RunInstances", "verdict"] == "excluded"
    assert rows.loc["ec2:RunInstances", "excluded"] == "kept for the audit (ops)"
    assert rows.loc["iam:CreateUser", "verdict"] == "unused"


def test_verdicts_filter_permissions_and_lead_to_events(sample_lake: Path, open_page: Open) -> None:
    arn = f"arn:aws:iam::{PROD}:role/ci/ci-deploy"
    at = open_page(sample_lake, "unused", principal=arn)
    at.pills(key="verdict").set_value(["used"]).run()
    table = at.dataframe[1].value
    assert set(table["verdict"]) == {"used"}
    row = list(table["action"]).index("lambda:CreateFunction")
    at.session_state[f"table-permissions-{arn}"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    at.run()
    assert set(at.dataframe[2].value["eventName"]) == {"CreateFunction20150331"}


def test_principals_are_ranked_by_unused_share(sample_lake: Path, open_page: Open) -> None:
    table = open_page(sample_lake, "unused").dataframe[0].value
    parts_of_it = ["used", "denied_only", "unused", "unused_low_confidence", "not_observable", "blocked"]
    assert table["unused_share"].is_monotonic_decreasing
    assert (table[parts_of_it].sum(axis=1) == table["granted"]).all()
    dev = open_page(sample_lake, "unused", account=DEV).dataframe[0].value
    assert 0 < len(dev) < len(table)
    assert dev["principal_arn"].str.contains(f"::{DEV}:").all()


def test_requirements_have_marks_words_and_rows(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "compliance", requirement="4.3")
    table = at.dataframe[0].value
    assert len(table) == 63
    root = next(each["event_ids"] for each in PLANTED["sign_in"] if each["name"].startswith("root"))
    assert table[table["requirement"] == "4.3"]["verdict"].item() == "fail"
    ids = {each for row in at.dataframe[1].value["event_ids"] for each in row}
    assert set(root) <= ids
    assert all(not mark.startswith(word) for word, (mark, _) in _marks().items())


def test_the_verdict_filters_requirements(sample_lake: Path, open_page: Open) -> None:
    at = open_page(sample_lake, "compliance")
    table = at.pills(key="verdicts").set_value(["not covered"]).run().dataframe[0].value
    assert set(table["verdict"]) == {"not_covered"}


def test_an_event_is_told_in_words_and_as_its_record(
    sample_lake: Path, sample_records: list[dict[str, Any]], open_page: Open
) -> None:
    identity = next(e for e in PLANTED["incident"] if e["name"] == "new access key")["event_ids"][0]
    record = next(each for each in sample_records if each["eventID"] == identity)
    at = open_page(sample_lake, "event", id=identity)
    shown = json.loads(at.json[0].value)
    assert {name: each for name, each in shown.items() if each is not None} == {
        name: each for name, each in record.items() if each is not None
    }
    sentence = next(each.value for each in at.text if "called iam:CreateAccessKey" in each.value)
    assert sentence.startswith(f"arn:aws:iam::{PROD}:user/service/report-exporter called")
    around = at.dataframe[0].value
    assert identity in set(around["event_id"])
    assert set(around["principal_arn"]) == {f"arn:aws:iam::{PROD}:user/service/report-exporter"}
    when = moment(record)
    near = [
        each["eventID"]
        for each in sample_records
        if abs(moment(each) - when) <= timedelta(minutes=15)
        and each.get("userIdentity", {}).get("arn") == record["userIdentity"]["arn"]
    ]
    assert sorted(around["event_id"]) == sorted(near)


def test_an_event_that_is_not_there(sample_lake: Path, open_page: Open) -> None:
    assert "There is no event of this id" in open_page(sample_lake, "event", id="nothing").info[0].value


def _marks() -> dict[str, tuple[str, str]]:
    from dashboards.columns import VERDICTS

    return VERDICTS
