"""How long all rules take over a big log, beside one scan of the columns they need, and one query a rule.

    python -m tests.bench.detect [--events 1000000] [--lake FOLDER] [--rounds 3]

Rounds are interleaved in one process, and ratios are paired by round, so that what else the machine does weighs on
both sides alike. The scan hashes every column that rules, correlations and findings read, so that none can be skipped.
One query a rule counts matches only, which is less than the pack does; a sample of rules is asked and extrapolated.
Rules are loaded beforehand: that takes the same time whatever the log, and is told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.catalog import Catalog, home
from pipeline.config import Settings
from pipeline.detect.kinds import WINDOW
from pipeline.detect.run import detect
from pipeline.detect.run_correlations import wanted
from pipeline.detect.sigma import fields
from pipeline.detect.sigma.conditions import leaves, sql
from pipeline.detect.sigma.correlations import RuleSet, load
from pipeline.detect.sigma.macros import MACROS
from pipeline.engines.duckdb import Engine, connect, quoted
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.bench import material

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = 12  # rules that are asked one by one
# At most so many times the scan, from so many events on, where what is the same for every log weighs little.
SCANS, FROM = 3.0, 10_000_000
QUERIES = 5.0  # at least so many times as fast as one query a rule
OPEN: dict[str, Any] = {"since": None, "until": None}
# What findings tell of an event.
TOLD = {
    *("eventTime", "eventID", "record_sha256", "principal_arn", "account_id", "awsRegion", "outcome"),
    *("eventName", "eventSource", "sourceIPAddress"),
}


def manner(count: int = 100) -> list[dict[str, Any]]:
    """Rules as most public ones are written: a source, a name or a few, some with a look at the error or the request.

    One in twelve names no event: it looks at the caller, the user agent or the error of every one.
    """
    services = ("s3", "ec2", "iam", "kms", "lambda", "rds", "ssm", "sts", "secretsmanager", "route53", "eks", "ecs")
    verbs = ("Create", "Delete", "Put", "Update", "Modify", "Attach", "Stop", "Disable")
    nouns = ("Bucket", "Instance", "User", "Key", "Function", "Snapshot", "Role", "Policy", "Trail", "Detector", "Acl")
    anywhere: list[dict[str, Any]] = [
        {"userAgent|contains": ["kali", "parrot", "pentoo"]},
        {"userIdentity.arn|contains": "breakglass", "errorCode": "AccessDenied"},
        {"userIdentity.sessionContext.sessionIssuer.userName|endswith": "-admin", "errorCode|contains": "Unauthorized"},
        {"sourceIPAddress|cidr": "198.51.100.0/24"},
    ]
    made = []
    for n in range(count):
        names = [f"{verbs[(n + i) % len(verbs)]}{nouns[(n * 3 + i) % len(nouns)]}" for i in range(1 + n % 3)]
        selection: dict[str, Any] = {"eventSource": f"{services[n % len(services)]}.amazonaws.com", "eventName": names}
        if n % 12 == 11:
            selection = anywhere[n // 12 % len(anywhere)]
        elif n % 5 == 0:
            selection["requestParameters|contains"] = f'"value{n}"'
        detection = {"selection": selection, "errors": {"errorCode|exists": True}}
        made.append({
            "title": f"Rule {n}", "level": "medium", "logsource": {"product": "aws", "service": "cloudtrail"},
            "detection": detection | {"condition": "selection and not errors" if n % 7 == 3 else "selection"},
        })  # fmt: skip
    return made


def scanned(rules: RuleSet) -> str:
    """The statement that reads every column the rules need, and hashes it."""
    parts = {rule.about.id: number for number, rule in enumerate(rules.rules)}
    names = {each.field.name for rule in rules.rules for each in leaves(rule.condition)}
    columns = set(TOLD)
    for name in names | set(wanted(rules.correlations, parts)):
        columns |= fields.field(name).columns
    hashed = ", ".join(f"bit_xor(hash({quoted(each)}))" for each in sorted(columns))
    return f"select {hashed} from ({fields.ROWS}) where {WINDOW}"


def one_by_one(engine: Engine, rules: RuleSet) -> float:
    """How many times the sample of rules goes into all of them, after asking each rule of the sample."""
    chosen = rules.rules[:: max(1, len(rules.rules) // SAMPLE)]
    for rule in chosen:
        statement = f"select count(*) as n from ({fields.ROWS}) where {WINDOW} and {sql(rule.condition)}"
        engine.query(statement, OPEN)
    return len(rules.rules) / len(chosen)


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Seconds and processor seconds of a piece of work, and what it gives."""
    wall, before = time.perf_counter(), _cpu()
    given = work()
    return {"seconds": time.perf_counter() - wall, "cpu": _cpu() - before}, given


