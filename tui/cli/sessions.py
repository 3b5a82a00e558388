"""`livegist sessions`: what is kept, and what becomes of it."""

from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.group import WholeHelp
from tui.cli.options import find_stored
from tui.cli.session_table import facts, fit_to_terminal, on_a_terminal, row
from tui.errors import SessionError, UsageError
from tui.text import plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.sessions.catalogue import Summary

LISTED = 20
"""Sessions that are listed unless all are asked for."""


@click.group(cls=WholeHelp, invoke_without_command=True)
@click.pass_context
def sessions(context: click.Context) -> None:
    """List, show, name, tag and delete the sessions that are kept; without a command it lists them.

    SESSION is an id, the start of one, a name, or `last`.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_sessions)


@sessions.command("list")
@click.option("--all", "everything", is_flag=True, help=f"List all, not the newest {LISTED}.")
@click.option("--since", metavar="WHEN", help="Those that started since: 2026-11-22, or an age such as 7d.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    shell_complete=completion.tags,
    help="Those with this tag; may be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def list_sessions(
    everything: bool = False, since: str | None = None, tags: tuple[str, ...] = (), as_json: bool = False
) -> None:
    """List sessions, newest first: id, length, turns, size, state, tags, name or first words."""
    from itertools import islice

    import msgspec

    found = _chosen(since, tags)
    listed = list(found if everything else islice(found, LISTED))
    for summary in listed:
        click.echo(msgspec.json.encode(summary) if as_json else fit_to_terminal(row(summary)))
    if not listed and not as_json:
        click.echo("No session is kept here yet." if not (since or tags) else "No session is like that.", err=True)
    elif not everything and not as_json and next(found, None) is not None:
        click.echo(f"These are the newest {LISTED}. For the others: livegist sessions list --all", err=True)
    if listed and on_a_terminal() and not as_json:
        from tui.paths import sessions_dir
        from tui.sessions.catalogue import disk_usage
        from tui.sessions.store import Store

        count, taken = disk_usage(Store(sessions_dir()))
        click.echo(f"{plural(count, 'session')} in all, {size(taken)}", err=True)


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: all that is known of it.")
def show(session: str, as_json: bool) -> None:
    """Show a session: what is known of it, its turns and its gists."""
    from tui.sessions.catalogue import summarise
    from tui.sessions.export import to_json

    stored = find_stored(session)
    summary = summarise(stored)
    record = stored.load()
    if as_json:
        click.echo(to_json(record, stored.metadata()).encode(), nl=False)
        return
    from tui.model.events import GistChanged, TurnChanged
    from tui.model.lines import text_line
    from tui.paths import sessions_dir
    from tui.sessions.store import Store
    from tui.text import terminal_line

    versions = [other.id for other in Store(sessions_dir()) if other.metadata().version_of == stored.id]
    for line in facts(summary, versions):
        click.echo(line)
    click.echo()
    for turn in record.finals:
        click.echo(text_line(TurnChanged(turn)))
        if turn.number in record.bookmarks:
            click.echo(f"  ★ {terminal_line(record.bookmarks[turn.number])}".rstrip())
        for gist in record.gists.values():
            if gist.turn == turn.number:
                click.echo(text_line(GistChanged(gist)))
    for gist in record.gists.values():
        if gist.turn is None:
            click.echo(text_line(GistChanged(gist)))


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("name")
def rename(session: str, name: str) -> None:
    """Give a session a name; an empty one takes the name away."""
    from msgspec.structs import replace

    from tui.sessions.metadata import clean_line, update_metadata

    about = update_metadata(find_stored(session).path, lambda about: replace(about, name=clean_line(name)))
    click.echo(f"It is called {about.name}." if about.name else "It has no name now.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("text")
def note(session: str, text: str) -> None:
    """Put a note to a session, in place of the one it has; an empty one takes it away."""
    from msgspec.structs import replace

    from tui.sessions.metadata import clean_lines, update_metadata

    about = update_metadata(find_stored(session).path, lambda about: replace(about, note=clean_lines(text)))
    click.echo("Noted." if about.note else "It has no note now.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the tags away.")
def tag(session: str, tags: tuple[str, ...], remove: bool) -> None:
    """Tag a session, or take tags away."""
    from tui.sessions.metadata import normalise_tag, update_metadata

    if not all(map(normalise_tag, tags)):
        raise UsageError("A tag is a word.", "Write: livegist sessions tag last work")
    about = update_metadata(
        find_stored(session).path, lambda about: about.without_tags(*tags) if remove else about.with_tags(*tags)
    )
    click.echo(f"Its tags: {' '.join('#' + tag for tag in about.tags)}" if about.tags else "It has no tags now.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(session: str, yes: bool) -> None:
    """Delete a session with its recording, for good."""
    from tui.sessions import catalogue

    stored = find_stored(session)
    if not yes:
        click.echo(fit_to_terminal(row(catalogue.summarise(stored))))
        click.confirm("Delete it, the recording included?", abort=True)
    catalogue.delete(stored)
    _forget()
    click.echo(f"Deleted {stored.id}.")


@sessions.command()
@click.option("--older-than", metavar="AGE", required=True, help="How old they must be: 90d, 12h, 2w.")
@click.option("--keep-tagged", is_flag=True, help="Leave those with a tag.")
@click.option("--dry-run", is_flag=True, help="Only say which.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(older_than: str, keep_tagged: bool, dry_run: bool, yes: bool) -> None:
    """Delete all sessions of an age, for good."""
    from datetime import datetime

    from tui.paths import data_dir, sessions_dir
    from tui.sessions import catalogue
    from tui.sessions.search import INDEX
    from tui.sessions.store import Store
    from tui.sessions.time_spec import parse_age

    before = datetime.now().astimezone() - parse_age(older_than)
    store = Store(sessions_dir())
    old = catalogue.expired(catalogue.select(store, until=before), before=before, keep_tagged=keep_tagged)
    for summary in old:
        click.echo(fit_to_terminal(row(summary)))
    what = f"{plural(len(old), 'session')}, {size(sum(summary.size_bytes for summary in old))}"
    if dry_run or not old:
        click.echo(f"{what} would go." if old else "No session is that old.")
        return
    if not yes:
        click.confirm(f"Delete {what}?", abort=True)
    catalogue.prune(old, data_dir() / INDEX)
    click.echo(f"Deleted {what}.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
def compress(session: str) -> None:
    """Make the recording of a session a FLAC: half the size, every sample the same."""
    from tui.sessions.flac import compress as make_flac
    from tui.sessions.store import MIN_UNTRANSCRIBED_S

    stored = find_stored(session)
    record = stored.load()
    if not record.state.over or record.stats.untranscribed_s >= MIN_UNTRANSCRIBED_S:
        raise SessionError(f"{stored.id} is still to be transcribed.", f"First: livegist recover {stored.id}")
    if stored.audio.suffix == ".flac":
        click.echo("It is FLAC already.")
        return
    # Held meanwhile, so that nobody takes the session up again.
    journal = stored.open_journal()
    try:
        saved = make_flac(stored)
    finally:
        journal.close()
    click.echo(f"{stored.audio.name} it is; {size(saved)} saved." if saved else "Nothing was recorded.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
def hook(session: str) -> None:
    """Run the hooks of the settings on a session again."""
    import asyncio

    from tui.config.load import load
    from tui.credentials import Key, find
    from tui.sessions import hooks

    config = load().config
    if not (config.hook_command or config.hook_url):
        raise UsageError("There is no hook.", "Set hook_command or hook_url; see: livegist config path")
    stored, secret = find_stored(session), find(Key.HOOK)
    try:
        if config.hook_command:
            asyncio.run(hooks.run_command(config.hook_command, stored))
    finally:
        # One that fails does not keep the other from its turn.
        if config.hook_url:
            asyncio.run(hooks.post(config.hook_url, secret.value if secret else "", stored))
    click.echo("Done.")


def _chosen(since: str | None = None, tags: tuple[str, ...] = ()) -> "Iterator[Summary]":
    from datetime import datetime

    from tui.paths import sessions_dir
    from tui.sessions.catalogue import select
    from tui.sessions.store import Store
    from tui.sessions.time_spec import parse_time

    at = parse_time(since, datetime.now().astimezone()) if since else None
    return select(Store(sessions_dir()), since=at, tags=[tag.removeprefix("#") for tag in tags])


def _forget() -> None:
    """Remove the index for search, in which deleted words would go on to stand; it is made anew."""
    from tui.paths import data_dir
    from tui.sessions.search import INDEX, delete_index

    delete_index(data_dir() / INDEX)
