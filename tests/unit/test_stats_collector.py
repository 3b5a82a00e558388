import pytest

from tui.config.schema import Config
from tui.engine.session_stats import StatsReporter
from tui.engine.stats_collector import StatsCollector
from tui.model.gists import Gist, GistStatus
from tui.model.stats import Stats
from tui.model.transcript import Turn


def turn(number: int, text: str, seconds: float = 2.0) -> Turn:
    return Turn(number, text, True, 0.0, seconds)


def test_a_final_that_is_published_again_counts_once_with_its_newer_words() -> None:
    figures = StatsCollector()
    figures.add_final(turn(1, "one two"), 300)
    figures.add_final(turn(1, "One, two, three."), 900, before=turn(1, "one two"))
    assert (figures.turns, figures.words) == (1, 3)
    assert figures.final_ms(0.5) == 300


def test_words_a_minute_are_of_speech_alone() -> None:
    figures = StatsCollector()
    figures.add_final(turn(1, "one two three four", 2.0), 300)
    assert figures.words_per_minute == 120


def test_before_there_is_anything_nothing_is_reported() -> None:
    figures = StatsCollector()
    assert figures.final_ms(0.95) is None
    assert figures.gist_ms(0.5) is None
    assert figures.words_per_minute == 0


def test_missing_answers_are_counted_and_taken_back_when_they_come_late() -> None:
    figures = StatsCollector()
    figures.add_answer(Gist(1, 1, "p", status=GistStatus.TIMED_OUT))
    figures.remove_missing()
    figures.add_answer(Gist(1, 1, "p", "x", GistStatus.DONE, input_tokens=10, output_tokens=5, latency_s=0.2))
    assert (figures.gists, figures.gists_missing, figures.input_tokens, figures.output_tokens) == (1, 0, 10, 5)
    assert figures.gist_ms(0.5) == 200


def test_the_cost_is_sockets_by_the_hour_and_tokens_by_the_million() -> None:
    figures = StatsCollector()
    figures.add_answer(Gist(1, 1, "p", "x", GistStatus.DONE, input_tokens=1_000_000, output_tokens=100_000))
    config = Config()
    assert figures.cost_usd(config, socket_s=3600, billed=True) == pytest.approx(0.45 + 3.0 + 1.5)
    assert figures.cost_usd(config, socket_s=3600, billed=False) == 0


def test_statistics_are_written_to_the_journal_every_half_a_minute() -> None:
    now = [100.0]
    reporter = StatsReporter(StatsCollector(), Stats(), Config(), billed=True, clock=lambda: now[0])
    due = []
    for now[0] in (101.0, 129.0, 130.0, 131.0, 159.0, 161.0):
        due.append(reporter.is_due())
    assert due == [False, False, True, False, False, True]
