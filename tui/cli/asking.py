"""`livegist ask` and `livegist analyse`: what an LLM makes of sessions that are over."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from tui.cli import completing
from tui.cli.options import chat_options, given, opened, prompt_folders, settings
from tui.errors import UsageError

if TYPE_CHECKING:
    from tui.config import Config
    from tui.llm.client import ChatClient
    from tui.llm.parts import Ask
    from tui.llm.protocol import Completion
    from tui.model.gists import Gist
    from tui.model.prompts import Prompt
    from tui.sessions.questions import Quote, Read
    from tui.sessions.store import Stored

AT_ONCE = 4
"""Turns that are asked about at a time: thirty requests a minute are usual."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] QUESTION", shell_complete=completing.sessions)
@click.option("--since", metavar="WHEN", help="Ask all sessions that started since: 2026-11-22, or an age such as 7d.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    shell_complete=completing.tags,
    help="Ask all sessions with this tag; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: answer, model, quotes.")
@chat_options
def ask(words: tuple[str, ...], since: str | None, tags: tuple[str, ...], as_json: bool, **flags: str | None) -> None:
    """Ask an LLM a question about a session, or about several with --since or --tag.

    The answer is followed by the turns that it rests on, in their own words. About one session, it is kept there.
    """
    import asyncio

    from tui.sessions.about import one_line

    several = bool(since or tags)
    if not several and len(words) < 2:
        raise UsageError("A question needs a session.", 'Write: livegist ask last "What was decided?"')
    question = one_line(" ".join(words if several else words[1:]))
    if not question:
        raise UsageError("That is no question.", 'Write: livegist ask last "What was decided?"')
    stored = _chosen(since, tags) if several else [_one_with_words(words[0])]
    config = settings(given(flags)).config
    asyncio.run(_ask(config, stored, question, as_json=as_json))


@click.command()
@click.argument("session", shell_complete=completing.sessions)
@click.option(
    "--prompt", metavar="ID", shell_complete=completing.prompts, help="Prompt to ask with; see `livegist prompts list`."
)
@click.option("--turns", "each_turn", is_flag=True, help="Ask about each turn, not about the whole session.")
@chat_options
def analyse(session: str, prompt: str | None, each_turn: bool, **flags: str | None) -> None:
    """Ask a prompt about a session again; the answers are kept beside those it has."""
    import asyncio

    from tui.model.prompts import PromptLibrary

    options = given(flags) | ({"prompt": prompt} if prompt else {})
    config = settings(options).config
    wanted = PromptLibrary.load(*prompt_folders())[config.prompt]
    stored = _one_with_words(session)
    run = _analyse_turns(config, stored, wanted) if each_turn else _analyse(config, stored, wanted)
    asyncio.run(run)


def _one_with_words(word: str) -> "Stored":
    """Return the session that a word means.

    Raises:
        UsageError: there is none, or nothing was said in it.
    """
    stored, record = opened(word)
    if not record.finals:
        raise UsageError("Nothing was said in that session.", "Choose another: livegist sessions")
    return stored


def _chosen(since: str | None, tags: tuple[str, ...]) -> "list[Stored]":
    from datetime import datetime
    from pathlib import Path

    from tui.paths import sessions_dir
    from tui.sessions.catalogue import chosen
    from tui.sessions.store import Store, Stored
    from tui.sessions.when import moment

    at = moment(since, datetime.now().astimezone()) if since else None
    found = chosen(Store(sessions_dir()), since=at, tags=[tag.removeprefix("#") for tag in tags])
    stored = [Stored(summary.id, Path(summary.path)) for summary in found if summary.turns]
    if not stored:
        raise UsageError("No session is like that.", "See: livegist sessions list --all")
    return stored[::-1]


async def _ask(config: "Config", stored: "list[Stored]", question: str, *, as_json: bool) -> None:
    import msgspec

    from tui.model.gists import Gist, GistStatus
    from tui.sessions import questions

    read = [questions.reading(each.id, each.load(), each.about()) for each in stored]
    done, seconds = await _answer(
        config,
        questions.passages(read),
        lambda text: questions.ask_about(question, text),
        lambda text: questions.ask_to_merge(question, text),
        quiet=as_json,
    )
    quoted = questions.quotes(done.text, read)
    unknown = questions.unknown_turns(done.text, read)
    if len(stored) == 1:
        _keep(
            stored[0],
            [
                Gist(
                    0,
                    None,
                    "",
                    done.text.strip(),
                    GistStatus.DONE,
                    done.model,
                    done.input_tokens,
                    done.output_tokens,
                    seconds,
                    question=question,
                    turns=len(read[0].turns),
                )
            ],
        )
    if as_json:
        answer = {
            "question": question,
            "answer": done.text,
            "model": done.model,
            "quotes": quoted,
            "unknown_turns": unknown,
        }
        click.echo(msgspec.json.encode(answer))
        return
    _rests_on(quoted, unknown, read)


def _rests_on(quoted: "list[Quote]", unknown: list[int], read: "list[Read]") -> None:
    """Print the turns that an answer rests on, or that there are none."""
    from tui.sessions import questions

    if quoted:
        click.echo("\nIt rests on:")
    for quote in quoted:
        click.echo(f"  {questions.quote_line(quote, several=len(read) > 1)}")
    if unknown:
        click.echo(f"It names turns that do not exist: {', '.join(map(str, unknown))}. Do not trust it.", err=True)
    if not quoted:
        click.echo("It names no turn: nothing here shows that it is true.", err=True)


