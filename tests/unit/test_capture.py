"""Capture from a source that fails with an unexpected exception."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tui.audio.recording import Recording
from tui.engine import capture
from tui.engine.capture import Capture
from tui.errors import SourceError
from tui.model.events import Event, Notice, Severity

BLOCK = b"\x07\x00" * 800


class Source:
    """A source that yields one block, then fails or ends."""

    name = "a source"
    overflows = 0

    def __init__(self, *, finite: bool, broken: Exception | None = None) -> None:
        self.finite = finite
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield BLOCK
        if self._broken is not None:
            raise self._broken

    def flush(self) -> bytes:
        return b""


@pytest.fixture
def reported() -> list[Event]:
    return []


@pytest.fixture
def capturing(tmp_path: Path, reported: list[Event], monkeypatch: pytest.MonkeyPatch) -> Capture:
    monkeypatch.setattr(capture, "RETRY_S", 0.2)
    return Capture(Recording.create(tmp_path / "audio.wav"), "mic", latency_ms=0, publish=reported.append)


def notices(reported: list[Event]) -> list[Notice]:
    return [event for event in reported if isinstance(event, Notice)]


def opening(*sources: Source) -> Callable[..., object]:
    """Return a replacement for `open_source` that opens `sources` one after the other."""
    left = iter(sources)

    @asynccontextmanager
    async def open_source(*_: object, **__: object) -> AsyncIterator[Source]:
        yield next(left)

    return open_source


async def test_an_internal_error_of_a_device_reopens_it(
    capturing: Capture, reported: list[Event], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capture, "open_source", opening(Source(finite=True)))
    async with AsyncExitStack() as opened:
        await capturing.run(Source(finite=False, broken=ZeroDivisionError("of ours")), opened)
    lost, back = notices(reported)
    assert lost.severity is Severity.WARNING
    assert "Internal error: recording from a source stopped." in lost.text
    assert "continues" in back.text
    assert "ZeroDivisionError: of ours" in caplog.text
    recording = capturing._recording
    recorded = recording.read(0, recording.position)
    assert recorded.startswith(BLOCK)
    assert recorded.endswith(BLOCK)
    assert len(recorded) > 2 * len(BLOCK), "silence keeps the clock true meanwhile"


async def test_what_a_lost_device_had_captured_stands_before_the_silence(
    tmp_path: Path, reported: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    class Stalled(Source):
        """Delivers a block, and another one when it is lost 5 s later."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal now
            yield BLOCK
            now = 5.0
            raise SourceError("It delivered no audio.", "")

        def flush(self) -> bytes:
            return BLOCK

    monkeypatch.setattr(capture, "RETRY_S", 0.0)
    monkeypatch.setattr(capture, "open_source", opening(Source(finite=True)))
    recording = Recording.create(tmp_path / "stalled.wav")
    async with AsyncExitStack() as opened:
        stalled = Capture(recording, "mic", latency_ms=0, publish=reported.append, clock=lambda: now)
        await stalled.run(Stalled(finite=False), opened)
    assert recording.read(0, 1_600) == 2 * BLOCK
    assert recording.read(1_600, 800) == bytes(1_600)
    assert recording.position == 800 + 5 * 16_000 + 800, "the first block, 5 s, and that of the next device"


async def test_another_default_device_is_reported(capturing: Capture, reported: list[Event]) -> None:
    class Moved(Source):
        """A source that the sound server moves to another device."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield BLOCK
            self.name = "another one"
            yield BLOCK
            yield BLOCK

    async with AsyncExitStack() as opened:
        await capturing.run(Moved(finite=True), opened)
    (notice,) = notices(reported)
    assert notice.severity is Severity.WARNING
    assert notice.text == "a source is no longer the default device. Recording continues from another one."
    assert capturing.device == "another one"
    assert capturing._recording.position == 3 * len(BLOCK) // 2


async def test_an_internal_error_of_a_file_is_not_its_end(
    capturing: Capture, reported: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as opened:
        await capturing.run(Source(finite=True, broken=ZeroDivisionError("of ours")), opened)
    (lost,) = notices(reported)
    assert lost.severity is Severity.ERROR
    assert "engine's log" in lost.hint
    assert "ZeroDivisionError: of ours" in caplog.text
    assert capturing._recording.position == len(BLOCK) // 2


@pytest.mark.parametrize(("spec", "replaced"), [("mic:USB", True), ("system", False)])
async def test_the_default_microphone_replaces_a_microphone_and_not_what_the_machine_plays(
    spec: str, replaced: bool, tmp_path: Path, reported: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "RETRY_S", 0.0)
    monkeypatch.setattr(capture, "DEFAULT_AFTER_S", 0.0)
    requested: list[str] = []

    @asynccontextmanager
    async def open_source(requested_spec: str, **_: object) -> AsyncIterator[Source]:
        requested.append(requested_spec)
        if len(requested) < 3:
            raise SourceError("There is none.", "")
        yield Source(finite=True)

    monkeypatch.setattr(capture, "open_source", open_source)
    recording = Recording.create(tmp_path / "other.wav")
    async with AsyncExitStack() as opened:
        await Capture(recording, spec, latency_ms=0, publish=reported.append).run(None, opened)
    assert set(requested) == ({"mic"} if replaced else {"system"})
