"""Echo between tracks: finds the words of a microphone's turn that are what the loudspeakers played. Pure.

A word is an echo if the other track has it in its text at that time, and the audio is a delayed, quieter copy of that
track. Neither alone suffices: two persons may say the same word at once, and a person may speak over the loudspeakers.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import msgspec

from tui.model.transcript import Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

MAX_LAG_S = 0.6
"""Longest delay of an echo, in seconds: the loudspeakers' buffer, the room, and the microphone's buffer."""
MIN_SIGNIFICANCE = 14.0
"""Least height of the correlation's peak in standard deviations. Unrelated readings of five seconds reach 8; an echo at
-20 dB with noise at -60 dBFS has 200, and with the reflections of a room 38."""
BAND_HZ = (200.0, 4000.0)
"""Frequencies that are compared: above and below them speech is weak, and codecs leave traces that are alike."""
MAX_WORD_SHIFT_S = 0.8
"""Largest difference between the times of a word on two tracks: recognisers place words only roughly."""
MIN_MATCHED = 0.5
"""Least share of the echo's words that the other track's text must have."""
MIN_SIMILARITY = 0.6
"""Least similarity of two words that may be the same one."""
OWN_ENERGY = 4.0
"""Energy of a word, relative to that of the echo, from which a person speaks over it: 6 dB."""
SURE_ENERGY = 16.0
"""The same for a decision without the other track's text: 12 dB, as a room with reflections varies by as much."""
FRAME_S = 0.03
"""Seconds of audio in which the energies of both tracks are compared."""
ECHO_SHARE = 0.25
"""Share of the frames that are surely not spoken over: speech has as many pauses between words and syllables."""
ACTIVE = 0.01
"""Least energy of a frame of the other track, relative to its loudest, that tells how loud its echo is."""
FLOOR = 1e-7
"""Mean square of a sample below which audio counts as silent: -70 dBFS."""


class EchoPath(msgspec.Struct, frozen=True):
    """How a track records another one."""

    lag: int
    """Delay in samples."""
    significance: float
    """Height of the correlation's peak in standard deviations."""


def find_path(captured: "Samples", played: "Samples", sample_rate: int, *, min_lag_s: float) -> EchoPath | None:
    """Return the path by which `captured` contains `played`; `None` if there is none.

    The cross-correlation is weighted by its phase alone (GCC-PHAT; Knapp and Carter, 1976), so that loud vowels do not
    hide the delay.

    Args:
        captured: samples of the microphone, from -1 to 1.
        played: samples of the other track at the same time.
        sample_rate: samples per second.
        min_lag_s: least delay, in seconds; negative if the tracks may be out of step.
    """
    import numpy as np

    if min(float(np.mean(captured**2)), float(np.mean(played**2))) < FLOOR:
        return None
    size = 1 << (2 * max(len(captured), len(played)) - 1).bit_length()
    spectrum = np.fft.rfft(captured, size) * np.conj(np.fft.rfft(played, size))
    frequencies = np.fft.rfftfreq(size, 1 / sample_rate)
    spectrum[(frequencies < BAND_HZ[0]) | (frequencies > BAND_HZ[1])] = 0
    correlation = np.fft.irfft(spectrum / np.maximum(np.abs(spectrum), 1e-20), size)
    lags = np.arange(round(min_lag_s * sample_rate), round(MAX_LAG_S * sample_rate))
    values = correlation[lags]
    at = int(values.argmax())
    significance = float(values[at] / correlation.std())
    return EchoPath(int(lags[at]), significance) if significance >= MIN_SIGNIFICANCE else None


def sure_words(
    words: Sequence[Word],
    captured: "Samples",
    played: "Samples",
    path: EchoPath,
    *,
    sample_rate: int,
    start_s: float,
) -> set[int]:
    """Return the indices of the words that are far louder than the echo can be, whatever the other track's text is.

    Args:
        words: words of the microphone's turn.
        captured: samples of the microphone.
        played: samples of the other track.
        path: by which the microphone records it.
        sample_rate: samples per second.
        start_s: time of the first sample, in seconds.
    """
    import numpy as np

    size = round(FRAME_S * sample_rate)
    count = (min(len(captured), len(played)) - max(0, path.lag)) // size
    if count < 1:
        return set()
    later, earlier = max(0, path.lag), max(0, -path.lag)
    count = min(count, (len(captured) - later) // size, (len(played) - earlier) // size)
    echo = (played[earlier : earlier + count * size].reshape(count, size) ** 2).mean(axis=1)
    energy = (captured[later : later + count * size].reshape(count, size) ** 2).mean(axis=1)
    active = echo > max(FLOOR, ACTIVE * float(echo.max()))
    gain = float(np.quantile(energy[active] / echo[active], ECHO_SHARE)) if active.any() else 0.0
    lag_s = path.lag / sample_rate
    return {
        at
        for at, word in enumerate(words)
        if _energy(captured, word, start_s, sample_rate)
        > SURE_ENERGY * gain * _energy(played, word, start_s + lag_s, sample_rate) + FLOOR
    }


def own_words(
    words: Sequence[Word],
    others: Sequence[Word],
    captured: "Samples",
    played: "Samples",
    path: EchoPath,
    *,
    sample_rate: int,
    start_s: float,
) -> list[int] | None:
    """Return the indices of the words that are not an echo; `None` if the text does not confirm an echo.

    Args:
        words: words of the microphone's turn.
        others: words of the other track around that time.
        captured: samples of the microphone.
        played: samples of the other track.
        path: by which the microphone records it.
        sample_rate: samples per second.
        start_s: time of the first sample, in seconds.
    """
    matched = matched_words(words, others)
    if not matched:
        return None
    lag_s = path.lag / sample_rate
    energies = [_energy(captured, word, start_s, sample_rate) for word in words]
    echoes = [_energy(played, word, start_s + lag_s, sample_rate) for word in words]
    ratios = sorted(energies[at] / echoes[at] for at in matched if echoes[at] > FLOOR)
    if not ratios:
        return None
    # Of the matched words, the quieter half are surely not spoken over.
    gain = ratios[(len(ratios) - 1) // 2]
    own = [at for at, energy in enumerate(energies) if energy > OWN_ENERGY * gain * echoes[at] + FLOOR]
    echo = len(words) - len(own)
    return own if echo and len(matched - set(own)) >= MIN_MATCHED * echo else None


def matched_words(words: Sequence[Word], others: Sequence[Word]) -> set[int]:
    """Return the indices of words that the other track has, too, in the same order and at about the same time."""
    left, right = [_folded(word) for word in words], [_folded(word) for word in others]
    matched: set[int] = set()
    for tag, first, last, start, end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        pairs = [(at, other) for at in range(first, last) for other in range(start, end)]
        if tag == "equal":
            pairs = list(zip(range(first, last), range(start, end), strict=True))
        for at, other in pairs:
            near = abs(words[at].start_s - others[other].start_s) <= MAX_WORD_SHIFT_S
            if near and SequenceMatcher(None, left[at], right[other]).ratio() >= MIN_SIMILARITY:
                matched.add(at)
    return matched


def _folded(word: Word) -> str:
    return "".join(character for character in word.text.casefold() if character.isalnum())


def _energy(samples: "Samples", word: Word, start_s: float, sample_rate: int) -> float:
    """Return the mean square of a word's samples, `start_s` being the time of the first sample."""
    first = max(0, round((word.start_s - start_s) * sample_rate))
    last = max(first + 1, round((word.end_s - start_s) * sample_rate))
    part = samples[first:last]
    return float((part**2).mean()) if len(part) else 0.0
