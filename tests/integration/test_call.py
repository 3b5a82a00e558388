"""Both sides of a call on a real sound server: a microphone and what the machine plays, in one session."""

import asyncio
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Pulse, needs
from tests.faults.engines import DRAIN_S, Watch, running
from tests.gateway_harness import CLIPS, spoken, word_errors, words
from tests.session_fixtures import write_wav
from tui.audio.sources import warm_up
from tui.model.commands import Option, Start, Stop
from tui.model.events import State
from tui.paths import sessions_dir
from tui.sessions.store import Store

LOCAL: dict[str, Option] = {"engine": "local", "analyse_at_end": False, "drain_timeout_s": DRAIN_S}
PATIENCE_S = 120.0
RATE = 16_000
RAMP = np.arange(-16_000, 16_000, dtype="<i2")
"""Two seconds in which each sample is one higher than the one before: a lost, doubled or changed sample is seen."""


def play(pulse: Pulse, path: Path, output: str) -> "subprocess.Popen[bytes]":
    """Play a WAV into an output."""
    return subprocess.Popen(["paplay", f"--device={output}", str(path)], env={**os.environ, **pulse.env})


def ramps(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> list[int]:
    """Return the lengths of the runs in which each sample is one higher than the one before, the long ones."""
    breaks = np.flatnonzero(np.diff(samples.astype(int)) != 1)
    edges = np.concatenate(([-1], breaks, [len(samples) - 1]))
    return [int(length) for length in np.diff(edges) if length > 100]


@pytest.mark.timeout(300)
async def test_both_sides_are_transcribed_and_an_unplugged_output_costs_the_microphone_no_sample(
    short_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("pulseaudio", "pactl", "paplay", "parec", "portaudio")
    server = Pulse(short_dir)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    # On a busy machine the first blocks may be late, which a correction of the clock makes good sample by sample.
    monkeypatch.setattr("tui.audio.clock_fit.DEADBAND_S", 1.0)
    mine, theirs = CLIPS[0], CLIPS[1]
    write_wav(tmp_path / "ramps.wav", np.concatenate([RAMP] * 3).astype("<i2").tobytes())
    watch = Watch()
    try:
        await asyncio.to_thread(server.ready)
        output = server.pactl(
            "load-module", "module-null-sink", "sink_name=out", "rate=16000", "channels=1", "norewinds=1"
        )
        server.pactl("set-default-sink", "out")
        await warm_up("mic")
        async with running(watch) as engine:
            sources = ["you=mic", "them=system"]
            await engine.execute(
                Start({"source": sources, "engine": "local", "analyse_at_end": False, "drain_timeout_s": DRAIN_S})
            )
            await watch.until_state(State.LIVE, within_s=PATIENCE_S)
            players = [play(server, mine, "spk"), play(server, theirs, "out")]
            await watch.until(lambda: {turn.track for turn in watch.finals} == {"you", "them"}, PATIENCE_S)
            for player in players:
                await asyncio.to_thread(player.wait, PATIENCE_S)
            ramp = play(server, tmp_path / "ramps.wav", "spk")
            await watch.until(lambda: server.pactl("list", "short", "sink-inputs") != "")
            server.pactl("unload-module", output)
            await asyncio.to_thread(ramp.wait, PATIENCE_S)
            before = watch.record.stats.elapsed_s
            await watch.until(lambda: watch.record.stats.elapsed_s > before + 1, PATIENCE_S)
            await engine.execute(Stop())
            await watch.until_over(PATIENCE_S)
    finally:
        server.stop()
    assert watch.record.state is State.ENDED
    for track, clip in (("you", mine), ("them", theirs)):
        transcribed = words(" ".join(turn.text for turn in watch.finals if turn.track == track))
        said = words(spoken(clip))
        assert word_errors(said, transcribed) <= 0.4 * len(said), f"{track}: {transcribed}"
    (stored,) = Store(sessions_dir())
    recorded = np.frombuffer(stored.audio_of(0).read_bytes()[44:], "<i2")
    assert ramps(recorded) == [len(RAMP)] * 3
    lengths = [path.stat().st_size / 2 / RATE for path in stored.recordings]
    assert abs(lengths[0] - lengths[1]) < 1.0, "silence keeps the second track in step"
