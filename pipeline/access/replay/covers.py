"""What a replay proves and what it does not, in plain sentences."""

from __future__ import annotations

from pipeline.access.replay.judge import CONDITIONAL, Judge
from pipeline.access.replay.result import Replay
from pipeline.access.verdicts import Judge as Verdicts
from pipeline.times import iso


def statements(found: Replay, judge: Judge, ground: Verdicts) -> tuple[list[str], list[str]]:
    """(what the proof covers, what it does not)."""
    window = f"{iso(found.start)} to {iso(found.end)}"
    covers = [
        f"{found.events:,} calls of {window} that were not denied, as {found.tuples:,} distinct uses.",
        "The proposal was judged together with the permission boundary, SCPs and RCPs of the snapshot of"
        f" {iso(found.snapshot)}.",
    ]
    if found.detailed:
        covers.append(f"Read from the events themselves: {', '.join(found.detailed)}.")
    if found.folded:
        covers.append("Of objects that fit the same of the policies' patterns one stands for all: they are many.")
    return covers, [*_log(found, ground), *_calls(found), *_policies(found, judge)]


def _log(found: Replay, ground: Verdicts) -> list[str]:
    """What the log could not have shown."""
    said = ["Calls outside the window."]
    context = ground.context
    if doubt := context.coverage.doubt(context.start, context.end):
        said.append(f"The log of the account has a doubt: {doubt}.")
    seen = context.seen
    if not seen.read:
        said.append("Read-only calls: the log holds no read-only management event of the account.")
    silent = [kind.resource_type for kind in context.observe.data_events if kind.resource_type not in seen.data]
    if silent:
        more = f" and {len(silent) - 3} more types" if len(silent) > 3 else ""
        said.append(f"Data events that were never seen for the account: {', '.join(silent[:3])}{more}.")
    for kind in context.observe.data_events:
        if kind.member and (names := seen.data.get(kind.resource_type)):
            said.append(f"Data events of {kind.resource_type} beyond {', '.join(sorted(names)[:3])}.")
    said.append("Actions that CloudTrail never records (their permissions are kept or dropped unseen).")
    return said


def _calls(found: Replay) -> list[str]:
    said = []
    if found.unmapped:
        count = sum(each.count for each in found.unmapped)
        named = ", ".join(f"{each.event_source} {each.event_name}" for each in found.unmapped[:3])
        said.append(f"{count:,} calls that map to no catalogued action: {named}.")
    open_ = found.of(CONDITIONAL)
    if open_:
        keys = sorted({key for each in open_ for key in each.verdict.keys})
        same = sum(each.verdict.as_today for each in open_)
        as_today = f"; {same:,} of them hang on the very statements of today" if same else ""
        said.append(f"{len(open_):,} uses that hang on what the log does not tell: {', '.join(keys[:6])}{as_today}.")
    if found.weak:
        said.append(f"{found.weak:,} calls failed for another reason than permission, perhaps before it was checked.")
    if found.refused:
        said.append(f"{found.refused:,} calls were denied when they were made and are no need.")
    return said


def _policies(found: Replay, judge: Judge) -> list[str]:
    said = [
        "Policies of resources, VPC endpoints and sessions: no snapshot holds them; they are taken to allow what they"
        " allowed when the call was made.",
        "A bare name in a request is taken to be of the principal's own account.",
    ]
    missing = judge.principal.missing
    if missing:
        said.append(f"The snapshot lacks {', '.join(missing[:3])}.")
    for side, whose in ((judge.new, "the proposal's side"), (judge.now, "today's policies")):
        if side.open:
            said.append(f"On {whose}: {side.open}.")
    return said
