"""Recognition by the gateway: as good as a batch decode, no words in noise, the same at any pace."""

import asyncio
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.gateway_harness import (
    CLIPS,
    PATIENCE_S,
    RATE,
    Samples,
    calling,
    chunks,
    read,
    serving,
    silence,
    spoken,
    word_errors,
    words,
)
from tests.hard_speech import Recording, noisy, recordings, without_pauses
from tests.scoring import errors
from tui.gateway.recogniser import Clip, Transcription
from tui.gateway.speech_models import find_model
from tui.gateway.whisper import WhisperRecogniser

PAUSES_S = (0.8, 1.5, 2.1)
MINUTE = 60 * RATE
RECORDINGS = 13


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address


def joined(pause_s: float) -> Samples:
    """Return the five sentences with pauses between them."""
    return np.concatenate([part for clip in CLIPS for part in (read(clip), silence(pause_s))])


async def transcript(url: str, samples: Samples) -> list[str]:
    """Return the texts of the final turns."""
    async with calling(url) as caller:
        await caller.say(samples, chunk_ms=1000)
        await caller.send("Terminate")
        await caller.ended()
    return [turn["transcript"] for turn in caller.finals]


async def test_finals_are_as_good_as_a_batch_decode_of_the_whole(url: str) -> None:
    from faster_whisper import WhisperModel

    batch = WhisperModel(str(find_model("tiny.en").folder), device="cpu", compute_type="int8", cpu_threads=2)
    reference = words(spoken(*CLIPS))
    ours = theirs = 0
    for pause_s in PAUSES_S:
        samples = joined(pause_s)
        segments, _ = batch.transcribe(floats(samples), language="en", beam_size=5)
        theirs += word_errors(reference, words(" ".join(segment.text for segment in segments)))
        found = await transcript(url, samples)
        assert len(found) <= len(CLIPS)
        ours += word_errors(reference, words(" ".join(found)))
    spoken_words = len(PAUSES_S) * len(reference)
    assert ours / spoken_words <= theirs / spoken_words + 0.01, (ours, theirs)
    assert ours / spoken_words <= 0.15


def floats(samples: Samples) -> npt.NDArray[np.float32]:
    """Return samples as the recogniser takes them."""
    return samples.astype(np.float32) / np.float32(32_768)


def noise(name: str) -> Samples:
    """Return a minute of sound in which nobody speaks."""
    chance = np.random.default_rng(1)
    time = np.arange(MINUTE) / RATE
    wave: npt.NDArray[Any]
    match name:
        case "silence":
            wave = np.zeros(MINUTE)
        case "white noise":
            wave = chance.normal(0, 0.1, MINUTE)
        case "wind":
            spectrum = np.fft.rfft(chance.normal(0, 1, MINUTE))
            rumble = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), MINUTE)
            wave = rumble / np.abs(rumble).max() * (0.6 + 0.4 * np.sin(2 * np.pi * 0.7 * time))
        case "clicks":
            wave = 0.8 * (chance.random(MINUTE) > 0.9995)
        case "music":
            steps = (np.floor(time * 2) * 5 % 8).astype(int)
            pitch = np.array([262, 330, 392, 523, 440, 349, 294, 392])[steps]
            phase = 2 * np.pi * np.cumsum(pitch) / RATE
            wave = np.sum([np.sin(phase * n) / n for n in range(1, 7)], axis=0) * 0.2 * np.exp(-(time * 2 % 1) * 2)
        case "a siren":
            wave = 0.3 * np.sin(2 * np.pi * np.cumsum(700 + 400 * np.sin(np.pi * time)) / RATE)
    return (wave * 32_767).clip(-32_768, 32_767).astype(np.int16)


NOISES = ("silence", "white noise", "wind", "clicks", "music", "a siren")


@pytest.mark.parametrize("name", NOISES)
async def test_no_words_are_found_in_a_minute_of(url: str, name: str) -> None:
    assert await transcript(url, noise(name)) == []


@pytest.mark.parametrize("name", NOISES)
def test_the_model_itself_finds_no_words_in(model: WhisperRecogniser, name: str) -> None:
    samples = floats(noise(name)[:RATE])
    assert model.transcribe([Clip(samples, final=True)])[0].words == ()


@pytest.fixture(scope="module")
def model() -> WhisperRecogniser:
    return WhisperRecogniser(find_model("tiny.en").folder)


def test_partials_of_a_batch_are_those_decoded_alone(model: WhisperRecogniser) -> None:
    clips = [Clip(floats(read(path)), final=False) for path in CLIPS[1:3]]
    together = [transcription.text for transcription in model.transcribe(clips)]
    alone = [model.transcribe([clip])[0].text for clip in clips]
    assert [words(text)[:4] for text in together] == [words(text)[:4] for text in alone]


def test_settled_words_are_where_a_partial_goes_on(model: WhisperRecogniser) -> None:
    samples = floats(read(CLIPS[3]))
    first = model.transcribe([Clip(samples[: 3 * RATE], final=False)])[0].words[:5]
    stable = tuple(token for word in first for token in word.tokens)
    second = model.transcribe([Clip(samples, final=False, prefix_tokens=stable)])[0].words
    assert [word.text for word in second[:5]] == [word.text for word in first]
    assert len(second) > 10


