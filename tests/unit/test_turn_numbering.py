from hypothesis import given
from hypothesis import strategies as st

from tui.model.transcript import Turn
from tui.stream.messages import WireTurn, WireWord
from tui.stream.turn_numbering import ConnectionTurns, TurnSequencer

RATE = 1000
"""Hz: a sample is a millisecond, so that the tests read easily."""


def wire(
    order: int, text: str, *, final: bool = False, start: int = 0, end: int = 100, speaker: str | None = None
) -> WireTurn:
    words = (WireWord(text, start, end, speaker=speaker),) if text else ()
    return WireTurn(order, text, final, False, float(final), words, speaker_label=speaker)


def received(connection: ConnectionTurns, message: WireTurn, sent: int = 10_000) -> Turn:
    turn = connection.receive(message, sent)
    assert isinstance(turn, Turn)
    return turn


def test_a_partial_and_its_final_are_one_turn() -> None:
    connection = TurnSequencer(RATE).attach()
    assert received(connection, wire(0, "so")).number == 1
    final = received(connection, wire(0, "So.", final=True))
    assert (final.number, final.final) == (1, True)
    assert received(connection, wire(1, "next")).number == 2


def test_a_final_moves_the_boundary_to_its_end_and_a_partial_does_not() -> None:
    turns = TurnSequencer(RATE)
    connection = turns.attach()
    connection.receive(wire(0, "so", end=700), 10_000)
    assert turns.boundary == 0
    connection.receive(wire(0, "so", final=True, end=700), 10_000)
    assert turns.boundary == 700


def test_a_new_connection_starts_at_the_boundary_and_takes_the_open_turns_number() -> None:
    turns = TurnSequencer(RATE)
    first = turns.attach()
    first.receive(wire(0, "one", final=True, end=700), 10_000)
    first.receive(wire(1, "tw", start=900, end=1000), 10_000)
    second = turns.attach()
    assert second.base == 700
    again = received(second, wire(0, "two", start=200, end=400))
    assert (again.number, again.start_s, again.end_s) == (2, 0.9, 1.1)
    assert received(second, wire(1, "three", start=500, end=600)).number == 3


def test_an_old_connection_may_correct_its_finals_but_says_nothing_new() -> None:
    connection = TurnSequencer(RATE).attach()
    connection.receive(wire(0, "one", final=True), 10_000)
    connection.accepts_new = False
    assert connection.receive(wire(1, "two"), 10_000) is None
    assert received(connection, wire(0, "One.", final=True)).text == "One."
    assert connection.number(0) == 1
    assert connection.number(1) is None


def test_an_empty_final_is_dropped_and_takes_its_partial_along() -> None:
    turns = TurnSequencer(RATE)
    connection = turns.attach()
    assert connection.receive(wire(0, "", final=True), 10_000) is None
    assert received(connection, wire(1, "hm")).number == 1
    assert connection.receive(wire(1, "", final=True), 10_000) == 1
    assert received(connection, wire(2, "yes", final=True)).number == 1
    assert turns.open == ()


def test_partials_that_the_next_connection_does_not_repeat_are_left() -> None:
    turns = TurnSequencer(RATE)
    turns.attach().receive(wire(0, "noise"), 10_000)
    turns.attach()
    assert turns.drop_inherited() == (1,)
    assert turns.open == ()


def test_a_turn_never_ends_beyond_what_was_sent() -> None:
    turns = TurnSequencer(RATE)
    connection = turns.attach()
    assert received(connection, wire(0, "so", final=True, end=10**12), sent=500).end_s == 0.5
    assert turns.boundary == 500


def test_a_final_without_words_is_settled_up_to_what_was_sent() -> None:
    turns = TurnSequencer(RATE)
    message = WireTurn(0, "no words", True, True, 1.0, ())
    assert received(turns.attach(), message, sent=800).end_s == 0.8
    assert turns.boundary == 800


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4), st.text("ab ", max_size=3), st.booleans(), st.integers(-5, 2000), st.integers(-5, 2000)
        )
        | st.none(),
        max_size=40,
    )
)
def test_whatever_is_received_finals_keep_their_numbers_and_the_boundary_never_goes_back(
    messages: list[tuple[int, str, bool, int, int] | None],
) -> None:
    turns = TurnSequencer(RATE)
    connection, sent = turns.attach(), 0
    finals: set[int] = set()
    before = 0
    for each in messages:
        if each is None:
            connection = turns.attach()
            continue
        order, text, final, start, end = each
        sent += 100
        fresh = connection.number(order) is None
        turn = connection.receive(wire(order, text, final=final, start=start, end=end), connection.base + sent)
        if isinstance(turn, Turn) and turn.final and fresh:
            assert turn.number not in finals
            finals.add(turn.number)
        assert before <= turns.boundary <= connection.base + sent
        before = turns.boundary
        assert not finals & set(turns.open)
