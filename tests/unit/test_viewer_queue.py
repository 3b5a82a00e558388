from tui.engine.viewer_queue import CoalescingQueue
from tui.model.events import Event, GistChanged, GistDelta, LevelChanged, StatsChanged, TurnChanged
from tui.model.gists import Gist
from tui.model.stats import Stats
from tui.model.transcript import Turn


def turn(number: int, text: str, *, final: bool = False) -> TurnChanged:
    return TurnChanged(Turn(number, text, final, 0.0, 1.0))


def taken(outbox: CoalescingQueue) -> list[Event]:
    return list(iter(outbox.get, None))


def filled(*events: Event, most: int = 1000) -> CoalescingQueue:
    outbox = CoalescingQueue(most)
    for event in events:
        outbox.put(event)
    return outbox


def test_of_levels_and_figures_only_the_newest_is_sent() -> None:
    levels = [LevelChanged(-30.0 + n, -20.0) for n in range(5)]
    stats = [StatsChanged(Stats(turns=n)) for n in range(5)]
    assert taken(filled(*levels, *stats)) == [levels[-1], stats[-1]]


def test_a_clip_is_published_even_if_its_level_is_replaced() -> None:
    (level,) = taken(filled(LevelChanged(-3.0, 0.0, True), LevelChanged(-30.0, -20.0)))
    assert level == LevelChanged(-30.0, -20.0, True)


def test_a_partial_is_replaced_by_the_next_and_by_its_final() -> None:
    assert taken(filled(turn(1, "a"), turn(1, "a b"), turn(1, "A b.", final=True))) == [turn(1, "A b.", final=True)]


def test_finals_are_never_dropped_and_stay_in_order() -> None:
    finals = [turn(n, str(n), final=True) for n in range(100)]
    assert taken(filled(*finals)) == finals


def test_a_growing_answer_is_joined_and_stays_between_its_beginning_and_end() -> None:
    begun, done = GistChanged(Gist(1, None, "summary")), GistChanged(Gist(1, None, "summary", "a b c"))
    reported = taken(filled(begun, GistDelta(1, "a "), GistDelta(1, "b "), GistDelta(1, "c"), done))
    assert reported == [begun, GistDelta(1, "a b c"), done]


def test_two_growing_answers_are_not_mixed() -> None:
    reported = taken(filled(GistDelta(1, "a"), GistDelta(2, "x"), GistDelta(1, "b")))
    assert reported == [GistDelta(1, "a"), GistDelta(2, "x"), GistDelta(1, "b")]


def test_a_viewer_too_far_behind_is_marked() -> None:
    finals = [turn(n, str(n), final=True) for n in range(11)]
    assert filled(*finals, most=10).overflowed
    assert not filled(*finals[:10], most=10).overflowed
