"""Tests of the device picker: levels, warnings and the choice."""

import pytest
from msgspec.structs import replace

from tests.viewer.dashboard_harness import emit, running, shown, toasts
from tests.viewer.pilot import Clock, until
from tests.viewer.scripted_engine import ScriptedEngine, meeting
from tui.model.commands import AddTrack, ListDevices, MeasureDevices, Mute, SetGain, Start, StopTrack, UseSource
from tui.model.devices import DeviceInfo, DeviceLevel
from tui.model.events import DeviceLevels, DevicesListed, GainChanged, LevelChanged, MutedChanged, Rejected
from tui.model.tracks import Track, TracksChanged
from tui.viewer.screens.device_picker import DevicePicker

DEVICES = (
    DeviceInfo("mic", "the default device", "Built-in", default=True),
    DeviceInfo("mic:Built-in", "Built-in", "ALSA"),
    DeviceInfo("mic:USB", "USB\x1b[31m microphone", "ALSA"),
    DeviceInfo("mic:HDMI", "HDMI", "ALSA"),
    DeviceInfo("system", "system", "what this machine plays"),
)
USB = DEVICES[2].name


def levels_of(*levels: DeviceLevel) -> DeviceLevels:
    return DeviceLevels(levels)


async def test_another_device_is_chosen_while_the_session_goes_on() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        assert isinstance(app.screen, DevicePicker)
        assert "Listing input devices" in shown(app)
        assert engine.sent == [ListDevices(), MeasureDevices(12)]
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "USB␛[31m microphone" in shown(app, "devices")
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: engine.sent[2:] == [MeasureDevices(0), UseSource("mic:USB")])


async def test_each_device_shows_its_level_and_what_is_wrong_with_it() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    clock = Clock()
    async with running(engine, clock=clock) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        for second in range(5):
            clock.now = float(second)
            await emit(
                pilot,
                engine,
                levels_of(
                    DeviceLevel("Built-in", ((-120.0, -120.0),)),
                    DeviceLevel(USB, ((-20.0, -12.0), (-70.0, -60.0))),
                    DeviceLevel("HDMI", error="Device unavailable"),
                    DeviceLevel("system", ((-120.0, -120.0),)),
                ),
            )
        default, built_in, usb, hdmi, system = shown(app, "devices").splitlines()[1:6]
        assert "no signal" in default
        assert "no signal" in built_in
        assert "L ░" in usb
        assert " R " in usb
        assert "-12 dBFS" in usb
        assert "unavailable" in hdmi
        assert "no signal" not in system
        assert "sends only zeros" in shown(app, "preview")
        assert "microphone has a signal" in " ".join(shown(app, "preview").split())
        assert "system has" not in shown(app, "preview")
        await pilot.press("down", "down", "down")
        assert "Another program may be using it" in " ".join(shown(app, "preview").split())


async def test_a_quiet_and_a_clipping_device_say_so() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    clock = Clock()
    async with running(engine, clock=clock) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        for second in range(5):
            clock.now = float(second)
            quiet, loud = DeviceLevel("Built-in", ((-70.0, -60.0),)), DeviceLevel(USB, ((-3.0, 0.0),), clipped=True)
            await emit(pilot, engine, levels_of(quiet, loud))
        assert "too quiet" in shown(app, "devices").splitlines()[2]
        assert "clipping" in shown(app, "devices").splitlines()[3]


async def test_gain_shows_in_the_levels_of_the_devices() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, clock=Clock()) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES), levels_of(DeviceLevel("Built-in", ((-30.0, -20.0),))))
        assert "-20 dBFS" in shown(app, "devices")
        await pilot.press("plus")
        await until(pilot, lambda: engine.sent[-1] == SetGain(3))
        await emit(pilot, engine, GainChanged(6.0), levels_of(DeviceLevel("Built-in", ((-30.0, -20.0),))))
        assert "gain +6 dB" in shown(app)
        assert "-14 dBFS" in shown(app, "devices")


async def test_a_list_that_arrives_after_the_picker_was_closed_opens_no_other_one() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("D", "escape")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert app.screen is app.dashboard
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert isinstance(app.screen, DevicePicker)


async def test_an_incomplete_list_says_why_and_is_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.viewer.screens.device_picker.LIST_AGAIN_S", 0.05)
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES[:2], "The sound server does not answer."))
        assert "The sound server does not answer." in shown(app, "preview")
        await until(pilot, lambda: engine.sent.count(ListDevices()) == 2)
        await pilot.press("down")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "does not answer" not in shown(app)
        assert "USB␛[31m microphone" in shown(app, "devices")
        await pilot.press("enter")
        await until(pilot, lambda: engine.sent[-1] == UseSource("mic:Built-in"))
        assert engine.sent.count(ListDevices()) == 2, "a complete list is requested again"


async def test_an_incomplete_list_is_not_opened_again_by_its_completion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.viewer.screens.device_picker.LIST_AGAIN_S", 0.05)
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES[:1], "The sound server does not answer."))
        await until(pilot, lambda: engine.sent.count(ListDevices()) == 2)
        await pilot.press("escape")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert app.screen is app.dashboard


