"""Detection beside a run that goes on: what is found is said as it is found, and sent to the sinks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from pipeline.cli.context import current, one_line
from pipeline.cli.progress import complain

if TYPE_CHECKING:
    from pipeline.detect.watch import Watch
    from pipeline.lake.tables import Lake

SHOWN = ("open", "acknowledged")


class Alongside:
    """Our own rules, asked about each batch that ingestion commits; a line a finding on stderr.

    Where detection fails ingestion goes on: nothing counts as examined, and the next look makes up for it.
    """

    def __init__(self) -> None:
        self._watch: Watch | None = None

    def look(self, _batch: object = None) -> None:
        """Examines what has come, stores and sends what is found, and says it."""
        from pipeline.errors import TrailsiftError

        try:
            watch = self._opened()
            examined = watch.look() if watch else None
            if watch and examined:
                for kind, findings in (("new", examined.recorded.new), ("grown", examined.recorded.grown)):
                    for each in findings:
                        if each["status"] in SHOWN:
                            print(one_line(current.names.told(line(each, kind))), file=sys.stderr)
                send(watch.lake)
        except TrailsiftError as error:
            complain([f"detection: {error}; the next look makes up for it"], current)

    def _opened(self) -> Watch | None:
        """The watch, made at the first look; None as long as there is no lake."""
        from pipeline.catalog import home
        from pipeline.detect.watch import Watch
        from pipeline.lake.tables import Lake

        if self._watch is None and Lake(current.settings.lake, current.settings).exists:
            self._watch = Watch(current.lake(), home() / "detections", current.settings)
        return self._watch


def line(finding: dict[str, Any], kind: str) -> str:
    """A finding in a line: whether it is new or grew, how grave, what, whose, when, and its id."""
    from pipeline.times import iso

    who = finding["principal_arn"] or "several principals"
    where = f" in {finding['account']}" if finding["account"] else ""
    span = f"{iso(finding['first_seen'])}, {finding['count']:,} events"
    return f"{kind} {finding['severity']}: {finding['title']}: {who}{where}, {span} ({finding['id']})"


def send(lake: Lake) -> None:
    """Sends stored findings to the sinks of the settings; what cannot be sent is said and left for the next run."""
    from pipeline.detect.sinks import deliver_current

    deliver_current(lake, current.settings, lambda text: complain([text], current))
