"""What the bench says is what it measured; nothing here is timed."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.endpoint import STEPS, last_word, turn
from tests.bench.gateway import Compared, percent, within
from tests.bench.long_session import Point
from tests.bench.plot import svg
from tests.bench.search import QUERIES, kept
from tests.bench.table import GUARD, Figure, at, markdown
from tests.scoring import Errors
from tui.sessions.search import search

PAINTED = Figure("painted", "B/s", 3000, 6000, 240_000, "scribit")


def test_a_figure_stands_beside_its_limit_and_its_peer_with_the_ratios() -> None:
    row = markdown([PAINTED]).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["painted", "3,000 B/s", "6,000 B/s", "0.50", "240,000 B/s (scribit)", "0.01"]


def test_without_a_peer_its_columns_are_empty() -> None:
    row = markdown([Figure("idle", "B/s", 0, 20)]).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3:] == ["0.00", "", ""]


@pytest.mark.parametrize(("times", "regressed"), [(1.5, False), (GUARD - 0.1, False), (GUARD + 0.1, True)])
def test_only_what_is_far_beyond_its_limit_is_a_regression(times: float, regressed: bool) -> None:
    assert Figure("idle", "B/s", 20 * times, 20).regressed is regressed


def test_words_are_compared_by_their_mean_over_all_starts() -> None:
    live = [Errors(0.03, 1, "a"), Errors(0.05, 2, "a b")]
    assert percent(live) == "4.0 % (2)"
    near, far = (Compared([], live, [Errors(rate, 0, "")] * 2) for rate in (0.0301, 0.0299))
    assert within([near, far]) == "1 of 2 are at most 1 point above batch"


def test_nothing_measured_is_no_figure() -> None:
    with pytest.raises(AssertionError, match="nothing was measured"):
        at(0.99, [])


def test_a_turn_ends_with_its_own_word_once_it_is_final_and_not_before() -> None:
    reported = [turn(7, step)["transcript"] for step in range(STEPS)]
    assert [text.endswith(last_word(7)) for text in reported] == [False] * (STEPS - 1) + [True]


def test_the_plot_has_a_point_for_each_measurement_of_each_curve() -> None:
    points = [Point(hours, 2700 + hours, 7.0, 44 + hours, 60 + hours) for hours in (0.0, 1.0, 2.0, 3.3)]
    drawn = ElementTree.fromstring(svg(points))
    name = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f"{name}polyline")) == 4
    assert len(drawn.findall(f"{name}circle")) == 4 * len(points)
    assert "3.3 hours" in drawn.attrib["aria-label"]


def test_a_higher_cost_is_drawn_higher() -> None:
    points = [Point(0.0, 1000, 7.0, 44, 60), Point(1.0, 2000, 7.0, 44, 60)]
    first, second = ElementTree.fromstring(svg(points)).findall("{http://www.w3.org/2000/svg}circle")[:2]
    assert float(second.attrib["cy"]) < float(first.attrib["cy"])
    assert float(second.attrib["cx"]) > float(first.attrib["cx"])


def test_every_word_that_the_benchmark_searches_for_occurs(tmp_path: Path) -> None:
    store = kept(tmp_path, turns=400, sessions=4)
    found = [len(search(store, tmp_path / "search.sqlite", query, max_hits=1000)) for query in QUERIES]
    assert found[:2] == [4, 400]
    assert all(found)
