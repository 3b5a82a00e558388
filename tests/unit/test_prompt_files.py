from pathlib import Path

import pytest

from tui.engine.prompt_files import PromptFiles
from tui.errors import ConfigError, UsageError
from tui.model.prompts import PromptLibrary
from tui.paths import PACKAGE

TEXT = '# mine\nname = "Risks"\nturn = "Risks? {{turn}}"\nsession = "Risks? {{transcript}}"\n'


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return tmp_path / "prompts"


@pytest.fixture
def files(own: Path) -> PromptFiles:
    return PromptFiles((PACKAGE / "prompts", own))


def test_what_is_written_is_there_with_its_comments_for_its_owner_alone(files: PromptFiles, own: Path) -> None:
    files.write("risks", TEXT)
    assert files.load()["risks"].name == "Risks"
    assert files.show("risks").text == TEXT
    assert files.show("risks").own
    assert own.stat().st_mode & 0o077 == 0
    assert (own / "risks.toml").stat().st_mode & 0o077 == 0
    assert [path.name for path in own.iterdir()] == ["risks.toml"]


def test_a_bundled_one_is_hidden_and_comes_back(files: PromptFiles) -> None:
    bundled = files.show("summary")
    assert not bundled.own
    files.write("summary", TEXT)
    assert files.load()["summary"].name == "Risks"
    assert next(prompt.id for prompt in files.load()) == "summary"
    files.delete("summary")
    assert files.show("summary") == bundled


def test_a_bundled_one_is_not_deleted(files: PromptFiles) -> None:
    with pytest.raises(UsageError, match="is a built-in prompt"):
        files.delete("summary")
    assert "summary" in files.load()


def test_a_number_before_the_name_stays(files: PromptFiles, own: Path) -> None:
    own.mkdir()
    (own / "5-risks.toml").write_text(TEXT)
    files.write("risks", TEXT.replace("mine", "ours"))
    assert (own / "5-risks.toml").read_text().startswith("# ours")
    files.delete("risks")
    assert list(own.iterdir()) == []


@pytest.mark.parametrize("id", ["", "../evil", "a/b", ".hidden", "a b", "x" * 65, "nul\0", "é"])
def test_an_id_that_is_no_files_name_is_refused(files: PromptFiles, own: Path, id: str) -> None:
    with pytest.raises(UsageError, match="is not a valid prompt id"):
        files.write(id, TEXT)
    with pytest.raises(UsageError, match="no prompt"):
        files.show(id)
    with pytest.raises(UsageError, match="no prompt"):
        files.delete(id)
    assert not own.exists()


def test_an_invalid_prompt_is_not_written(files: PromptFiles, own: Path) -> None:
    with pytest.raises(ConfigError, match="lacks"):
        files.write("risks", TEXT.replace("{{turn}}", ""))
    with pytest.raises(UsageError, match="too long"):
        files.write("risks", TEXT + "#" * 100_000)
    assert not own.exists()


def test_changes_on_the_disk_are_seen_once(files: PromptFiles, own: Path) -> None:
    files.load()
    assert not files.changed
    own.mkdir()
    (own / "risks.toml").write_text(TEXT)
    assert files.changed
    files.load()
    assert not files.changed
    (own / "risks.toml").unlink()
    assert files.changed


def test_a_library_keeps_what_is_in_use(files: PromptFiles) -> None:
    files.write("risks", TEXT)
    library = files.load()
    files.delete("risks")
    library.replace_with(files.load(), in_use=("risks", "summary", "unknown"))
    assert "risks" in library
    library.replace_with(files.load())
    assert "risks" not in library
    assert {prompt.id for prompt in library} == {prompt.id for prompt in PromptLibrary.load(PACKAGE / "prompts")}
