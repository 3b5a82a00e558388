"""Difficult recordings, made from the clips of this repository: fast, continuous, noisy, soft and overlapping speech.

    python -m tests.hard_speech [--several] FOLDER

writes each recording as a WAV file with its words beside it. Needs sox.
"""

import argparse
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from tests.gateway_harness import CLIPS, RATE, Samples, read, spoken

ORDER = (0, 1, 2, 3, 4, 0, 2)
"""Indices of `CLIPS` in the recordings: 37 s. The longest turn is 24 s, so continuous speech has to be split."""
SEVERAL = (
    "alice",
    "arctic_slt_a0004",
    "kennedy",
    "arctic_slt_a0005",
    "arctic_awb_a0007",
    "arctic_slt_a0006",
    "spontaneous",
    "arctic_slt_a0007",
    "librispeech_61",
    "arctic_slt_a0008",
    "sonnet",
    "arctic_slt_a0009",
    "arctic_slt_a0010",
)
"""Clips of seven people, 136 s: the voice changes with almost every clip."""
SEVERAL_RMS = 2_500.0
"""Level of each of these clips: -22 dBFS."""
PAUSE_S = 1.5
"""Pause between sentences, longer than the silence that ends any turn."""
HESITATION_S = 0.9
"""Pause inside a sentence, shorter than that."""
CONTINUOUS_PAUSE_MS = 100
FRAME_MS = 10
QUIET_DB = 22.0
"""A frame so far below the 95th percentile of the levels is a pause: the clips' background lies 28 dB below."""
LOUDEST_ROOM_DB = 35.5
"""Level of a pause that `room` makes, at most, in dB above a sample of 1."""
AUDIBLE_DB = 20.0
"""Speech ends with the last frame that is at most so far below: what the reader breathes after it lies lower."""
SOFT_DB = -25.0
SECOND_VOICE_CENTS = -350
"""All clips are read by one person; the second voice of a dialogue is hers, lowered by this, formants included."""

Effect = Callable[[Samples], Samples]


class Recording(msgspec.Struct, frozen=True):
    """Speech with its words and its timeline."""

    name: str
    samples: Samples
    """16 kHz mono."""
    reference: str
    """What is said, in words."""
    ends_s: tuple[float, ...]
    """For each sentence, the second at which its speech ends."""

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return len(self.samples) / RATE


def recordings() -> Iterator[Recording]:
    """Make every recording of the one reader, one after the other; the same bytes each time."""
    sentences = [read(CLIPS[index]) for index in ORDER]
    words = spoken(*(CLIPS[index] for index in ORDER))
    yield from _conditions(sentences, words)
    yield dialogue(without_pauses(sentences), words)


def several_readers() -> Iterator[Recording]:
    """Make the recordings of several people, without those of two voices; the same bytes each time."""
    paths = [CLIPS[0].with_name("readers") / f"{name}.flac" for name in SEVERAL]
    clips = [soundfile.read(path, dtype="int16")[0] for path in paths]
    leveled = [np.round(clip * (SEVERAL_RMS / _rms(clip))).clip(-32768, 32767).astype(np.int16) for clip in clips]
    yield from _conditions(leveled, spoken(*paths))


def _conditions(sentences: Sequence[Samples], words: str) -> Iterator[Recording]:
    as_read = joined("as read", sentences, words)
    yield as_read
    yield joined("sentences with pauses", [part for clip in sentences for part in (clip, room(PAUSE_S))], words)
    yield hesitating(sentences, words)
    yield joined("continuous: no pause over 100 ms", without_pauses(sentences), words)
    for factor in (1.3, 1.5):
        yield faster(as_read, factor)
    for below_db in (20, 10, 5):
        yield changed(as_read, f"pink noise, {below_db} dB below", partial(noisy, below_db=below_db))
    yield changed(as_read, f"{-SOFT_DB:.0f} dB softer", lambda samples: sox(samples, "gain", str(SOFT_DB)))
    yield changed(as_read, "telephone: 8 kHz, mu-law", telephone)
    yield changed(as_read, "reverberation", lambda samples: sox(samples, "gain", "-3", "reverb", "60", "remix", "-"))


def joined(name: str, parts: Sequence[Samples], words: str) -> Recording:
    """Join parts; each that has speech in it is a sentence."""
    ends, position = [], 0
    for part in parts:
        if end := speech_end(part):
            ends.append((position + end) / RATE)
        position += len(part)
    return Recording(name, np.concatenate(parts), words, tuple(ends))


def changed(recording: Recording, name: str, effect: Effect) -> Recording:
    """Return a recording after an effect that leaves its timeline as it is."""
    return msgspec.structs.replace(recording, name=name, samples=effect(recording.samples))


def faster(recording: Recording, factor: float) -> Recording:
    """Return a recording spoken faster, at the same pitch."""
    samples = sox(recording.samples, "tempo", "-s", str(factor))
    ends = tuple(end / factor for end in recording.ends_s)
    return Recording(f"{factor} times as fast", samples, recording.reference, ends)


def dialogue(sentences: Sequence[Samples], words: str) -> Recording:
    """Return the sentences by two voices in alternation."""
    parts = list(sentences)
    parts[1::2] = [sox(clip, "pitch", str(SECOND_VOICE_CENTS)) for clip in parts[1::2]]
    return joined("two voices, no pause between", parts, words)


