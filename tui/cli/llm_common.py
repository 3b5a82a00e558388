"""Parts shared by `ask` and `analyse`: find a session, ask an LLM, store the answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from tui.cli.options import load_session
from tui.errors import UsageError

if TYPE_CHECKING:
    from tui.config.schema import Config
    from tui.llm.chunking import MakeMessages
    from tui.llm.client import ChatClient
    from tui.llm.protocol import Completion
    from tui.model.gists import Gist
    from tui.sessions.store import StoredSession


def find_with_turns(word: str) -> "StoredSession":
    """Return a stored session that has turns.

    Raises:
        UsageError: no session matches, or it has no turns.
    """
    stored, record = load_session(word)
    if not record.finals:
        raise UsageError("That session has no turns.", "Choose another: livegist sessions")
    return stored


async def answer(
    config: "Config", lines: list[str], about: "MakeMessages", merge: "MakeMessages", *, quiet: bool = False
) -> "tuple[Completion, float]":
    """Print an answer while it streams; return it and its latency in seconds."""
    import asyncio
    from contextlib import aclosing

    from tui.llm.chunking import ChunkedAsker, ChunkProgress
    from tui.llm.protocol import Completion
    from tui.text import terminal_line

    started = asyncio.get_running_loop().time()
    done = Completion("")
    async with chat(config) as client:
        asker = ChunkedAsker(
            client, model=config.llm_model, max_tokens=config.max_tokens, context_tokens=config.context_tokens
        )
        async with aclosing(asker.ask(lines, about, merge)) as deltas:
            async for piece in deltas:
                match piece:
                    case ChunkProgress(number=number, total=parts):
                        click.echo(f"Longer than the model's context: part {number} of {parts} …", err=True)
                    case Completion():
                        done = piece
                    case str() if not quiet:
                        click.echo("\n".join(terminal_line(line) for line in piece.split("\n")), nl=False)
    if not quiet:
        click.echo()
        cut = " (cut off at max_tokens)" if done.finish_reason == "length" else ""
        click.echo(f"— {terminal_line(done.model) or 'an unnamed model'}{cut}", err=True)
    return done, round(asyncio.get_running_loop().time() - started, 3)


@asynccontextmanager
async def chat(config: "Config") -> "AsyncIterator[ChatClient]":
    """Give the client of the LLM server; starts a local gateway if one is needed."""
    from tui.engine.gateway_process import GatewayProcess
    from tui.engine.stored_chat import chat_client
    from tui.paths import log_file

    gateway = GatewayProcess(log_file())
    try:
        client = await chat_client(config, gateway)
        try:
            yield client
        finally:
            await client.aclose()
    finally:
        # Also if its start was interrupted.
        await gateway.close()


def store_gists(stored: "StoredSession", gists: "list[Gist]") -> None:
    """Add gists to a stored session; an active one is left alone."""
    from tui.sessions.added_gists import add_gists

    if not gists:
        return
    if stored.live:
        click.echo("The session is active: the answer is not stored.", err=True)
    else:
        add_gists(stored, gists)
