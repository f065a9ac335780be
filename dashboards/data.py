"""What the pages show, asked of the lake: the only file of the dashboard that asks for data.

Every answer is cached under the lake's snapshot, so that new data is seen at once and an old answer never outlives
the data it came from. Errors are Trailsift's own; `dashboards.parts` puts them into words.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from dashboards.scope import Key, Scope
from pipeline import catalog as questions
from pipeline import config, export
from pipeline.access import unused as permissions
from pipeline.access.exclusions import exclusions, grace
from pipeline.access.verdicts import USED
from pipeline.assurance.statement import statement
from pipeline.casework import casebook, desk
from pipeline.catalog import Catalog
from pipeline.detect import store
from pipeline.detect.anomalies import Examined, examine
from pipeline.detect.baselines.asking import Judging
from pipeline.engines.duckdb import Engine, connect
from pipeline.errors import NoDataError
from pipeline.evidence import comply as compliance
from pipeline.evidence import controls
from pipeline.evidence.frameworks import Framework
from pipeline.evidence.frameworks import load as load_frameworks
from pipeline.export import cells
from pipeline.iam.observable import observability
from pipeline.lake.tables import Lake
from pipeline.names import Names
from pipeline.records import rebuild
from pipeline.records.schema import TABLES
from pipeline.times import parse_time

MOST_EVENTS = 1000
EXCLUDED = "excluded"
STATUSES = store.STATUSES
VERDICTS = ("used", "denied_only", "unused", "unused_low_confidence", "not_observable", "blocked", EXCLUDED)


@dataclass(frozen=True)
class Log:
    """The lake at one moment: its state, newest event, what `as of` is, and what each account delivered by day."""

    key: Key
    location: str
    newest: datetime
    as_of: datetime
    days: pd.DataFrame

    @property
    def begins(self) -> datetime:
        """The first event of the whole log."""
        first: datetime = self.days["first_seen"].min().to_pydatetime()
        return first

    @property
    def accounts(self) -> list[str]:
        """Every account the log has ever shown."""
        return sorted(self.days["account_id"].dropna().unique())

    @property
    def regions(self) -> list[str]:
        """Every region the log has ever shown."""
        return sorted(self.days["awsRegion"].dropna().unique())


def location() -> str:
    """The lake the settings name."""
    return str(Path(config.load().lake).expanduser().absolute())


def log() -> Log:
    """The lake as it is now. Raises NoDataError where there is none or it holds no event."""
    key = _state(location())
    newest = _engine(key).as_of()
    if newest is None:
        raise NoDataError(key[0], "the lake holds no events", f"trailsift ingest PATH --lake {key[0]}")
    given = os.environ.get("TRAILSIFT_AS_OF")
    as_of = parse_time(given, newest, "TRAILSIFT_AS_OF") if given else newest
    return Log(key, key[0], newest, as_of, ask(key, "browse/log_days", {}, as_of).to_pandas())


def _state(path: str) -> Key:
    """What answers hang on: the lake, each table's snapshot, and the questions' files."""
    born = Lake.open(path).birth()
    lake = _lake(path, *born)
    snapshots = tuple(lake.load(name).metadata.current_snapshot_id for name in TABLES)
    files = [each.stat().st_mtime_ns for each in questions.home().rglob("*") if each.is_file()]
    return (path, *born, snapshots, len(files), max(files, default=0))


@st.cache_resource(max_entries=2, show_spinner=False)
def _lake(path: str, *_born: int | str) -> Lake:
    return Lake.open(path)


@st.cache_resource(max_entries=2, show_spinner=False)
def _catalog(_files: Key) -> Catalog:
    return Catalog.load()


@st.cache_resource(max_entries=2, show_spinner="Opening the lake …")
def _engine(key: Key) -> Engine:
    engine = connect(_lake(*key[:3]))
    _catalog(key[4:]).install_views(engine)
    return engine


def ask(key: Key, question: str, given: dict[str, str], as_of: datetime) -> pa.Table:
    """The rows of one question of `queries/`."""
    return _ask(key, question, tuple(sorted(given.items())), as_of)


@st.cache_data(max_entries=200, show_spinner=False)
def _ask(key: Key, question: str, given: tuple[tuple[str, str], ...], as_of: datetime) -> pa.Table:
    return _catalog(key[4:]).run(_engine(key), question, dict(given), as_of)


def activity(scope: Scope, unit: str) -> pd.DataFrame:
    """Events by outcome and principals, one row a `unit` (minute, hour, day), those without events too."""
    found: pd.DataFrame = ask(scope.key, "browse/activity", scope.given | {"unit": unit}, scope.as_of).to_pandas()
    letter = {"minute": "min", "hour": "h", "day": "D"}[unit]
    first, last = (pd.Timestamp(moment).floor(letter) for moment in (scope.since, scope.until))
    spans = pd.date_range(first, last, freq=letter).astype(found["span"].dtype)
    return found.set_index("span").reindex(spans, fill_value=0).rename_axis("span").reset_index()


def totals(scope: Scope) -> dict[str, int]:
    """Events, principals, denied and error of a scope."""
    rows: list[dict[str, int]] = ask(scope.key, "browse/totals", scope.given, scope.as_of).to_pylist()
    return rows[0]


def events(scope: Scope, **also: str | tuple[str, ...]) -> tuple[pd.DataFrame, int]:
    """The newest events of a scope, at most MOST_EVENTS, and how many match in all.

    `also` narrows by `principal`, `ids`, `outcomes` or `calls`, as the question browse/events does.
    """
    given = scope.given | {name: value if isinstance(value, str) else json.dumps(value) for name, value in also.items()}
    found = ask(scope.key, "browse/events", given | {"most": str(MOST_EVENTS)}, scope.as_of).to_pandas()
    matching = int(found["matching"].iloc[0]) if len(found) else 0
    return found.drop(columns="matching"), matching


def event(key: Key, identity: str) -> list[dict[str, Any]]:
    """The rows of one event, each with its rebuilt `record`; several accounts may each have a copy."""
    rows = _engine(key).query(
        "select * from events where coalesce(eventID, record_sha256) = $id order by account_id", {"id": identity}
    )
    return [{**row, "record": rebuild.record(row)} for row in rows.to_pylist()]


def gaps(scope: Scope) -> list[str]:
    """In words, what the log lacks of a scope; empty where it is whole."""
    days = ask(scope.key, "browse/log_days", {}, scope.as_of).to_pandas()
    inside = (days["last_seen"] >= scope.since) & (days["first_seen"] <= scope.until)
    if scope.accounts:
        inside &= days["account_id"].isin(scope.accounts)
    silent = [each for each in scope.regions if each not in set(days.loc[inside, "awsRegion"])]
    return [
        *_gaps(scope.key, scope.since, scope.until, scope.as_of, scope.accounts),
        *(f"region {each} delivered nothing in the window" for each in silent),
    ]


@st.cache_data(max_entries=50, show_spinner=False)
def integrity(key: Key, since: datetime, until: datetime) -> list[str]:
    """In words, what verifications of the log's files say of a window; the first line sums up."""
    return statement(_engine(key), since, until)


