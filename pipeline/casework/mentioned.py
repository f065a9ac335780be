"""Where a name is mentioned: by the index of words `mentions` where a file has one, otherwise by searching the file.

Both find the same events. A name stands between two quotes of the JSON, and so is one of its words; but for a name that
JSON writes in another way than ARNs are written (with a backslash), or that begins like what stands between two texts:
such a name is searched for, and so is one that is too short or too long for a word, or in too many rows of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pipeline.casework import sightings
from pipeline.casework.seeds import Place

_WORD = re.compile(r"[^\s:,\[\]{}\"\\][^\"\\]{3,255}")  # the length as in queries/views/mentions.sql
_ESCAPED = "\\escaped"  # what the index has for JSON that writes a letter in another way
_ORDER = "\norder by "
_MENTIONED = """
select {columns}
from ({noted})
where word in (select hash(unnest($words::varchar[])) >> 16)
"""
_TOLD = """
select distinct file, unnest(rows)::bigint as row
from mentioned
where file in (select unnest($told::varchar[]))
"""
_MANY = "select distinct file from mentioned where rows is null"
_SEARCHED = "select file, row from ({sql})"


def find(place: Place, named: dict[str, Any]) -> set[str]:
    """Fills the table `named` (file, row) with the events of the window that case_mentions.sql gives for `named`.

    Where the index told of a file, events outside the window may be among them. Gives the data files that they lie in.
    """
    engine = place.engine
    left = place.files([(place.since, place.until)])
    words = _words(named)
    noted, files = sightings.noted(engine, "mentions") if words else ("", set())
    if noted:
        engine.keep("mentioned", _MENTIONED.format(columns="file, rows", noted=noted), {"words": words})
        told = left & files - {row["file"] for row in engine.rows(_MANY)}
        engine.keep("named", _TOLD, {"told": sorted(told)})
        engine.drop("mentioned")
        left = left - told
    if left or not noted:
        query = place.catalog.get("investigate/case_mentions")
        sql = _SEARCHED.format(sql=query.sql.rpartition(_ORDER)[0])
        with engine.reading(left):
            engine.keep("named", sql, {"since": place.since, "until": place.until} | named, query.path)
    return {row["file"] for row in engine.rows("select distinct file from named")}


def files(place: Place, names: Iterable[str], among: set[str]) -> set[str]:
    """Of these data files those that may have an event of which a member is one of the names, such as a key."""
    words = _words({"names": names, "texts": []})
    noted, there = sightings.noted(place.engine, "mentions") if words and among else ("", set())
    if not noted:
        return among
    sql = _MENTIONED.format(columns="distinct file", noted=noted)
    return among - there | among & {row["file"] for row in place.engine.rows(sql, {"words": [*words, _ESCAPED]})}


def _words(named: dict[str, Any]) -> list[str]:
    """The words of which each event that is searched for has at least one; none where that cannot be said."""
    words = {*named["names"], *(each[1:-1] for each in named["texts"])}
    return sorted(words) if all(map(_WORD.fullmatch, words)) else []
