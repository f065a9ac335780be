"""What a sink is: a place findings go to, one at a time. One file a sink beside this one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import pipeline.detect.sinks
from pipeline.config import SinkSettings
from pipeline.detect.anomalies import SEVERITIES
from pipeline.errors import UsageError
from pipeline.export.cells import as_json, value
from pipeline.times import parse_duration

Finding = dict[str, Any]
# Bytes of a message that is sent over a network: SNS takes 256 KiB with the attributes, and few webhooks take more.
ROOM = 256 * 1024 - 4096


class Sink(ABC):
    """A place findings go to, opened by a table `[[sinks]]`; raises UsageError where the table lacks what it needs."""

    kind: ClassVar[str]
    needs: ClassVar[str]  # the setting without which there is no place
    place: str  # where findings go, without what is secret

    def __init__(self, settings: SinkSettings) -> None:
        if not getattr(settings, self.needs):
            raise UsageError(f"sink {settings.name}", f"it has no {self.needs}", f'write {self.needs} = "…"')
        if settings.least not in SEVERITIES:
            remedy = f"write one of {', '.join(SEVERITIES)}"
            raise UsageError(f"sink {settings.name}", f"{settings.least!r} is no severity", remedy)
        self.settings = settings
        self.name = settings.name
        self.repeat: timedelta = parse_duration(settings.repeat, f"sink {settings.name}: repeat")

    @abstractmethod
    def send(self, finding: Finding, change: str, state: str) -> None:
        """Tells of one finding; returns once the place has it.

        `change` is found, grew, reopened or test; `state` a digest that is the same whenever the same is told.
        Raises SinkError where this finding is not taken, SinkDownError where none is now.
        """

    def close(self) -> None:  # noqa: B027
        """Called when all is sent, however it ended."""

    def wants(self, finding: Finding) -> bool:
        """Whether the settings let the finding through."""
        return SEVERITIES.index(finding["severity"]) <= SEVERITIES.index(self.settings.least) and all(
            not patterns or any(fnmatchcase(text or "", each) for each in patterns)
            for text, patterns in (
                (finding["rule"], self.settings.rules),
                (finding["account"], self.settings.accounts),
            )
        )


def message(finding: Finding, change: str) -> dict[str, Any]:
    """The finding as it is told: its members as JSON has them, the id first, and what became of it."""
    return {"id": finding["id"]} | {name: value(each) for name, each in finding.items()} | {"change": change}


def shortened(content: dict[str, Any], room: int = ROOM) -> str:
    """The message as JSON in at most `room` bytes of UTF-8.

    What is too long loses ids of events and notes of evidence from the end; `left_out` tells how many of each.
    """
    text = as_json(content)
    lists = {name: list(content.get(name) or ()) for name in ("event_ids", "evidence")}
    left_out = dict.fromkeys(lists, 0)
    while len(text.encode(errors="replace")) > room and any(lists.values()):
        name = max(lists, key=lambda each: len(as_json(lists[each])))
        kept = len(lists[name]) // 2
        left_out[name] += len(lists[name]) - kept
        lists[name] = lists[name][:kept]
        text = as_json(content | lists | {"left_out": {each: count for each, count in left_out.items() if count}})
    return text


def kinds() -> dict[str, type[Sink]]:
    """Every kind of sink by its name: the files of this folder."""
    found: dict[str, type[Sink]] = {}
    for module in pkgutil.iter_modules(pipeline.detect.sinks.__path__):
        there = vars(importlib.import_module(f"pipeline.detect.sinks.{module.name}")).values()
        found |= {
            each.kind: each for each in there if isinstance(each, type) and issubclass(each, Sink) and each != Sink
        }
    return found


def open_sink(settings: SinkSettings) -> Sink:
    """The sink that a table of the settings describes; raises UsageError where it does not make one."""
    known = kinds()
    if settings.kind not in known:
        near = difflib.get_close_matches(settings.kind, known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"write {', '.join(sorted(known))}"
        raise UsageError(f"sink {settings.name}", f"{settings.kind!r} is no kind of sink", remedy)
    return known[settings.kind](settings)