@st.cache_data(max_entries=50, show_spinner=False)
def _gaps(key: Key, since: datetime, until: datetime, as_of: datetime, accounts: tuple[str, ...]) -> list[str]:
    evidence = controls.gather(_engine(key), _catalog(key[4:]), controls.Window(since, until, as_of, None))
    if accounts:
        log = {account: row for account, row in evidence.log.items() if account in accounts}
        evidence = replace(evidence, log=log, reports={k: v for k, v in evidence.reports.items() if k[0] in accounts})
    return evidence.gaps()


@st.cache_resource(max_entries=2, show_spinner="Looking for what is out of the ordinary …")
def _examined(key: Key, as_of: datetime) -> Examined:
    return examine(_engine(key), _catalog(key[4:]), None, as_of, Judging.by(config.load()))


@st.cache_data(max_entries=4, ttl=60, show_spinner=False)
def _findings(key: Key, as_of: datetime) -> pd.DataFrame:
    """What is stored, and what is out of the ordinary and not stored; kept for a minute, as mutes end by the clock."""
    lake = _lake(*key[:3])
    stored = store.current(lake)
    known = {each["id"] for each in stored}
    computed = [each for each in _examined(key, as_of).findings if each["id"] not in known]
    found: pd.DataFrame = store.table(stored + store.judged(lake, computed)).to_pandas()
    return found


