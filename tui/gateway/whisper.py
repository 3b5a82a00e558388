"""The faster-whisper recogniser: greedy search for partials, beam search for finals."""

import itertools
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.allocator import keep_large_blocks
from tui.gateway.hallucination import strip_repetition, strip_timeless_repetition
from tui.gateway.noise_reduction import reduce_noise
from tui.gateway.recogniser import RATE, Clip, RecognisedWord, Transcription
from tui.gateway.second_pass import combine, is_uncertain

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

WINDOW_S = 30.0
"""The window that Whisper was trained on, and the longest that it takes. A final gets all of it, filled with silence:
with shorter ones there are more word errors, and Whisper `base` loops on some German speech."""
FINAL_SILENCE_S = 6.0
"""How much of that silence the decoder gets. With all of it, a final takes a sixth more CPU time and has as many word
errors, a prompt has more effect, and a multilingual model keeps to the language of its request. With 3 s or less, a
short sentence may be said twice or more often."""
ENCODED_PER_SECOND = 50
"""Vectors that the encoder returns for a second of audio."""
PARTIAL_PADDING_S = 3.0
"""Silence after a partial clip; with 1 s Whisper sometimes repeats the end."""
TOKENS_PER_SECOND = 12.0
"""Limit of the output, twice that of the fastest speech; without one the decoder loops on a short window."""
MAX_OUTPUT_TOKENS = 224
FINAL_BEAM = 5
MAX_COPIED_BYTES = 300_000_000
"""Largest model that is loaded twice. The encoder is faster with all threads, the decoder with one: with two it takes
twice as long, because its matrices are small. Both stay in one copy of a larger model."""
MAX_PROMPT_TOKENS = 200
NO_SPEECH_PROBABILITY = 0.6
MIN_LOG_PROBABILITY = -0.8
"""Output above the first and below the second is no speech; Whisper's own second limit, -1, lets `you` pass."""
MAX_COMPRESSION_RATIO = 2.4
"""Output above is a loop (Whisper's own limit)."""
REPETITION = "repetition"
"""Why a loop is rejected."""


def most_likely_language(candidates: Sequence[tuple[str, float]], codes: Sequence[str]) -> tuple[str, float]:
    """Return the most likely of the languages that may be spoken, and its probability among them.

    Args:
        candidates: tokens of languages, such as `<|en|>`, and their probabilities, the most likely first.
        codes: the languages that may be spoken; empty for any.
    """
    ranked = [(token.strip("<|>"), probability) for token, probability in candidates]
    possible = [(code, probability) for code, probability in ranked if not codes or code in codes] or ranked
    total = sum(probability for _, probability in possible)
    code, probability = possible[0]
    return code, probability / total if total else 0.0


