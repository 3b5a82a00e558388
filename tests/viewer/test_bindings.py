from pathlib import Path

import pytest
from textual.binding import Binding

from tests.viewer.dashboard_harness import running, toasts
from tests.viewer.pilot import until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.config.load import load
from tui.viewer.bindings import DASHBOARD, OLD_ACTION_IDS, current_ids, problems
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


def test_every_old_id_leads_to_one_that_exists_and_is_none_itself() -> None:
    ids = {binding.id for binding in ALL}
    assert set(OLD_ACTION_IDS.values()) <= ids
    assert not set(OLD_ACTION_IDS) & ids


@pytest.mark.parametrize(("old", "new"), OLD_ACTION_IDS.items())
def test_an_old_id_is_replaced_by_the_current_one(old: str, new: str) -> None:
    keys, (notice,) = current_ids({old: "f9"})
    assert keys == {new: "f9"}
    assert notice.message == f"[keys]: {old} is now called {new}."
    assert problems(keys, ALL) == []


def test_several_old_ids_are_one_notice_and_current_ids_none() -> None:
    keys, (notice,) = current_ids({"back": "f7", "on": "f8", "start": "f5"})
    assert keys == {"seek-back": "f7", "seek-forward": "f8", "start": "f5"}
    assert notice.message == "[keys]: back is now called seek-back, on is now called seek-forward."
    assert current_ids({"start": "f5"}) == ({"start": "f5"}, [])


@pytest.mark.parametrize(
    "table", [{"let-go": "f8", "clear-selection": "f9"}, {"clear-selection": "f9", "let-go": "f8"}]
)
def test_a_key_under_the_current_id_overrides_one_under_the_old_id(table: dict[str, str]) -> None:
    assert current_ids(table)[0] == {"clear-selection": "f9"}


async def test_old_ids_of_a_config_file_still_work_and_are_named_in_a_notice(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[keys]\nlet-go = "f8"\nhide-gists = "f9"\n')
    config = load(file=file, environ={}).config
    async with running(ScriptedEngine(snapshot=meeting()), keys=config.keys) as (app, pilot):
        assert "let-go is now called clear-selection, hide-gists is now called toggle-gists." in toasts(app)
        assert "unknown action" not in toasts(app)
        await pilot.press("home")
        await until(pilot, lambda: app.dashboard.body.turns.cursor is not None)
        await pilot.press("f8")
        await until(pilot, lambda: app.dashboard.body.turns.cursor is None)
        await pilot.press("f9")
        await until(pilot, lambda: not app.dashboard.body.gists.display)
