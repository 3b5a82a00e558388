"""A tour of the whole dashboard in a real tmux over a real SSH connection."""

import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.faults.sshd import USER, Sshd
from tests.faults.test_ssh import livegist
from tests.terminal import LIVEGIST, Terminal, terminal
from tui.sessions.journal import fold, read


@pytest.fixture
def sshd(short_dir: Path) -> Iterator[Sshd]:
    needs("sshd", "ssh", "ssh-keygen", "tmux")
    found = Sshd(short_dir)
    try:
        found.ready()
        yield found
    finally:
        # Also after a tour that failed on the way.
        subprocess.run(("tmux", "-S", f"{short_dir}/far.sock", "kill-server"), check=False, capture_output=True)
        subprocess.run((*LIVEGIST, "stop", "--now"), check=False, capture_output=True, timeout=60)
        found.stop()


def far(sshd: Sshd, command: str) -> str:
    """Return a command line that runs a command of livegist in tmux over SSH."""
    given = [word for option in sshd.options(sshd.port) for word in ("-o", option)]
    inside = f"COLORTERM=truecolor {livegist()} {command}; echo left there with $?; sleep 1"
    tmux = shlex.join(("tmux", "-S", f"{sshd.folder}/far.sock", "-f", "/dev/null", "new-session", inside))
    login = f"cd {shlex.quote(str(Path.cwd()))} && env TERM=xterm-256color LANG=C.UTF-8 {tmux}"
    return shlex.join(("ssh", "-tt", *given, USER, login))


class Tour:
    """Sends keys to the local terminal, and waits for text on its screen."""

    def __init__(self, window: Terminal) -> None:
        self.window = window

    def see(self, *texts: str, within_s: float = 60.0) -> str:
        return self.window.until(*texts, within_s=within_s)

    def press(self, keys: str | tuple[str, ...], *texts: str) -> None:
        """Press keys, and wait for texts."""
        self.window.type(*((keys,) if isinstance(keys, str) else keys))
        self.see(*texts)

    def write(self, text: str, *texts: str) -> None:
        """Type a line and enter, and wait for texts."""
        self.window.type("-l", text)
        self.window.type("Enter")
        self.see(*texts)

    def rid(self, key: str, shown: str) -> None:
        """Press a key, and wait until a text disappears."""
        self.window.type(key)
        deadline = time.monotonic() + 60
        while shown in self.window.screen():
            assert time.monotonic() < deadline, f"{shown} does not go away:\n{self.window.screen()}"
            time.sleep(0.1)

    def open_and_leave(self, key: str, shown: str) -> None:
        """Press a key, wait for a text, and close the dialog with escape."""
        self.press(key, shown)
        self.window.escape(shown)


@pytest.mark.timeout(300)
def test_the_whole_tour_in_tmux_over_ssh(sshd: Sshd, short_dir: Path, home: Path) -> None:
    with terminal(short_dir, far(sshd, "demo"), columns=120, rows=40) as window:
        tour = Tour(window)
        tour.see("● LIVE", "from standup.flac", "speech tiny.en", " dB ")
        tour.see("◆ Turn 1", "extractive", "▎Good morning")
        tour.open_and_leave("?", "In Turns")
        tour.open_and_leave("D", "esc cancel")
        tour.open_and_leave(",", "Settings")
        tour.open_and_leave("C-p", "Ask a question about the session so far  (:)")
        # What was said: selected, marked, searched, copied.
        tour.press("Home", "▸ Turns")
        tour.press("m", "note for the bookmark on turn 1")
        tour.write("the start", "★", "the start")
        tour.press("M", "★ only")
        tour.rid("M", "★ only")
        tour.press("/", "enter go to the last match")
        tour.write("morning", "1 of", "with “morning”")
        tour.press("n", "1 of")
        tour.window.escape("with “morning”")
        tour.press("y", "opied")
        tour.press("R", "name of speaker")
        tour.window.escape("name of speaker")
        # Panes: zoomed, hidden, gone to.
        tour.rid("z", "─ Gists")
        tour.press("z", "─ Gists")
        tour.press("Tab", "▸ Gists")
        tour.press("BTab", "▸ Turns")
        tour.rid("v", "─ Gists")
        tour.press("v", "─ Gists")
        tour.rid("I", "─ Stats")
        tour.press("I", "─ Stats")
        tour.press("i", "tokens in/out")
        tour.rid("i", "tokens in/out")
        # Prompts: asked beside, shown alone, asked about what was said before, swapped.
        tour.press("p", "● in use")
        tour.press(("Down", "Space"), "2 Action items ◎ extra")
        tour.window.escape("◎ extra")
        tour.see("prompt Summary +1")
        tour.press("b", "· Action items")
        tour.press("2", "Action items only")
        tour.rid("2", "Action items only")
        tour.press(":", "question about the session")
        tour.write("How did the release go?", "Question: How did the release go?")
        tour.press("3", "prompt Take-away")
        tour.press("[", "prompt Action items")
        # Sound: louder, muted.
        tour.press("+", "+3 dB")
        tour.press("Space", "⊘ MUTED")
        tour.rid("Space", "MUTED")
        # Left and come back to, the session under way.
        tour.press("d", "Detached. The session continues", "left there with 0")
    again = short_dir / "again"
    again.mkdir()
    with terminal(again, far(sshd, "attach"), columns=80, rows=24) as window:
        tour = Tour(window)
        tour.see("● LIVE", "+3", "prompt Action items")
        tour.press("e", "Export the session as")
        tour.press("Enter", "Wrote")
        tour.press("h", "newest first", "turns")
        tour.window.escape("newest first")
        tour.press("x", "■ ENDED")
        tour.press("a", "Whole session")
        tour.press("q", "The session is saved in", "left there with 0")
    (session,) = (home / "data" / "sessions").iterdir()
    record = fold(read(session / "events.jsonl").entries)
    assert record.bookmarks == {1: "the start"}
    assert record.gain_db == 3.0
    assert any(gist.question == "How did the release go?" and gist.text for gist in record.gists.values())
