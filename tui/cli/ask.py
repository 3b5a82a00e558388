"""`livegist ask`: a question about stored sessions."""

from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.llm_common import answer, find_with_turns, store_gists
from tui.cli.options import chat_options, flags_from, select_sessions, settings
from tui.errors import UsageError

if TYPE_CHECKING:
    from tui.config.schema import Config
    from tui.sessions.qa import Quote, SessionExcerpt
    from tui.sessions.store import StoredSession


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="[SESSION] QUESTION", shell_complete=completion.sessions)
@click.option(
    "--since", metavar="WHEN", help="Ask all sessions started since a date (2026-11-22) or within an age (7d)."
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    shell_complete=completion.tags,
    help="Ask all sessions with this tag; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: answer, model, quotes.")
@chat_options
def ask(words: tuple[str, ...], since: str | None, tags: tuple[str, ...], as_json: bool, **flags: str | None) -> None:
    """Ask an LLM a question about a session, or about several with --since or --tag.

    The answer is followed by the turns it cites, quoted. An answer about one session is stored with it.
    """
    import asyncio

    from tui.sessions.metadata import clean_line

    several = bool(since or tags)
    if not several and len(words) < 2:
        raise UsageError("A question needs a session.", 'Usage: livegist ask last "What was decided?"')
    question = clean_line(" ".join(words if several else words[1:]))
    if not question:
        raise UsageError("The question is empty.", 'Usage: livegist ask last "What was decided?"')
    stored = _select(since, tags) if several else [find_with_turns(words[0])]
    config = settings(flags_from(flags)).config
    asyncio.run(_ask(config, stored, question, as_json=as_json))


def _select(since: str | None, tags: tuple[str, ...]) -> "list[StoredSession]":
    from pathlib import Path

    from tui.sessions.store import StoredSession

    found = select_sessions(since, tags)
    stored = [StoredSession(summary.id, Path(summary.path)) for summary in found if summary.turns]
    if not stored:
        raise UsageError("No session matches.", "See: livegist sessions list --all")
    return stored[::-1]


async def _ask(config: "Config", stored: "list[StoredSession]", question: str, *, as_json: bool) -> None:
    import msgspec

    from tui.model.gists import Gist, GistStatus
    from tui.sessions import qa

    excerpts = [qa.excerpt(each.id, each.load(), each.metadata()) for each in stored]
    done, seconds = await answer(
        config,
        qa.format_excerpts(excerpts),
        lambda text: qa.question_messages(question, text),
        lambda text: qa.merge_answers_messages(question, text),
        quiet=as_json,
    )
    quoted = qa.cited_turns(done.text, excerpts)
    unknown = qa.unknown_turns(done.text, excerpts)
    if len(stored) == 1:
        store_gists(
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
                    turns=len(excerpts[0].turns),
                )
            ],
        )
    if as_json:
        printed = {
            "question": question,
            "answer": done.text,
            "model": done.model,
            "quotes": quoted,
            "unknown_turns": unknown,
        }
        click.echo(msgspec.json.encode(printed))
        return
    _print_citations(quoted, unknown, excerpts)


def _print_citations(quoted: "list[Quote]", unknown: list[int], excerpts: "list[SessionExcerpt]") -> None:
    """Print the turns that an answer cites, or a warning that it cites none."""
    from tui.sessions import qa

    if quoted:
        click.echo("\nCited turns:")
    for quote in quoted:
        click.echo(f"  {qa.quote_line(quote, several=len(excerpts) > 1)}")
    if unknown:
        click.echo(
            f"The answer cites turns that do not exist: {', '.join(map(str, unknown))}. Do not trust it.", err=True
        )
    if not quoted:
        click.echo("The answer cites no turn: nothing here supports it.", err=True)
