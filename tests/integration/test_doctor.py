"""`livegist doctor` says what is wrong before a session finds out."""

import importlib.util
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.command import livegist
from tests.session_fixtures import store_session
from tui.cli import main
from tui.paths import config_dir, data_dir, log_file, sessions_dir
from tui.sessions.store import Store
from tui.viewer.layout_state import LayoutState, save


def doctor() -> Result:
    return CliRunner().invoke(main, ["doctor"])


def line(result: Result, word: str) -> str:
    """Return the finding that names a word, and what to do about it."""
    lines = result.stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if word in line)
    return "\n".join(lines[at : at + 2])


def configure(text: str) -> None:
    (config_dir() / "prompts").mkdir(parents=True, exist_ok=True)
    (config_dir() / "config.toml").write_text(text)


def test_all_is_well_where_nothing_is_wrong() -> None:
    store_session(Store(sessions_dir()))
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "FAIL" not in result.stdout
    assert "1 session stored" in result.stdout


def test_the_files_of_a_dashboard_are_private() -> None:
    layout_file = data_dir() / "panes.json"
    layout_file.parent.mkdir(parents=True)
    layout_file.write_text("{}")
    layout_file.chmod(0o644)
    save(layout_file, LayoutState(zoomed="turns"))
    result = doctor()
    assert result.exit_code == 0, result.output
    assert "other users can access" not in result.stdout


@pytest.mark.parametrize(
    ("text", "word", "reported", "code"),
    [
        ("fps = 99", "fps", "fps must be an integer from 1 to 60.", 1),
        ('prompt = "poem"', "'poem'", "Available prompts: summary, actions", 1),
        ('theme = "beige"', "'beige'", "contrast", 0),
        ('hook_url = "http://example.com/hook"', "hook_url", "https://", 1),
    ],
)
def test_an_invalid_setting_is_reported_with_valid_ones(text: str, word: str, reported: str, code: int) -> None:
    configure(text)
    result = doctor()
    assert result.exit_code == code
    assert reported in line(result, word)
    assert line(result, word).startswith("FAIL" if code else "note")


def test_the_end_of_turn_model_is_named_or_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", find_all_but("pipecat"))
    assert line(doctor(), "end-of-turn model").startswith("note")
    assert "pip install --no-deps pipecat-ai" in line(doctor(), "end-of-turn model")
    model = tmp_path / "model.onnx"
    configure(f'local_turn_model = "{model}"')
    assert line(doctor(), "end-of-turn model").startswith("FAIL")
    model.touch()
    assert line(doctor(), "end-of-turn model").splitlines()[0].endswith(str(model))
    configure('local_turn_model = "off"')
    assert line(doctor(), "end-of-turn model").splitlines()[0].endswith("off")


def test_the_speaker_model_is_named_or_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", find_all_but("resemblyzer"))
    assert line(doctor(), "speaker model").startswith("note")
    assert "pip install --no-deps resemblyzer" in line(doctor(), "speaker model")
    model = tmp_path / "voices.onnx"
    configure(f'local_speaker_model = "{model}"')
    assert line(doctor(), "speaker model").startswith("FAIL")
    model.touch()
    assert line(doctor(), "speaker model").splitlines()[0].endswith(str(model))


def test_a_missing_speech_model_is_reported_with_the_command_that_installs_it() -> None:
    assert "tiny.en in " in line(doctor(), "ok    speech model")
    configure('local_model = "small"')
    assert line(doctor(), "small").startswith("FAIL  The speech model small is not installed.")
    assert "livegist models download small" in line(doctor(), "small")


def find_all_but(name: str) -> Callable[..., ModuleSpec | None]:
    """Return `find_spec` for a machine without one package."""
    found = importlib.util.find_spec
    return lambda wanted, package=None: None if wanted == name else found(wanted, package)


def test_an_invalid_prompt_is_reported_with_its_file() -> None:
    configure("")
    (config_dir() / "prompts" / "mine.toml").write_text("name =")
    result = doctor()
    assert result.exit_code == 1
    assert line(result, "mine.toml").startswith("FAIL")


def test_untranscribed_sessions_are_reported_with_the_command_that_transcribes_them() -> None:
    stored = store_session(Store(sessions_dir()), state=None)
    result = doctor()
    assert result.exit_code == 0
    assert f"livegist recover {stored.id}" in line(result, "not fully transcribed")


def test_a_log_that_others_may_read_is_found() -> None:
    log_file().touch(0o644)
    log_file().chmod(0o644)
    result = doctor()
    assert result.exit_code == 1
    assert "chmod -R go-rwx" in line(result, str(log_file()))


def test_a_link_to_somewhere_else_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    store_session(Store(sessions_dir()))
    (sessions_dir() / "elsewhere").symlink_to(tmp_path / "open")
    (sessions_dir() / "nowhere").symlink_to(tmp_path / "gone")
    assert doctor().exit_code == 0


def test_a_wrong_setting_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_FPS", "900")
    livegist("doctor", code=1, says="1 check failed.")
