"""The devices of a sound server, from what `pactl` prints."""

import os

from tui.audio import pulse
from tui.audio.devices import Device, choose_device
from tui.audio.pulse import PulseSource

INFO = """Server Name: PulseAudio (on PipeWire 1.2.7)
Default Sink: alsa_output.pci
Default Source: alsa_input.pci
"""
LISTING = """Source #49
	State: SUSPENDED
	Name: alsa_output.pci.monitor
	Description: Monitor of Built-in Audio
	Sample Specification: s32le 2ch 48000Hz
	Monitor of Sink: alsa_output.pci

Source #51
	State: RUNNING
	Name: alsa_input.usb-1
	Description: Headset: Größe
	Sample Specification: s16le 1ch 16000Hz
	Monitor of Sink: n/a
	Properties:
		device.description = "Headset: Größe"

Source #52
	Name: alsa_input.usb-2
	Description: Headset: Größe
	Sample Specification: s16le 1ch 16000Hz
	Monitor of Sink: n/a

Source #50
	Name: alsa_input.pci
	Description: Built-in Audio
	Sample Specification: s32le 2ch 48000Hz
	Monitor of Sink: n/a
"""
PORTAUDIO = {
    0: Device("HDA Intel: ALC257 (hw:0,0)", "ALSA", 2, 44_100, default=False),
    1: Device("pulse", "ALSA", 32, 44_100, default=False),
    2: Device("default", "ALSA", 32, 44_100, default=True),
}
SOURCES = pulse.parse_sources(LISTING, INFO)


def test_each_device_is_listed_once_the_default_one_first_without_what_outputs_play() -> None:
    assert [
        PulseSource("alsa_input.pci", "Built-in Audio", "PipeWire", 2, 48_000, default=True),
        PulseSource("alsa_input.usb-1", "Headset: Größe (alsa_input.usb-1)", "PipeWire", 1, 16_000, default=False),
        PulseSource("alsa_input.usb-2", "Headset: Größe (alsa_input.usb-2)", "PipeWire", 1, 16_000, default=False),
    ] == SOURCES


def test_the_monitor_of_an_output_is_listed_if_it_is_the_default() -> None:
    info = INFO.replace("alsa_input.pci", "alsa_output.pci.monitor")
    assert next(source.name for source in pulse.parse_sources(LISTING, info)) == "Monitor of Built-in Audio"


def test_a_device_of_the_sound_server_is_opened_through_alsas_plugin() -> None:
    assert choose_device(PORTAUDIO, SOURCES, "headset") == (1, SOURCES[1])
    assert choose_device(PORTAUDIO, SOURCES, "alsa_input.usb-2") == (1, SOURCES[2])


def test_the_default_device_has_the_description_of_the_servers_default() -> None:
    assert choose_device(PORTAUDIO, SOURCES, "") == (2, SOURCES[0])
    assert choose_device(PORTAUDIO, [], "") == (2, None)


def test_names_of_portaudio_still_select_a_device() -> None:
    assert choose_device(PORTAUDIO, SOURCES, "ALC257") == (0, None)
    assert choose_device(PORTAUDIO, SOURCES, "default") == (2, None)


def test_the_selection_ends_with_the_opening() -> None:
    with pulse.selected(SOURCES[1]):
        assert os.environ["PULSE_SOURCE"] == "alsa_input.usb-1"
    assert "PULSE_SOURCE" not in os.environ


STREAMS = """Source Output #3
	Source: 52
	Properties:
		application.process.id = "411"

Source Output #4
	Source: 49
	Properties:
		application.process.id = "7"
"""


def test_the_source_that_a_process_records_from_is_named() -> None:
    assert pulse.recorded_source(411, STREAMS, LISTING) == "Headset: Größe"
    assert pulse.recorded_source(7, STREAMS, LISTING) == "Monitor of Built-in Audio"
    assert pulse.recorded_source(1, STREAMS, LISTING) == ""


def test_the_source_of_one_of_several_streams_is_not_named() -> None:
    assert pulse.recorded_source(7, STREAMS.replace("411", "7"), LISTING) == ""
