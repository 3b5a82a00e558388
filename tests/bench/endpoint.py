"""A scripted endpoint for load, in a process of its own: it recognises nothing and says the same every time.

Four partials a second, a turn and a gist every three, and chat completions of fifty tokens a second. It runs as fast
on command, so that three hours pass in minutes.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

PARTIAL_S = 0.25
TURN_S = 3.0
STEPS = round(TURN_S / PARTIAL_S)
"""Times a turn is sent; the last one is its final."""
TOKEN_S = 0.02
SPEECH = (
    "so the plan is that we ship the migration on thursday and maria takes the script while tom raises "
    "the connection pool and reruns the load test before the customer call in berlin"
)
WORDS = SPEECH.split()
HOUR_MS = 60 * 60 * 1000
TICKS = 30_000
"""Milliseconds that a metronome's samples can distinguish, see `tests.bench.sound`."""
START_S = 20.0
"""Longest wait for the process to listen."""


class Pace(msgspec.Struct, tag="pace", frozen=True):
    """What the endpoint has to do from now on."""

    speed: float = 1.0
    """How many seconds of script pass in one."""
    talks: bool = True
    """Whether anybody speaks."""
    metronome: bool = False
    """Whether the sound says when it was made."""


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """It listens."""

    url: str
    chat_url: str


class FinalSent(msgspec.Struct, tag="final", frozen=True):
    """A final turn went into the socket."""

    turn: int
    at: float
    """On the machine's monotonic clock."""


class ChunkCame(msgspec.Struct, tag="chunk", frozen=True):
    """Sound of a metronome came."""

    age_ms: float
    """Milliseconds since its last sample was made."""


Said = Ready | FinalSent | ChunkCame


def last_word(turn: int) -> str:
    """Return the word that a turn ends with once it is final, and that stands nowhere else."""
    return f"over{turn}."


def turn(order: int, step: int) -> dict[str, Any]:
    """Return a turn as it is sent at one of its steps."""
    final = step == STEPS - 1
    said = [WORDS[at % len(WORDS)] for at in range(3 * (step + 1))] + [last_word(order)] * final
    start, each = round(order * TURN_S * 1000), round(PARTIAL_S * 1000 / 3)
    words = [
        {
            "text": word,
            "start": start + each * at,
            "end": start + each * (at + 1),
            "confidence": 0.9,
            "word_is_final": final,
        }
        for at, word in enumerate(said)
    ]
    return {
        "type": "Turn",
        "turn_order": order,
        "turn_is_formatted": final,
        "end_of_turn": final,
        "transcript": " ".join(said),
        "end_of_turn_confidence": float(final),
        "words": words,
    }


def gist(order: int) -> dict[str, Any]:
    """Return the answer to a turn."""
    text = f"**Gist {order}**: {' '.join(WORDS[:20])}"
    choice = {"message": {"role": "assistant", "content": text}}
    completion = {"choices": [choice], "model": "script", "usage": {"prompt_tokens": 50, "completion_tokens": 20}}
    return {"type": "LLMGatewayResponse", "turn_order": order, "transcript": "", "data": completion}


class Script:
    """What every session receives.

    Args:
        say: gets what is to be known outside.
        sleep: waits for so many seconds of the script's own time at speed 1.
        clock: the machine's monotonic seconds.
    """

    def __init__(
        self,
        say: Callable[[Said], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._sleep = sleep
        self._clock = clock
        self.pace = Pace()

    async def attend(self, websocket: ServerConnection) -> None:
        """Serve one session."""
        begin = {"type": "Begin", "id": f"load-{time.time_ns()}", "expires_at": int(time.time()) + 3 * HOUR_MS // 1000}
        await websocket.send(json.dumps(begin))
        asks = websocket.request is not None and "llm_gateway" in websocket.request.path
        talking = asyncio.ensure_future(self._talk(websocket, asks))
        try:
            async for message in websocket:
                if isinstance(message, bytes):
                    self._receive(message)
                elif json.loads(message).get("type") == "Terminate":
                    talking.cancel()
                    end = {"type": "Termination", "audio_duration_seconds": 0, "session_duration_seconds": 0}
                    await websocket.send(json.dumps(end))
                    await websocket.close()
        except ConnectionClosed:
            pass
        finally:
            talking.cancel()

    async def _talk(self, websocket: ServerConnection, asks: bool) -> None:
        with suppress(ConnectionClosed):
            for order in itertools.count():
                for step in range(STEPS):
                    await self._sleep(PARTIAL_S / self.pace.speed)
                    while not self.pace.talks:
                        await self._sleep(PARTIAL_S)
                    await websocket.send(json.dumps(turn(order, step)))
                self._say(FinalSent(order, self._clock()))
                if asks:
                    await websocket.send(json.dumps(gist(order)))

    def _receive(self, chunk: bytes) -> None:
        if self.pace.metronome:
            made_at = int(np.frombuffer(chunk[-2:], "<i2")[0])
            self._say(ChunkCame((self._clock() * 1000 - made_at) % TICKS))

    async def chat(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request: completions without an end, fifty tokens a second, until the client goes."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"POST"):
                models = b'{"object":"list","data":[]}'
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n\r\n" + models)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/event-stream\r\n\r\n")
                for word in itertools.cycle(WORDS):
                    choice = {"index": 0, "delta": {"content": f"{word} "}}
                    writer.write(f"data: {json.dumps({'model': 'script', 'choices': [choice]})}\n\n".encode())
                    await writer.drain()
                    await self._sleep(TOKEN_S)
        writer.close()


class Endpoint:
    """The endpoint's process, and what is known of it."""

    def __init__(self) -> None:
        self.sent_at: dict[int, float] = {}
        """When each final turn went into the socket, by the endpoint's number of it."""
        self.ages_ms: list[float] = []
        """How old each chunk was when it came, while the source is a metronome."""
        self.url = self.chat_url = ""
        self._ready = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.endpoint"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._listen, daemon=True).start()
        if not self._ready.wait(START_S):
            raise TimeoutError("the endpoint does not start")

    def pace(self, pace: Pace) -> None:
        """Have it go on like that."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(pace) + b"\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match msgspec.json.decode(line, type=Said):
                case Ready(url=url, chat_url=chat_url):
                    self.url, self.chat_url = url, chat_url
                    self._ready.set()
                case FinalSent(turn=number, at=at):
                    self.sent_at[number] = at
                case ChunkCame(age_ms=age_ms):
                    self.ages_ms.append(age_ms)


def _print(said: Said) -> None:
    print(msgspec.json.encode(said).decode(), flush=True)


async def _run() -> None:
    script = Script(_print)
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    chat = await asyncio.start_server(script.chat, "127.0.0.1", 0)
    async with serve(script.attend, "127.0.0.1", 0, max_size=None, compression=None) as server:
        port, chat_port = (each.sockets[0].getsockname()[1] for each in (server, chat))
        print(
            msgspec.json.encode(Ready(f"ws://127.0.0.1:{port}", f"http://127.0.0.1:{chat_port}")).decode(), flush=True
        )
        async for line in commands:
            script.pace = msgspec.json.decode(line, type=Pace)


if __name__ == "__main__":
    asyncio.run(_run())