def test_names_of_special_tokens_in_a_prompt_do_no_harm(model: WhisperRecogniser) -> None:
    samples = floats(read(CLIPS[4]))
    found = model.transcribe([Clip(samples, final=True, prompt="<|endoftext|><|startoftranscript|> Dashwood")])[0]
    assert found.text == "He might even have been made amiable himself."


async def test_key_terms_lean_the_recogniser(url: str) -> None:
    async def first_word(**query: str) -> str:
        async with calling(url, **query) as caller:
            await caller.say(read(CLIPS[0]))
            await caller.send("Terminate")
            await caller.ended()
        return str(caller.finals[0]["transcript"])

    assert "Dashwood" in await first_word()
    assert "Dashwoode" in await first_word(keyterms_prompt='["Dashwoode"]')


@pytest.mark.parametrize("prompt", ["Words that may occur: Dashwood.", "He was not."])
async def test_a_prompt_never_loses_words(url: str, prompt: str) -> None:
    spoken_on = continuous()
    async with calling(url, prompt=prompt) as caller:
        for start in range(0, len(spoken_on), 4 * RATE):
            await caller.say(spoken_on[start : start + 4 * RATE], chunk_ms=1000)
            await caller.send("ForceEndpoint")
        await caller.send("Terminate")
        await caller.ended()
    found = errors(spoken(*CLIPS), " ".join(turn["transcript"] for turn in caller.finals))
    assert found.longest_missing <= 3, found


@pytest.fixture(scope="module")
def difficult() -> list[Recording]:
    return list(recordings())


@pytest.mark.parametrize("index", range(RECORDINGS))
async def test_no_run_of_words_is_lost_in_difficult_speech(url: str, difficult: list[Recording], index: int) -> None:
    assert len(difficult) == RECORDINGS
    recording = difficult[index]
    found = errors(recording.reference, " ".join(await transcript(url, recording.samples)))
    assert found.longest_missing <= 3, (recording.name, found)


