"""Speech to words: faster-whisper, partly heard turns quickly and finished ones well."""

import itertools
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from tui.gateway.doubts import begins_late, lacks, unlooped

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

RATE = 16_000
WINDOW_S = 30.0
"""What Whisper was trained on, and the longest it takes."""
FINAL_PADDING_S = 12.0
"""Silence after a finished turn. On read speech 12 s err as rarely as a full window in 0.6 of its time; 8 s more."""
PARTIAL_PADDING_S = 3.0
"""Silence after partly heard speech; with 1 s Whisper now and then says the end twice."""
TOKENS_A_SECOND = 6.0
"""Quick English has four; without a bound the decoder loops on a short window."""
FINAL_BEAM = 5
MAX_PROMPT_TOKENS = 200
NO_SPEECH = 0.6
LOG_PROBABILITY = -1.0
COMPRESSION = 2.4
"""Whisper's own limits: above the first and below the second it heard nothing; above the third it loops."""


class Clip(msgspec.Struct, frozen=True):
    """A stretch of sound to be heard, and what helps to hear it."""

    samples: npt.NDArray[np.float32]
    """16 kHz mono, -1 to 1, at most 30 s."""
    final: bool
    """Whether the turn is over: heard with care then, else quickly."""
    languages: tuple[str, ...] = ("en",)
    """Codes of the languages that it may be in; of several, or if the model knows none of them, the model tells."""
    prompt: str = ""
    """What was said or may be said: it leans the model to these words."""
    partly: tuple[str, ...] = ()
    """What was heard of it while it was being said; a final that lacks something of that is heard again."""
    stable: tuple[int, ...] = ()
    """Tokens that are settled: what is heard goes on from them."""
    lead: int = 0
    """Samples at the beginning that were heard before: they give the ear its bearings, their words are left out."""


class HeardWord(msgspec.Struct, frozen=True):
    """A word and where in the clip it is."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    tokens: tuple[int, ...] = ()


class Heard(msgspec.Struct, frozen=True):
    """What the model made of a clip."""

    words: tuple[HeardWord, ...] = ()
    language: str = "en"

    @property
    def texts(self) -> tuple[str, ...]:
        """The words alone."""
        return tuple(word.text for word in self.words)

    @property
    def text(self) -> str:
        """The words as one line."""
        return " ".join(self.texts)


NOTHING = Heard()


def likeliest(guesses: Sequence[tuple[str, float]], codes: Sequence[str]) -> str:
    """Return the likeliest language that may be spoken.

    Args:
        guesses: tokens of languages, such as `<|en|>`, the likeliest first.
        codes: what may be spoken; none for any.
    """
    ranked = [token.strip("<|>") for token, _ in guesses]
    return next((code for code in ranked if not codes or code in codes), ranked[0])


class Recogniser:
    """A loaded Whisper model.

    Args:
        folder: the converted model.
        device: auto, cpu or cuda.
        threads: CPU threads; 0 for one a core, at most eight.
    """

    def __init__(self, folder: Path, device: str = "auto", threads: int = 0) -> None:
        from faster_whisper import WhisperModel
        from faster_whisper.transcribe import get_suppressed_tokens

        threads = threads or min(8, os.cpu_count() or 1)
        compute = "int8" if device != "cuda" else "default"
        self._whisper = WhisperModel(str(folder), device=device, compute_type=compute, cpu_threads=threads)
        self._tokenizers: dict[str, Tokenizer] = {}
        self._suppressed: list[int] = list(get_suppressed_tokens(self._tokenizer("en"), [-1]))

    @property
    def languages(self) -> list[str]:
        """Codes of the languages the model knows."""
        return list(self._whisper.supported_languages)

    def hear(self, clips: Sequence[Clip]) -> list[Heard]:
        """Return what is said in each clip.

        Args:
            clips: a final alone, or partials with one and the same prompt.

        Raises:
            RuntimeError, ValueError: the model cannot hear them.
        """
        heard = self._hear(clips)
        clip, texts = clips[0], heard[0].texts
        late = begins_late(texts, clip.partly)
        if clip.lead and (late or lacks(texts, clip.partly)):
            # What came before can swallow a short turn, its beginning or its end, or lead into a loop.
            alone = self._hear([msgspec.structs.replace(clip, samples=clip.samples[clip.lead :], lead=0)])
            if lacks(texts, alone[0].texts) or (late and not begins_late(alone[0].texts, clip.partly)):
                return alone
        return heard

    def _hear(self, clips: Sequence[Clip]) -> list[Heard]:
        longest_s = max(len(clip.samples) for clip in clips) / RATE
        window_s = min(WINDOW_S, longest_s + (FINAL_PADDING_S if clips[0].final else PARTIAL_PADDING_S))
        features = np.stack([self._features(clip.samples, window_s) for clip in clips])
        encoded = self._whisper.encode(features)
        languages = self._languages(clips, encoded)
        prompts = [self._prompt(clip, language) for clip, language in zip(clips, languages, strict=True)]
        room = min(224, int(longest_s * TOKENS_A_SECOND) + 8)
        outcomes = self._whisper.model.generate(
            encoded,
            prompts,
            beam_size=FINAL_BEAM if clips[0].final else 1,
            max_length=min(self._whisper.max_length, max(len(prompt) for prompt in prompts) + room),
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [
            self._believed(clip, outcome, language)
            for clip, outcome, language in zip(clips, outcomes, languages, strict=True)
        ]
        return self._aligned(clips, encoded, tokens, languages)

    def text(self, tokens: Sequence[int], language: str = "en") -> str:
        """Return tokens as text."""
        return str(self._tokenizer(language).decode(list(tokens)))

    def _features(self, samples: npt.NDArray[np.float32], window_s: float) -> npt.NDArray[np.float32]:
        """Return the mel spectrogram of the samples and the silence that fills the window."""
        frames = 2 * math.ceil(window_s * 50)
        padded = np.zeros(frames * 160, np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        return np.asarray(self._whisper.feature_extractor(padded, padding=0)[:, :frames], np.float32)

    def _tokenizer(self, language: str) -> "Tokenizer":
        if language not in self._tokenizers:
            from faster_whisper.tokenizer import Tokenizer

            self._tokenizers[language] = Tokenizer(
                self._whisper.hf_tokenizer, self._whisper.model.is_multilingual, task="transcribe", language=language
            )
        return self._tokenizers[language]

    def _languages(self, clips: Sequence[Clip], encoded: Any) -> list[str]:
        if not self._whisper.model.is_multilingual:
            return ["en"] * len(clips)
        asked = [[code for code in clip.languages if code in self.languages] for clip in clips]
        if all(len(codes) == 1 for codes in asked):
            return [codes[0] for codes in asked]
        guesses = self._whisper.model.detect_language(encoded)
        return [likeliest(guess, codes) for guess, codes in zip(guesses, asked, strict=True)]

    def _prompt(self, clip: Clip, language: str) -> list[int]:
        tokenizer = self._tokenizer(language)
        words = f" {clip.prompt.strip()}" if clip.prompt.strip() else ""
        # A client may write the names of special tokens; only plain words lean the model.
        before = [token for token in tokenizer.encode(words) if token < tokenizer.eot][-MAX_PROMPT_TOKENS:]
        prompt = self._whisper.get_prompt(tokenizer, before, without_timestamps=True)
        return [*prompt, *clip.stable]

    def _believed(self, clip: Clip, outcome: Any, language: str) -> list[int]:
        """Return the tokens heard, settled ones first, or none if the model's own measures say that it made them up."""
        tokens = [token for token in outcome.sequences_ids[0] if token < self._tokenizer(language).eot]
        log_probability = outcome.scores[0]
        if outcome.no_speech_prob > NO_SPEECH and log_probability < LOG_PROBABILITY:
            return []
        said = self.text(tokens, language).encode()
        if said and len(said) / len(zlib.compress(said)) > COMPRESSION:
            return []
        return tokens

    def _aligned(
        self, clips: Sequence[Clip], encoded: Any, tokens: Sequence[list[int]], languages: Sequence[str]
    ) -> list[Heard]:
        """Return the words of each clip with their times."""
        heard = []
        for at, (clip, said, language) in enumerate(zip(clips, tokens, languages, strict=True)):
            if not said:
                heard.append(Heard((), language))
                continue
            one = encoded if len(clips) == 1 else _row(encoded, at)
            duration_s = len(clip.samples) / RATE
            pieces = self._whisper.find_alignment(self._tokenizer(language), [said], one, math.ceil(duration_s * 100))
            lead_s = clip.lead / RATE
            words = tuple(_words(pieces[0], duration_s, len(clip.stable)))
            if not clip.final:
                words = _not_looping(words, len(clip.stable))
            heard.append(Heard(tuple(_after(word, lead_s) for word in words if _middle_s(word) >= lead_s), language))
        return heard


