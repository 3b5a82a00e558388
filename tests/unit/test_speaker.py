"""An output device that stops or takes no audio, on a sound system of our own."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tui.audio import pulse
from tui.audio.speaker import RECONNECT_HINT, Speaker
from tui.errors import SourceError

RATE = 16_000
BLOCK = bytes(2 * RATE // 20)


class Output:
    """Stands in for `sounddevice`, whose device is asked for audio by the test."""

    PortAudioError = OSError

    def __init__(self, name: str) -> None:
        self.name = name
        self.take: Callable[[], None]
        self.stop: Callable[[], None]

    def RawOutputStream(  # noqa: N802 - the name of sounddevice
        self, *, callback: Callable[..., None], finished_callback: Callable[[], None], **format: object
    ) -> SimpleNamespace:
        self.take = lambda: callback(memoryview(bytearray(len(BLOCK))), len(BLOCK) // 2, None, None)
        self.stop = finished_callback
        return SimpleNamespace(device=0, start=lambda: None)

    def query_devices(self, device: int) -> dict[str, str]:
        return {"name": self.name}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Speaker, Output]]:
    def open_output(name: str) -> tuple[Speaker, Output]:
        output = Output(name)
        monkeypatch.setattr("tui.audio.speaker.load", lambda: output)
        return Speaker(RATE), output

    return open_output


async def lost(speaker: Speaker) -> tuple[str, str]:
    with pytest.raises(SourceError) as raised:
        await speaker.check()
    return raised.value.message, raised.value.hint


async def test_a_device_that_stops_is_named(opened: Callable[[str], tuple[Speaker, Output]]) -> None:
    speaker, output = opened("USB speaker")
    await speaker.check()
    output.stop()
    assert await lost(speaker) == ("The output device stopped.", RECONNECT_HINT)


async def test_a_device_that_takes_audio_now_and_then_is_not_lost(
    opened: Callable[[str], tuple[Speaker, Output]],
) -> None:
    speaker, output = opened("USB speaker")
    for at in range(200):
        speaker.play(BLOCK)
        if at % 30 == 0:
            output.take()
        await speaker.check()


async def test_a_device_that_takes_none_for_two_seconds_is_lost(
    opened: Callable[[str], tuple[Speaker, Output]],
) -> None:
    speaker, _ = opened("USB speaker")
    for _ in range(40):
        speaker.play(BLOCK)
        await speaker.check()
    speaker.play(BLOCK)
    assert await lost(speaker) == ("The output device took no audio for 2 s.", RECONNECT_HINT)


async def test_the_audio_of_the_time_in_which_the_process_was_stopped_does_not_count(
    opened: Callable[[str], tuple[Speaker, Output]],
) -> None:
    speaker, _ = opened("USB speaker")
    speaker.play(BLOCK * 20 * 60)
    await speaker.check()


@pytest.mark.parametrize("running", [True, False])
async def test_only_of_a_device_of_the_sound_server_the_server_is_asked(
    opened: Callable[[str], tuple[Speaker, Output]], running: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.audio.pulse.shutil.which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(pulse, "query", lambda *arguments, timeout_s=None: "Server Name: x" if running else "")
    for name, message in (
        ("USB speaker", "The output device stopped."),
        ("default", "The output device stopped." if running else "The sound server has stopped."),
    ):
        speaker, output = opened(name)
        output.stop()
        assert (await lost(speaker))[0] == message
