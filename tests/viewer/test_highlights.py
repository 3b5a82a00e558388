"""Tests of highlights: matches, styles, bell, notification and command."""

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.processes import all_ended
from tests.viewer.dashboard_harness import emit, live, toasts
from tests.viewer.pilot import run_app, until
from tests.viewer.scripted_engine import ScriptedEngine, gist, partial, turn
from tui.config.format import show
from tui.config.load import load
from tui.config.schema import Highlight, Style
from tui.errors import LivegistError
from tui.model.events import GistChanged, Snapshot, TurnChanged
from tui.presentation.highlight_rules import compile_rules, matching_rules
from tui.user_command import CommandError
from tui.viewer.app import LivegistApp
from tui.viewer.highlights import apply_rules
from tui.viewer.notifications import notification, run_command
from tui.viewer.styled_text import Span
from tui.viewer.widgets.cell_widget import CellWidget

TABLE: dict[str, Style | Highlight] = {
    "Maria": "warn",
    "connection pool": Highlight(style="bad", bell=True),
    r"/\b[A-Z]{3}-\d+\b/": Highlight(notify="9"),
}


def found(text: str) -> list[str]:
    return [rule.text for rule in matching_rules(text, compile_rules(TABLE)[0])]


def test_words_are_found_whole_whatever_their_capitals() -> None:
    assert found("ask MARIA, please") == ["Maria"]
    assert found("Mariachi") == []
    assert found("the connection  pool is full") == ["connection pool"]


def test_expressions_are_taken_as_they_are_written() -> None:
    assert found("see OPS-12") == [r"/\b[A-Z]{3}-\d+\b/"]
    assert found("see ops-12") == []


def test_highlights_are_words_and_no_regular_expressions() -> None:
    rules, problems = compile_rules({"a.c": "mark", "(": "mark", "": "mark"})
    assert problems == []
    assert matching_rules("abc", rules) == []
    assert [rule.text for rule in matching_rules("is a.c there?", rules)] == ["a.c"]


def test_a_broken_expression_is_one_problem_and_the_others_stay() -> None:
    rules, (problem,) = compile_rules({"/(/": "mark", "ok": "mark"})
    assert [rule.text for rule in rules] == ["ok"]
    assert "/(/" in problem.message


def test_a_match_is_styled_across_spans_and_an_empty_match_styles_nothing() -> None:
    rules, _ = compile_rules({"two words": "bad", "/x*/": "good"})
    assert apply_rules([Span("say two "), Span("words now", "unstable")], rules) == (
        Span("say "),
        Span("two ", "bad strong"),
        Span("words", "unstable bad strong"),
        Span(" now", "unstable"),
    )


@pytest.mark.parametrize(
    ("kind", "environ", "begins"),
    [
        ("True", {}, "\x1b]9;livegist: "),
        ("True", {"VTE_VERSION": "7600"}, "\x1b]777;notify;livegist;"),
        ("True", {"TERM": "foot"}, "\x1b]777;notify;livegist;"),
        ("9", {"TERM": "foot"}, "\x1b]9;livegist: "),
        ("777", {}, "\x1b]777;notify;livegist;"),
        ("True", {"TMUX": "/tmp/x"}, "\x1bPtmux;\x1b\x1b]9;livegist: "),
    ],
)
def test_a_notification_is_written_as_the_terminal_takes_it(kind: str, environ: dict[str, str], begins: str) -> None:
    assert notification("said", kind, environ).startswith(begins)


def test_a_notification_holds_nothing_that_a_terminal_obeys() -> None:
    written = notification("\x07\x1b]0;evil\x07\nmore" + "x" * 900, "9", {})
    assert written.count("\x1b") == written.count("\x07") == 1
    assert "\n" not in written
    assert len(written) < 300


