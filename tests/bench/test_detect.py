"""The measured rules and columns are those that are meant; how long they take is no test."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.catalog import home
from pipeline.detect.sigma.correlations import load
from tests.bench import detect as bench
from tests.detect.sigma import log
from tests.logs import event


def test_the_scan_reads_every_column_that_rules_and_correlations_need(tmp_path: Path) -> None:
    rule = {"title": "One", "name": "one", "logsource": {"product": "aws", "service": "cloudtrail"}}
    rule["detection"] = {"s": {"userIdentity.invokedBy": "x", "requestParameters.a": "b"}, "condition": "s"}
    correlation = {"type": "value_count", "rules": ["one"], "group-by": ["userIdentity.arn"], "timespan": "5m"}
    correlation |= {"condition": {"gte": 2, "field": "resources.ARN"}}
    (tmp_path / "one.yml").write_text(
        f"{json.dumps(rule)}\n---\n{json.dumps({'title': 'Two', 'correlation': correlation})}"
    )
    statement = bench.scanned(load(tmp_path))
    for column in ("userIdentity.invokedBy", "requestParameters", "userIdentity.arn", "resources", "eventID"):
        assert f'bit_xor(hash("{column}"))' in statement
    for column in ("userIdentity", "responseElements", "extra"):
        assert f'bit_xor(hash("{column}"))' not in statement


def test_each_part_is_measured(tmp_path: Path) -> None:
    for number, each in enumerate(bench.manner()):
        (tmp_path / f"{number}.yml").write_text(json.dumps(each))
    plain = load(tmp_path)
    assert len(plain.rules) == 100 and not plain.refused
    records = [event(eventSource="s3.amazonaws.com", eventName=name) for name in ("CreateBucket", "GetObject")]
    with log(*records) as engine:
        found = bench.measured(engine, load(home() / "detections"), plain, 1)
    assert found["findings"] == 0
    assert set(found["medians"]) == {"scan", "pack", "queries", "manner"}
    assert all(value > 0 for value in found["ratios"].values())
