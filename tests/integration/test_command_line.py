"""Whatever a person types, and whatever the system refuses, a command ends with two lines and an exit code."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.command import livegist
from tests.session_fixtures import final_turn, store_session
from tests.terminal import LIVEGIST
from tui.cli import main
from tui.credentials import Key
from tui.model.events import Event, TurnChanged
from tui.paths import runtime_dir, sessions_dir
from tui.sessions.metadata import SessionMetadata
from tui.sessions.store import Store, StoredSession

PLANTED = "sk-planted-0123456789abcdef"
PATIENCE_S = 40


@pytest.fixture
def stored() -> StoredSession:
    return store_session(Store(sessions_dir()), metadata=SessionMetadata("Standup"))


def run(script: str, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a shell script in which `$LIVEGIST` is the program."""
    command = " ".join(f"'{word}'" for word in LIVEGIST)
    return subprocess.run(
        ["bash", "-c", script.replace("$LIVEGIST", command)],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.parametrize(
    ("words", "what", "to_do"),
    [
        ((), "needs a terminal", "livegist stream"),
        (("--source", "-"), "reads keys from standard input", "livegist stream --source -"),
        (("--plain", "--source", "-"), "reads keys from standard input", "livegist stream --source -"),
        (("moon",), "No such command 'moon'", "livegist --help"),
        (("--moon",), "No such option '--moon'", "livegist --help"),
        (("--source", "mic", "sessions"), "Options come after the command", "livegist --help"),
        (("sessions", "moon"), "No such command 'moon'", "livegist sessions --help"),
        (("sessions", "prune"), "Missing option '--older-than'", "livegist sessions prune --help"),
        (("sessions", "prune", "--older-than", "soon"), "'soon' is not a valid age", "90d"),
        (("search",), "Missing argument", "livegist search --help"),
        (("search", "--limit", "0", "x"), "not in the range", "livegist search --help"),
        (("completions",), "bash, zsh, fish", "livegist completions --help"),
        (("replay", "last", "--speed", "0"), "not in the range", "livegist replay --help"),
        (("transcribe", "/nowhere/talk.mp3"), "no file /nowhere/talk.mp3", "folder"),
        (("transcribe", "-"), "Standard input is not a file", "livegist stream --source -"),
        (("transcribe", "https://example.org/talk.mp3"), "is an address, not a file", "curl -O"),
        (("sessions", "tag", "last", "#"), "A tag is one word", "livegist sessions tag"),
        (("ask", "last"), "needs a session", "livegist ask last"),
        (("ask", "last", " "), "question is empty", "livegist ask last"),
        (("export", "last", "-o", "minutes"), "does not say the format", "--format"),
        (("export", "last", "-o", "/"), "does not say the format", "--format"),
        (("export", "last", "--format", "docx"), "Unknown format: 'docx'", "vtt"),
        (("stream", "--prompt", "poem"), "no prompt 'poem'", "summary"),
        (("stream", "--fps", "7"), "No such option", "livegist stream --help"),
        (("login", "--llm", "--hook"), "--llm and --hook exclude", "one of them"),
    ],
)
def test_a_usage_error_is_one_line_and_a_hint(
    stored: StoredSession, words: tuple[str, ...], what: str, to_do: str
) -> None:
    result = livegist(*words, code=2, says=what)
    assert result.stdout == ""
    first, second = result.stderr.splitlines()
    assert first.startswith("livegist: ")
    assert what in first
    assert to_do in second


def test_a_prompt_of_the_settings_that_is_not_there_is_said_before_anything_is_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIVEGIST_PROMPT", "poem")
    for words in (("stream", "--json"), ("recover",), ("transcribe", __file__)):
        assert livegist(*words, code=2, says="There is no prompt 'poem'").stdout == ""
    assert list(Store(sessions_dir())) == []


@pytest.mark.parametrize("group", [(), ("sessions",), ("config",)])
def test_the_help_shows_the_whole_description_of_each_command(group: tuple[str, ...]) -> None:
    text = livegist(*group, "--help").stdout
    assert "..." not in text.partition("Commands:")[2]
    assert max(map(len, text.splitlines())) <= 80


def test_a_group_without_a_command_shows_its_help() -> None:
    livegist("config", code=2, says="Print the path of the config file")


@pytest.mark.internal_error
def test_an_internal_error_is_one_line_and_a_hint_and_its_report_has_no_key(
    stored: StoredSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> str:
        raise KeyError(f"planted, with {os.environ['ASSEMBLYAI_API_KEY']}")

    monkeypatch.setenv("ASSEMBLYAI_API_KEY", PLANTED)
    monkeypatch.setattr("tui.sessions.export.export", broken)
    result = CliRunner().invoke(main, ["export", "last"])
    assert (result.exit_code, result.stdout) == (1, "")
    first, second = result.stderr.splitlines()
    assert "KeyError: 'planted, with [key]'" in first
    report = runtime_dir() / "crash.log"
    assert str(report) in second
    assert "Traceback" in report.read_text()
    assert PLANTED not in report.read_text() + result.stderr
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


@pytest.mark.parametrize("command", ["sessions", "sessions show last", "search pool", "man", "config show", "doctor"])
def test_a_full_disk_behind_stdout_is_said(stored: StoredSession, command: str) -> None:
    done = run(f"exec $LIVEGIST {command} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[0] == "livegist: No space left on device."
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["sessions", "export last", "search pool"])
def test_a_closed_stdout_breaks_nothing(stored: StoredSession, command: str) -> None:
    done = run(f"exec $LIVEGIST {command} >&-")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("$LIVEGIST <&-", 2, "needs a terminal"),
        ("$LIVEGIST >&-", 2, "needs a terminal"),
        ("$LIVEGIST login <&-", 2, "Not a valid key."),
        ("$LIVEGIST stream --source - --url ws://127.0.0.1:1 <&-", 1, "Standard input is empty."),
        ("$LIVEGIST sessions delete last <&-", 1, "Aborted!"),
        ("$LIVEGIST transcribe nowhere.wav 2>&-", 2, ""),
        ("$LIVEGIST sessions <&- >&- 2>&-", 0, ""),
    ],
)
def test_a_closed_standard_stream_is_no_internal_error(
    stored: StoredSession, command: str, code: int, says: str
) -> None:
    done = run(command)
    assert done.returncode == code, done.stderr
    assert says in done.stderr.decode()
    assert not (runtime_dir() / "crash.log").exists()


