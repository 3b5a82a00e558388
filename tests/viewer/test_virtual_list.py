from hypothesis import given
from hypothesis import strategies as st

from tui.viewer.virtual_list import VirtualList


def rolled(entries: int, *, page: int = 10, height: int = 3) -> VirtualList:
    roll = VirtualList()
    roll.page = page
    roll.reset((key, height) for key in range(1, entries + 1))
    return roll


def seen(roll: VirtualList) -> list[tuple[int, int]]:
    """Return each visible line, as its entry and its place in the entry."""
    return [(key, line) for key, first, last in roll.visible() for line in range(first, last)]


def test_a_short_list_starts_at_the_top() -> None:
    assert seen(rolled(2)) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]


def test_following_keeps_the_newest_line_on_the_page() -> None:
    roll = rolled(3)
    for key in range(4, 60):
        roll.put(key, 2)
        assert (key, 1) in seen(roll)


def test_following_moves_the_page_seldom() -> None:
    roll = rolled(20, page=24)
    moves = 0
    for key in range(21, 61):
        before = roll.top
        roll.put(key, 2)
        moves += roll.top != before
    assert moves <= 40 * 2 / (24 // 4) + 2


def test_a_page_scrolled_back_stays_put_while_entries_come_and_grow() -> None:
    roll = rolled(50)
    roll.scroll_to(30)
    before = seen(roll)
    for key in range(51, 60):
        roll.put(key, 4)
        roll.put(key, 6)
    assert seen(roll) == before
    assert roll.unseen == 9


def test_what_grows_above_the_page_does_not_move_it() -> None:
    roll = rolled(50)
    roll.scroll_to(30)
    before = seen(roll)
    roll.put(2, 9)
    assert seen(roll) == before
    roll.drop(1)
    assert seen(roll) == before


def test_scrolling_to_the_end_follows_again() -> None:
    roll = rolled(50)
    roll.scroll_by(-20)
    assert not roll.following
    roll.scroll_by(1000)
    assert roll.following
    assert roll.unseen == 0


def test_another_width_keeps_the_entry_at_the_top() -> None:
    roll = rolled(50)
    roll.scroll_to(30)
    top = seen(roll)[0][0]
    roll.resize(10, [5] * 50)
    assert seen(roll)[0][0] == top


def test_another_width_while_following_ends_at_the_newest() -> None:
    roll = rolled(50)
    roll.resize(12, [4] * 50)
    assert seen(roll)[-1] == (50, 3)


def test_corrected_heights_leave_the_page_in_place() -> None:
    roll = rolled(50)
    roll.scroll_to(60)
    before = seen(roll)
    assert len(before) == roll.page
    roll.correct({1: 9, 2: 1, 49: 7, 99: 3})
    assert seen(roll) == before
    assert roll.total == 50 * 3 + 6 - 2 + 4


def test_corrected_heights_leave_a_page_that_follows_at_the_newest() -> None:
    roll = rolled(50)
    before = seen(roll)
    roll.correct({1: 9, 2: 9})
    assert seen(roll) == before
    roll.correct({50: 6})
    assert seen(roll)[-1] == (50, 5)


def test_showing_an_entry_scrolls_as_little_as_needed() -> None:
    roll = rolled(50)
    roll.show(10)
    assert seen(roll)[0] == (10, 0)
    roll.show(12)
    assert seen(roll)[0] == (10, 0)
    roll.show(14)
    assert seen(roll)[-1] == (14, 2)


def test_a_late_entry_finds_its_place() -> None:
    roll = rolled(0, page=20)
    for key in (5, 2, 9, 7):
        roll.put(key, 1)
    assert [key for key, _ in seen(roll)] == [2, 5, 7, 9]


def test_neighbours_stop_at_the_ends() -> None:
    roll = rolled(3)
    assert roll.neighbour(None, -1) == 3
    assert roll.neighbour(3, 1) == 3
    assert roll.neighbour(1, -1) == 1
    assert roll.neighbour(2, 1) == 3
    assert VirtualList().neighbour(None, 1) is None


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 30), st.integers(1, 6)),
        st.tuples(st.just("drop"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("scroll"), st.integers(-15, 15), st.just(0)),
        st.tuples(st.just("page"), st.integers(1, 12), st.just(0)),
    ),
    max_size=40,
)


@given(OPERATIONS)
def test_whatever_happens_the_page_shows_a_gapless_stretch_of_the_entries(
    operations: list[tuple[str, int, int]],
) -> None:
    roll = rolled(5, page=6)
    heights = dict.fromkeys(range(1, 6), 3)
    for what, value, height in operations:
        match what:
            case "put":
                roll.put(value, height)
                heights[value] = height
            case "drop":
                roll.drop(value)
                heights.pop(value, None)
            case "scroll":
                roll.scroll_by(value)
            case _:
                roll.resize(value)
        every = [(key, line) for key in sorted(heights) for line in range(heights[key])]
        assert roll.total == len(every)
        assert seen(roll) == every[roll.top : roll.top + roll.page]
        assert not every or seen(roll)
        if roll.following and every:
            assert seen(roll)[-1] == every[-1]
