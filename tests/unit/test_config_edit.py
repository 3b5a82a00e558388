import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.config.edit import edit, write
from tui.config.format import show
from tui.config.load import load, parse_value
from tui.errors import ConfigError

COMMENTED = """\
# mine, by hand
fps = 10  # the line is slow

theme = "paper"

[keys]  # F keys
start = "f5"
"""


def test_a_change_leaves_comments_order_and_tables_as_they_are() -> None:
    assert edit(COMMENTED, "fps", 30) == COMMENTED.replace("fps = 10", "fps = 30")


def test_a_new_setting_stands_before_the_tables() -> None:
    text = edit(COMMENTED, "engine", "local")
    assert tomllib.loads(text) == {**tomllib.loads(COMMENTED), "engine": "local"}
    assert all(line in text for line in COMMENTED.splitlines() if line)


def test_a_setting_taken_out_has_its_default_again() -> None:
    assert "theme" not in tomllib.loads(edit(COMMENTED, "theme", None))
    assert edit(COMMENTED, "engine", None) == COMMENTED


def test_a_file_made_from_config_show_can_be_edited(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(show(load({"keys": {"start": "f5"}}, file=file, environ={})))
    write("fps", 30, file)
    config = load(file=file, environ={}).config
    assert (config.fps, config.keys, config.source) == (30, {"start": "f5"}, "mic")


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_written_so_that_it_is_read_the_same(text: str) -> None:
    assert tomllib.loads(edit(COMMENTED, "source", text))["source"] == text


def test_a_file_that_is_not_toml_is_not_changed(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("fps = = 3\n")
    with pytest.raises(ConfigError, match=r"not valid TOML: .* line 1") as refused:
        write("fps", 4, file)
    assert refused.value.hint == "Correct it in an editor first."
    assert file.read_text() == "fps = = 3\n"


def test_a_file_that_is_wrong_elsewhere_is_not_written_and_the_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("fps = 10\nthemes = 1\n")
    with pytest.raises(ConfigError, match=rf"{file}:2"):
        write("fps", 4, file)
    assert file.read_text() == "fps = 10\nthemes = 1\n"


def test_a_value_out_of_bounds_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    with pytest.raises(ConfigError, match="fps"):
        write("fps", 400, file)
    assert not file.exists()


def test_the_first_setting_makes_the_file_and_its_folder_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    write("flac", True, file)
    assert load(file=file, environ={}).config.flac is True
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_a_link_is_followed_and_rights_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text(COMMENTED)
    real.chmod(0o640)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    write("fps", 30, link)
    assert link.is_symlink()
    assert tomllib.loads(real.read_text())["fps"] == 30
    assert real.stat().st_mode & 0o777 == 0o640
    assert {found.name for found in tmp_path.iterdir()} == {"config.toml", "dotfiles.toml"}


def test_what_is_written_by_hand_becomes_the_settings_type() -> None:
    assert parse_value("fps", "30") == 30
    assert parse_value("flac", "true") is True
    assert parse_value("theme", "paper") == "paper"
    with pytest.raises(ConfigError, match="fps"):
        parse_value("fps", "fast")