def hesitating(sentences: Sequence[Samples], words: str) -> Recording:
    """Return each sentence with a hesitation at the quietest place in its middle, and a pause after it."""
    parts, ends, position = [], [], 0
    for clip in sentences:
        middle = _quietest(clip)
        part = np.concatenate([clip[:middle], room(HESITATION_S), clip[middle:], room(PAUSE_S)])
        parts.append(part)
        ends.append((position + speech_end(part)) / RATE)
        position += len(part)
    return Recording("hesitations of 0.9 s inside sentences", np.concatenate(parts), words, tuple(ends))


def without_pauses(sentences: Sequence[Samples]) -> list[Samples]:
    """Shorten every pause of the joined sentences to at most 100 ms, half of it at each of its ends."""
    quiet = quiet_db(np.concatenate(sentences))
    reach = CONTINUOUS_PAUSE_MS // 2 // FRAME_MS
    near = np.ones(2 * reach + 1)
    kept = [np.convolve(levels_db(clip) > quiet, near, "same") > 0 for clip in sentences]
    return [_frames(clip)[frames].ravel() for clip, frames in zip(sentences, kept, strict=True)]


def noisy(samples: Samples, below_db: float) -> Samples:
    """Add pink noise; its RMS is so far below that of the speech, pauses left out."""
    synth = ["synth", f"{len(samples)}s", "pinknoise", "vol", "0.5"]
    noise = np.frombuffer(_run(["sox", "-D", "-R", "-r", str(RATE), "-n", *_PCM, *synth]), np.int16).astype(np.float64)
    loud = _frames(samples)[speech(samples)]
    factor = _rms(loud) / _rms(noise) * 10 ** (-below_db / 20)
    return np.clip(np.round(samples + factor * noise), -32768, 32767).astype(np.int16)


def telephone(samples: Samples) -> Samples:
    """Limit speech to 300-3400 Hz at 8 kHz and code it with mu-law (ITU-T G.711)."""
    coded = ["-t", "raw", "-r", "8000", "-e", "mu-law", "-b", "8", "-c", "1", "-"]
    line = _run(["sox", "-D", *_PCM, *coded, "sinc", "300-3400"], samples.tobytes())
    return np.frombuffer(_run(["sox", "-D", *coded, *_PCM], line), np.int16)


def sox(samples: Samples, *effects: str) -> Samples:
    """Return samples after effects of sox, without dither."""
    return np.frombuffer(_run(["sox", "-D", *_PCM, *_PCM, *effects], samples.tobytes()), np.int16)


def room(seconds: float) -> Samples:
    """Return a pause: the faint noise of a quiet room, the same each time."""
    return np.random.default_rng(7).normal(0.0, 40.0, int(seconds * RATE)).round().astype(np.int16)


def levels_db(samples: Samples) -> npt.NDArray[np.float64]:
    """Return the level of each frame of 10 ms, in dB above a sample of 1."""
    power = np.mean(np.square(_frames(samples), dtype=np.float64), axis=1)
    return np.asarray(10 * np.log10(np.maximum(1.0, power)))


def quiet_db(samples: Samples) -> float:
    """Return the level up to which a frame is a pause."""
    return max(float(np.percentile(levels_db(samples), 95)) - QUIET_DB, LOUDEST_ROOM_DB)


def speech_end(samples: Samples) -> int:
    """Return the sample after the last of the speech; 0 if there is none."""
    levels = levels_db(samples)
    audible = np.flatnonzero(levels > max(float(np.percentile(levels, 95)) - AUDIBLE_DB, LOUDEST_ROOM_DB))
    return (int(audible[-1]) + 1) * _FRAME if len(audible) else 0


def speech(samples: Samples) -> npt.NDArray[np.bool_]:
    """Return for each frame of 10 ms whether it is speech."""
    return np.greater(levels_db(samples), quiet_db(samples))


_FRAME = RATE * FRAME_MS // 1000
_PCM = ("-t", "raw", "-r", str(RATE), "-e", "signed", "-b", "16", "-c", "1", "-")


def _run(command: Sequence[str], samples: bytes = b"") -> bytes:
    return subprocess.run(command, input=samples, stdout=subprocess.PIPE, check=True).stdout


def _frames(samples: Samples) -> Samples:
    """Return samples as rows of 10 ms; what is left over at the end is dropped."""
    return samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)


def _quietest(samples: Samples) -> int:
    """Return the sample in the middle half of a clip about which 70 ms are the quietest."""
    smooth = np.convolve(levels_db(samples), np.ones(7), "same")
    quarter = len(smooth) // 4
    return int(quarter + np.argmin(smooth[quarter:-quarter])) * _FRAME


def _rms(samples: npt.NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--several", action="store_true", help="by seven people")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    folder: Path = options.folder
    if not shutil.which("sox"):
        parser.error("sox is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for recording in several_readers() if options.several else recordings():
        stem = "-".join(recording.name.replace(":", "").replace(",", "").replace(".", "_").split())
        soundfile.write(folder / f"{stem}.wav", recording.samples, RATE, subtype="PCM_16")
        (folder / f"{stem}.txt").write_text(f"{recording.reference}\n")
        print(f"{recording.duration_s:5.1f} s  {stem}.wav")


if __name__ == "__main__":
    main()
