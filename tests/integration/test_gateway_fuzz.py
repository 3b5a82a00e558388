"""Any input of a client is answered or refused, and other clients are served meanwhile."""

import asyncio
import gc
import json
import os
import random
import resource
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.gateway_harness import CLIPS, PATIENCE_S, TUTORIAL, calling, chunks, read, serving, silence
from tui.gateway.client_session import ClientSession
from tui.gateway.parameters import Parameters
from tui.gateway.send_queue import SendQueue
from tui.gateway.turn_recognition import TurnRecogniser

CLOSES = {1000, 1002, 1007, 1008, 1009, 1011, 3006, 3007}
"""Close codes that a client may get."""
NAMES = sorted({*msgspec.structs.asdict(Parameters()), "token"})
VALUES = st.one_of(
    st.text(max_size=60),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.booleans().map(str),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=20) | st.integers(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    ).map(json.dumps),
)
TYPES = st.sampled_from(["Terminate", "ForceEndpoint", "KeepAlive", "UpdateConfiguration", "Begin", "", "Turn"])
MESSAGES = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=3000),
    st.dictionaries(st.sampled_from([*NAMES, "type"]), VALUES, max_size=5).map(json.dumps),
    TYPES.map(lambda name: json.dumps({"type": name})),
    st.tuples(TYPES, st.dictionaries(st.sampled_from(NAMES), st.integers() | st.text() | st.floats(), max_size=3)).map(
        lambda drawn: json.dumps({"type": drawn[0], **drawn[1]})
    ),
)
PATIENT = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(max_sessions=50) as address:
        yield address


async def still_serves(url: str) -> None:
    """Transcribe a sentence, as any client would."""
    async with calling(url) as caller:
        await caller.say(read(CLIPS[4]))
        await caller.send("Terminate")
        assert (await caller.ended())[0] == 1000
    assert caller.finals[0]["transcript"] == "He might even have been made amiable himself."


async def nothing_left() -> None:
    """Wait until no session is kept by anything, not even by a running decode."""
    async with asyncio.timeout(PATIENCE_S):
        while [kept for kept in gc.get_objects() if type(kept) in (ClientSession, TurnRecogniser, SendQueue)]:
            gc.collect()
            await asyncio.sleep(0.1)


async def end_of(url: str, messages: list[Any], query: dict[str, str] | None = None) -> int:
    """Send messages, then `Terminate`; return how the session is closed."""
    try:
        async with asyncio.timeout(PATIENCE_S), connect(f"{url}/v3/ws?{urlencode(query or {})}") as websocket:
            try:
                for message in messages:
                    await websocket.send(message)
                await websocket.send('{"type":"Terminate"}')
                while True:
                    await websocket.recv()
            except ConnectionClosed:
                return websocket.close_code or 0
    except InvalidStatus as error:
        return error.response.status_code


@PATIENT
@given(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4))
def test_any_query_opens_a_session_or_is_refused(url: str, query: list[tuple[str, str]]) -> None:
    assert asyncio.run(end_of(url, [], dict(query))) in CLOSES | {400}


@PATIENT
@given(st.lists(MESSAGES, max_size=8))
def test_any_messages_end_as_the_protocol_says(url: str, messages: list[str | bytes]) -> None:
    assert asyncio.run(end_of(url, messages)) in CLOSES


async def test_nothing_is_kept_of_sessions_that_are_over(url: str) -> None:
    await still_serves(url)
    await nothing_left()


@settings(PATIENT, max_examples=15)
@given(st.lists(st.sampled_from(["speech", "force", "quiet", "configure", "noise"]), min_size=1, max_size=12))
def test_any_order_of_sound_and_orders_keeps_turns_in_order(url: str, steps: list[str]) -> None:
    speech = list(chunks(read(CLIPS[4]), 200))
    chance = random.Random(0)
    sends: dict[str, Any] = {
        "speech": speech[:10],
        "force": ['{"type":"ForceEndpoint"}'],
        "quiet": [bytes(32_000)] * 2,
        "configure": ['{"type":"UpdateConfiguration","max_turn_silence":0,"vad_threshold":0.0}'],
        "noise": [chance.randbytes(6400)] * 3,
    }

    async def finals_of() -> list[dict[str, Any]]:
        async with calling(url) as caller:
            for step in steps:
                for sent in sends[step]:
                    await caller.websocket.send(sent)
            await caller.send("Terminate")
            assert (await caller.ended())[0] == 1000
        return caller.finals

    finals = asyncio.run(finals_of())
    assert [turn["turn_order"] for turn in finals] == list(range(len(finals)))
    times = [time for turn in finals for word in turn["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)


async def test_random_bytes_on_the_socket_do_not_disturb_other_clients(url: str) -> None:
    host, port = url.removeprefix("ws://").split(":")
    chance = random.Random(1)
    handshake = (
        f"GET /v3/ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    for round in range(60):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write((handshake if round % 2 else b"") + chance.randbytes(chance.randrange(1, 2000)))
        if round % 3:
            writer.write_eof()
        elif round % 2:
            writer.transport.abort()
        else:
            writer.close()
        del reader
    await still_serves(url)


async def test_a_client_that_sends_nothing_is_disconnected(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.gateway.request_timeout.REQUEST_TIMEOUT_S", 0.5)
    host, port = url.removeprefix("ws://").split(":")
    async with calling(url) as caller:
        await caller.until("Begin")
        for said in (b"", b"GET /v3/ws HTTP/1.1\r\nHost: 127"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(said)
            async with asyncio.timeout(PATIENCE_S):
                assert await reader.read() == b""
            writer.close()
        await caller.send("Terminate")
        assert (await caller.ended())[0] == 1000


async def test_clients_that_vanish_in_mid_sentence_leave_nothing_behind(url: str) -> None:
    async def vanish() -> None:
        async with connect(f"{url}/v3/ws?sample_rate=16000") as websocket:
            for chunk in chunks(read(CLIPS[0]), 500):
                await websocket.send(chunk)
            websocket.transport.abort()

    await still_serves(url)
    for _ in range(5):
        await vanish()
    await nothing_left()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(20):
        await vanish()
    await nothing_left()
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 60_000
    await still_serves(url)


async def test_a_client_may_vanish_while_its_last_turn_is_transcribed(url: str) -> None:
    samples = np.concatenate([read(CLIPS[4]), silence(1.5)])
    for read_until in (None, "SpeechStarted", "Turn"):
        async with calling(url, **TUTORIAL) as caller:
            await caller.say(samples, chunk_ms=1000)
            if read_until:
                await caller.until(read_until)
            caller.websocket.transport.abort()
    await still_serves(url)


async def test_a_client_that_never_reads_does_not_stop_another(url: str) -> None:
    host, port = url.removeprefix("ws://").split(":")
    deaf = socket.create_connection((host, int(port)))
    deaf.sendall(
        b"GET /v3/ws?acknowledge_silence=true HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 101 " in await asyncio.to_thread(deaf.recv, 4096)
    frame = bytes([0x82, 0xFE]) + (32_000).to_bytes(2, "big") + bytes(4) + bytes(32_000)
    await asyncio.to_thread(deaf.sendall, frame * 250)
    await still_serves(url)
    deaf.close()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"messages":' + b"[" * 100_000, os.urandom(5000)])
async def test_any_chat_is_answered_or_refused(url: str, body: bytes) -> None:
    import httpx2

    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{url.replace('ws', 'http', 1)}/v1/chat/completions", content=body)
    assert answer.status_code == 400
