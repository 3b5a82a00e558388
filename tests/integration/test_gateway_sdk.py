"""The vendor's own SDK against the gateway, unchanged but for its host: both its clients, of threads and of asyncio."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import numpy as np
import pytest
from assemblyai.streaming.v3 import (
    AsyncStreamingClient,
    StreamingClient,
    StreamingClientOptions,
    StreamingEvents,
    StreamingParameters,
    StreamingSessionParameters,
)
from assemblyai.streaming.v3.models import LLMGatewayConfig, LLMGatewayMessage

from tests.gateway_harness import CLIPS, PATIENCE_S, RATE, chunks, read, serving, silence

PROMPT = "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}"
ASKED = LLMGatewayConfig(model="any", messages=[LLMGatewayMessage(role="user", content=PROMPT)], max_tokens=100)
SENTENCE = "He might even have been made amiable himself."
NEVER_MS = 60_000
KINDS = {"threads": StreamingClient, "asyncio": AsyncStreamingClient}


class Client:
    """One of the SDK's clients, what its handlers were given, and a way to wait for it."""

    def __init__(self, kind: str, url: str, *, key: str | None = "any", token: str | None = None) -> None:
        options = StreamingClientOptions(
            api_key=key, token=token, api_host=url, connect_timeout=PATIENCE_S, terminate_timeout=PATIENCE_S
        )
        self.events: dict[StreamingEvents, list[Any]] = {event: [] for event in StreamingEvents}
        self._client: Any = KINDS[kind](options)
        self._threads = kind == "threads"
        self._changed = threading.Condition()
        for event in StreamingEvents:
            self._client.on(event, lambda _, message, event=event: self._take(event, message))

    def _take(self, event: StreamingEvents, message: Any) -> None:
        with self._changed:
            self.events[event].append(message)
            self._changed.notify_all()

    async def call(self, name: str, *arguments: Any, **options: Any) -> None:
        """Call a method of the client."""
        method = getattr(self._client, name)
        if self._threads:
            await asyncio.to_thread(method, *arguments, **options)
        else:
            await method(*arguments, **options)

    async def connect(self, **parameters: Any) -> None:
        await self.call("connect", StreamingParameters(sample_rate=RATE, **parameters))

    async def say(self, samples: Any) -> None:
        await self.call("stream", chunks(samples))

    async def terminate(self) -> None:
        await self.call("disconnect", terminate=True)

    def __getitem__(self, event: StreamingEvents) -> list[Any]:
        return self.events[event]

    async def until(self, event: StreamingEvents, wanted: Callable[[Any], bool] = lambda message: True) -> Any:
        """Return the first event of a kind that is as wanted."""

        def found() -> list[Any]:
            return [message for message in self.events[event] if wanted(message)]

        def wait() -> Any:
            with self._changed:
                assert self._changed.wait_for(found, PATIENCE_S), f"no {event} in {self.events}"
                return found()[0]

        return await asyncio.to_thread(wait)

    @property
    def finals(self) -> list[str]:
        return [turn.transcript for turn in self.events[StreamingEvents.Turn] if turn.end_of_turn]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_every_kind_of_event_comes_and_a_clean_end(url: str, kind: str) -> None:
    client = Client(kind, url)
    await client.connect(
        format_turns=True,
        llm_gateway=ASKED,
        session_heartbeat=True,
        acknowledge_silence=True,
        language_codes=["en", "fr"],
    )
    assert (await client.until(StreamingEvents.Begin)).expires_at.timestamp() > 0
    assert "language_codes" in (await client.until(StreamingEvents.Warning)).warning
    await client.say(silence(1.2))
    assert (await client.until(StreamingEvents.Silence)).end_ms >= 1000
    await client.say(read(CLIPS[4]))
    assert (await client.until(StreamingEvents.SpeechStarted)).timestamp >= 1200
    partial = await client.until(StreamingEvents.Turn, lambda turn: not turn.end_of_turn)
    assert partial.words
    assert (await client.until(StreamingEvents.Heartbeat)).total_audio_received_ms >= 1200
    await client.terminate()
    assert client.finals == [SENTENCE]
    answer = client[StreamingEvents.LLMGatewayResponse][0]
    assert (answer.turn_order, answer.transcript) == (0, SENTENCE)
    assert answer.data["choices"][0]["message"]["content"] == SENTENCE
    assert [end.audio_duration_seconds for end in client[StreamingEvents.Termination]] == [4]
    assert client[StreamingEvents.Error] == []


