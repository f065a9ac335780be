"""How much of a window a log covers: whole days inside it, gaps between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from pipeline.assurance.coverage import Coverage, gaps

NOTHING = ["no data: no account's log has an event on any day of the window"]
DAYS = tuple(date(2026, 11, 1) + timedelta(days=i) for i in range(21))


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "doubt"),
    [
        (at(1), at(22), None),
        (at(1), at(21, 18), None),
        # 21 days back from the newest event: the first day is not asked for as a whole
        (at(21, 18) - timedelta(days=21), at(21, 18), None),
        (at(21, 18) - timedelta(days=90), at(21, 18), "short window"),
        (at(1), at(24), "short window"),
        (at(25), at(28), "short window"),
        (at(5, 6), at(5, 18), "short window"),
        (at(5, 6), at(6, 18), None),
    ],
)
def test_whole_days_are_asked_for(start: datetime, end: datetime, doubt: str | None) -> None:
    found = Coverage(DAYS, True).doubt(start, end)
    assert found is None if doubt is None else str(found).startswith(doubt)


def test_a_day_without_events_between_days_with_some_is_a_gap() -> None:
    found = Coverage(tuple(day for day in DAYS if day.day != 9), True).doubt(at(1), at(22))
    assert found == "gap: 1 of 21 days have no event of this account, the first is 2026-11-09"


def test_no_log_at_all() -> None:
    assert Coverage().doubt(at(1), at(22)) == "short window: the log has no event of this account"


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (at(1), at(22), []),
        (at(21, 6), at(21, 7), []),  # an hour without events is no lack
        (at(25), at(28), NOTHING),
        (at(1) - timedelta(days=9), at(1) - timedelta(days=2), NOTHING),
    ],
)
def test_a_window_before_or_after_the_log_lacks_everything(start: datetime, end: datetime, told: list[str]) -> None:
    assert gaps({"111122223333": Coverage(DAYS, True)}, start, end) == told


def test_a_log_that_one_account_of_two_delivered_is_some_data() -> None:
    covered = {"111122223333": Coverage(DAYS, True), "444455556666": Coverage(DAYS[:3], True)}
    assert gaps(covered, at(10), at(12)) == []