async def test_before_a_session_the_choice_is_for_the_next_one() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        await pilot.press("down", "enter")
        await until(pilot, lambda: "The next session records from mic:Built-in." in toasts(app))
        await pilot.press("s")
        await until(pilot, lambda: engine.sent[2:] == [MeasureDevices(0), Start({"source": "mic:Built-in"})])


async def test_before_a_session_a_further_device_becomes_a_track_of_the_next_one() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "a add as a track" in shown(app)
        await pilot.press("down", "a")
        await until(pilot, lambda: "records from mic=mic, Built-in=mic:Built-in." in toasts(app))
        await pilot.press("s")
        await until(pilot, lambda: engine.sent[2:] == [MeasureDevices(0), Start({"source": ["mic", "mic:Built-in"]})])


async def test_no_more_than_four_devices_become_tracks() -> None:
    engine = ScriptedEngine()
    async with running(engine) as (app, pilot):
        for _ in range(4):
            await pilot.press("D")
            await emit(pilot, engine, DevicesListed(DEVICES))
            await pilot.press("down", "a")
            await until(pilot, lambda: app.screen is app.dashboard)
        await until(pilot, lambda: "at most 4 tracks, and 5 sources are given" in toasts(app))


async def test_during_a_session_the_choice_is_for_one_of_its_tracks() -> None:
    tracks = (Track("you", "mic"), Track("them", "system"))
    engine = ScriptedEngine(snapshot=replace(meeting(), tracks=tracks))
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "Choose an input device for you" in shown(app)
        await pilot.press("t")
        await until(pilot, lambda: "Choose an input device for them" in shown(app))
        await pilot.press("m", "plus")
        await until(pilot, lambda: {Mute(True, "them"), SetGain(3, "them")} <= set(engine.sent))
        await emit(pilot, engine, MutedChanged(True, "them"), GainChanged(3.0, "them"))
        assert "for them · muted · gain +3 dB" in shown(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: UseSource("mic:Built-in", "them") in engine.sent)


async def test_a_further_device_becomes_a_track_of_the_running_session() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine, size=(120, 36)) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "a add as a track" in shown(app)
        await pilot.press("down", "a")
        await until(pilot, lambda: AddTrack("mic:Built-in") in engine.sent)
        tracks = (Track("mic", "mic"), Track("Built-in", "mic:Built-in", start_s=60.0))
        await emit(pilot, engine, TracksChanged(tracks))
        assert "Built-in" in shown(app, "meter-2")
        assert {turn.track for turn in app.dashboard.view_model.transcript} == {"mic"}


async def test_a_track_is_stopped_and_its_row_says_so() -> None:
    you, them = Track("you", "mic"), Track("them", "system")
    engine = ScriptedEngine(snapshot=replace(meeting(), tracks=(you, them)))
    async with running(engine, size=(120, 36)) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "m mute · x stop" in shown(app)
        await pilot.press("t", "x")
        await until(pilot, lambda: engine.sent[-1] == StopTrack("them"))
        await emit(pilot, engine, TracksChanged((you, replace(them, end_s=60.0))))
        assert "m mute · x stop" not in shown(app)
        assert "for them" not in shown(app)
        await pilot.press("x", "escape")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert engine.sent.count(StopTrack("them")) == 1
        assert "not recording" in shown(app, "meter-2")
        assert "not recording" not in shown(app, "meter")


async def test_a_session_with_four_tracks_takes_no_further_one() -> None:
    tracks = tuple(Track(name, "mic") for name in "abcd")
    engine = ScriptedEngine(snapshot=replace(meeting(), tracks=tracks))
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(DEVICES))
        assert "a add as a track" not in shown(app)
        await pilot.press("a")
        assert isinstance(app.screen, DevicePicker)


async def test_a_machine_without_devices_says_so() -> None:
    engine = ScriptedEngine(snapshot=meeting())
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, DevicesListed(()))
        assert "No input device found." in shown(app)
        assert "livegist doctor says what is missing." in " ".join(shown(app, "preview").split())
        assert "record from it" not in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.dashboard)
        assert UseSource not in {type(command) for command in engine.sent}


async def test_a_sound_system_that_does_not_answer_closes_the_list_and_is_reported() -> None:
    engine = ScriptedEngine(snapshot=replace(meeting(), gain_db=6.0))
    async with running(engine) as (app, pilot):
        await pilot.press("D")
        await emit(pilot, engine, Rejected("PortAudio is not installed.", "Install it."))
        assert app.screen is app.dashboard
        assert "PortAudio is not installed." in toasts(app)


async def test_what_the_machine_plays_may_be_silent() -> None:
    tracks = (Track("you", "mic"), Track("them", "system"))
    engine, clock = ScriptedEngine(snapshot=replace(meeting(), tracks=tracks)), Clock()
    async with running(engine, size=(120, 36), clock=clock) as (app, pilot):
        for second in range(15):
            clock.now = float(second)
            await emit(pilot, engine, *(LevelChanged(-120.0, -120.0, track=track.name) for track in tracks))
        assert "wrong device?" in shown(app, "meter")
        assert "wrong device?" not in shown(app, "meter-2")
        assert "no signal" not in shown(app, "meter-2")