async def test_a_command_gets_the_turn_on_its_stdin_and_no_key(tmp_path: Path) -> None:
    out = tmp_path / "with space.json"
    environ = {"PATH": os.environ["PATH"], "ASSEMBLYAI_API_KEY": "secret", "OUT": str(out)}
    script = tmp_path / "run.sh"
    script.write_text('#!/bin/sh\ncat > "$1"\nenv >> "$1"\n')
    script.chmod(0o700)
    await run_command(f"{script} '{out}'", turn(3, "Hello; $(touch evil)"), environ)
    first, rest = out.read_text().split("\n", 1)
    assert json.loads(first)["text"] == "Hello; $(touch evil)"
    assert "secret" not in rest


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("false", "The command false failed with exit code 1"),
        ("/no/such/program", "The command /no/such/program cannot be started: No such file"),
        ("'unclosed", "Invalid command .*: No closing quotation"),
    ],
)
async def test_a_command_that_fails_is_named(command: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        await run_command(command, turn(1, "Hello."), os.environ)


async def test_a_command_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.user_command.COMMAND_TIMEOUT_S", 3.0)
    pids = tmp_path / "pids"
    with pytest.raises(CommandError, match="took longer than 3 s and was killed"):
        await run_command(f"sh -c 'sleep 300 & echo $! $$ >{pids}; wait'", turn(1, "Hello."), os.environ)
    await all_ended(pids, 2)


def test_the_config_takes_a_style_or_a_table_and_shows_what_it_took(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[highlights]\nMaria = "warn"\n"/a|b/" = { style = "bad", bell = true, command = "say" }\n')
    settings = load(file=file, environ={})
    assert settings.config.highlights == {"Maria": "warn", "/a|b/": Highlight("bad", bell=True, command="say")}
    file.write_text(show(settings))
    assert load(file=file, environ={}).config == settings.config
    file.write_text('[highlights]\nMaria = "loud"\n')
    with pytest.raises(LivegistError, match="highlights"):
        load(file=file, environ={})


class Watched(LivegistApp):
    rung = 0

    def bell(self) -> None:
        self.rung += 1


async def test_what_is_sought_stands_out_in_turns_and_gists() -> None:
    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, keys={}, highlights=TABLE)
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await emit(pilot, engine, TurnChanged(turn(1, "Ask Maria.")), GistChanged(gist(1, 1, "Maria is asked.")))
        for part in ("turns", "gists"):
            rows = app.screen.query_one(f"#{part}", CellWidget)
            pieces = [piece for y in range(rows.size.height) for piece in rows.render_line(y) if piece.text == "Maria"]
            assert len(pieces) == 1, part
            assert pieces[0].style is not None
            assert pieces[0].style.bold


async def test_a_turn_rings_once_when_it_ends_and_not_when_it_is_shown_again() -> None:
    engine = ScriptedEngine(snapshot=replace(live(), turns=(turn(1, "The connection pool of before."),)))
    app = Watched(engine, theme="night", fps=20, keys={}, highlights=TABLE)
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await emit(pilot, engine, TurnChanged(partial(2, "the connection pool")))
        await emit(pilot, engine, TurnChanged(turn(1, "The connection pool of before.")))
        assert app.rung == 0
        await emit(pilot, engine, TurnChanged(turn(2, "The connection pool.")))
        await until(pilot, lambda: app.rung == 1)
        await emit(pilot, engine, TurnChanged(turn(2, "The connection pool!")), TurnChanged(turn(3, "Maria.")))
        assert app.rung == 1


async def test_a_replay_rings_nothing() -> None:
    snapshot: Snapshot = replace(live(), replay_speed=2.0)
    engine = ScriptedEngine(snapshot=snapshot)
    app = Watched(engine, theme="night", fps=20, keys={}, highlights=TABLE)
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        await emit(pilot, engine, TurnChanged(turn(2, "The connection pool.")))
        assert app.rung == 0


async def test_a_notification_goes_to_the_terminal_and_a_failed_command_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    engine = ScriptedEngine(snapshot=live())
    both: dict[str, Style | Highlight] = {"pool": Highlight(notify="9", command="false")}
    app = LivegistApp(engine, theme="night", fps=20, keys={}, highlights=both)
    written: list[str] = []
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: app.dashboard.view_model.synced)
        monkeypatch.setattr(app._driver, "write", written.append)
        await emit(pilot, engine, TurnChanged(turn(1, "The pool.")))
        await until(pilot, lambda: any("]9;livegist: The pool." in text for text in written))
        await until(pilot, lambda: "false failed with exit code 1" in toasts(app))


async def test_a_broken_expression_is_a_notice() -> None:
    engine = ScriptedEngine(snapshot=live())
    app = LivegistApp(engine, theme="night", fps=20, keys={}, highlights={"/[/": "mark"})
    async with run_app(app, size=(120, 36)) as pilot:
        await until(pilot, lambda: "/[/ is not a valid regular expression" in toasts(app))