def test_a_home_that_is_not_valid_text_is_said() -> None:
    done = run("LIVEGIST_HOME=$'/tmp/caf\\xe9' $LIVEGIST stream --engine local --source nowhere.wav")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"livegist: The name of the folder in LIVEGIST_HOME is not valid text.\n")


def test_a_key_from_a_file_with_a_byte_order_mark_is_taken() -> None:
    assert run("printf '\\357\\273\\277sk-planted\\r\\n' | $LIVEGIST login --file").returncode == 0
    assert Key.VENDOR.file.read_text() == "sk-planted\n"


def test_no_file_takes_the_place_of_a_closed_standard_error(stored: StoredSession, tmp_path: Path) -> None:
    target = tmp_path / "minutes.txt"
    python, *_ = LIVEGIST
    code = (
        "import os; from tui.cli.standard_streams import open_missing_streams; open_missing_streams(); "
        f"file = os.open({str(target)!r}, os.O_WRONLY | os.O_CREAT); os.write(2, b'ALSA lib: warning'); print(file > 2)"
    )
    assert run(f'exec {python} -c "$CODE" 2>&-', CODE=code).stdout == b"True\n"
    assert target.read_bytes() == b""


def test_a_reader_that_has_enough_gets_no_error() -> None:
    turns: list[Event] = [TurnChanged(final_turn(n, f"This is turn {n}. " * 20, start_s=0.0)) for n in range(1, 300)]
    store_session(Store(sessions_dir()), turns)
    done = run("$LIVEGIST export last --format json | head -n 1; exit ${PIPESTATUS[0]}", PYTHONUNBUFFERED="")
    assert (done.returncode, done.stdout, done.stderr) == (141, b"{\n", b"")


def test_a_terminal_that_lacks_a_sign_gets_another(stored: StoredSession, tmp_path: Path) -> None:
    assert run("exec $LIVEGIST sessions rename last '★ Übung'").returncode == 0
    latin = {"PYTHONIOENCODING": "latin-1"}
    listed = run("exec $LIVEGIST sessions", **latin)
    assert (listed.returncode, listed.stderr) == (0, b"")
    assert "? Übung".encode("latin-1") in listed.stdout
    # What other programs read is UTF-8 whatever the terminal's encoding is.
    assert run("exec $LIVEGIST export last", **latin).stdout.startswith("# ★ Übung".encode())
    assert "★ Übung".encode() in run("exec $LIVEGIST sessions list --json", **latin).stdout


@pytest.mark.parametrize("command", ["rename", "note", "tag"])
def test_signs_that_are_none_are_not_kept(stored: StoredSession, command: str) -> None:
    done = run(rf"exec $LIVEGIST sessions {command} last $'caf\xe9 \e[2J'")
    assert (done.returncode, done.stderr) == (0, b"")
    kept = (stored.path / "about.json").read_bytes()
    assert b"caf" in kept
    assert b"\xe9" not in kept
    assert b"\\u001b" not in kept


def test_a_home_that_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", "/proc/nowhere")
    livegist("sessions", says="No session is stored yet.")
    for words in (("search", "x"), ("ls",), ("stop",), ("stream", "--engine", "local")):
        result = livegist(*words, code=1, says="/proc/nowhere")
        assert len(result.stderr.splitlines()) == 2