async def _analyse(config: "Config", stored: "Stored", prompt: "Prompt") -> None:
    from tui.llm.analyst import session_messages
    from tui.model.gists import Gist, GistStatus
    from tui.sessions.questions import merge_by

    transcript = stored.load().transcript
    config = _of_prompt(config, prompt)
    done, seconds = await _answer(
        config,
        transcript.text.splitlines(),
        lambda text: session_messages(prompt, text),
        lambda text: merge_by(prompt, text),
    )
    gist = Gist(
        0, None, prompt.id, done.text.strip(), GistStatus.DONE, done.model, done.input_tokens, done.output_tokens,
        seconds, turns=len(transcript.finals),
    )  # fmt: skip
    _keep(stored, [gist])


async def _analyse_turns(config: "Config", stored: "Stored", prompt: "Prompt") -> None:
    import asyncio

    from tui.errors import ChatError
    from tui.lines import text_line
    from tui.llm.analyst import turn_messages
    from tui.model.events import GistChanged, TurnChanged
    from tui.model.gists import Gist, GistStatus
    from tui.model.transcript import Turn

    config = _of_prompt(config, prompt)
    turns = stored.load().transcript.finals
    room = asyncio.Semaphore(AT_ONCE)

    async def about(chat: "ChatClient", turn: Turn) -> Gist:
        async with room:
            started = asyncio.get_running_loop().time()
            try:
                done = await chat.complete(
                    turn_messages(prompt, turn.text), model=config.llm_model, max_tokens=config.max_tokens
                )
            except ChatError as error:
                return Gist(0, turn.number, prompt.id, status=GistStatus.FAILED, error=f"{error.message} {error.hint}")
            seconds = round(asyncio.get_running_loop().time() - started, 3)
            return Gist(
                0, turn.number, prompt.id, done.text.strip(), GistStatus.DONE, done.model, done.input_tokens,
                done.output_tokens, seconds,
            )  # fmt: skip

    async with _chat(config) as chat:
        gists = await asyncio.gather(*(about(chat, turn) for turn in turns))
    for turn, gist in zip(turns, gists, strict=True):
        click.echo(text_line(TurnChanged(turn)))
        click.echo(text_line(GistChanged(gist)))
    _keep(stored, list(gists))
    if any(gist.status is GistStatus.FAILED for gist in gists):
        sys.exit(1)


def _of_prompt(config: "Config", prompt: "Prompt") -> "Config":
    """Return the settings with what a prompt says of them."""
    from msgspec.structs import replace

    return replace(
        config, llm_model=prompt.model or config.llm_model, max_tokens=prompt.max_tokens or config.max_tokens
    )


async def _answer(
    config: "Config", lines: list[str], about: "Ask", merge: "Ask", *, quiet: bool = False
) -> "tuple[Completion, float]":
    """Print an answer as it comes; return it and how many seconds it took."""
    import asyncio
    from contextlib import aclosing

    from tui.lines import inert
    from tui.llm.parts import Asker, Part
    from tui.llm.protocol import Completion

    started = asyncio.get_running_loop().time()
    done = Completion("")
    async with _chat(config) as chat:
        asker = Asker(chat, model=config.llm_model, max_tokens=config.max_tokens, context_tokens=config.context_tokens)
        async with aclosing(asker.ask(lines, about, merge)) as pieces:
            async for piece in pieces:
                match piece:
                    case Part(number=number, parts=parts):
                        click.echo(f"Longer than the model reads at once: part {number} of {parts} …", err=True)
                    case Completion():
                        done = piece
                    case str() if not quiet:
                        click.echo("\n".join(inert(line) for line in piece.split("\n")), nl=False)
    if not quiet:
        click.echo()
        cut = " (cut off at max_tokens)" if done.finish_reason == "length" else ""
        click.echo(f"— {inert(done.model) or 'an unnamed model'}{cut}", err=True)
    return done, round(asyncio.get_running_loop().time() - started, 3)


@asynccontextmanager
async def _chat(config: "Config") -> "AsyncIterator[ChatClient]":
    """Give the client of the server that answers, with a local gateway started for it if need be."""
    from tui.config import api_key, llm_key
    from tui.engine.local import LocalGateway, installed
    from tui.engine.plan import resolve
    from tui.engine.servers import Servers
    from tui.llm.client import ChatClient
    from tui.model.prompts import PromptLibrary
    from tui.paths import log_file
    from tui.urls import may_carry_key

    gateway = LocalGateway(log_file())
    if config.llm_url and not api_key():
        chat = ChatClient(config.llm_url, llm_key() if may_carry_key(config.llm_url) else "")
    else:
        plan = resolve(config, key=api_key(), llm_key=llm_key(), local_installed=installed())
        chat = await Servers(config, plan, PromptLibrary(()), gateway, 16_000).chat()
    try:
        yield chat
    finally:
        await chat.aclose()
        await gateway.close()


def _keep(stored: "Stored", gists: "list[Gist]") -> None:
    """Add gists to a session that is over; one that is under way keeps its own."""
    from tui.sessions.answers import add_gists

    if stored.live:
        click.echo("The session is under way: the answer is not kept there.", err=True)
    else:
        add_gists(stored, gists)
