"""`livegist speakers`: the remembered voices, from the command line."""

from pathlib import Path

from tests.command import livegist
from tui.gateway.voice_store import StoredVoice, VoiceStore
from tui.paths import voices_file


def test_voices_are_listed_renamed_and_forgotten(home: Path) -> None:
    livegist("speakers", says="No voices are remembered.")
    VoiceStore(voices_file()).remember(StoredVoice("Ann", "model", (1.0,), "2026-11-27T10:00:00+00:00"))
    assert livegist("speakers", "list").stdout.split() == ["Ann", "2026-11-27"]
    assert "Ann is now Anna Lind." in livegist("speakers", "rename", "Ann", "Anna Lind").stdout
    livegist("speakers", "forget", "Ann", code=2, says="No voice named Ann is remembered.")
    livegist("speakers", "forget", code=2, says="Name one voice, or use --all.")
    assert "Forgot the voice of Anna Lind." in livegist("speakers", "forget", "Anna Lind").stdout
    assert "All voices are forgotten." in livegist("speakers", "forget", "--all").stdout
    assert not voices_file().exists()
