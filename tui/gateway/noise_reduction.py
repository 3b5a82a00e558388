"""Less steady noise, such as that of a fan, in a clip's mel spectrogram. Pure.

Spectral subtraction with a floor (Boll, 1979, "Suppression of acoustic noise in speech using spectral subtraction";
Berouti et al., 1979), with the noise estimated from the quietest moments of each band (after Martin, 2001, "Noise power
spectral density estimation based on optimal smoothing and minimum statistics").
"""

import numpy as np
import numpy.typing as npt

QUIET_SHARE = 0.1
"""The noise of a band is what its quietest frames have, by this share of all frames; its loudest tenth is speech."""
QUIET_BIAS = 1.5
"""How much more power noise has than its quietest tenth."""
NOISY_DB = 12.0
"""Audio whose speech is less above the noise, on the mean of all bands, is noisy. 12 s with pink noise 5, 10 and 20 dB
below the speech have about 7, 10 and 18 dB; without added noise mostly 20 or more, and 13 at least."""
MIN_GAIN = 0.3
"""No band is reduced further (-10 dB): with 0.15, Whisper tiny.en has more word errors than with the noise."""
NEW_SHARE = 0.7
"""Share of a frame's own power in the power that is compared with the noise; the rest is of the frames around."""
NOISE_FRAMES, GAIN_FRAMES = 9, 3
"""Frames of 10 ms, odd, over which power and gain are averaged."""
MIN_POWER, RANGE = 1e-10, 8.0
"""The least power, and the powers of ten below the loudest that Whisper's features keep."""


def reduce_noise(features: npt.NDArray[np.float32], frames: int) -> npt.NDArray[np.float32]:
    """Return Whisper's features, of noisy audio with less of the noise that is there all the time.

    Args:
        features: (mel bands, frames of 10 ms): the logarithm to base 10 of the power, plus 4, divided by 4.
        frames: how many of them are of the clip; the others, of the silence after it, stay as they are.
    """
    if not frames:
        return features
    power = 10.0 ** (features[:, :frames].astype(np.float64) * 4 - 4)
    average = _moving_average(power, NOISE_FRAMES)
    noise = QUIET_BIAS * np.quantile(average, QUIET_SHARE, axis=1, keepdims=True)
    if 10 * np.mean(np.log10(np.quantile(average, 1 - QUIET_SHARE, axis=1, keepdims=True) / noise)) >= NOISY_DB:
        return features
    speech_share = 1 - noise / (NEW_SHARE * power + (1 - NEW_SHARE) * average)
    gain = _moving_average(np.sqrt(np.maximum(speech_share, MIN_GAIN**2)), GAIN_FRAMES)
    logarithm = np.log10(np.maximum(power * gain**2, MIN_POWER))
    reduced = features.copy()
    reduced[:, :frames] = (np.maximum(logarithm, logarithm.max() - RANGE) + 4) / 4
    return reduced


def _moving_average(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Return the mean of each value and those around it in its row, `width` together."""
    padded = np.pad(values, ((0, 0), (width // 2, width // 2)), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, width, axis=1).mean(axis=-1), np.float64)
