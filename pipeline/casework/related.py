"""Who and what is near a case: the networks of its keys and principals, and others who came from the same places."""

from __future__ import annotations

from typing import Any

from pipeline.casework.seeds import Place
from pipeline.casework.words import first

HOLDERS = 200  # keys and principals whose networks are asked for
NETWORKS = 1000
_PLACES = 200  # addresses and user agents whose other users are asked for
_NEIGHBOURS = 200

# A holder is a long-lived key; for sessions and sign-ins the principal. AWS services have no network of interest.
_HOLDERS = """
select
    case when starts_with(access_key_id, 'AKIA') then access_key_id end as key,
    case when not coalesce(starts_with(access_key_id, 'AKIA'), false) then principal_arn end as principal,
    count(*) as events
from story
where principal_type <> 'AWSService' and principal_arn <> 'unknown' and source_network is not null
group by all
order by events desc, key, principal
limit $most
"""
_PLACES_OF = """
select {column} as place
from story
where source_network is not null and via_service is null and principal_type <> 'AWSService' and {column} is not null
group by {column}
order by count(*) desc, {column}
limit $most
"""
_KNOWN = """
select distinct principal_arn from story where principal_arn <> 'unknown' order by principal_arn limit 1000
"""


def networks(place: Place, events: int, cut: list[str]) -> list[dict[str, Any]]:
    """The networks of each holder of the case, oldest first, with its whole history up to the window's end.

    Each has `earliest`: whether it is the first network in which the log has the holder. `cut` is told what a bound
    left out.
    """
    if not events:
        return []
    rows = first(
        place.engine.rows(_HOLDERS, {"most": HOLDERS + 1}), HOLDERS, "keys and principals with their networks", cut
    )
    keys = sorted({each["key"] for each in rows if each["key"]})
    principals = sorted({each["principal"] for each in rows if each["principal"]})
    found = place.ask("case_addresses", keys=keys, principals=principals, at_most=NETWORKS)
    if (total := max((each.pop("total") for each in found), default=0)) > len(found):
        cut.append(f"only {len(found):,} of {total:,} networks are told: the first of each holder, and those seen last")
    seen: set[str] = set()
    for each in found:
        each["earliest"] = each["holder"] not in seen
        seen.add(each["holder"])
    return found


def related(place: Place, holders: list[dict[str, Any]], cut: list[str]) -> dict[str, Any]:
    """Other principals at the addresses and with the programs of the case, and all networks of its holders."""
    addresses = _places(place, "sourceIPAddress", "addresses with who else came from there", cut)
    agents = _places(place, "userAgent", "programs with who else used them", cut)
    known = [each["principal_arn"] for each in place.engine.rows(_KNOWN)]
    asked = {"addresses": addresses, "agents": agents, "principals": known}
    rows = first(place.ask("case_neighbours", **asked, at_most=_NEIGHBOURS + 1), _NEIGHBOURS, "neighbours", cut)
    there = set(addresses)
    return {
        "same_address": [each for each in rows if each["shared"] in there],
        "same_agent": [each for each in rows if each["shared"] not in there],
        "networks": holders,
    }


def _places(place: Place, column: str, what: str, cut: list[str]) -> list[str]:
    rows = place.engine.rows(_PLACES_OF.format(column=column), {"most": _PLACES + 1})
    return [each["place"] for each in first(rows, _PLACES, what, cut)]
