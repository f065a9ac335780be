"""Trails: DescribeTrails, with what GetTrailStatus and GetEventSelectors say of each.

The same trail comes with the answers of several regions; it is one item. Selectors name their trail by TrailARN. A
status does not: it needs a TrailARN put beside its members, unless there is one trail only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.access.documents.shapes import Answer, Item, Refuse, listed, mapping, text
from pipeline.errors import SnapshotError

FAMILY = "trails"
KINDS = ("trail",)
OPERATIONS = ("DescribeTrails", "GetTrailStatus", "GetEventSelectors")

_STATUS = ("IsLogging", "LatestDeliveryTime", "LatestDeliveryError", "LatestCloudWatchLogsDeliveryTime",
           "LatestCloudWatchLogsDeliveryError", "LatestDigestDeliveryTime")  # fmt: skip
_SELECTORS = ("EventSelectors", "AdvancedEventSelectors")


def recognise(value: dict[str, Any], source: str) -> list[Answer]:
    """The answer that this JSON value is, none where it is no such answer."""
    if "trailList" in value:
        return [Answer("DescribeTrails", value, source)]
    if any(name in value for name in _SELECTORS):
        return [Answer("GetEventSelectors", value, source)]
    named = {"Name": value["TrailARN"]} if "TrailARN" in value else {}
    return [Answer("GetTrailStatus", value, source, named)] if "IsLogging" in value else []


def state(answers: Sequence[Answer]) -> str:
    """Files cannot show that every region was asked."""
    return "partial"


def items(answers: Sequence[Answer], refuse: Refuse) -> Iterator[Item]:
    """One item a trail: DescribeTrails' member with IsLogging and the event selectors, each where it is known."""
    trails: dict[str, dict[str, Any]] = {}
    sources: dict[str, str] = {}
    for answer in answers:
        if answer.operation != "DescribeTrails":
            continue
        try:
            for number, each in enumerate(listed(answer.value, "trailList", answer.source)):
                arn = text(mapping(each), "TrailARN", f"{answer.source}#trailList[{number}]")
                trails.setdefault(arn, dict(each))
                sources.setdefault(arn, answer.source)
        except SnapshotError as error:
            refuse(error)
    for answer in answers:
        if answer.operation != "DescribeTrails":
            try:
                trails[_named(answer, trails)] |= _facts(answer)
            except SnapshotError as error:
                refuse(error)
    for arn, item in trails.items():
        name = item.get("Name")
        yield Item("trail", None, arn, name if isinstance(name, str) else arn.rpartition("/")[2], item, sources[arn])


def _named(answer: Answer, trails: dict[str, dict[str, Any]]) -> str:
    """The trail that a status or selectors are of."""
    arn = answer.given.get("Name") or answer.given.get("TrailName") or answer.value.get("TrailARN")
    if arn is None and len(trails) == 1:
        return next(iter(trails))
    if arn is None:
        what = "the status of a trail it does not name" if answer.operation == "GetTrailStatus" else "unnamed selectors"
        raise SnapshotError(answer.source, f"is {what}", 'put "TrailARN": "…" beside its members')
    if not isinstance(arn, str) or arn not in trails:
        remedy = "import describe-trails' answer with it"
        raise SnapshotError(answer.source, f"is of the trail {arn!s:.200}, which is not among the files", remedy)
    return arn


def _facts(answer: Answer) -> dict[str, Any]:
    wanted = _STATUS if answer.operation == "GetTrailStatus" else _SELECTORS
    return {name: answer.value[name] for name in wanted if name in answer.value}