def shown(findings: pd.DataFrame) -> pd.DataFrame:
    """Those somebody has to look at, or looks at already: neither muted nor resolved."""
    return findings[findings["status"].isin(["open", "acknowledged"])].reset_index(drop=True)


def history(key: Key, identity: str) -> pd.DataFrame:
    """What became of a stored finding, a row a change; empty for one that is not stored."""
    known, _ = store.states(_lake(*key[:3]))
    changes: pd.DataFrame = store.history(known[identity].history if identity in known else []).to_pandas()
    return changes[["at", "change", "status", "actor", "reason", "until"]]


def findings(scope: Scope) -> pd.DataFrame:
    """Findings active in a scope, of every status, the gravest first, each told whole."""
    found = _findings(scope.key, scope.as_of)
    active = (found["last_seen"] >= scope.since) & (found["first_seen"] <= scope.until)
    if scope.accounts:
        active &= found["account"].isin(scope.accounts)
    if scope.regions:
        inside = [bool(set(str(regions).split(", ")) & set(scope.regions)) for regions in found["region"]]
        active &= pd.Series(inside, index=found.index, dtype=bool)
    chosen: pd.DataFrame = found[active].reset_index(drop=True)
    return chosen


def unjudged(scope: Scope) -> pd.DataFrame:
    """Who could not be judged, under which rule and why: a history too short."""
    return pd.DataFrame(_examined(scope.key, scope.as_of).unjudged, columns=["rule", "principal_arn", "reason"])


@st.cache_resource(max_entries=2, show_spinner="Comparing what is granted with what was used …")
def _unused(
    key: Key, since: datetime, until: datetime, excluded: tuple[config.ExclusionSettings, ...], days: int
) -> permissions.Report:
    found = permissions.unused(
        _engine(key), since, until, used_too=True, excluded=exclusions(excluded), grace=grace(days)
    )
    rows = found.rows
    verdict, why = rows["verdict"].cast(pa.string()), rows["excluded"].cast(pa.string())
    kept = pc.and_(pc.not_equal(why, ""), pc.not_equal(verdict, USED))
    shown = pc.if_else(kept, EXCLUDED, verdict).dictionary_encode()
    return replace(found, rows=rows.set_column(rows.column_names.index("verdict"), "verdict", shown))


def unused(scope: Scope) -> permissions.Report:
    """Verdicts of all granted permissions over the scope's window; what the settings exclude, and was not used, is
    `excluded` instead. Raises NoDataError without an IAM snapshot."""
    settings = config.load()
    return _unused(scope.key, scope.since, scope.until, settings.exclusions, settings.permission_grace_days)


def verdicts(scope: Scope) -> pd.DataFrame:
    """Permissions by verdict, one row a principal of the scope's accounts; `granted` is their sum."""
    rows = unused(scope).rows.select(["principal_arn", "verdict"]).to_pandas()
    counted = rows.value_counts().rename("rows").reset_index()
    table = counted.pivot_table(index="principal_arn", columns="verdict", values="rows", fill_value=0, observed=True)
    table = table.reindex(columns=list(VERDICTS), fill_value=0).astype("int64")
    table.insert(0, "granted", table.sum(axis=1))
    table = table.rename_axis(columns=None).reset_index().astype({"principal_arn": "str"})
    inside = table["principal_arn"].map(lambda arn: not scope.accounts or account_of(arn) in scope.accounts)
    chosen: pd.DataFrame = table[inside]
    return chosen


def account_of(arn: str) -> str:
    """The account an ARN names; empty where it names none."""
    parts = arn.split(":")
    return parts[4] if len(parts) > 4 else ""


def permissions_of(scope: Scope, principal: str) -> pd.DataFrame:
    """One row a permission of a principal, as `trailsift unused --all` gives it."""
    rows = unused(scope).rows
    found: pd.DataFrame = rows.filter(pc.equal(rows["principal_arn"].cast(pa.string()), principal)).to_pandas()
    return found


