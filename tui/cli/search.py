"""`livegist search`: where something was said."""

import sys
from typing import TYPE_CHECKING

import click

from tui.cli import completion

if TYPE_CHECKING:
    from tui.sessions.search import Hit


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--since", metavar="WHEN", help="In sessions that started since: 2026-11-22, or an age such as 7d.")
@click.option("--tag", default="", metavar="TAG", shell_complete=completion.tags, help="In sessions with this tag.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Most places to show.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def search(words: tuple[str, ...], since: str | None, tag: str, limit: int, as_json: bool) -> None:
    """Search turns, gists, notes and names of all sessions.

    All WORDS must be there. Put "a phrase" in quotes, word* for a beginning, -word (after --) for one that must not be
    there. Exits with 1 if nothing is found.
    """
    import msgspec

    from tui.paths import data_dir, sessions_dir
    from tui.sessions.search import INDEX
    from tui.sessions.search import search as look
    from tui.sessions.store import Store

    query = " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)
    oldest = _oldest(since) if since else ""
    hits = look(
        Store(sessions_dir()), data_dir() / INDEX, query, since=oldest, tag=tag.removeprefix("#"), max_hits=limit
    )
    for hit in hits:
        click.echo(msgspec.json.encode(hit) if as_json else _line(hit))
    if not hits:
        click.echo("Nothing is found.", err=True)
        sys.exit(1)


def _oldest(since: str) -> str:
    """Return what the ids of sessions begin with at that moment: an id is a local time, so their order is time's."""
    from datetime import datetime

    from tui.sessions.catalogue import ID_TIME_FORMAT
    from tui.sessions.time_spec import parse_time

    return parse_time(since, datetime.now().astimezone()).strftime(ID_TIME_FORMAT)


def _line(hit: "Hit") -> str:
    from tui.text import clock, terminal_line

    where = f"{hit.kind} {hit.number}" if hit.number else hit.kind
    parts = map(terminal_line, hit.parts)
    words = "".join(click.style(part, bold=True) if at % 2 else part for at, part in enumerate(parts))
    title = f"{terminal_line(hit.title)}  " if hit.title else ""
    return f"{hit.session}  {clock(hit.at_s, padded=True)}  {where}  {title}{words}"