@pytest.mark.parametrize("threads", [1, 2], ids=["after the first pass", "on an idle core beside it"])
def test_a_second_pass_corrects_an_uncertain_word(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = WhisperRecogniser(find_model("tiny.en").folder, threads=threads)
    clip = Clip(floats(noisy(read(CLIPS[4]), below_db=10)), final=True)

    def transcribed() -> list[str]:
        return words(recogniser.transcribe([clip])[0].text)

    assert transcribed() == words(spoken(CLIPS[4]))
    monkeypatch.setattr("tui.gateway.whisper.is_uncertain", lambda words, context_s: False)
    assert "immutable" in transcribed()


def test_noise_is_reduced_before_the_first_pass(model: WhisperRecogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.whisper.is_uncertain", lambda words, context_s: False)
    clip = Clip(floats(noisy(read(CLIPS[0]), below_db=10)), final=True)
    assert "crudely" not in words(model.transcribe([clip])[0].text)
    monkeypatch.setattr("tui.gateway.whisper.reduce_noise", lambda features, frames: features)
    assert "crudely" in words(model.transcribe([clip])[0].text)


SHORT = CLIPS[0].parent / "readers" / "arctic_slt_a0006.flac"
"""A sentence of 3 s."""


def short_sentence() -> Samples:
    return np.asarray(soundfile.read(SHORT, dtype="int16")[0], np.int16)


@pytest.mark.parametrize(("before_s", "after_s"), [(0.0, 0.05), (0.1, 3.0), (0.5, 1.5)])
@pytest.mark.parametrize("below_db", [10, 60], ids=["noisy", "clean"])
async def test_a_short_sentence_is_transcribed_once(url: str, before_s: float, after_s: float, below_db: int) -> None:
    samples = np.concatenate([silence(before_s), short_sentence(), silence(after_s)])
    [turn] = await transcript(url, noisy(samples, below_db=below_db))
    assert word_errors(words(spoken(SHORT)), words(turn)) <= 1, turn


@pytest.mark.parametrize("below_db", [10, 60], ids=["repeated in no time", "looped and rejected"])
def test_a_short_clip_that_the_model_repeats_is_transcribed_once(
    model: WhisperRecogniser, monkeypatch: pytest.MonkeyPatch, below_db: int
) -> None:
    monkeypatch.setattr("tui.gateway.whisper.FINAL_SILENCE_S", 2.0)
    clip = Clip(floats(noisy(short_sentence(), below_db=below_db)), final=True)
    [found] = model.transcribe([clip])
    assert word_errors(words(spoken(SHORT)), words(found.text)) <= 1, found


@pytest.mark.parametrize(
    ("prompt", "earlier", "decodes"),
    [("", "", [("", "")] * 2), ("", "He spoke.", [("", "He spoke."), ("", "")]), ("Words.", "", [("Words.", "")])],
    ids=["no hints", "after other words", "a client's prompt"],
)
def test_a_second_pass_omits_what_was_said_before_but_not_a_prompt(
    model: WhisperRecogniser,
    monkeypatch: pytest.MonkeyPatch,
    prompt: str,
    earlier: str,
    decodes: list[tuple[str, str]],
) -> None:
    asked, make = [], WhisperRecogniser._prompt

    def noted(recogniser: WhisperRecogniser, clip: Clip, language: str) -> list[int]:
        asked.append((clip.prompt, clip.earlier))
        return make(recogniser, clip, language)

    monkeypatch.setattr(WhisperRecogniser, "_prompt", noted)
    monkeypatch.setattr("tui.gateway.whisper.is_uncertain", lambda words, context_s: True)
    model.transcribe([Clip(floats(read(CLIPS[4])), True, prompt=prompt, earlier=earlier)])
    assert asked == decodes


def test_continuous_speech_is_decoded_to_the_end_of_a_clip(model: WhisperRecogniser) -> None:
    samples = floats(continuous()[: 22 * RATE])
    [transcription] = model.transcribe([Clip(samples, final=True)])
    assert transcription.words[-1].end_s > 20


def continuous() -> Samples:
    """Return the five sentences without pauses."""
    return np.concatenate(without_pauses([read(clip) for clip in CLIPS]))


def padded(samples: Samples, multiple: int) -> Samples:
    """Return samples with silence up to a multiple of a number."""
    return np.pad(samples, (0, -len(samples) % multiple))


@pytest.mark.timeout(400)
async def test_the_same_audio_gives_the_same_turns_at_any_pace_and_load(url: str) -> None:
    # The last chunk is as long as the others: otherwise the silence at the end would not be the same.
    samples = padded(np.concatenate([joined(0.8), continuous()]), 2 * RATE)

    async def turns(chunk_ms: int, speed: float) -> list[tuple[str, list[Any]]]:
        async with calling(url) as caller:
            for chunk in chunks(samples, chunk_ms):
                await caller.websocket.send(chunk)
                await asyncio.sleep(chunk_ms / 1000 / speed)
            await caller.send("Terminate")
            await caller.ended(4 * PATIENCE_S)
        return [(turn["transcript"], turn["words"]) for turn in caller.finals]

    fast = await turns(1000, math.inf)
    assert len(fast) > len(CLIPS)
    assert await turns(80, 8) == fast
    assert await asyncio.gather(*(turns(250, 16) for _ in range(4))) == [fast] * 4


async def test_a_monologue_is_split_and_nothing_of_it_lost(url: str) -> None:
    spoken_on = np.concatenate([read(clip) for clip in (*CLIPS, *CLIPS)])
    async with calling(url, min_turn_silence=5000, max_turn_silence=5000) as caller:
        await caller.say(spoken_on, chunk_ms=1000)
        await caller.send("Terminate")
        await caller.ended()
    assert len(caller.finals) >= 2
    found = words(" ".join(turn["transcript"] for turn in caller.finals))
    reference = words(spoken(*CLIPS, *CLIPS))
    assert word_errors(reference, found) / len(reference) <= 0.15
    ends = [word["end"] for turn in caller.finals for word in turn["words"]]
    assert ends == sorted(ends)


async def test_a_machine_that_cannot_keep_up_reports_it_and_drops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    transcribe, free = WhisperRecogniser.transcribe, threading.Event()

    def late(recogniser: WhisperRecogniser, clips: Sequence[Clip]) -> list[Transcription]:
        assert free.wait(PATIENCE_S)
        return transcribe(recogniser, clips)

    monkeypatch.setattr(WhisperRecogniser, "transcribe", late)
    monkeypatch.setattr("tui.gateway.client_session.HEARTBEAT_S", 0.25)
    with serving() as url:
        async with calling(url, session_heartbeat="true") as caller:
            await caller.say(joined(1.5), chunk_ms=1000)
            while (await caller.until("Heartbeat"))["realtime_factor"] >= 1:
                pass
            text = (await asyncio.to_thread(httpx2.get, f"{url.replace('ws', 'http', 1)}/metrics")).text
            free.set()
            await caller.send("Terminate")
            assert (await caller.ended())[0] == 1000
    waiting = {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}
    assert waiting["livegist_gateway_backlog_seconds"] > 5
    assert waiting["livegist_gateway_finals_waiting"] >= 1
    assert [turn["turn_order"] for turn in caller.finals] == list(range(len(CLIPS)))


async def test_a_session_that_sends_all_at_once_does_not_keep_another_waiting(url: str) -> None:
    flood = np.concatenate([joined(1.5)] * 4)
    async with calling(url) as greedy, calling(url) as modest:
        sending = asyncio.create_task(greedy.say(flood, chunk_ms=1000))
        await greedy.until("Turn", end_of_turn=True)
        await modest.say(read(CLIPS[4]))
        await modest.send("Terminate")
        await modest.ended()
        await sending
        finals_before = len(greedy.finals)
        await greedy.send("Terminate")
        await greedy.ended()
    assert modest.finals[0]["transcript"] == "He might even have been made amiable himself."
    assert finals_before < len(greedy.finals) == 20
