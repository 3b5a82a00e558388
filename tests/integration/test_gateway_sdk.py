"""The vendor's own SDK against the gateway, unchanged: only its host is another."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

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

from tests.gateways import CLIPS, PATIENCE_S, RATE, chunks, read, serving, silence

PROMPT = "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}"
ASKED = LLMGatewayConfig(model="any", messages=[LLMGatewayMessage(role="user", content=PROMPT)], max_tokens=100)
SENTENCE = "He might even have been made amiable himself."


class Heard:
    """What an SDK client's handlers were given, and a way to wait for it."""

    def __init__(self, client: Any) -> None:
        self.events: dict[StreamingEvents, list[Any]] = {event: [] for event in StreamingEvents}
        self._changed = threading.Condition()
        for event in StreamingEvents:
            client.on(event, lambda _, told, event=event: self._take(event, told))

    def _take(self, event: StreamingEvents, told: Any) -> None:
        with self._changed:
            self.events[event].append(told)
            self._changed.notify_all()

    def __getitem__(self, event: StreamingEvents) -> list[Any]:
        return self.events[event]

    def wait(self, event: StreamingEvents, count: int = 1) -> Any:
        """Return the newest of at least `count` events of a kind."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.events[event]) >= count, PATIENCE_S), f"no {event}"
            return self.events[event][-1]

    @property
    def finals(self) -> list[str]:
        return [turn.transcript for turn in self.events[StreamingEvents.Turn] if turn.end_of_turn]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address


def sync_client(url: str, key: str = "any", **options: Any) -> tuple[StreamingClient, Heard]:
    client = StreamingClient(StreamingClientOptions(api_key=key, api_host=url, **options))
    return client, Heard(client)


def test_the_sync_client_gets_every_kind_of_event_and_a_clean_end(url: str) -> None:
    client, heard = sync_client(url, terminate_timeout=PATIENCE_S)
    client.connect(
        StreamingParameters(
            sample_rate=RATE,
            format_turns=True,
            llm_gateway=ASKED,
            session_heartbeat=True,
            acknowledge_silence=True,
            speaker_labels=True,
        )
    )
    assert heard.wait(StreamingEvents.Begin).expires_at.timestamp() > 0
    assert "speaker_labels" in heard.wait(StreamingEvents.Warning).warning
    client.stream(chunks(silence(1.2)))
    assert heard.wait(StreamingEvents.Silence).end_ms >= 1000
    client.stream(chunks(read(CLIPS[4])))
    assert heard.wait(StreamingEvents.SpeechStarted).timestamp >= 1200
    heard.wait(StreamingEvents.Heartbeat)
    client.disconnect(terminate=True)
    assert heard.finals == [SENTENCE]
    answer = heard[StreamingEvents.LLMGatewayResponse][0]
    assert (answer.turn_order, answer.transcript) == (0, SENTENCE)
    assert answer.data["choices"][0]["message"]["content"] == SENTENCE
    assert heard[StreamingEvents.Termination][0].audio_duration_seconds == 4
    assert heard[StreamingEvents.Error] == []


def test_the_sync_client_can_force_the_end_of_a_turn_and_change_the_session(url: str) -> None:
    client, heard = sync_client(url)
    client.connect(StreamingParameters(sample_rate=RATE))
    client.set_params(StreamingSessionParameters(min_turn_silence=600, max_turn_silence=5000, vad_threshold=0.4))
    client.keep_alive()
    client.stream(chunks(read(CLIPS[4])))
    client.force_endpoint()
    while not heard.finals:
        heard.wait(StreamingEvents.Turn, len(heard[StreamingEvents.Turn]) + 1)
    assert heard.finals == [SENTENCE]
    client.disconnect(terminate=True)


async def test_the_async_client_gets_turns_and_answers(url: str) -> None:
    client = AsyncStreamingClient(StreamingClientOptions(api_key="any", api_host=url, terminate_timeout=PATIENCE_S))
    heard = Heard(client)
    await client.connect(StreamingParameters(sample_rate=RATE, llm_gateway=ASKED))
    await client.stream(chunks(read(CLIPS[4])))
    await client.disconnect(terminate=True)
    assert heard.finals == [SENTENCE]
    assert [answer.turn_order for answer in heard[StreamingEvents.LLMGatewayResponse]] == [0]
    assert len(heard[StreamingEvents.Termination]) == 1
    assert heard[StreamingEvents.Error] == []


def test_the_client_is_told_of_a_wrong_key() -> None:
    with serving(token="right") as url:
        client, heard = sync_client(url, key="wrong")
        client.connect(StreamingParameters(sample_rate=RATE))
        error = heard.wait(StreamingEvents.Error)
        assert error.code == 1008
        assert "API key" in str(error)
        client.disconnect()


def test_the_client_gets_in_with_a_temporary_token() -> None:
    import httpx2

    with serving(token="right") as url:
        asked = httpx2.get(
            f"{url.replace('ws', 'http', 1)}/v3/token",
            params={"expires_in_seconds": 60},
            headers={"Authorization": "right"},
        )
        client = StreamingClient(StreamingClientOptions(token=asked.json()["token"], api_host=url))
        heard = Heard(client)
        client.connect(StreamingParameters(sample_rate=RATE))
        assert heard.wait(StreamingEvents.Begin).id
        client.disconnect(terminate=True)
        assert len(heard[StreamingEvents.Termination]) == 1


def test_the_client_is_told_what_is_wrong_with_a_parameter(url: str) -> None:
    client, heard = sync_client(url)
    client.connect(StreamingParameters(sample_rate=7))
    error = heard.wait(StreamingEvents.Error)
    assert error.code == 3006
    assert "sample_rate" in str(error)
    client.disconnect()


async def test_two_clients_at_once_each_hear_their_own(url: str) -> None:
    async def hear(path: Any) -> list[str]:
        client = AsyncStreamingClient(StreamingClientOptions(api_key="any", api_host=url, terminate_timeout=PATIENCE_S))
        heard = Heard(client)
        await client.connect(StreamingParameters(sample_rate=RATE))
        await client.stream(chunks(read(path)))
        await client.disconnect(terminate=True)
        return heard.finals

    first, second = await asyncio.gather(hear(CLIPS[4]), hear(CLIPS[3]))
    assert first == [SENTENCE]
    assert "respectable" in " ".join(second)
