"""`livegist search`: full-text search over all sessions."""

import sys
from typing import TYPE_CHECKING

import click

from tui.cli import completion

if TYPE_CHECKING:
    from tui.sessions.search import Hit


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--since", metavar="WHEN", help="Only sessions started since a date (2026-11-22) or within an age (7d).")
@click.option("--tag", default="", metavar="TAG", shell_complete=completion.tags, help="Only sessions with this tag.")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Maximum number of results."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def search(words: tuple[str, ...], since: str | None, tag: str, limit: int, as_json: bool) -> None:
    """Search turns, gists, notes and names of all sessions.

    All WORDS must match. Use quotes for "a phrase", word* for a prefix, -word (after --) to exclude a word. Exits with
    1 if nothing is found.
    """
    import msgspec

    from tui.paths import data_dir, sessions_dir
    from tui.sessions.search import INDEX
    from tui.sessions.search import search as search_index
    from tui.sessions.store import Store

    query = " ".join(f'"{word}"' if " " in word and '"' not in word else word for word in words)
    oldest = _oldest(since) if since else ""
    hits = search_index(
        Store(sessions_dir()), data_dir() / INDEX, query, since=oldest, tag=tag.removeprefix("#"), max_hits=limit
    )
    for hit in hits:
        click.echo(msgspec.json.encode(hit) if as_json else _line(hit))
    if not hits:
        click.echo("Nothing found.", err=True)
        sys.exit(1)


def _oldest(since: str) -> str:
    """Return the prefix of session ids at that time: an id is a local time, so ids sort by time."""
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
    track = f"{terminal_line(hit.track)}: " if hit.track else ""
    return f"{hit.session}  {clock(hit.at_s, padded=True)}  {where}  {title}{track}{words}"
