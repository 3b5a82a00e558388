import base64
import stat
from pathlib import Path

import pytest

from tui.viewer.clipboard import OSC52_LIMIT, copy, sequence


def carried(osc: str) -> str:
    return base64.b64decode(osc.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()


def test_a_terminal_is_asked_with_osc_52() -> None:
    assert carried(sequence("Grüße\n", {"TERM": "xterm-256color"})) == "Grüße\n"


def test_tmux_and_screen_let_the_sequence_through_in_their_envelope() -> None:
    bare = sequence("x", {"TERM": "xterm"})
    inside = sequence("x", {"TERM": "tmux-256color"})
    assert inside == "\x1bPtmux;" + bare.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    assert sequence("x", {"TERM": "screen"}) == f"\x1bP{bare}\x1b\\"


async def test_the_text_goes_to_a_file_of_ones_own_too(tmp_path: Path) -> None:
    written: list[str] = []
    message = await copy("words", write=written.append, file=tmp_path / "copied.txt", environ={"TERM": "xterm"})
    assert carried("".join(written)) == "words"
    assert (tmp_path / "copied.txt").read_text() == "words"
    assert stat.S_IMODE((tmp_path / "copied.txt").stat().st_mode) == 0o600
    assert "OSC 52" in message
    assert str(tmp_path / "copied.txt") in message


async def test_too_much_for_a_terminal_goes_to_the_file_alone(tmp_path: Path) -> None:
    written: list[str] = []
    text = "x" * (OSC52_LIMIT + 1)
    message = await copy(text, write=written.append, file=tmp_path / "copied.txt", environ={})
    assert written == []
    assert "OSC 52" not in message
    assert (tmp_path / "copied.txt").read_text() == text


async def test_a_file_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    message = await copy("x", write=len, file=tmp_path / "none" / "copied.txt", environ={})
    assert "not to a file: No such file or directory" in message


async def test_tmux_is_given_the_text_through_its_own_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmux = tmp_path / "tmux"
    tmux.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncat > {tmp_path}/buffer\n')
    tmux.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    message = await copy("words", write=len, file=tmp_path / "copied.txt", environ={"TMUX": "x"})
    assert "to tmux's buffer" in message
    assert (tmp_path / "buffer").read_text() == "words"
    assert (tmp_path / "asked").read_text() == "load-buffer -w -\n"
