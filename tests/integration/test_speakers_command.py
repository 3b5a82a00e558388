"""`livegist speakers`: the remembered voices, from the command line."""

import subprocess
from pathlib import Path

from tests.terminal import LIVEGIST
from tui.gateway.voice_store import StoredVoice, VoiceStore
from tui.paths import voices_file


def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run((*LIVEGIST, "speakers", *words), capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_voices_are_listed_renamed_and_forgotten(home: Path) -> None:
    assert "No voices are remembered." in run().stderr
    VoiceStore(voices_file()).remember(StoredVoice("Ann", "model", (1.0,), "2026-11-27T10:00:00+00:00"))
    assert run("list").stdout.split() == ["Ann", "2026-11-27"]
    assert "Ann is now Anna Lind." in run("rename", "Ann", "Anna Lind").stdout
    assert "No voice named Ann is remembered." in run("forget", "Ann", code=2).stderr
    assert "Name one voice, or use --all." in run("forget", code=2).stderr
    assert "Forgot the voice of Anna Lind." in run("forget", "Anna Lind").stdout
    assert "All voices are forgotten." in run("forget", "--all").stdout
    assert not voices_file().exists()
