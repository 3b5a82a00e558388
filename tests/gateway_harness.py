"""A gateway in this process, and a simple client for it."""

import asyncio
import json
import threading
import wave
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.conftest import DATA
from tui.gateway.app import GatewayOptions, Server, build
from tui.gateway.gateway import Gateway

RATE = 16_000
PATIENCE_S = 60.0
"""Longest wait for any event: the machine may be busy."""
CLIPS = sorted(DATA.glob("sense_and_sensibility_*.wav"))
"""Five sentences read by one person."""
FILLERS = frozenset({"um", "uh"})
"""Sounds that Whisper leaves out as it was trained to."""
TUTORIAL: dict[str, Any] = {
    "sample_rate": RATE,
    "format_turns": True,
    "speech_model": "u3-rt-pro",
    "llm_gateway": json.dumps(
        {
            "model": "claude-sonnet-4-20250514",
            "messages": [
                {"role": "user", "content": "Provide a brief summary of the transcript.\n\nTranscript: {{turn}}"}
            ],
            "max_tokens": 4000,
        }
    ),
}
"""The query of the vendor's tutorial."""

Samples = npt.NDArray[np.int16]
Message = dict[str, Any]


@contextmanager
def serving(gateway: Gateway | None = None, **options: Any) -> Iterator[str]:
    """Run a gateway, or one with these options, in a thread of its own; give its `ws://` address."""
    server = Server(build(gateway.options if gateway else GatewayOptions(**options), gateway), "127.0.0.1", 0)
    thread = threading.Thread(target=lambda: asyncio.run(server.run_until_stopped()))
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the gateway does not stop"


def read(path: Path) -> Samples:
    """Return a WAV's samples."""
    with wave.open(str(path)) as file:
        assert file.getframerate() == RATE
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def spoken(*paths: Path) -> str:
    """Return the words beside recordings."""
    return " ".join(path.with_suffix(".txt").read_text().strip() for path in paths)


def silence(seconds: float) -> Samples:
    """Return digital silence."""
    return np.zeros(int(seconds * RATE), np.int16)


def chunks(samples: Samples, chunk_ms: int = 100) -> Iterable[bytes]:
    """Return samples as frames for the wire; the last is filled up with silence."""
    size = RATE * chunk_ms // 1000
    padded = np.concatenate([samples, np.zeros(-len(samples) % size, np.int16)])
    return [padded[at : at + size].astype("<i2").tobytes() for at in range(0, len(padded), size)]


class Caller:
    """A client that keeps all messages that it receives."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.received: list[Message] = []

    async def say(self, samples: Samples, chunk_ms: int = 100) -> None:
        """Send samples as fast as the gateway takes them."""
        for chunk in chunks(samples, chunk_ms):
            await self.websocket.send(chunk)

    async def send(self, type: str, **fields: Any) -> None:
        """Send a message."""
        await self.websocket.send(json.dumps({"type": type, **fields}))

    async def until(self, type: str, **fields: Any) -> Message:
        """Return the next message of a type with these fields."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message: Message = json.loads(await self.websocket.recv())
                self.received.append(message)
                if message["type"] == type and fields.items() <= message.items():
                    return message

    async def ended(self, patience_s: float = PATIENCE_S) -> tuple[int, str]:
        """Read to the end; return the close code and its reason."""
        async with asyncio.timeout(patience_s):
            try:
                while True:
                    self.received.append(json.loads(await self.websocket.recv()))
            except ConnectionClosed:
                return self.websocket.close_code or 0, self.websocket.close_reason or ""

    def all(self, type: str, **fields: Any) -> list[Message]:
        """Return the received messages of a type with these fields."""
        return [message for message in self.received if message["type"] == type and fields.items() <= message.items()]

    @property
    def finals(self) -> list[Message]:
        """The turns that ended."""
        return self.all("Turn", end_of_turn=True)


@asynccontextmanager
async def calling(url: str, key: str = "any", *, trust: Any = None, **query: Any) -> AsyncIterator[Caller]:
    """Open a session."""
    asked = urlencode({"sample_rate": RATE, **query}, doseq=True)
    async with connect(f"{url}/v3/ws?{asked}", additional_headers={"Authorization": key}, ssl=trust) as websocket:
        yield Caller(websocket)


def words(text: str) -> list[str]:
    """Return a text as a word error rate counts it: no case, punctuation, `um` and `uh`; `Mr.` written out."""
    text = text.lower().replace("mr.", "mister").replace("-", " ")
    found = "".join(sign if sign.isalnum() or sign in " '" else " " for sign in text).split()
    return [word for word in found if word not in FILLERS]


def word_errors(reference: list[str], found: list[str]) -> int:
    """Return how many words were changed, left out or put in (Levenshtein's distance)."""
    row = list(range(len(found) + 1))
    for at, word in enumerate(reference, 1):
        before, row = row, [at]
        for column, other in enumerate(found, 1):
            row.append(min(before[column] + 1, row[-1] + 1, before[column - 1] + (word != other)))
    return row[-1]
