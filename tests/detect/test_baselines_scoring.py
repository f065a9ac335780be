"""How points add up to episodes, and what a forecast counts; all sums are worked out by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.detect.baselines.forecast import forecast
from pipeline.detect.baselines.scoring import Part, stretches
from tests.detect.life import NOW

MOST = {"network": 75, "call": 90, "hour": 10}
HOUR = timedelta(hours=1)


def part(rule: str, hours: float, points: int, value: str = "x", who: str = "anna", account: str = "1") -> Part:
    begin = NOW + HOUR * hours
    return Part(rule, who, account, begin, begin, rule, value, "before", "now", "unseen", points)


def episodes(*parts: Part, threshold: int = 100) -> list[tuple[int, list[int]]]:
    """Score and the points of the parts, of each episode."""
    found = [each for stretch in stretches(parts, MOST) for each in stretch.episodes(threshold)]
    return [(each.score, [one.points for one in each.parts]) for each in found]


def test_points_of_a_day_add_up() -> None:
    assert episodes(part("network", 0, 60), part("call", 23, 40)) == [(100, [60, 40])]


def test_points_of_different_days_do_not() -> None:
    assert episodes(part("network", 0, 60), part("call", 24, 40)) == []


def test_a_question_gives_no_more_than_its_limit() -> None:
    assert episodes(*(part("hour", n, 10, str(n)) for n in range(20))) == []
    assert episodes(part("call", 0, 80), part("call", 1, 80, "y"), part("hour", 3, 10)) == [(90 + 10, [80, 80, 10])]


def test_of_several_things_of_a_kind_the_second_counts_half_and_the_third_a_third() -> None:
    parts = [part("call", 0, 30, "x"), part("call", 1, 60, "y"), part("call", 2, 18, "z")]
    assert episodes(*parts, threshold=81) == [(60 + 15 + 6, [30, 60, 18])]
    assert episodes(*parts, threshold=82) == []


def test_a_thing_counts_once_however_often_it_is_seen() -> None:
    assert episodes(part("network", 0, 60), part("network", 5, 60), part("hour", 6, 10)) == []
    assert episodes(part("network", 0, 60), part("network", 5, 60, "y"), part("call", 6, 30))[0][0] == 75 + 30


def test_principals_and_accounts_are_apart() -> None:
    assert episodes(part("network", 0, 60), part("call", 0, 60, who="bob")) == []
    assert episodes(part("network", 0, 60), part("call", 0, 60, account="2")) == []


def test_an_episode_begins_where_the_points_are_and_ends_after_a_pause() -> None:
    weak, network, call = part("hour", -48, 5), part("network", 0, 60), part("call", 1, 60)
    tail, later = part("call", 72, 20, "y"), part("call", 72 + 73, 20, "z")
    assert episodes(weak, network, call, tail, later) == [(120, [60, 60, 20])]
    again = part("call", 400, 60, "y"), part("network", 400, 60, "y")
    assert episodes(network, call, *again) == [(120, [60, 60]), (120, [60, 60])]


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_what_is_found_does_not_matter(order: int) -> None:
    parts = [part("network", 0, 60), part("call", 3, 30), part("call", 3, 20, "y"), part("hour", 5, 10)]
    assert episodes(*parts[::order])[0][0] == 60 + 30 + 10 + 10


def test_the_forecast_counts_by_threshold_week_question_and_principal() -> None:
    parts = [
        part("network", 0, 70),
        part("call", 1, 90),
        part("network", 24 * 10, 60, "y"),
        part("call", 24 * 10, 20, "y"),
        part("network", 0, 75, who="bob"),
    ]
    rows = forecast(stretches(parts, MOST), 100).to_pylist()

    def alerts(threshold: int, by: str) -> dict[str, int]:
        return {each["value"]: each["alerts"] for each in rows if (each["threshold"], each["by"]) == (threshold, by)}

    assert [alerts(each, "all")[""] for each in (50, 75, 100, 150, 200)] == [3, 3, 1, 1, 0]
    assert alerts(50, "week") == {"2026-W44": 2, "2026-W45": 1}
    assert alerts(50, "principal") == {"anna": 2, "bob": 1}
    assert alerts(50, "question") == {"network": 2, "call": 1}
    assert sum(alerts(75, "week").values()) == alerts(75, "all")[""]


def test_everyday_life_after_the_first_day_is_no_part_of_an_episode() -> None:
    network, call = part("network", 0, 60), part("call", 1, 60)
    small, weighty = part("hour", 30, 5, "y"), part("call", 40, 20, "z")
    assert episodes(network, call, small, weighty) == [(120, [60, 60, 20])]