class WhisperRecogniser:
    """A loaded Whisper model; an implementation of `Recogniser`.

    Args:
        folder: the converted model.
        device: auto, cpu or cuda.
        threads: CPU threads; 0 for one per core, at most eight.
        name: the model's name; empty for the folder's.
    """

    def __init__(self, folder: Path, device: str = "auto", threads: int = 0, name: str = "") -> None:
        from ctranslate2 import get_cuda_device_count
        from faster_whisper import WhisperModel
        from faster_whisper.transcribe import get_suppressed_tokens

        keep_large_blocks()
        self.name = name or folder.name
        """The model's name, as the user gave it."""
        threads = threads or min(8, os.cpu_count() or 1)
        if device == "auto":
            device = "cuda" if get_cuda_device_count() else "cpu"
        # On a GPU, 8-bit integers take longer than the model's own type.
        load = partial(WhisperModel, str(folder), device=device, compute_type="int8" if device == "cpu" else "default")
        self._encoder = load(cpu_threads=threads)
        self._whisper = self._encoder
        self.workers = 1
        """How many threads may call `transcribe` at once."""
        if device == "cpu" and (folder / "model.bin").stat().st_size <= MAX_COPIED_BYTES:
            self.workers = threads
            self._whisper = load(cpu_threads=1, num_workers=threads)
        # On a GPU, the encoded clip would have to be copied.
        self._decodes_less_silence = device == "cpu" and not self._whisper.model.is_multilingual
        self._tokenizers: dict[str, Tokenizer] = {}
        self._suppressed: list[int] = list(get_suppressed_tokens(self._tokenizer("en"), [-1]))

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that the model knows."""
        return list(self._whisper.supported_languages)

    def transcribe(self, clips: Sequence[Clip]) -> list[Transcription]:
        """Return the text of each clip.

        Args:
            clips: one final, or several partials with the same prompt.

        Raises:
            RuntimeError, ValueError: the model cannot process them.
        """
        max_duration_s = max(len(clip.samples) for clip in clips) / RATE
        window_s = WINDOW_S if clips[0].final else min(WINDOW_S, max_duration_s + PARTIAL_PADDING_S)
        features = np.stack([self._features(clip.samples, window_s) for clip in clips])
        encoded = self._encoder.encode(features)
        languages = self._languages(clips, encoded)
        if clips[0].final:
            [clip], [(language, _)] = clips, languages
            found = [self._final(clip, encoded, language)]
        else:
            results = self._generate(clips, encoded, [language for language, _ in languages])
            found = [
                self._transcription(clip, result, language, encoded if len(clips) == 1 else row(encoded, at))
                for at, (clip, result, (language, _)) in enumerate(zip(clips, results, languages, strict=True))
            ]
        return [
            msgspec.structs.replace(transcription, language_confidence=confidence)
            for transcription, (_, confidence) in zip(found, languages, strict=True)
        ]

    def _final(self, clip: Clip, encoded: Any, language: str) -> Transcription:
        """Return the text of an encoded clip; if it is uncertain or a loop, with the help of a second pass.

        A core that has nothing to do begins the second one at once, whether it will be needed or not.
        """
        less = encoded
        if self._decodes_less_silence:
            less = first_seconds(encoded, len(clip.samples) / RATE + FINAL_SILENCE_S)
        first, other = (encoded, less) if clip.prompt or clip.earlier else (less, encoded)
        generate_second = partial(self._generate, [msgspec.structs.replace(clip, earlier="")], other, [language])
        # A client's prompt always applies. Without another input, the second pass would repeat the first.
        useful = not clip.prompt and (bool(clip.earlier) or self._decodes_less_silence)
        idle = self._whisper.model.num_active_batches + 1 < self._whisper.model.num_workers
        [result] = self._generate([clip], first, [language])
        [second] = generate_second() if useful and idle else [None]
        found = self._transcription(clip, result, language, first)
        looped = found.rejected == REPETITION
        if not useful or not (looped or is_uncertain(found.words, clip.context_s)):
            return found
        if second is None:
            [second] = generate_second()
        again = self._transcription(clip, second, language, other)
        if looped:
            return again
        return msgspec.structs.replace(found, words=combine(found.words, again.words))

    def _generate(self, clips: Sequence[Clip], encoded: Any, languages: Sequence[str]) -> list[Any]:
        """Begin to decode encoded clips; return the results to wait for."""
        final, longest_s = clips[0].final, max(len(clip.samples) for clip in clips) / RATE
        prompts = [self._prompt(clip, language) for clip, language in zip(clips, languages, strict=True)]
        limit = min(MAX_OUTPUT_TOKENS, int(longest_s * TOKENS_PER_SECOND) + 16)
        return list(
            self._whisper.model.generate(
                encoded,
                prompts,
                asynchronous=True,
                beam_size=FINAL_BEAM if final else 1,
                # CTranslate2 generates at most half of `max_length`, and at most what the prompt leaves of it.
                max_length=min(self._whisper.max_length, limit + max(limit, *(len(prompt) for prompt in prompts))),
                suppress_tokens=self._suppressed,
                return_scores=True,
                return_no_speech_prob=True,
            )
        )

    def text(self, tokens: Sequence[int], language: str = "en") -> str:
        """Return tokens as text."""
        return str(self._tokenizer(language).decode(list(tokens)))

    def _features(self, samples: npt.NDArray[np.float32], window_s: float) -> npt.NDArray[np.float32]:
        """Return the mel spectrogram of the samples, with less noise, and of the silence that fills the window."""
        frames = 2 * math.ceil(window_s * ENCODED_PER_SECOND)
        hop = self._whisper.feature_extractor.hop_length
        padded = np.zeros(frames * hop, np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        features = np.asarray(self._whisper.feature_extractor(padded, padding=0)[:, :frames], np.float32)
        return reduce_noise(features, len(samples) // hop)

    def _tokenizer(self, language: str) -> "Tokenizer":
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer

            self._tokenizers[language] = Tokenizer(
                self._whisper.hf_tokenizer, self._whisper.model.is_multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _languages(self, clips: Sequence[Clip], encoded: Any) -> list[tuple[str, float | None]]:
        """Return the language of each clip, and its probability if it is detected."""
        if not self._whisper.model.is_multilingual:
            return [("en", None)] * len(clips)
        asked = [[code for code in clip.languages if code in self.languages] for clip in clips]
        if all(len(codes) == 1 for codes in asked):
            return [(codes[0], None) for codes in asked]
        guesses = self._whisper.model.detect_language(encoded)
        return [most_likely_language(guess, codes) for guess, codes in zip(guesses, asked, strict=True)]

    def _prompt(self, clip: Clip, language: str) -> list[int]:
        tokenizer = self._tokenizer(language)
        hint = f"{clip.prompt} {clip.earlier}".strip()
        words = f" {hint}" if hint else ""
        # A client may write the names of special tokens; only plain words bias the model.
        before = [token for token in tokenizer.encode(words) if token < tokenizer.eot][-MAX_PROMPT_TOKENS:]
        prompt = self._whisper.get_prompt(tokenizer, before, without_timestamps=True)
        return [*prompt, *clip.prefix_tokens]

    def _transcription(self, clip: Clip, result: Any, language: str, encoded: Any) -> Transcription:
        """Wait for a result; return the words of the clip, without a loop at their end."""
        outcome = result.result()
        tokens = [token for token in outcome.sequences_ids[0] if token < self._tokenizer(language).eot]
        rejected = _rejection(clip, outcome, self.text(tokens, language)) if tokens else ""
        if rejected or not tokens:
            return Transcription((), language, rejected)
        duration_s = len(clip.samples) / RATE
        alignment = self._whisper.find_alignment(
            self._tokenizer(language), [tokens], encoded, math.ceil(duration_s * 100)
        )
        words = tuple(_join_pieces(alignment[0], duration_s, len(clip.prefix_tokens)))
        return Transcription(_without_repetition(words, len(clip.prefix_tokens)), language)


def _rejection(clip: Clip, outcome: Any, text: str) -> str:
    """Return why the output must be invented, by the clip or by Whisper's own measures; empty if nothing says so."""
    # Of a muted microphone, Whisper is rather sure that it says `you`.
    muted = not clip.samples.any()
    if muted or (outcome.no_speech_prob > NO_SPEECH_PROBABILITY and outcome.scores[0] < MIN_LOG_PROBABILITY):
        return "no speech"
    encoded = text.encode()
    return REPETITION if len(encoded) / len(zlib.compress(encoded)) > MAX_COMPRESSION_RATIO else ""


