"""How events are read where the roll-up does not suffice: the whole request, and the condition keys an event tells.

DuckDB folds them into calls that differ in something the policies ask for, so that a million events become few rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pipeline.access.replay import keys
from pipeline.access.replay.calls import SAMPLE, WHO, Row, kind_of, object_of
from pipeline.access.replay.targets import ROLE_ARN, Call
from pipeline.access.snapshots import Engine

# Distinct calls read from events; more than that are judged by the roll-up alone.
MOST = 20_000
# Names read from one request; AWS's ARNs have at most 2,048 characters ("IAM and AWS STS quotas").
_NAMES, _LONGEST = 200, 4096
_ALWAYS = ("x-amz-copy-source", "sourceidentity", "qualifier", "indexname")
_TAGS = r'"(?i:(resource)?tag(s|set|list|specifications?|specificationset)?)"\s*:\s*[\[{]\s*[^\]}\s]'
_ARNS = r'"(arn:aws[^"\\]*)"'
_PROFILE = r'"(?:iamI|i|I)nstanceProfile(?:Arn|Name)?"\s*:\s*(?:\{\s*"[A-Za-z]+"\s*:\s*)?"([^"\\]+)"'


class Reading:
    """How events are read: which members of the request, which condition keys, and whether objects' keys matter.

    `moments` are what policies compare times with (None: in ways that no fold serves), `objects` the patterns that
    name S3 objects; with `fold` objects that fit the same of them are alike, and the first stands for all. `many` reads
    the calls of several principals, named in `$principals`, each apart. Without `members` no names are read (None).
    With `folders` an object is told by the folder at the top of its key, and what was copied is not told.
    """

    def __init__(
        self,
        members: Iterable[str] | None,
        asked: Iterable[str],
        moments: list[datetime] | None,
        objects: Sequence[str],
        forwarded: bool | Sequence[str],
        fold: bool = False,
        many: bool = False,
        folders: bool = False,
    ) -> None:
        self.moments, self.forwarded, self.fold, self.many = moments or [], forwarded, fold and bool(objects), many
        self.folders = folders
        known = [key for key in asked if moments is not None or key not in keys.TIMES]
        self.columns = {key: sql for key in sorted(known) if (sql := keys.column(key))}
        self.whole = members is not None
        wanted = {*(members or ()), *_ALWAYS} | ({"key"} if objects and not self.fold else set())
        wanted -= {"key", "x-amz-copy-source"} if folders else set()
        named = "|".join(sorted(re.escape(each) for each in wanted))
        self.members = rf'"(?i:{named})"\s*:\s*(?:"(?:[^"\\]|\\.)*"|\[[^\[\]{{}}]*\])'
        self.likes = [_like(each.split(":", 5)[5]) for each in objects]

    def params(self, names: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """What the SQL binds, for calls of these (eventSource, eventName)."""
        wanted = [f"{source} {name}" for source, name in names]
        return {
            "names": wanted, "members": self.members, "likes": self.likes, "moments": self.moments,
            "forwarded": self.forwarded, "tags": _TAGS, "profile": _PROFILE, "arns": _ARNS,
        }  # fmt: skip

    @property
    def _columns(self) -> list[str]:
        """Names of the columns by which calls differ."""
        fixed = ["eventSource", "eventName", "eventType", "eventCategory", "awsRegion", "via_service", "bucket"]
        fixed += ["pairs", "arns", "tagged", "versioned", "profile"]
        fixed += [*(["fits"] if self.fold else []), *(["principal_arn"] if self.many else [])]
        fixed += ["folder"] if self.folders else []
        return [*fixed, *(f"k{i}" for i in range(len(self.columns)))]

    @property
    def _number(self) -> str:
        """A number for the columns of `_columns`; a hash alone has the same for an empty list and for NULL."""
        lists = [*("pairs", "arns"), *(f"k{i}" for i in range(len(self.columns)))]
        return f"hash({', '.join(self._columns)}, [{', '.join(f'coalesce(len({each}), -1)' for each in lists)}])"

    @property
    def _calls(self) -> str:
        """One row an event. Of ARNs those of buckets and objects are left out: S3 calls name them by bucket and key,
        and other calls' encryption contexts hold a new one each time."""
        fits = "list_transform($likes, lambda each: bucket || '/' || key like each escape '\\') as fits," * self.fold
        fits += "regexp_extract(key, '^[^/]*/') || '*' as folder," * self.folders
        asked = "".join(f"{sql} as k{i}," for i, sql in enumerate(self.columns.values()))
        if self.many:
            asked = asked.replace("$forwarded", "list_contains($forwarded, principal_arn)")
        return f"""
            select eventSource, eventName, eventType, eventCategory, awsRegion, via_service, principal_arn,
                json_extract_string(requestParameters, '$.bucketName') as bucket,
                json_extract_string(requestParameters, '$.key') as key,
                list_filter(regexp_extract_all(requestParameters, $members), lambda each: length(each) < {_LONGEST})
                    [:{_NAMES}] as pairs,
                list_sort(list_distinct(list_filter(list_concat(
                    list_transform(coalesce(resources, []), lambda each: each.ARN),
                    coalesce(regexp_extract_all(requestParameters, $arns, 1), [])
                ), lambda each: each not like 'arn:%:s3:::%' and length(each) < {_LONGEST})))
                    [:{_NAMES}] as arns,
                regexp_matches(requestParameters, $tags) as tagged,
                json_extract_string(requestParameters, '$.versionId') is not null as versioned,
                nullif(regexp_extract(requestParameters, $profile, 1), '') as profile,
                {fits} {asked}
                eventTime as moment, coalesce(eventID, record_sha256) as event_id, outcome = 'error' as failed
            from lake.events
            where eventTime >= $since and eventTime <= $until and outcome <> 'denied'
                and list_contains($names, eventSource || ' ' || eventName)
                and {"list_contains($principals, principal_arn)" if self.many else WHO}
        """

    def calls(self, engine: Engine, names: Iterable[tuple[str, str]], who: dict[str, Any]) -> list[Row] | None:
        """The calls of these (eventSource, eventName) that were not denied; None where too many are distinct.

        `who` binds the window and the principals.
        """
        rows = engine.query(self.folded, who | self.params(names)).to_pylist()
        return None if len(rows) > MOST else [self.row(row) for row in rows]

    def ids(
        self, engine: Engine, names: Iterable[tuple[str, str]], who: dict[str, Any], numbers: Sequence[int]
    ) -> dict[int, tuple[str, ...]]:
        """All event ids, in order of time, of calls by their number."""
        params = who | self.params(names) | {"numbers": list(numbers)}
        return {row["number"]: tuple(row["ids"]) for row in engine.query(self.by_number, params).to_pylist()}

    @property
    def folded(self) -> str:
        """One row a call that differs from the others, MOST and one more at most."""
        columns = ", ".join(self._columns)
        return f"""
            select {columns}, {self._number} as number, min(key) as key, count(*) as calls,
                count(*) filter (failed) as failed, min(moment) as first_seen, max(moment) as last_seen,
                arg_min(event_id, moment, {SAMPLE}) as event_ids
            from ({self._calls}) group by all order by eventSource, eventName, first_seen, number limit {MOST + 1}
        """

    @property
    def by_number(self) -> str:
        """Event ids of calls by number."""
        return f"""
            select number, list(event_id order by moment, event_id) as ids
            from (select event_id, moment, {self._number} as number from ({self._calls}))
            where list_contains($numbers, number) group by number
        """

    def row(self, row: dict[str, Any]) -> Row:
        """One row of `folded` as a call."""
        names = _names(row["pairs"] or ())
        if self.fold and row["key"] is not None:
            names["key"] = (row["key"],)
        if self.folders and row["folder"] is not None:
            names["key"] = (row["folder"],)
        arns = tuple(each for each in row["arns"] or () if each)
        request = {
            "bucketName": row["bucket"],
            "versionId": row["versioned"],
            "roleArn": [each for each in arns if ROLE_ARN.match(each)],
            "instanceProfile": row["profile"],
            "tags": row["tagged"],
            "sourceIdentity": "sourceidentity" in names,
        }
        request = {name: value for name, value in request.items() if value}
        context = {
            key: keys.value(key, row[f"k{i}"], self.moments)
            for i, key in enumerate(self.columns)
            if row[f"k{i}"] is not None
        }
        call = Call(
            source=row["eventSource"] or "",
            name=row["eventName"] or "",
            region=row["awsRegion"] or "",
            via=row["via_service"],
            request=request,
            context=context,
            count=row["calls"],
            weak=row["failed"],
            first=row["first_seen"],
            last=row["last_seen"],
            event_ids=tuple(row["event_ids"]),
            whole=self.whole,
            who=row["principal_arn"] if self.many else "",
            names=names,
            arns=arns,
            number=row["number"],
        )
        return kind_of(row), "", call


def _names(pairs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Texts by member in lower case, of `"member": "text"` and `"member": ["text", …]`."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        for name, value in object_of(f"{{{pair}}}").items():
            listed = value if isinstance(value, list) else [value]
            texts = tuple(each for each in listed if isinstance(each, str) and each)
            found[name.lower()] = found.get(name.lower(), ()) + texts
    return {name: values for name, values in found.items() if values}


def _like(pattern: str) -> str:
    """A glob as SQL's LIKE."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_")
