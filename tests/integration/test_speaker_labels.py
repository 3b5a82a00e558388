"""Speaker labels of the local gateway, with real speech and a real model, over a socket."""

import asyncio
import shutil
import stat
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from click.testing import CliRunner

from tests.faults.engines import DRAIN_S, Watch, fast, running
from tests.gateway_harness import CLIPS, RATE, Caller, Samples, calling, read, serving, silence
from tests.scoring import live
from tests.session_fixtures import write_wav
from tests.speaker_models import KINDS, save_voice_model
from tests.voices import READER, Conversation, conversation, diarisation_error, labelled
from tui.cli import main
from tui.gateway import speaker_model
from tui.gateway.speaker_model import find_speaker_model
from tui.model.commands import Start
from tui.model.events import TurnChanged
from tui.paths import sessions_dir
from tui.presentation.view_model import ViewModel
from tui.sessions.store import Store
from tui.viewer.widgets.turns_pane import TurnsPane

FAST = float("inf")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if not find_speaker_model():
        pytest.skip("needs resemblyzer: pip install --no-deps resemblyzer")
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def dialogue() -> Conversation:
    """Return two voices in alternation, without a pause."""
    if not shutil.which("flite"):
        pytest.skip("needs flite")
    return conversation((READER, "slt"), 4)


async def session_of(url: str, samples: Samples, **query: Any) -> Caller:
    return (await live(url, samples, speed=FAST, speaker_labels="true", **query)).caller


def described(caller: Caller) -> list[tuple[str, str | None]]:
    return [(turn["transcript"], turn.get("speaker_label")) for turn in caller.finals]


async def test_turns_end_where_the_speaker_changes_and_are_labelled_at_any_pace(
    url: str, dialogue: Conversation
) -> None:
    caller = await session_of(url, dialogue.samples)
    assert [label for _, label in described(caller)] == ["A", "B", "A", "B"]
    error = diarisation_error(dialogue.spans, labelled(caller.finals))
    assert error.total <= 0.1
    for turn in caller.finals:
        assert {word["speaker"] for word in turn["words"]} == {turn["speaker_label"]}
    partials = [turn for turn in caller.all("Turn") if not turn["end_of_turn"]]
    assert all(word["speaker"] is None for turn in partials for word in turn["words"])
    slower = await live(url, dialogue.samples, speed=4.0, speaker_labels="true")
    assert described(slower.caller) == described(caller)


async def test_speakers_are_labelled_with_an_onnx_file(tmp_path: Path, dialogue: Conversation) -> None:
    path = save_voice_model(tmp_path / "voices.onnx", KINDS["WeSpeaker"], (READER, "slt"))
    with serving(speaker_model=str(path)) as address:
        caller = await session_of(address, dialogue.samples)
    assert [label for _, label in described(caller)] == ["A", "B", "A", "B"]
    assert diarisation_error(dialogue.spans, labelled(caller.finals)).total <= 0.1


async def test_the_connections_of_one_session_have_the_same_speakers(url: str, dialogue: Conversation) -> None:
    second = round(dialogue.spans[1].start_s * RATE)
    ann, bob = dialogue.samples[:second], dialogue.samples[second : second + 4 * RATE]
    found, sets = [], []
    for samples, session in ((ann, "mine"), (bob, "mine"), (bob, "another"), (ann, "mine")):
        caller = await session_of(url, samples, speaker_session=session)
        found.append(caller.finals[0]["speaker_label"])
        sets.append(caller.received[0]["configuration"]["speaker_set"])
    assert found == ["A", "B", "A", "A"]
    assert sets[0] == sets[1] == sets[3] != sets[2], "the client knows which A is which"


async def test_connections_that_are_opened_at_once_have_the_same_speakers(dialogue: Conversation) -> None:
    second = round(dialogue.spans[1].start_s * RATE)
    said = dialogue.samples[:second], dialogue.samples[second : second + 4 * RATE]
    query = {"speaker_labels": "true", "speaker_session": "two tracks"}
    async with AsyncExitStack() as opened:
        # A new gateway, which loads the model for both, and whose session has no speaker yet.
        address = opened.enter_context(serving())
        tracks = (calling(address, **query) for _ in said)
        callers = await asyncio.gather(*map(opened.enter_async_context, tracks))
        for caller, samples in zip(callers, said, strict=True):
            await caller.say(np.concatenate([samples, silence(1.0)]))
            await caller.send("Terminate")
            await caller.ended()
    assert [caller.finals[0]["speaker_label"] for caller in callers] == ["A", "B"]