def measured(engine: Engine, rules: RuleSet, plain: RuleSet, rounds: int) -> dict[str, Any]:
    """Medians of each piece of work, and ratios paired by round."""
    engine.con.execute(MACROS)
    spent: dict[str, list[dict[str, float]]] = {name: [] for name in ("scan", "pack", "queries", "manner")}
    counts = {"findings": 0, "manner_findings": 0}
    for _ in range(rounds):
        spent["scan"].append(timed(lambda: engine.query(scanned(rules), OPEN))[0])
        took, found = timed(lambda: detect(engine, rules))
        spent["pack"].append(took)
        took, times = timed(lambda: one_by_one(engine, rules))
        spent["queries"].append({name: value * times for name, value in took.items()})
        manner_scan, _ = timed(lambda: engine.query(scanned(plain), OPEN))
        took, plainly = timed(lambda: detect(engine, plain))
        spent["manner"].append(took | {f"scan_{name}": value for name, value in manner_scan.items()})
        counts = {"findings": len(found.findings), "manner_findings": len(plainly.findings)}

    def ratio(one: str, other: str, name: str) -> float:
        return median(a[name] / b[name] for a, b in zip(spent[one], spent[other], strict=True))

    medians = {
        name: {key: round(median(each[key] for each in some), 2) for key in some[0]} for name, some in spent.items()
    }
    ratios = {
        f"{title}{suffix}": round(value, 2)
        for suffix, key in (("", "seconds"), ("_by_cpu", "cpu"))
        for title, value in (
            ("pack_per_scan", ratio("pack", "scan", key)),
            ("queries_per_pack", ratio("queries", "pack", key)),
            ("manner_per_scan", median(each[key] / each[f"scan_{key}"] for each in spent["manner"])),
        )
    }
    return {"medians": medians, "ratios": ratios} | counts


def run(lake: Path, rounds: int) -> dict[str, Any]:
    """The figures of one lake."""
    with tempfile.TemporaryDirectory() as folder:
        for number, each in enumerate(manner()):
            (Path(folder) / f"{number}.yml").write_text(json.dumps(each))
        plain = load(folder)
    loading, rules = timed(lambda: load(home() / "detections"))
    with connect(Lake.open(lake)) as engine:
        Catalog.load(within="views").install_views(engine)
        events = engine.query("select count(*) as n from events")["n"][0].as_py()
        found = measured(engine, rules, plain, rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    met = found["ratios"]["queries_per_pack"] >= QUERIES
    met = met and (events < FROM or found["ratios"]["pack_per_scan"] <= SCANS)
    rounded = {name: round(value, 2) for name, value in loading.items()}
    asked = {"rules": len(rules.rules), "correlations": len(rules.correlations), "loading": rounded}
    return {"events": events} | asked | found | {"peak": peak, "load": os.getloadavg()[0], "met": met}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Prints the figures as JSON; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="detect", description="How long do all rules take over a big log?")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--lake", type=Path, help="measure on this lake instead of generated logs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "bench-logs", help="where logs are kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trailsift-bench-") as scratch:
        lake = asked.lake
        if lake is None:
            lake = Path(scratch) / "lake"
            ingest(lake, [str(material.generated(asked.cache, asked.events).folder)], Settings())
        result = run(lake, asked.rounds)
    print(json.dumps(result, indent=1))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
