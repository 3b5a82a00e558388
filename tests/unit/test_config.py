import compileall
import json
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tui
from tests.structs import TEXT
from tui.config.format import rows, show
from tui.config.load import load
from tui.config.schema import FIELDS, Config, allowed
from tui.credentials import api_key, llm_key
from tui.errors import ConfigError

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | st.lists(TEXT, max_size=2)
TABLES = st.dictionaries(TEXT, st.booleans() | st.integers(-(2**63), 2**63 - 1) | TEXT | st.lists(TEXT), max_size=3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_without_any_word_the_tutorials_values_hold(file: Path) -> None:
    config = load(file=file, environ={}).config
    assert (config.speech_model, config.max_tokens, config.chunk_ms) == ("u3-rt-pro", 4000, 50)
    assert (config.llm_model, config.format_turns) == ("claude-sonnet-4-20250514", True)


def test_flags_come_before_the_environment_before_the_file_before_the_defaults(file: Path) -> None:
    file.write_text('prompt = "of the file"\ntheme = "of the file"\nsource = "of the file"')
    environ = {"LIVEGIST_THEME": "of the environment", "LIVEGIST_SOURCE": "of the environment"}
    found = load({"source": "of the flags", "url": None}, file=file, environ=environ)
    config = found.config
    assert (config.source, config.theme, config.prompt) == ("of the flags", "of the environment", "of the file")
    assert {name: found.origin[name] for name in ("source", "theme", "prompt", "url")} == {
        "source": "flag",
        "theme": "LIVEGIST_THEME",
        "prompt": str(file),
        "url": "default",
    }


def test_the_file_is_the_one_in_the_home(home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("fps = 7")
    assert load(environ={}).config.fps == 7


def test_a_file_may_begin_with_a_byte_order_mark(file: Path) -> None:
    file.write_text("fps = 7", encoding="utf-8-sig")
    assert load(file=file, environ={}).config.fps == 7


def test_the_environment_is_this_processes_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_FPS", "9")
    assert load().config.fps == 9


@pytest.mark.parametrize(
    ("text", "line", "about", "takes"),
    [
        ("fps = 10\n\n  colour = 1", 3, "unknown setting 'colour'", "Settings: source, mic_latency_ms,"),
        ("[stream_options]\ntheme = 1\n[paint]\nfps = 2", 3, "unknown setting 'paint'", "Settings: source,"),
        ("[[paint]]", 1, "unknown setting 'paint'", "Settings: source,"),
        ('# fps\n"fps" = "ten"', 2, 'fps = "ten" is invalid', "fps must be an integer from 1 to 60."),
        ("fps = 61", 1, "fps = 61 is invalid", "fps must be an integer from 1 to 60."),
        ("chunk_ms = 20", 1, "chunk_ms = 20 is invalid", "chunk_ms must be an integer from 50 to 1000."),
        ("gist_timeout_s = 0", 1, "gist_timeout_s = 0 is", "gist_timeout_s must be a number above 0, at most 600."),
        (
            "unattended_minutes = -2",
            1,
            "unattended_minutes = -2",
            "unattended_minutes must be a number of at least -1.",
        ),
        ("\nanalyse_at_end = 1", 2, "analyse_at_end = 1 is invalid", "analyse_at_end must be true or false."),
        ("theme = true", 1, "theme = true is invalid", "theme must be a string."),
        ("input_rate = []", 1, "input_rate = [] is invalid", "input_rate must be a number."),
        ('engine = "moon"', 1, 'engine = "moon" is invalid', 'engine must be "auto", "cloud" or "local".'),
        ("keys = 3", 1, "keys = 3 is invalid", "keys must be a table."),
        (
            "fps = 3\n[hourly_rates]\nx = true",
            3,
            "hourly_rates.x = true is",
            "hourly_rates.x must be a number.",
        ),
        ("[hourly_rates]\nx = 1\n'y' = '2'\n[keys]\n", 3, 'hourly_rates.y = "2"', "hourly_rates.y must be a number."),
        ("hourly_rates = { x = 1, y = [] }", 1, "hourly_rates.y = [] is", "hourly_rates.y must be a number."),
        ("hourly_rates.x = 1\nhourly_rates.'y' = '2'", 2, 'hourly_rates.y = "2"', "hourly_rates.y must be a number."),
        ("[keys]\n\nstart = 3", 3, "keys.start = 3 is invalid", "keys.start must be a string."),
        (
            "[keys]\nstop = 'x'\n[highlights]\nx = 1",
            4,
            "highlights.x = 1 is",
            'highlights.x must be "mark", ',
        ),
        ('[highlights.Ann]\nstyle = "loud"', 1, "highlights.Ann = { ", "highlights.Ann must be"),
        ("chunck_ms = 50", 1, "unknown setting 'chunck_ms'; did you mean chunk_ms?", "Settings: source,"),
        ("source = 2020-01-01", 1, 'source = "2020-01-01" is invalid', "source must be a string or a list"),
    ],
)
def test_a_wrong_entry_names_its_file_line_key_and_what_is_allowed(
    file: Path, text: str, line: int, about: str, takes: str
) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as wrong:
        load(file=file, environ={})
    assert wrong.value.message.startswith(f"{file}:{line}: {about}")
    assert wrong.value.hint.startswith(takes)
    assert wrong.value.exit_code == 2


@pytest.mark.parametrize(("text", "about"), [(b"fps = ", "is not valid TOML"), (b'source = "\xe9"', "cannot be read")])
def test_a_file_that_is_not_toml_or_not_text_says_so(file: Path, text: bytes, about: str) -> None:
    file.write_bytes(text)
    with pytest.raises(ConfigError, match=about) as wrong:
        load(file=file, environ={})
    assert str(file) in wrong.value.message


@pytest.mark.parametrize(
    ("variable", "written", "about"),
    [
        ("LIVEGIST_COLOUR", "red", "LIVEGIST_COLOUR: unknown setting 'colour'"),
        ("LIVEGIST_FPS", "ten", 'LIVEGIST_FPS: fps = "ten" is invalid'),
        ("LIVEGIST_KEYS", "start=f5", "LIVEGIST_KEYS is not valid JSON"),
        ("LIVEGIST_KEYS", "[1]", "LIVEGIST_KEYS: keys = [1] is invalid"),
    ],
)
def test_a_wrong_variable_is_named(file: Path, variable: str, written: str, about: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        load(file=file, environ={variable: written})
    assert wrong.value.message.startswith(about)
    assert wrong.value.hint


def test_a_wrong_flag_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match="the command line: fps = 0 is invalid"):
        load({"fps": 0}, file=file, environ={})


def test_the_environment_writes_numbers_switches_and_tables_as_text(file: Path) -> None:
    environ = {
        "LIVEGIST_FPS": "12",
        "LIVEGIST_GIST_TIMEOUT_S": "2.5",
        "LIVEGIST_FORMAT_TURNS": "false",
        "LIVEGIST_STREAM_OPTIONS": '{"speaker_labels": true, "keyterms_prompt": ["gist"]}',
    }
    config = load(file=file, environ=environ).config
    assert (config.fps, config.gist_timeout_s, config.format_turns) == (12, 2.5, False)
    assert config.stream_options == {"speaker_labels": True, "keyterms_prompt": ["gist"]}


def test_keys_and_the_home_are_no_settings(file: Path) -> None:
    environ = {
        "ASSEMBLYAI_API_KEY": " secret-1\n",
        "LIVEGIST_LLM_KEY": "secret-2",
        "LIVEGIST_TOKEN": "secret-3",
        "LIVEGIST_WEB_TOKEN": "secret-4",
        "LIVEGIST_HOOK_SECRET": "secret-5",
        "LIVEGIST_HOME": "/x",
        "LIVEGIST_SESSION": "/x/data/sessions/1",
        "HOME": "/y",
    }
    assert "secret" not in show(load(file=file, environ=environ))
    assert (api_key(environ), llm_key(environ)) == ("secret-1", "secret-2")
    assert (api_key({}), llm_key({})) == ("", "")


def test_every_setting_has_a_group_a_description_and_allowed_values() -> None:
    listed = list(rows())
    assert [row.name for row in listed] == list(FIELDS)
    for row in listed:
        assert re.fullmatch(r"[A-Z].*[^.]\.", row.description)
        assert allowed(row.name)
    groups = [title for title, _ in groupby(row.group for row in listed)]
    assert groups == ["Audio", "Speech recognition", "LLM", "Session", "Screen", "Costs"]


def test_config_show_has_descriptions_without_the_source_code(tmp_path: Path) -> None:
    package = Path(tui.__file__).parent
    copy = tmp_path / "tui"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(copy, quiet=2, legacy=True)
    for file in copy.rglob("*.py"):
        file.unlink()
    command = [sys.executable, "-c", "from tui.cli import main; main()", "config", "show"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "# Name of the theme: a bundled theme" in done.stdout


def test_config_show_gives_description_and_origin_of_each_value_by_group(file: Path) -> None:
    text = show(load({"fps": 7}, file=file, environ={}))
    assert "# Level meter refresh rate in frames per second.\n# from: flag\nfps = 7\n" in text
    screen = text.partition("# == Screen ==\n")[2].partition("# == Costs ==")
    assert "\nfps = 7\n" in screen[0]
    assert "\nhourly_rates.u3-rt-pro = 0.45\n" in screen[2]


@given(options=TABLES, source=TEXT, keys=st.dictionaries(TEXT, TEXT, max_size=2), rate=st.floats(allow_nan=False))
def test_what_is_shown_can_be_the_config_file(
    options: dict[str, Any], source: str, keys: dict[str, str], rate: float
) -> None:
    flags = {"stream_options": options, "source": source, "keys": keys, "input_rate": rate}
    found = load(flags, file=Path("/nonexistent"), environ={})
    assert tomllib.loads(show(found)) == {name: getattr(found.config, name) for name in FIELDS}


@given(st.dictionaries(st.sampled_from(list(FIELDS)), VALUES | TABLES, max_size=3))
def test_any_entries_make_a_config_or_one_error_that_helps(flags: dict[str, Any]) -> None:
    try:
        assert isinstance(load(flags, file=Path("/nonexistent"), environ={}).config, Config)
    except ConfigError as wrong:
        complaint = wrong
    else:
        return
    assert complaint.message.startswith("the command line: ")
    assert " must be " in complaint.hint


@given(st.sampled_from(list(FIELDS)), st.text(st.characters(blacklist_characters="\0", codec="utf-8")))
def test_any_variable_makes_a_config_or_one_error_that_names_it(name: str, written: str) -> None:
    variable = f"LIVEGIST_{name.upper()}"
    try:
        load(file=Path("/nonexistent"), environ={variable: written})
    except ConfigError as wrong:
        complaint = wrong
    else:
        return
    assert variable in complaint.message


def test_what_json_can_say_and_toml_cannot_is_left_out_of_what_is_show(file: Path) -> None:
    written = json.dumps({"vad_threshold": None, "speaker_labels": True})
    text = show(load(file=file, environ={"LIVEGIST_STREAM_OPTIONS": written}))
    assert tomllib.loads(text)["stream_options"] == {"speaker_labels": True}
