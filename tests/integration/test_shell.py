"""Completions in real shells, and the manual page through a real formatter."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.session_fixtures import store_session
from tui.cli import main
from tui.paths import sessions_dir
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession

Needs = Callable[..., None]


def run(*words: str, stdin: str = "", **environment: str) -> str:
    done = subprocess.run(
        words,
        input=stdin,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def livegist(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def offered(*words: str) -> list[str]:
    """Return what bash is offered for the last of `words`."""
    script = (
        f"{livegist('completions', 'bash')}\n"
        f"COMP_WORDS=(livegist {' '.join(map(repr, words))}); COMP_CWORD={len(words)}\n"
        '_livegist_completion livegist; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return run("bash", "--norc", "-c", script).split("\n")[:-1]


@pytest.fixture
def stored() -> StoredSession:
    return store_session(Store(sessions_dir()), metadata=SessionMetadata("Standup", ("work",)))


def test_bash_knows_commands_and_their_commands() -> None:
    assert {"ask", "export", "sessions"} <= set(offered(""))
    assert offered("sess") == ["sessions"]
    assert "rename" in offered("sessions", "")


def test_bash_knows_sessions_by_id_name_and_last(stored: StoredSession) -> None:
    assert offered("export", "") == ["last", stored.id, "Standup"]
    assert offered("sessions", "show", "2026") == [stored.id]


def test_bash_knows_prompts_formats_engines_and_tags(stored: StoredSession) -> None:
    assert "actions" in offered("stream", "--prompt", "")
    assert offered("export", "last", "--format", "j") == ["json", "jsonl"]
    assert offered("demo", "--engine", "l") == ["local"]
    assert offered("search", "--tag", "") == ["work"]


def test_bash_knows_speech_models() -> None:
    assert offered("models", "download", "large-v3") == ["large-v3", "large-v3-turbo"]
    assert "nemo-canary-1b-v2" in offered("serve", "--model", "nemo-c")


def test_a_session_that_cannot_be_read_breaks_no_completion(stored: StoredSession) -> None:
    stored.events.write_bytes(b"\xff\n")
    assert offered("export", "2026") == [stored.id]


def test_zsh_takes_the_script_and_gets_a_description_of_each_session(
    stored: StoredSession, needs: Needs, tmp_path: Path
) -> None:
    needs("zsh")
    script = tmp_path / "_livegist"
    script.write_text(livegist("completions", "zsh"))
    run("zsh", "-n", str(script))
    reported = run("livegist", COMP_WORDS="livegist export 2026", COMP_CWORD="2", _LIVEGIST_COMPLETE="zsh_complete")
    assert reported.split("\n")[:3] == ["plain", stored.id, "Standup"]


def test_fish_offers_sessions(stored: StoredSession, needs: Needs, tmp_path: Path) -> None:
    needs("fish")
    script = tmp_path / "livegist.fish"
    script.write_text(livegist("completions", "fish"))
    reported = run(
        "fish", "--no-config", "-c", f"source {script}; complete -C 'livegist export 2026'", HOME=str(tmp_path)
    )
    assert reported.split("\t")[0] == stored.id


def test_devices_are_offered_where_there_is_a_microphone(pulse: object, needs: Needs) -> None:
    assert "mic" in offered("stream", "--source", "mi")
    assert any(device.startswith("mic:") for device in offered("stream", "--source", "mic:"))


def test_the_manual_page_is_formatted_without_a_warning(needs: Needs) -> None:
    needs("groff")
    page = livegist("man")
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww", "-P-c"], input=page, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    for heading in ("NAME", "SYNOPSIS", "COMMANDS", "ENVIRONMENT", "EXIT STATUS"):
        assert heading in re.sub(".\b", "", done.stdout)


def test_the_manual_page_has_every_command_and_option() -> None:
    page = livegist("man").replace("\\-", "-")

    def look(command: click.Command, path: str) -> None:
        context = click.Context(command, info_name=path)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                if (inner := command.get_command(context, name)) is not None and not inner.hidden:
                    look(inner, f"{path} {name}")
            return
        assert f'.SS "{path} ' in page
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in page

    look(main, "livegist")
