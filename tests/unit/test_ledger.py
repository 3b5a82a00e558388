import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tui.batch.ledger import Ledger, Plan
from tui.errors import LivegistError

FILES = 10_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(opened(tmp_path)) as ledger:
        yield ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "talks"
    (folder / "more").mkdir(parents=True)
    for name in ("b.wav", "a.mp3", "more/c.FLAC", "notes.txt"):
        (folder / name).write_text(name)
    return folder


def opened(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "data", tmp_path / "data" / "sessions")


def session(tmp_path: Path, id: str, *, journal: bool = True) -> str:
    path = tmp_path / "data" / "sessions" / id
    path.mkdir(parents=True)
    (path / "audio.wav").write_bytes(b"sound")
    if journal:
        (path / "events.jsonl").write_text("{}")
    return id


def names(ledger: Ledger) -> list[str]:
    return [file.path.name for file in ledger.take()]


def test_the_audio_files_of_a_folder_are_planned_in_order(ledger: Ledger, folder: Path) -> None:
    assert ledger.plan([folder]) == Plan(3, 0)
    assert names(ledger) == ["a.mp3", "b.wav", "c.FLAC"]


def test_a_file_is_planned_once_for_overlapping_folders(ledger: Ledger, folder: Path) -> None:
    assert ledger.plan([folder, folder / "more"]) == Plan(3, 0)


def test_what_is_done_is_not_planned_again_unless_it_changed_or_its_session_is_gone(
    ledger: Ledger, folder: Path, tmp_path: Path
) -> None:
    ledger.plan([folder])
    for file in ledger.take():
        ledger.claim(file.path, session(tmp_path, file.path.name))
        ledger.finish(file.path, done=True)
    assert ledger.plan([folder]) == Plan(0, 3)
    (folder / "a.mp3").write_text("another recording")
    (tmp_path / "data" / "sessions" / "b.wav" / "audio.wav").unlink()
    (tmp_path / "data" / "sessions" / "b.wav" / "events.jsonl").unlink()
    (tmp_path / "data" / "sessions" / "b.wav").rmdir()
    assert ledger.plan([folder]) == Plan(2, 1)
    assert [(file.path.name, file.session) for file in ledger.take()] == [("a.mp3", ""), ("b.wav", "")]
    assert ledger.plan([folder], again=True) == Plan(3, 0)


def test_what_a_killed_run_has_begun_is_continued(folder: Path, tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as killed:
        killed.plan([folder])
        first, second, _ = killed.take()
        killed.claim(first.path, session(tmp_path, "copied"))
        killed.claim(second.path, session(tmp_path, "half", journal=False))
    with closing(opened(tmp_path)) as ledger:
        assert ledger.plan([folder]) == Plan(3, 0)
        first, second, third = ledger.take()
        begun = ledger.resumable(first)
        assert begun is not None
        assert begun.id == "copied"
        assert ledger.resumable(second) is None
        assert not (tmp_path / "data" / "sessions" / "half").exists()
        assert ledger.resumable(third) is None


def test_failures_are_those_of_the_last_run(folder: Path, tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as ledger:
        ledger.plan([folder])
        for file in ledger.take():
            ledger.finish(file.path, done=False, error="no sound", hint="Check it.")
        assert [path.name for path, *_ in ledger.failures()] == ["a.mp3", "b.wav", "c.FLAC"]
    with closing(opened(tmp_path)) as ledger:
        ledger.plan([folder / "more"])
        assert list(ledger.failures()) == []


def test_a_second_process_has_to_wait(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(LivegistError, match="Another livegist is transcribing a folder"):
        opened(tmp_path)


def test_a_damaged_ledger_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "folders.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(LivegistError, match="cannot be used") as caught:
        opened(tmp_path)
    assert "Remove it" in caught.value.hint


def test_ten_thousand_files_are_planned_and_taken_without_holding_them(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:05}.wav").touch()
    assert ledger.plan([folder]) == Plan(FILES, 0)
    # The first pass lets tables of the interpreter grow, such as that of the parts of paths.
    assert taken(ledger) == FILES
    tracemalloc.start()
    try:
        assert ledger.plan([folder], again=True) == Plan(FILES, 0)
        assert taken(ledger) == FILES
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 500_000, "bytes; the paths alone take 2 MB"


def taken(ledger: Ledger) -> int:
    """Finish all planned files; return how many there were."""
    files = 0
    for file in ledger.take():
        ledger.finish(file.path, done=True)
        files += 1
    return files
