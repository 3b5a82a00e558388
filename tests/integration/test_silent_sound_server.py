"""A sound server that hangs: what waits for it says so, and the engine goes on."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import fake_endpoint
from tests.conftest import Pulse, needs
from tests.fake_endpoint import Endpoint
from tests.faults.engines import Watch, running
from tests.server_harness import hosting, watching
from tests.session_fixtures import store_session
from tui.audio import portaudio, pulse
from tui.audio.devices import Device
from tui.audio.microphone import Microphone, open_microphone
from tui.audio.pulse import SilentServerError
from tui.cli import main
from tui.engine import device_monitor, session_slot
from tui.engine.device_monitor import LATE, DeviceMonitor, list_sources
from tui.errors import SourceError
from tui.model.commands import AddTrack, ListDevices, Mute, Start, Stop, TogglePlay
from tui.model.devices import DeviceInfo
from tui.model.events import DevicesListed, Rejected, State, StateChanged
from tui.model.stats import SILENCE_HINT
from tui.paths import sessions_dir
from tui.sessions.store import Store

SILENT = "The sound server does not answer."
DEFAULT = DeviceInfo("mic", "the default device", default=True)


@pytest.fixture(scope="module")
def silent_pulse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    """Run a sound server of our own, and point this process at it."""
    needs("pulseaudio", "pactl", "portaudio")
    server = Pulse(tmp_path_factory.mktemp("pulse"))
    with server.in_use():
        yield server


@pytest.fixture
def silent(silent_pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pulse]:
    """Stop the sound server for one test."""
    monkeypatch.setattr(pulse, "QUERY_TIMEOUT_S", 1.0)
    silent_pulse.process.send_signal(signal.SIGSTOP)
    yield silent_pulse
    silent_pulse.process.send_signal(signal.SIGCONT)


@pytest.fixture
async def server() -> AsyncIterator[Endpoint]:
    async with fake_endpoint.running() as running:
        yield running


@pytest.mark.usefixtures("silent")
def test_devices_says_that_the_server_does_not_answer_and_how_to_restart_it() -> None:
    result = CliRunner().invoke(main, ["devices"])
    assert result.exit_code == 1
    assert SILENT in result.stderr
    assert "systemctl --user restart" in result.stderr


@pytest.mark.usefixtures("silent")
def test_doctor_says_it_too_and_runs_its_other_checks() -> None:
    lines = CliRunner().invoke(main, ["doctor"]).stdout.splitlines()
    assert f"note  {SILENT}" in lines
    assert "terminal" in lines[-1] or "terminal" in lines[-2]


@pytest.mark.usefixtures("silent")
async def test_a_session_that_cannot_start_says_what_it_waits_for_and_then_why(
    server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_slot, "OPENING_S", 0.1)
    watch = Watch()
    async with running(watch) as built:
        await built.execute(Start({"source": "mic", "url": server.url}))
        await watch.until_over()
        changes = [event for event in watch.events if isinstance(event, StateChanged)]
        assert [(each.state, each.reason) for each in changes] == [
            (State.CONNECTING, "Opening the audio source."),
            (State.FAILED, SILENT),
        ]


async def test_a_running_session_goes_on_with_silence_until_the_server_answers(
    silent_pulse: Pulse, server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The silence must grow while calls to the sound system are pending.
    monkeypatch.setattr(portaudio, "CALL_TIMEOUT_S", 300.0)
    watch = Watch()
    async with running(watch) as built:
        await built.execute(Start({"source": "mic", "url": server.url, "analyse_at_end": False}))
        await watch.until(lambda: watch.record.stats.elapsed_s >= 1)
        silent_pulse.process.send_signal(signal.SIGSTOP)
        try:
            await watch.until(lambda: any("delivered no audio" in notice for notice in watch.notices))
            lost_s = watch.record.stats.elapsed_s
            await watch.until(lambda: watch.record.stats.elapsed_s > lost_s + 3)
            assert watch.states == [State.CONNECTING, State.LIVE]
        finally:
            silent_pulse.process.send_signal(signal.SIGCONT)
        await watch.until(lambda: any("Recording continues" in notice for notice in watch.notices))
        await built.execute(Stop())
        await watch.until_over()
    assert watch.states[-1] is State.ENDED


async def test_a_killed_server_is_named_while_silence_is_recorded_until_another_one_runs(
    short_dir: Path, server: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("pulseaudio", "pactl", "portaudio")
    monkeypatch.setattr(pulse, "PRESENCE_S", 30.0)
    watch = Watch()
    killed = Pulse(short_dir)
    with killed.in_use():
        async with running(watch) as built:
            await built.execute(Start({"source": "mic", "url": server.url, "analyse_at_end": False}))
            await watch.until(lambda: watch.record.stats.elapsed_s >= 1)
            assert watch.record.stats.source_lost == ""
            killed.process.kill()
            killed.process.wait()
            await watch.until(lambda: watch.record.stats.source_lost == "The sound server has stopped.")
            lost_s = watch.record.stats.elapsed_s
            assert any(
                notice == f"The sound server has stopped. {SILENCE_HINT}" and "by itself" in notice
                for notice in watch.notices
            )
            await watch.until(lambda: watch.record.stats.elapsed_s > lost_s + 2)
            with Pulse(short_dir).in_use():
                await watch.until(lambda: any("Recording continues from" in notice for notice in watch.notices))
                await watch.until(lambda: watch.record.stats.source_lost == "")
                await built.execute(Stop())
                await watch.until_over()
    assert watch.states == [State.CONNECTING, State.LIVE, State.DRAINING, State.ENDED]


async def test_the_list_has_stored_entries_and_is_complete_once_the_server_answers(silent: Pulse) -> None:
    watch = Watch()
    async with running(watch) as built:
        assert await built.execute(ListDevices()) == DevicesListed((DEFAULT,), LATE)
        silent.process.send_signal(signal.SIGCONT)
        listed = await built.execute(ListDevices())
        while isinstance(listed, DevicesListed) and listed.problem:
            listed = await built.execute(ListDevices())
        assert isinstance(listed, DevicesListed)
        assert DeviceInfo("mic", "the default device", "Microphone", default=True) in listed.devices


async def test_a_server_that_hangs_later_leaves_the_devices_of_the_last_list(
    silent_pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_monitor, "ANSWER_S", 30.0)
    monitor = DeviceMonitor(lambda event: None)
    known = await monitor.list()
    assert known.problem == ""
    monkeypatch.setattr(device_monitor, "list_devices", _raise_silent)
    assert await monitor.list() == DevicesListed(known.devices, LATE)


def _raise_silent() -> list[Device]:
    raise SilentServerError


async def test_viewers_that_ask_meanwhile_wait_for_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    answering = threading.Event()
    asked: list[None] = []

    def list_devices() -> list[Device]:
        asked.append(None)
        answering.wait()
        return [Device("USB", "ALSA", 1, 48_000, default=False)]

    monkeypatch.setattr(device_monitor, "list_devices", list_devices)
    monkeypatch.setattr(device_monitor, "_system", lambda: ())
    monkeypatch.setattr(device_monitor, "ANSWER_S", 0.05)
    monitor = DeviceMonitor(lambda event: None)
    try:
        first, second = await asyncio.gather(monitor.list(), monitor.list())
        assert first == second == DevicesListed((DEFAULT,), LATE)
        assert len(asked) == 1
    finally:
        answering.set()
    assert monitor._listing is not None
    await asyncio.wait({monitor._listing})
    monkeypatch.setattr(device_monitor, "ANSWER_S", 30.0)
    assert (await monitor.list()).devices == (DEFAULT, DeviceInfo("mic:USB", "USB", "ALSA"))


async def test_a_viewer_may_mute_while_a_track_waits_for_the_sound_server(
    server: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = threading.Event()

    def list_sources() -> list[pulse.PulseSource]:
        answering.wait()
        raise SilentServerError

    monkeypatch.setattr(pulse, "list_sources", list_sources)
    (tmp_path / "zeros.raw").write_bytes(bytes(32_000 * 60))
    source = f"cmd:cat {tmp_path}/zeros.raw"
    async with hosting() as hosted, watching(hosted.socket) as viewer:
        await viewer.send(Start({"source": source, "url": server.url, "analyse_at_end": False}))
        await viewer.until(lambda: viewer.record.state is State.LIVE)
        try:
            await viewer.send(AddTrack("mic"))
            await viewer.send(ListDevices())
            await viewer.send(Mute(True))
            await viewer.until(lambda: viewer.record.muted)
            assert not any(isinstance(event, Rejected) for event in viewer.events)
        finally:
            answering.set()
        await viewer.until(lambda: any(isinstance(event, Rejected) for event in viewer.events))
        await viewer.send(Stop())
        await viewer.send(Stop())


async def test_an_output_that_does_not_answer_keeps_no_viewer_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answering = threading.Event()
    closed = threading.Event()

    class Speaker:
        def __init__(self, sample_rate: int) -> None:
            answering.wait()

        def close(self) -> None:
            closed.set()

    monkeypatch.setattr("tui.engine.player.Speaker", Speaker)
    monkeypatch.setattr(portaudio, "CALL_TIMEOUT_S", 0.1)
    stored = store_session(Store(sessions_dir()), sound_s=1.0)
    async with running(Watch()) as built:
        with pytest.raises(SourceError, match="did not respond"):
            await built.execute(TogglePlay(stored.id, 0.0))
        answering.set()
        assert await asyncio.to_thread(closed.wait, 30.0), "the output stays open after it opened too late"


def test_a_program_that_does_not_end_is_a_silent_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pactl"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(pulse, "QUERY_TIMEOUT_S", 0.1)
    with pytest.raises(SilentServerError):
        list_sources()


async def test_a_device_of_another_name_is_the_servers_only_if_the_server_has_a_stream_of_it(
    short_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("pulseaudio", "pactl", "portaudio")
    monkeypatch.setattr(pulse, "PRESENCE_S", 30.0)
    killed = Pulse(short_dir)
    with (short_dir / "asound.conf").open("a") as config:
        config.write("pcm.headset { type pulse }\npcm.sampler { type null }\n")
    with killed.in_use():
        async with (
            open_microphone("", sample_rate=16_000) as default,
            open_microphone("headset", sample_rate=16_000) as headset,
            open_microphone("sampler", sample_rate=16_000) as sampler,
        ):
            assert (default.name, headset.name, sampler.name) == ("Microphone", "headset", "sampler")
            killed.process.kill()
            killed.process.wait()
            with pytest.raises(SourceError, match=r"^The sound server has stopped\.$"):
                await read_all(headset)
            sampler._on_finished()
            with pytest.raises(SourceError, match=r"^sampler stopped\.$"):
                await read_all(sampler)


async def read_all(microphone: Microphone) -> None:
    async for _ in microphone:
        pass
