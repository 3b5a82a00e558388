import os
import stat
import tempfile
import tomllib
from pathlib import Path

import platformdirs
import pytest

from tui import paths
from tui.errors import LivegistError


def mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_the_home_variable_moves_all_folders(home: Path) -> None:
    assert paths.config_file() == home / "config" / "config.toml"
    assert paths.sessions_dir() == home / "data" / "sessions"
    assert paths.log_file() == home / "run" / "engine.log"


def test_without_the_variable_things_live_where_the_platform_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEGIST_HOME")
    for folder in (paths.config_dir(), paths.data_dir()):
        assert folder.is_absolute()
        assert folder.name == "livegist"


def test_a_tilde_in_the_variable_is_the_persons_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGIST_HOME", "~/elsewhere")
    assert paths.config_dir() == Path.home() / "elsewhere" / "config"


def test_the_runtime_folder_and_all_it_took_to_make_it_are_ours_alone(home: Path) -> None:
    folder = paths.runtime_dir()
    assert folder == home / "run"
    assert mode(folder) == mode(home) == 0o700


def test_a_folder_that_others_may_enter_is_closed_to_them(home: Path) -> None:
    (home / "run").mkdir(parents=True)
    (home / "run").chmod(0o755)
    assert mode(paths.runtime_dir()) == 0o700


def test_a_folder_of_somebody_else_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.runtime_dir()
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(LivegistError, match="does not belong to you") as refused:
        paths.runtime_dir()
    assert "LIVEGIST_HOME" in refused.value.hint


def test_a_link_is_refused_wherever_it_leads(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "run").symlink_to(tmp_path)
    with pytest.raises(LivegistError, match="does not belong to you"):
        paths.runtime_dir()


def test_a_file_in_the_way_is_one_error_with_a_way_out(home: Path) -> None:
    home.write_text("")
    with pytest.raises(LivegistError, match="cannot be created") as refused:
        paths.runtime_dir()
    assert "LIVEGIST_HOME" in refused.value.hint


def test_a_path_too_long_for_a_socket_is_replaced_by_a_short_one_of_its_own(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(short_dir))
    folders = []
    for name in ("a" * 120, "b" * 120):
        monkeypatch.setenv("LIVEGIST_HOME", str(short_dir / name))
        folder = paths.runtime_dir()
        assert len(os.fsencode(folder / "engine.sock")) <= paths.SOCKET_PATH_LIMIT
        assert mode(folder) == 0o700
        assert paths.runtime_dir() == folder
        folders.append(folder)
    assert folders[0] != folders[1]


def test_without_a_login_session_the_runtime_folder_is_a_private_one_elsewhere(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short_dir / "gone").write_text("")
    monkeypatch.delenv("LIVEGIST_HOME")
    monkeypatch.setattr(platformdirs, "user_runtime_dir", lambda *_, **__: str(short_dir / "gone" / "livegist"))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(short_dir))
    folder = paths.runtime_dir()
    assert folder == short_dir / f"livegist-{os.getuid()}"
    assert mode(folder) == 0o700


def test_what_ships_with_livegist_is_found_from_its_source_and_from_its_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(path.name for path in paths.shipped("prompts").glob("*.toml"))[0] == "1-summary.toml"
    package = tmp_path / "tui"
    (tmp_path / "themes").mkdir(parents=True)
    monkeypatch.setattr(paths, "PACKAGE", package)
    assert paths.shipped("themes") == tmp_path / "themes"
    (package / "themes").mkdir(parents=True)
    assert paths.shipped("themes") == package / "themes"


def test_all_that_is_shipped_as_toml_is_toml() -> None:
    shipped = [path for name in ("prompts", "themes") for path in paths.shipped(name).glob("*.toml")]
    for path in shipped:
        tomllib.loads(path.read_text(encoding="utf-8"))
    assert shipped


def test_a_user_without_a_home_gets_a_message_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("LIVEGIST_HOME")
    for name, find in (("user_data_dir", paths.data_dir), ("user_config_dir", paths.config_dir)):
        monkeypatch.setattr(platformdirs, name, unknown)
        with pytest.raises(LivegistError, match="home folder of this user is unknown") as caught:
            find()
        assert "LIVEGIST_HOME" in caught.value.hint
