"""Features of speech that speaker models take: a row per 10 ms. Pure.

All take frames of 25 ms; row `i` is about the 400 samples from sample `160 * i` on.
"""

import functools

import numpy as np
import numpy.typing as npt

RATE = 16_000
FRAME = 400
"""Samples that a row is made from."""
STEP = 160
"""Samples between two rows."""
FFT = 512
PRE_EMPHASIS = 0.97
EPSILON = 1.1920929e-07

Floats = npt.NDArray[np.float32]


def frames(samples: Floats) -> Floats:
    """Return the frames of samples, -1 to 1, as rows of 400."""
    if len(samples) < FRAME:
        return np.zeros((0, FRAME), np.float32)
    return np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::STEP]


def mel_power(samples: Floats) -> Floats:
    """Return the power in 40 mel bands, and in a last column the mean square of the samples.

    The bands are those of librosa (Slaney's scale, area-normalized), as the encoder of Resemblyzer was trained on.
    """
    rows = frames(samples)
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(rows * window))).astype(np.float32)
    return np.hstack([power @ _slaney(), np.mean(np.square(rows), axis=1, keepdims=True)])


def wespeaker(samples: Floats) -> Floats:
    """Return the logarithms of 80 mel bands as Kaldi computes them, with the window of WeSpeaker's models."""
    return _fbank(samples, np.hamming(FRAME))


def speaker_3d(samples: Floats) -> Floats:
    """Return the logarithms of 80 mel bands as Kaldi computes them, with its own window, for 3D-Speaker's models."""
    return _fbank(samples, np.hanning(FRAME) ** 0.85)


def redimnet(samples: Floats) -> Floats:
    """Return the logarithms of 72 mel bands from 20 to 7600 Hz, as ReDimNet2's models take them."""
    power = _power(_emphasized(frames(samples)), np.hamming(FRAME))
    return np.asarray(np.log(np.maximum(power[:, : FFT // 2] @ _redimnet(), 1e-8) + 1e-8), np.float32)


def _fbank(samples: Floats, window: npt.NDArray[np.float64]) -> Floats:
    rows = frames(samples) * np.float32(32_768)
    power = _power(_emphasized(rows - rows.mean(axis=1, keepdims=True)), window)
    return np.asarray(np.log(np.maximum(power @ _kaldi(), EPSILON)), np.float32)


def _emphasized(rows: Floats) -> Floats:
    """Return frames with their high frequencies raised."""
    before: Floats = np.hstack([rows[:, :1], rows[:, :-1]])
    return np.asarray(rows - np.float32(PRE_EMPHASIS) * before, np.float32)


def _power(rows: Floats, window: npt.NDArray[np.float64]) -> Floats:
    return np.asarray(np.square(np.abs(np.fft.rfft(rows * window.astype(np.float32), FFT))), np.float32)


@functools.cache
def _slaney() -> Floats:
    """Return the filters, (201, 40): linear below 1 kHz, logarithmic above."""
    step, corner = 200 / 3, 1000.0
    log_step = np.log(6.4) / 27
    top = corner / step + np.log(RATE / 2 / corner) / log_step
    mels = np.linspace(0, top, 42)
    edges = np.where(mels < 15, mels * step, corner * np.exp(log_step * (mels - 15)))
    bins = np.linspace(0, RATE / 2, FRAME // 2 + 1)
    filters = _triangles(bins, edges) * (2 / (edges[2:] - edges[:-2]))
    return filters.astype(np.float32)


@functools.cache
def _kaldi() -> Floats:
    """Return the filters, (257, 80), from 20 Hz to 8 kHz; triangles on the mel scale, without the last bin."""
    edges = np.linspace(_mel(20.0), _mel(RATE / 2), 82)
    filters = _triangles(_mel(np.arange(FFT // 2 + 1) * RATE / FFT), edges)
    filters[-1] = 0
    return filters.astype(np.float32)


@functools.cache
def _redimnet() -> Floats:
    edges = np.linspace(_mel(20.0), _mel(7600.0), 74)
    filters = _triangles(_mel(np.linspace(0, RATE // 2, FFT // 2)), edges)
    filters[0] = 0
    return filters.astype(np.float32)


def _mel(hertz: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(1127 * np.log(1 + np.asarray(hertz) / 700))


def _triangles(bins: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return filters, (bins, bands), that rise and fall between neighbouring edges."""
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    place = bins[:, np.newaxis]
    return np.maximum(0, np.minimum((place - low) / (middle - low), (high - place) / (high - middle)))
