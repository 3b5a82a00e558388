"""The device list of the subprocess: valid, missing, late."""

import sys
from pathlib import Path

import pytest

from tui.audio import devices
from tui.audio.devices import list_devices
from tui.errors import SourceError


def answering(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Put a program of ours in the place of Python, on a machine without a sound server."""
    monkeypatch.setenv("PULSE_SERVER", f"unix:{folder}/none")
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))


def test_a_sound_system_that_does_not_respond_times_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answering(monkeypatch, tmp_path, "exec sleep 60")
    monkeypatch.setattr(devices, "LIST_TIMEOUT_S", 0.1)
    with pytest.raises(SourceError, match="did not list its devices"):
        list_devices()


def test_a_crash_of_the_sound_system_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answering(monkeypatch, tmp_path, "kill -ABRT $$")
    with pytest.raises(SourceError, match="code -6"):
        list_devices()


def test_an_error_of_the_subprocess_is_raised(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answering(monkeypatch, tmp_path, """echo '{"message": "PortAudio is not installed.", "hint": "Install it."}'""")
    with pytest.raises(SourceError) as caught:
        list_devices()
    assert (caught.value.message, caught.value.hint) == ("PortAudio is not installed.", "Install it.")
