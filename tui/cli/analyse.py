"""`livegist analyse`: a prompt about a stored session, as a whole or turn by turn."""

import sys
from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.llm_common import answer, chat, find_with_turns, store_gists
from tui.cli.options import chat_options, flags_from, settings
from tui.paths import prompt_folders

if TYPE_CHECKING:
    from tui.config.schema import Config
    from tui.llm.client import ChatClient
    from tui.model.prompts import Prompt
    from tui.sessions.store import StoredSession

MAX_CONCURRENT = 4
"""Concurrent requests: servers usually allow thirty per minute."""


@click.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option(
    "--prompt", metavar="ID", shell_complete=completion.prompts, help="Prompt to use; see `livegist prompts list`."
)
@click.option("--turns", "each_turn", is_flag=True, help="Ask about each turn instead of the whole session.")
@chat_options
def analyse(session: str, prompt: str | None, each_turn: bool, **flags: str | None) -> None:
    """Ask an LLM about a session again; the answers are added to those it has."""
    import asyncio

    from tui.model.prompts import PromptLibrary

    options = flags_from(flags) | ({"prompt": prompt} if prompt else {})
    config = settings(options).config
    chosen_prompt = PromptLibrary.load(*prompt_folders())[config.prompt]
    stored = find_with_turns(session)
    run = _each_turn(config, stored, chosen_prompt) if each_turn else _whole(config, stored, chosen_prompt)
    asyncio.run(run)


async def _whole(config: "Config", stored: "StoredSession", prompt: "Prompt") -> None:
    from tui.llm.prompt_messages import session_messages
    from tui.model.gists import Gist, GistStatus
    from tui.model.prompts import fill
    from tui.model.transcript import transcript_lines
    from tui.sessions.qa import merge_parts_messages

    record = stored.load()
    record.title = stored.metadata().name
    turns = record.finals
    prompt = fill(prompt, record.prompt_variables(config.language))
    config = _with_prompt(config, prompt)
    done, seconds = await answer(
        config,
        transcript_lines(turns),
        lambda text: session_messages(prompt, text),
        lambda text: merge_parts_messages(prompt, text),
    )
    gist = Gist(
        0, None, prompt.id, done.text.strip(), GistStatus.DONE, done.model, done.input_tokens, done.output_tokens,
        seconds, turns=len(turns),
    )  # fmt: skip
    store_gists(stored, [gist])


async def _each_turn(config: "Config", stored: "StoredSession", prompt: "Prompt") -> None:
    import asyncio

    from tui.errors import ChatError
    from tui.llm.prompt_messages import turn_messages
    from tui.model.events import GistChanged, TurnChanged
    from tui.model.gists import Gist, GistStatus
    from tui.model.lines import text_line
    from tui.model.prompts import fill
    from tui.model.transcript import Turn

    config = _with_prompt(config, prompt)
    state = stored.load()
    state.title = stored.metadata().name
    prompt = fill(prompt, state.prompt_variables(config.language))
    turns = [turn for original in state.transcript.finals if (turn := state.turn(original.number)) is not None]
    room = asyncio.Semaphore(MAX_CONCURRENT)

    async def about(client: "ChatClient", turn: Turn) -> Gist:
        async with room:
            started = asyncio.get_running_loop().time()
            try:
                done = await client.complete(
                    turn_messages(prompt, turn.text), model=config.llm_model, max_tokens=config.max_tokens
                )
            except ChatError as error:
                return Gist(0, turn.number, prompt.id, status=GistStatus.FAILED, error=f"{error.message} {error.hint}")
            seconds = round(asyncio.get_running_loop().time() - started, 3)
            return Gist(
                0, turn.number, prompt.id, done.text.strip(), GistStatus.DONE, done.model, done.input_tokens,
                done.output_tokens, seconds,
            )  # fmt: skip

    async with chat(config) as client:
        asked = [asyncio.ensure_future(about(client, turn)) for turn in turns]
        try:
            for turn, coming in zip(turns, asked, strict=True):
                gist = await coming
                click.echo(text_line(TurnChanged(turn)))
                click.echo(text_line(GistChanged(gist)))
        finally:
            # Store the answers received so far, also after Ctrl-C.
            for coming in asked:
                coming.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
            gists = [coming.result() for coming in asked if not coming.cancelled() and coming.exception() is None]
            store_gists(stored, gists)
    if any(gist.status is GistStatus.FAILED for gist in gists):
        sys.exit(1)


def _with_prompt(config: "Config", prompt: "Prompt") -> "Config":
    """Return the settings with those that the prompt sets."""
    from msgspec.structs import replace

    return replace(
        config, llm_model=prompt.model or config.llm_model, max_tokens=prompt.max_tokens or config.max_tokens
    )
