"""Echo: the microphone records what the machine plays, and each turn is still shown once."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.faults.engines import DRAIN_S, Watch, running
from tests.gateway_harness import CLIPS, spoken, word_errors, words
from tests.session_fixtures import write_wav
from tui.model.commands import Option, Start
from tui.model.events import State

RATE = 16_000
DELAY_S = 0.08
LOCAL: dict[str, Option] = {"engine": "local", "analyse_at_end": False, "drain_timeout_s": DRAIN_S}
PATIENCE_S = 180.0
THEM, YOU, LATER = CLIPS[4], CLIPS[1], CLIPS[2]


def call() -> tuple[bytes, bytes]:
    """Return both tracks of a call: the others speak, the user answers, the others speak again.

    The microphone records the others 80 ms later, at first at -10 dB and then at -20 dB.
    """
    parts: list[tuple[np.ndarray[tuple[int], np.dtype[np.float64]], str]] = []
    for clip, track in ((THEM, "them"), (YOU, "you"), (LATER, "them")):
        parts += [(soundfile.read(clip, dtype="int16")[0].astype(float), track), (np.zeros(RATE), "")]
    them = np.concatenate([sound * (track == "them") for sound, track in parts])
    you = np.concatenate([sound * (track == "you") for sound, track in parts])
    loud = np.arange(len(them)) < len(parts[0][0]) + RATE // 2
    echo = np.roll(them * np.where(loud, 10 ** (-10 / 20), 10 ** (-20 / 20)), round(DELAY_S * RATE))
    return (you + echo).astype("<i2").tobytes(), them.astype("<i2").tobytes()


@pytest.mark.timeout(300)
async def test_no_turn_is_doubled_and_none_of_the_user_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine recognises one track much later than the other.
    for limit in ("MAX_HOLD_S", "NO_WORDS_S"):
        monkeypatch.setattr(f"tui.engine.echo_filter.{limit}", PATIENCE_S)
    for name, sound in zip(("you", "them"), call(), strict=True):
        write_wav(tmp_path / f"{name}.wav", sound)
    watch = Watch()
    async with running(watch) as engine:
        sources = [f"you={tmp_path}/you.wav", f"them={tmp_path}/them.wav"]
        await engine.execute(
            Start({"source": sources, "engine": "local", "analyse_at_end": False, "drain_timeout_s": DRAIN_S})
        )
        await watch.until_over(PATIENCE_S)
    assert (watch.record.state, watch.record.stats.untranscribed_s) == (State.ENDED, 0), watch.notices
    for track, clips in (("you", (YOU,)), ("them", (THEM, LATER))):
        said = words(" ".join(map(spoken, clips)))
        transcribed = words(" ".join(turn.text for turn in watch.finals if turn.track == track))
        assert word_errors(said, transcribed) <= 0.25 * len(said), f"{track}: {transcribed}"
    assert all(turn.final for turn in watch.record.transcript), "no partial of an echo stays"
    assert {gist.turn for gist in watch.record.gists.values()} <= {turn.number for turn in watch.finals}