def calls_for(scope: Scope, principal: str, action: str) -> tuple[str, ...]:
    """The calls (eventSource/eventName) of a principal that need an IAM action."""
    given = {"principal": principal, "since": scope.since.isoformat(), "until": scope.until.isoformat()}
    found = set()
    for row in ask(scope.key, "browse/calls", given, scope.as_of).to_pylist():
        source, name = row["eventSource"] or "", row["eventName"] or ""
        request = json.loads(row["request"] or "{}")
        mapped = observability().mapper.map_call(source, name, row["eventType"], row["eventCategory"], request)
        if action in {each.action for each in mapped.actions}:
            found.add(f"{source}/{name}")
    return tuple(sorted(found))


def case(scope: Scope, seed: str) -> dict[str, Any]:
    """What the log tells of a seed within the scope's time, as `trailsift investigate` gives it.

    Accounts and regions do not narrow a case. Raises NoDataError where no event has the seed, UsageError where a name
    has several owners.
    """
    told: dict[str, Any] = _case(_of_events(scope.key), scope.key, seed, _since(scope), scope.until)
    return told


@st.cache_data(max_entries=12, show_spinner="Following the seed through the log …")
def _case(events: Key, _key: Key, seed: str, since: datetime | None, until: datetime) -> dict[str, Any]:
    return desk.story(_lake(*_key[:3]), _catalog(_key[4:]), seed, since, until, names())


def case_pack(scope: Scope, seed: str, name: str | None) -> bytes:
    """The case pack (zip) of a seed, with what was written down under a case of this name."""
    lake, catalog = _lake(*scope.key[:3]), _catalog(scope.key[4:])
    return desk.pack(lake, catalog, seed, _since(scope), scope.until, names(), name)


@st.cache_data(max_entries=2, show_spinner=False)
def cases(key: Key) -> dict[str, casebook.CaseFile]:
    """What investigators wrote down, by the name of the case; the one with the newest entry first."""
    return casebook.cases(_lake(*key[:3]))


def pin(key: Key, name: str, identity: str, note: str) -> None:
    """Pins an event to a case."""
    casebook.pin(_lake(*key[:3]), _engine(key), name, [identity], note)


def add_note(key: Key, name: str, text: str) -> None:
    """Writes a note to a case."""
    casebook.add_note(_lake(*key[:3]), name, text)


def open_case(key: Key, name: str, seed: str, about: str) -> None:
    """Opens a case that begins with a seed."""
    casebook.open_case(_lake(*key[:3]), name, [seed], about)


def _of_events(key: Key) -> Key:
    """The lake's state but for what investigators write down, which changes nothing that the log tells."""
    snapshots = tuple(each for name, each in zip(TABLES, key[3], strict=True) if name != "case_entries")
    return (*key[:3], snapshots, *key[4:])


def _since(scope: Scope) -> datetime | None:
    return None if scope.name == "all" else scope.since


def frameworks(key: Key) -> dict[str, Framework]:
    """The compliance frameworks by id."""
    return load_frameworks(_catalog(key[4:]))


@st.cache_data(max_entries=20, show_spinner="Judging the requirements …")
def _comply(key: Key, framework: str, since: datetime, until: datetime, as_of: datetime) -> list[dict[str, Any]]:
    return compliance.comply(_engine(key), _catalog(key[4:]), framework, since, until, as_of, MOST_EVENTS)


def comply(scope: Scope, framework: str) -> list[dict[str, Any]]:
    """One object a requirement, judged over the scope's window and all accounts, as `trailsift comply` gives it."""
    return _comply(scope.key, framework, scope.since, scope.until, scope.as_of)


def has_snapshot(scope: Scope) -> bool:
    """Whether an IAM snapshot was ever imported."""
    return bool(_engine(scope.key).query("select count(*) as items from lake.iam_snapshots")["items"][0].as_py())


def exported(shown: pd.DataFrame, fmt: str) -> bytes:
    """The rows shown, as `fmt` of `pipeline.export`; spreadsheets are not given formulas."""
    return export.to_bytes(pa.Table.from_pandas(shown, preserve_index=False), fmt)


def names() -> Names:
    """What people call ids, by the settings; raises UsageError for names that cannot be understood."""
    settings = config.load()
    return Names.read(settings.names, settings.origin.get("names", "[names]"))


def plain(text: object) -> str:
    """One line of text without characters that could hide or reorder what stands there."""
    return cells.plain(str(text))
