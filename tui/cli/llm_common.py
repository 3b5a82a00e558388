"""What `ask` and `analyse` share: a session to ask about, a server that answers, an answer that is kept."""

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


def one_with_words(word: str) -> "StoredSession":
    """Return the session that a word means.

    Raises:
        UsageError: there is none, or nothing was said in it.
    """
    stored, record = load_session(word)
    if not record.finals:
        raise UsageError("Nothing was said in that session.", "Choose another: livegist sessions")
    return stored


async def answer(
    config: "Config", lines: list[str], about: "MakeMessages", merge: "MakeMessages", *, quiet: bool = False
) -> "tuple[Completion, float]":
    """Print an answer as it comes; return it and how many seconds it took."""
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
        async with aclosing(asker.ask(lines, about, merge)) as pieces:
            async for piece in pieces:
                match piece:
                    case ChunkProgress(number=number, total=parts):
                        click.echo(f"Longer than the model reads at once: part {number} of {parts} …", err=True)
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
    """Give the client of the server that answers, with a local gateway started for it if need be."""
    from tui.credentials import api_key, llm_key
    from tui.engine.endpoints import Endpoints
    from tui.engine.gateway_process import GatewayProcess, is_installed
    from tui.engine.routing import resolve_route
    from tui.llm.client import ChatClient
    from tui.model.prompts import PromptLibrary
    from tui.paths import log_file
    from tui.urls import may_carry_key

    gateway = GatewayProcess(log_file())
    if config.llm_url and not api_key():
        client = ChatClient(config.llm_url, llm_key() if may_carry_key(config.llm_url) else "")
    else:
        plan = resolve_route(config, key=api_key(), llm_key=llm_key(), local_installed=is_installed())
        client = await Endpoints(config, plan, PromptLibrary(()), gateway, 16_000).chat()
    try:
        yield client
    finally:
        await client.aclose()
        await gateway.close()


def keep(stored: "StoredSession", gists: "list[Gist]") -> None:
    """Add gists to a session that is over; one that is under way keeps its own."""
    from tui.sessions.added_gists import add_gists

    if not gists:
        return
    if stored.live:
        click.echo("The session is under way: the answer is not kept there.", err=True)
    else:
        add_gists(stored, gists)