async def test_the_end_of_a_turn_can_be_forced(url: str, kind: str) -> None:
    client = Client(kind, url)
    await client.connect(min_turn_silence=NEVER_MS, max_turn_silence=NEVER_MS)
    await client.say(read(CLIPS[4]))
    await client.call("keep_alive")
    await client.call("force_endpoint")
    turn = await client.until(StreamingEvents.Turn, lambda turn: turn.end_of_turn)
    assert turn.transcript == SENTENCE
    await client.terminate()
    assert client.finals == [SENTENCE]


async def test_an_update_during_a_session_takes_effect(url: str, kind: str) -> None:
    client = Client(kind, url)
    await client.connect(min_turn_silence=NEVER_MS, max_turn_silence=NEVER_MS)
    changes = StreamingSessionParameters(
        min_turn_silence=600,
        max_turn_silence=1000,
        acknowledge_silence=True,
        prompt="A novel.",
        keyterms_prompt=["Dashwood"],
    )
    await client.call("set_params", changes)
    await client.say(np.concatenate([read(CLIPS[4]), silence(3)]))
    await client.until(StreamingEvents.Turn, lambda turn: turn.end_of_turn)
    await client.until(StreamingEvents.Silence)
    await client.terminate()
    assert len(client.finals) == 1


@pytest.mark.parametrize(
    ("parameters", "sends", "code", "said"),
    [
        ({"vad_threshold": 7}, [], 3006, "vad_threshold"),
        ({}, [bytes(32_002)], 3007, "Duration"),
    ],
)
async def test_a_refused_session_ends_with_a_code_and_a_reason(
    url: str, kind: str, parameters: dict[str, Any], sends: list[bytes], code: int, said: str
) -> None:
    client = Client(kind, url)
    await client.connect(**parameters)
    for frame in sends:
        await client.call("stream", frame)
    error = await client.until(StreamingEvents.Error)
    await client.call("disconnect")
    assert error.code == code
    assert said in str(error)
    assert client[StreamingEvents.Termination] == []


async def test_a_wrong_key_is_refused_and_a_temporary_token_gets_in_once(kind: str) -> None:
    with serving(token="right") as url:
        stranger = Client(kind, url, key="wrong")
        await stranger.connect()
        error = await stranger.until(StreamingEvents.Error)
        await stranger.call("disconnect")
        assert error.code == 1008
        assert "API key" in str(error)

        async with httpx2.AsyncClient() as http:
            asked = await http.get(
                f"{url.replace('ws', 'http', 1)}/v3/token",
                params={"expires_in_seconds": 60},
                headers={"Authorization": "right"},
            )
        token = asked.json()["token"]
        guest = Client(kind, url, key=None, token=token)
        await guest.connect()
        assert (await guest.until(StreamingEvents.Begin)).id
        await guest.terminate()
        assert len(guest[StreamingEvents.Termination]) == 1

        late = Client(kind, url, key=None, token=token)
        await late.connect()
        assert (await late.until(StreamingEvents.Error)).code == 1008
        await late.call("disconnect")


async def test_the_expiry_of_a_session_is_reported(kind: str) -> None:
    with serving(max_session_s=1.0) as url:
        client = Client(kind, url)
        await client.connect()
        assert (await client.until(StreamingEvents.Error)).code == 3008
        await client.call("disconnect")


async def test_two_clients_at_once_each_get_their_own_words(url: str, kind: str) -> None:
    async def transcribe(path: Any) -> list[str]:
        client = Client(kind, url)
        await client.connect()
        await client.say(read(path))
        await client.terminate()
        return client.finals

    first, second = await asyncio.gather(transcribe(CLIPS[4]), transcribe(CLIPS[3]))
    assert first == [SENTENCE]
    assert "respectable" in " ".join(second)