def first_seconds(encoded: Any, seconds: float) -> Any:
    """Return the start of encoded clips, which are in the CPU's memory."""
    from ctranslate2 import StorageView

    count = math.ceil(seconds * ENCODED_PER_SECOND)
    return StorageView.from_array(np.ascontiguousarray(np.asarray(encoded)[:, :count]))


def row(encoded: Any, at: int) -> Any:
    """Return one clip of a batch of encoded ones, in the CPU's memory."""
    from ctranslate2 import Device, StorageView

    rows = np.asarray(encoded.to_device(Device.cpu))
    return StorageView.from_array(np.ascontiguousarray(rows[at : at + 1]))


def _join_pieces(pieces: Sequence[dict[str, Any]], duration_s: float, prefix: int) -> Iterator[RecognisedWord]:
    """Join the aligner's pieces into words, in order, inside the clip.

    A piece without a space before it belongs to the word before, unless that one belongs to the prefix;
    punctuation has no time of its own.
    """
    parts: list[dict[str, Any]] = []
    count, floor_s = 0, 0.0
    for piece in pieces:
        if parts and (count == prefix or (piece["word"].startswith(" ") and _is_spoken(piece))):
            word = _word(parts, floor_s, duration_s)
            floor_s = word.end_s
            yield word
            parts = []
        parts.append(piece)
        count += len(piece["tokens"])
    if parts:
        yield _word(parts, floor_s, duration_s)


def _without_repetition(words: tuple[RecognisedWord, ...], prefix: int) -> tuple[RecognisedWord, ...]:
    """Return the words without a loop at their end, but with all words of the first `prefix` tokens."""
    counts = itertools.accumulate(len(word.tokens) for word in words)
    settled = sum(1 for count in counts if count <= prefix)
    words = words[: strip_timeless_repetition(words, settled)]
    return words[: strip_repetition([word.text for word in words], settled)]


def _word(parts: Sequence[dict[str, Any]], floor_s: float, duration_s: float) -> RecognisedWord:
    spoken = [piece for piece in parts if _is_spoken(piece)] or parts[:1]
    start_s = min(max(float(spoken[0]["start"]), floor_s), duration_s)
    end_s = min(max(float(spoken[-1]["end"]), start_s), duration_s)
    return RecognisedWord(
        text="".join(piece["word"] for piece in parts).strip(),
        start_s=start_s,
        end_s=end_s,
        confidence=min(1.0, sum(float(piece["probability"]) for piece in parts) / len(parts)),
        tokens=tuple(token for piece in parts for token in piece["tokens"]),
    )


def _is_spoken(piece: dict[str, Any]) -> bool:
    return any(sign.isalnum() for sign in piece["word"])
