"""A chat backend in this process: any GGUF model, run by llama.cpp through xllamacpp."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from tui.errors import LivegistError, MissingExtraError
from tui.llm.client import ChatClient, Completion, Message

CONTEXT = 4096
"""Tokens of prompt and answer together, per chat."""
PARALLEL_CHATS = 2
MAGIC = b"GGUF"
"""First bytes of a GGUF file."""


class GgufBackend:
    """Completes chats with a model from a file, which is loaded for the first chat so that the gateway starts quickly.

    It runs llama.cpp's server on a loopback port, with a random key.

    Args:
        path: the GGUF file.

    Raises:
        LivegistError: the file does not exist or is not a GGUF file.
        MissingExtraError: xllamacpp is not installed.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise LivegistError(f"Model file not found: {path}.", "Give the path of a GGUF file with --llm-file.")
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise LivegistError(f"{path} is not a GGUF file.", "Give a chat model's GGUF file with --llm-file.")
        try:
            import xllamacpp  # noqa: F401
        except ModuleNotFoundError as missing:
            raise MissingExtraError("A local LLM", "llm") from missing
        self.name = self.model = path.stem
        self._path = path
        self._server: Any = None
        self._client: ChatClient | None = None
        self._loading = asyncio.Lock()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        model: str,
        max_tokens: int,
        temperature: float | None = None,
        transcript: str = "",
    ) -> Completion:
        """Return the model's answer."""
        client = await self._loaded()
        return await client.complete(messages, model=self.model, max_tokens=max_tokens, temperature=temperature)

    async def stream(
        self, messages: Sequence[Message], *, model: str, max_tokens: int, temperature: float | None = None
    ) -> AsyncIterator[str | Completion]:
        """Yield the model's answer as it arrives."""
        client = await self._loaded()
        pieces = client.stream(messages, model=self.model, max_tokens=max_tokens, temperature=temperature)
        async for piece in pieces:
            yield piece

    async def models(self) -> list[str] | None:
        """Return the file's name."""
        return [self.model]

    async def client(self) -> ChatClient | None:
        """Return the client of llama.cpp's server, which is started for the first chat."""
        return await self._loaded()

    async def aclose(self) -> None:
        """Close the connections and unload the model."""
        if self._client:
            await self._client.aclose()
        self._server = None

    async def _loaded(self) -> ChatClient:
        async with self._loading:
            if self._client is None:
                key = secrets.token_hex(16)
                self._server = await asyncio.to_thread(_start, self._path, self.name, key)
                self._client = ChatClient(self._server.listening_address, key)
            return self._client


def _start(path: Path, name: str, key: str) -> Any:
    """Return a running server; it leaves half of the cores to the recogniser.

    Raises:
        ChatError: llama.cpp cannot load the file.
    """
    import xllamacpp

    from tui.errors import ChatError

    threads = max(1, (os.cpu_count() or 2) // 2)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {name}
    params.n_ctx = CONTEXT * PARALLEL_CHATS
    params.n_parallel = PARALLEL_CHATS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.api_keys = [key]
    params.ui = False
    params.verbosity = -1
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise ChatError(f"{path} cannot be loaded: {error}", "Give a GGUF file of a chat model.") from error