async def test_a_revision_changes_the_labels_on_the_screen_and_in_an_export(url: str, tmp_path: Path) -> None:
    # What is said first is too short to recognise a voice by: at the end of the session it is clear whose it was.
    samples = np.concatenate([read(CLIPS[4])[: round(1.4 * RATE)], silence(1.5), read(CLIPS[0]), silence(1.0)])
    write_wav(tmp_path / "reader.wav", samples.tobytes())
    watch, screen = Watch(), ViewModel()
    async with running(watch, clock=fast) as engine:
        await engine.execute(
            Start(
                {
                    "source": str(tmp_path / "reader.wav"),
                    "url": url,
                    "speaker_labels": True,
                    "analyse_at_end": False,
                    "drain_timeout_s": DRAIN_S,
                }
            )
        )
        await watch.until_over()
    changes = [event.turn for event in watch.events if isinstance(event, TurnChanged) and event.turn.final]
    labels = {number: [turn.speaker for turn in changes if turn.number == number] for number in (1, 2)}
    assert labels == {1: [None, "A"], 2: ["A"]}
    pane = TurnsPane(screen)
    shown = []
    for event in watch.events:
        screen.apply(event)
        if isinstance(event, TurnChanged) and event.turn.final:
            shown.append(pane.plain(1))
    assert shown[0].startswith("0:00 He")
    assert shown[-1].startswith("0:00 A: He")
    [stored] = Store(sessions_dir())
    first, _ = stored.load().finals
    assert {word.speaker for word in first.words} == {"A"}
    exported = CliRunner().invoke(main, ["export", "last", "--format", "txt"]).stdout.strip().splitlines()
    assert [line.split()[1] for line in exported] == ["A:", "A:"], exported


async def test_more_voices_than_max_speakers_share_a_label(url: str, dialogue: Conversation) -> None:
    caller = await session_of(url, dialogue.samples, max_speakers=1)
    assert {turn["speaker_label"] for turn in caller.finals} == {"A"}


async def test_without_speaker_labels_nothing_is_labelled(url: str) -> None:
    caller = (await live(url, read(CLIPS[4]), speed=FAST, max_speakers=2)).caller
    assert caller.finals
    assert all("speaker_label" not in turn for turn in caller.all("Turn"))
    assert all(word["speaker"] is None for turn in caller.finals for word in turn["words"])


async def test_without_a_model_a_warning_says_what_to_install_and_turns_come_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speaker_model, "PACKAGE", "no_such_package")
    with serving() as address:
        async with calling(address, speaker_labels="true") as caller:
            await caller.say(read(CLIPS[4]))
            await caller.send("Terminate")
            await caller.ended()
    [warning] = caller.all("Warning")
    assert (warning["warning_code"], "pip install --no-deps resemblyzer" in warning["warning"]) == (102, True)
    assert caller.finals[0]["transcript"]
    assert "speaker_label" not in caller.finals[0]


async def test_a_voice_is_remembered_on_request_and_named_in_a_later_session(
    dialogue: Conversation, tmp_path: Path
) -> None:
    voices = tmp_path / "voices.json"
    start, end = (round(at * RATE) for at in (dialogue.spans[1].start_s, dialogue.spans[1].end_s))
    bob = np.concatenate([dialogue.samples[start:end], silence(1.0)])
    with serving(voices=str(voices)) as address:
        endpoint = f"{address.replace('ws', 'http', 1)}/livegist/voices"
        await session_of(address, bob, speaker_session="first")
        unknown = httpx2.post(endpoint, json={"session": "first", "label": "C", "name": "Carl"})
        assert (unknown.status_code, "not said enough" in unknown.text) == (409, True)
        assert not voices.exists()
        assert httpx2.post(endpoint, json={"session": "first", "label": "A", "name": "Bob"}).status_code == 200
        assert stat.S_IMODE(voices.stat().st_mode) == 0o600
        whole = await session_of(address, dialogue.samples, speaker_session="second", known_voices="true")
        [recognised] = whole.all("SpeakerRecognised")
        assert recognised == {"type": "SpeakerRecognised", "speaker_label": "B", "name": "Bob"}
        other = await session_of(address, bob, speaker_session="third")
        assert other.all("SpeakerRecognised") == [], "it did not ask for known voices"


def test_a_gateway_without_a_file_of_voices_remembers_none(url: str) -> None:
    body = {"session": "first", "label": "A", "name": "Bob"}
    assert httpx2.post(f"{url.replace('ws', 'http', 1)}/livegist/voices", json=body).status_code == 404
