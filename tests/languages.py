"""Sentences in several languages, spoken by a machine.

The voices are synthetic, of espeak-ng, and not easy for Whisper: of its variants these are understood best.
"""

import io
import subprocess

import numpy as np
import soundfile
import soxr

from tests.conftest import needs
from tests.gateway_harness import RATE, Samples, silence, word_errors, words

SENTENCES = {
    "de": (
        "de+m3",
        "Ich möchte heute ein neues Buch kaufen. Meine Schwester wohnt in einem kleinen Dorf bei Hamburg. "
        "Am Montag fahren wir zusammen in die Stadt.",
    ),
    "fr": (
        "fr+m3",
        "Bonjour. Je voudrais une tasse de café et un morceau de pain. Ma sœur habite dans une petite maison à Paris.",
    ),
    "es": (
        "es+m7",
        "Buenos días. Mi hermana vive en una casa pequeña en el centro de la ciudad. "
        "Mañana vamos a tomar el tren a Madrid.",
    ),
}
"""By language: a voice of espeak-ng, and what it says."""
WORDS_A_MINUTE = "140"


def said_in(language: str) -> Samples:
    """Return what a synthetic voice says in a language, and a pause."""
    needs("espeak-ng")
    voice, text = SENTENCES[language]
    command = ["espeak-ng", "-v", voice, "-s", WORDS_A_MINUTE, "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate = soundfile.read(io.BytesIO(spoken), dtype="int16")
    return np.concatenate([soxr.resample(samples, rate, RATE), silence(1.5)])


def error_rate(language: str, text: str) -> float:
    """Return the word error rate of a text against what was said in a language."""
    reference = words(SENTENCES[language][1])
    return word_errors(reference, words(text)) / len(reference)
