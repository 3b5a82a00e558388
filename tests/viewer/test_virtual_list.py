from hypothesis import example, given
from hypothesis import strategies as st

from tui.viewer.virtual_list import VirtualList


def make_list(entries: int, *, page: int = 10, height: int = 3) -> VirtualList:
    virtual = VirtualList()
    virtual.page = page
    virtual.reset((key, height) for key in range(1, entries + 1))
    return virtual


def seen(virtual: VirtualList) -> list[tuple[int, int]]:
    """Return each visible line, as its entry and its place in the entry."""
    return [(key, line) for key, first, last in virtual.visible() for line in range(first, last)]


def test_a_short_list_starts_at_the_top() -> None:
    assert seen(make_list(2)) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]


def test_following_keeps_the_newest_line_on_the_page() -> None:
    virtual = make_list(3)
    for key in range(4, 60):
        virtual.put(key, 2)
        assert (key, 1) in seen(virtual)


def test_following_moves_the_page_seldom() -> None:
    virtual = make_list(20, page=24)
    moves = 0
    for key in range(21, 61):
        before = virtual.top
        virtual.put(key, 2)
        moves += virtual.top != before
    assert moves <= 40 * 2 / (24 // 4) + 2


def test_a_page_scrolled_back_stays_put_while_entries_come_and_grow() -> None:
    virtual = make_list(50)
    virtual.scroll_to(30)
    before = seen(virtual)
    for key in range(51, 60):
        virtual.put(key, 4)
        virtual.put(key, 6)
    assert seen(virtual) == before
    assert virtual.unseen == 9


def test_entries_that_grow_above_the_page_do_not_move_it() -> None:
    virtual = make_list(50)
    virtual.scroll_to(30)
    before = seen(virtual)
    virtual.put(2, 9)
    assert seen(virtual) == before
    virtual.drop(1)
    assert seen(virtual) == before


def test_scrolling_to_the_end_follows_again() -> None:
    virtual = make_list(50)
    virtual.scroll_by(-20)
    assert not virtual.following
    virtual.scroll_by(1000)
    assert virtual.following
    assert virtual.unseen == 0


def test_another_width_keeps_the_entry_at_the_top() -> None:
    virtual = make_list(50)
    virtual.scroll_to(30)
    top = seen(virtual)[0][0]
    virtual.resize(10, [5] * 50)
    assert seen(virtual)[0][0] == top


def test_another_width_while_following_ends_at_the_newest() -> None:
    virtual = make_list(50)
    virtual.resize(12, [4] * 50)
    assert seen(virtual)[-1] == (50, 3)


def test_corrected_heights_leave_the_page_in_place() -> None:
    virtual = make_list(50)
    virtual.scroll_to(60)
    before = seen(virtual)
    assert len(before) == virtual.page
    virtual.correct({1: 9, 2: 1, 49: 7, 99: 3})
    assert seen(virtual) == before
    assert virtual.total == 50 * 3 + 6 - 2 + 4


def test_corrected_heights_leave_a_page_that_follows_at_the_newest() -> None:
    virtual = make_list(50)
    before = seen(virtual)
    virtual.correct({1: 9, 2: 9})
    assert seen(virtual) == before
    virtual.correct({50: 6})
    assert seen(virtual)[-1] == (50, 5)


def test_showing_an_entry_scrolls_as_little_as_needed() -> None:
    virtual = make_list(50)
    virtual.show(10)
    assert seen(virtual)[0] == (10, 0)
    virtual.show(12)
    assert seen(virtual)[0] == (10, 0)
    virtual.show(14)
    assert seen(virtual)[-1] == (14, 2)


def test_a_late_entry_finds_its_place() -> None:
    virtual = make_list(0, page=20)
    for key in (5, 2, 9, 7):
        virtual.put(key, 1)
    assert [key for key, _ in seen(virtual)] == [2, 5, 7, 9]


def test_neighbours_stop_at_the_ends() -> None:
    virtual = make_list(3)
    assert virtual.neighbour(None, -1) == 3
    assert virtual.neighbour(3, 1) == 3
    assert virtual.neighbour(1, -1) == 1
    assert virtual.neighbour(2, 1) == 3
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
@example([("page", 1, 0), ("scroll", -1, 0), ("drop", 4, 0)])
def test_whatever_happens_the_page_shows_a_gapless_stretch_of_the_entries(
    operations: list[tuple[str, int, int]],
) -> None:
    virtual = make_list(5, page=6)
    heights = dict.fromkeys(range(1, 6), 3)
    for what, value, height in operations:
        match what:
            case "put":
                virtual.put(value, height)
                heights[value] = height
            case "drop":
                virtual.drop(value)
                heights.pop(value, None)
            case "scroll":
                virtual.scroll_by(value)
            case _:
                virtual.resize(value)
        every = [(key, line) for key in sorted(heights) for line in range(heights[key])]
        assert virtual.total == len(every)
        assert seen(virtual) == every[virtual.top : virtual.top + virtual.page]
        assert not every or seen(virtual)
        if virtual.following and every:
            assert seen(virtual)[-1] == every[-1]


def test_entries_stand_in_the_order_of_their_ranks_and_move_when_a_rank_changes() -> None:
    times = {1: 0.0, 2: 9.0, 3: 4.0}
    virtual = VirtualList(rank=times.__getitem__)
    virtual.page = 10
    virtual.reset((key, 1) for key in (1, 3))
    virtual.put(2, 1)
    assert virtual.keys == [1, 3, 2]
    assert virtual.between(2, 3) == [3, 2]
    times[3] = 12.0
    virtual.put(3, 2)
    assert seen(virtual) == [(1, 0), (2, 0), (3, 0), (3, 1)]
    assert (virtual.neighbour(2, 1), virtual.neighbour(2, -1)) == (3, 1)
    virtual.drop(2)
    assert (virtual.keys, virtual.place(2), virtual.between(2, 3)) == ([1, 3], None, [])