def _row(encoded: Any, at: int) -> Any:
    from ctranslate2 import StorageView

    return StorageView.from_array(np.ascontiguousarray(np.asarray(encoded)[at : at + 1]))


def _words(pieces: Sequence[dict[str, Any]], duration_s: float, settled: int) -> Iterator[HeardWord]:
    """Join the aligner's pieces into words, in order, inside the clip.

    A piece without a space before it belongs to the word before, unless that one is among the settled tokens;
    punctuation has no time of its own.
    """
    parts: list[dict[str, Any]] = []
    count, floor_s = 0, 0.0
    for piece in pieces:
        if parts and (count == settled or (piece["word"].startswith(" ") and _is_spoken(piece))):
            word = _word(parts, floor_s, duration_s)
            floor_s = word.end_s
            yield word
            parts = []
        parts.append(piece)
        count += len(piece["tokens"])
    if parts:
        yield _word(parts, floor_s, duration_s)


def _not_looping(words: tuple[HeardWord, ...], stable: int) -> tuple[HeardWord, ...]:
    """Return the words without a loop at their end, but all that the `stable` tokens write."""
    counts = itertools.accumulate(len(word.tokens) for word in words)
    settled = sum(1 for count in counts if count <= stable)
    return words[: unlooped([word.text for word in words], settled)]


def _word(parts: Sequence[dict[str, Any]], floor_s: float, duration_s: float) -> HeardWord:
    spoken = [piece for piece in parts if _is_spoken(piece)] or parts[:1]
    start_s = min(max(float(spoken[0]["start"]), floor_s), duration_s)
    end_s = min(max(float(spoken[-1]["end"]), start_s), duration_s)
    return HeardWord(
        text="".join(piece["word"] for piece in parts).strip(),
        start_s=start_s,
        end_s=end_s,
        confidence=min(1.0, sum(float(piece["probability"]) for piece in parts) / len(parts)),
        tokens=tuple(token for piece in parts for token in piece["tokens"]),
    )


def _middle_s(word: HeardWord) -> float:
    return (word.start_s + word.end_s) / 2


def _after(word: HeardWord, lead_s: float) -> HeardWord:
    """Return a word with its times counted from the end of the lead."""
    return msgspec.structs.replace(word, start_s=max(0.0, word.start_s - lead_s), end_s=word.end_s - lead_s)


def _is_spoken(piece: dict[str, Any]) -> bool:
    return any(sign.isalnum() for sign in piece["word"])
