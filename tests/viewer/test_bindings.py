from textual.binding import Binding

from tui.viewer.bindings import DASHBOARD, problems
from tui.viewer.widgets.pane import Pane

ALL = [*DASHBOARD, *(binding for binding in Pane.BINDINGS if isinstance(binding, Binding))]


def test_the_keys_as_they_ship_have_no_conflict() -> None:
    assert problems({}, ALL) == []


def test_every_key_has_an_id_and_says_what_it_does() -> None:
    assert all(binding.id and binding.description for binding in ALL)
    assert len({binding.id for binding in ALL}) == len(ALL) > 40


def test_an_id_that_does_not_exist_is_named_with_those_that_do() -> None:
    (problem,) = problems({"strat": "f5"}, ALL)
    assert "'strat'" in problem.message
    assert "start" in problem.hint


def test_one_key_for_two_actions_is_named() -> None:
    (problem,) = problems({"start": "x"}, ALL)
    assert "'x'" in problem.message
    assert "start" in problem.message
    assert "stop" in problem.message


def test_two_actions_may_swap_their_keys() -> None:
    assert problems({"start": "x", "stop": "s"}, ALL) == []
