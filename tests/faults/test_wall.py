"""A wall of two engine processes, one of this machine and one over SSH, both of which are killed."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import PATIENCE_S
from tests.faults.screen import Screen, screen
from tests.faults.sshd import USER, Sshd, running_sshd
from tests.terminal import LIVEGIST
from tui.engine.process import LOCK_NAME, is_running
from tui.model.events import State
from tui.paths import runtime_dir
from tui.sessions.store import Store

TURNS = 8
FAR = 20
"""Added to the number of each turn that is spoken on the other machine."""


class Home:
    """An engine's home whose sessions record a file.

    Args:
        folder: its LIVEGIST_HOME.
        url: endpoint.
        first: number of the first turn that is spoken.
    """

    def __init__(self, folder: Path, url: str, first: int) -> None:
        self.folder = folder
        self.turns = [said(number) for number in range(first, first + TURNS)]
        sound = folder / "meeting.wav"
        (folder / "config").mkdir(parents=True)
        with wave.open(str(sound), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(speech(*range(first, first + TURNS)))
        settings = {"source": str(sound), "url": url, "engine": "cloud", "analyse_at_end": False}
        text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items())
        (folder / "config" / "config.toml").write_text(text)

    def pid(self) -> int:
        """Return the process of its engine; 0 while there is none."""
        folder = runtime_dir(self.folder)
        with suppress(OSError, ValueError):
            return int((folder / LOCK_NAME).read_text()) if is_running(folder) else 0
        return 0

    async def kill(self) -> int:
        """Kill its engine, and wait until another one runs; return that one."""
        killed = self.pid()
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if (pid := self.pid()) not in (0, killed):
                    return pid
                await asyncio.sleep(0.02)

    async def assert_whole(self) -> None:
        """Wait until its one session has ended, and check that every turn is stored once."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                (stored,) = Store(self.folder / "data" / "sessions")
                if not stored.live and stored.load().state is State.ENDED:
                    break
                await asyncio.sleep(0.1)
        assert [turn.text for turn in stored.load().transcript.finals] == self.turns


@pytest.fixture
def homes(short_dir: Path, home: Path, server: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Home]]:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "no-key")
    made = [Home(home, server.url, 1), Home(short_dir / "far", server.url, FAR + 1)]
    yield made
    for each in made:
        if pid := each.pid():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def sshd(short_dir: Path) -> Iterator[Sshd]:
    with running_sshd(short_dir) as found:
        yield found


def wall(sshd: Sshd, far: Home, *rooms: str) -> tuple[str, ...]:
    """Return the command that shows rooms, of which those on another machine are reached through sshd."""
    given = [word for option in sshd.options(sshd.port) for word in ("--ssh-option", option)]
    remote = f"env LIVEGIST_HOME={shlex.quote(str(far.folder))} ASSEMBLYAI_API_KEY=no-key {shlex.join(LIVEGIST)}"
    return (*LIVEGIST, "wall", *rooms, *given, "--remote", remote)


def row(shown: Screen, name: str) -> str:
    """Return the first row of a room."""
    return next((line for line in shown.text.splitlines() if line[2:].startswith(name)), "")


async def until_rows(shown: Screen, **words: str) -> None:
    """Wait until the first row of each room contains a word."""
    async with asyncio.timeout(PATIENCE_S):
        while not all(word in row(shown, name) for name, word in words.items()):
            await shown.until("livegist wall")
            await asyncio.sleep(0.02)


async def test_two_engines_are_started_killed_and_come_back_and_no_turn_is_lost(homes: list[Home], sshd: Sshd) -> None:
    here, far = homes
    async with screen(*wall(sshd, far, "local", f"Studio={USER}")) as shown:
        await until_rows(shown, local="READY", Studio="READY")
        shown.type("As")
        await until_rows(shown, local="LIVE", Studio="LIVE")
        await shown.until(said(1), said(FAR + 1))
        assert "● 2 LIVE" in shown.text
        for each in (far, here):
            assert await each.kill() > 0
        await until_rows(shown, local="LIVE", Studio="LIVE")
        await shown.until(said(3), said(FAR + 3))
        shown.type("\r")
        await shown.until("esc wall", "Turns")
        shown.type("\x1b")
        await until_rows(shown, local="ENDED", Studio="ENDED")
        await shown.until(said(TURNS), said(FAR + TURNS))
        shown.type("q")
        assert await shown.ended() == 0
    for each in (here, far):
        await each.assert_whole()


async def test_a_machine_that_cannot_be_reached_is_a_row_that_says_why_beside_the_others(
    homes: list[Home], sshd: Sshd
) -> None:
    far = homes[1]
    key = (sshd.folder / "key.pub").read_bytes()
    (sshd.folder / "key.pub").write_text("")
    async with screen(*wall(sshd, far, f"folder={far.folder}", f"Studio={USER}")) as shown:
        await until_rows(shown, folder="READY", Studio="UNREACHABLE")
        await shown.until("Permission denied")
        (sshd.folder / "key.pub").write_bytes(key)
        await until_rows(shown, Studio="READY")
        shown.type("s")
        await until_rows(shown, folder="LIVE", Studio="LIVE")
        assert far.pid(), "the engine of the folder runs in that folder"
        shown.type("q")
        assert await shown.ended() == 0


def test_without_a_screen_words_are_typed_and_lines_printed(homes: list[Home]) -> None:
    command = [*LIVEGIST, "wall", "--plain", f"folder={homes[1].folder}"]
    typed = "folder status\nnobody stop\ndetach\n"
    ended = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("folder: ready, 0:00, 0 turns") == 2, "once when it is connected, once as asked"
    assert "Rooms: folder." in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("local",), "The wall needs a terminal.\nWithout one, use: livegist wall --plain"),
        ((), "No room given.\nName rooms. For example: livegist wall local HOST"),
        (("a=x", "a=y"), "Two rooms are called a."),
    ],
)
def test_a_wall_that_cannot_be_shown_says_why_and_exits_with_2(arguments: tuple[str, ...], words: str) -> None:
    ended = subprocess.run(
        [*LIVEGIST, "wall", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert words in ended.stderr
    assert ended.stdout == ""
