"""`livegist sessions`: list, show, change and delete stored sessions."""

from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.group import WholeHelp
from tui.cli.options import find_stored, select_sessions
from tui.cli.session_table import facts, fit_to_terminal, on_a_terminal, row
from tui.errors import SessionError, UsageError
from tui.text import plural, size

if TYPE_CHECKING:
    from tui.model.commands import EditTurn, MergeTurn, UndoEdit

LISTED = 20
"""Sessions listed without `--all`."""


@click.group(cls=WholeHelp, invoke_without_command=True)
@click.pass_context
def sessions(context: click.Context) -> None:
    """List, show, name, tag and delete stored sessions; lists them without a command.

    SESSION is an id, the start of one, a name, or `last`.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_sessions)


@sessions.command("list")
@click.option("--all", "everything", is_flag=True, help=f"List all instead of the newest {LISTED}.")
@click.option("--since", metavar="WHEN", help="Only sessions started since a date (2026-11-22) or within an age (7d).")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="TAG",
    shell_complete=completion.tags,
    help="Only sessions with this tag; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def list_sessions(
    everything: bool = False, since: str | None = None, tags: tuple[str, ...] = (), as_json: bool = False
) -> None:
    """List sessions, newest first: id, length, turns, size, state, tags, name or first words."""
    from itertools import islice

    import msgspec

    found = select_sessions(since, tags)
    listed = list(found if everything else islice(found, LISTED))
    for summary in listed:
        click.echo(msgspec.json.encode(summary) if as_json else fit_to_terminal(row(summary)))
    if not listed and not as_json:
        click.echo("No session is stored yet." if not (since or tags) else "No session matches.", err=True)
    elif not everything and not as_json and next(found, None) is not None:
        click.echo(f"Listed: the newest {LISTED}. For all: livegist sessions list --all", err=True)
    if listed and on_a_terminal() and not as_json:
        from tui.paths import sessions_dir
        from tui.sessions.catalogue import disk_usage
        from tui.sessions.store import Store

        count, taken = disk_usage(Store(sessions_dir()))
        click.echo(f"{plural(count, 'session')} in all, {size(taken)}", err=True)


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option("--json", "as_json", is_flag=True, help="Print the whole session as one JSON object.")
@click.option("--original", is_flag=True, help="Show the transcript without the edits of a person.")
def show(session: str, as_json: bool, original: bool) -> None:
    """Show a session: its metadata, turns and gists."""
    from tui.model.prompts import PromptLibrary
    from tui.paths import prompt_folders, sessions_dir
    from tui.sessions.catalogue import summarise
    from tui.sessions.export import to_json

    stored = find_stored(session)
    summary = summarise(stored)
    state = stored.load()
    if original:
        state.edits.clear()
    if as_json:
        click.echo(to_json(state, stored.metadata()).encode(), nl=False)
        return
    from tui.model.events import GistChanged, TurnChanged
    from tui.model.lines import text_line
    from tui.sessions.store import Store
    from tui.text import terminal_line

    names = PromptLibrary.load(*prompt_folders()).names
    versions = [other.id for other in Store(sessions_dir()) if other.metadata().version_of == stored.id]
    for line in facts(summary, versions):
        click.echo(line)
    click.echo()
    for turn, note, gists in state.entries():
        click.echo(text_line(TurnChanged(turn)))
        if note is not None:
            click.echo(f"  ★ {terminal_line(note)}".rstrip())
        for gist in gists:
            click.echo(text_line(GistChanged(gist), names))
    for gist in state.gists.values():
        if gist.turn is None:
            click.echo(text_line(GistChanged(gist), names))


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("turn", type=click.IntRange(min=1))
@click.argument("text")
def edit(session: str, turn: int, text: str) -> None:
    """Replace the text of a turn; a vertical bar in TEXT splits the turn. The journal keeps the original."""
    from tui.model.commands import EditTurn

    _edit(session, EditTurn(turn, tuple(text.split("|"))))


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("turn", type=click.IntRange(min=1))
def merge(session: str, turn: int) -> None:
    """Append the next turn to a turn. The journal keeps the original."""
    from tui.model.commands import MergeTurn

    _edit(session, MergeTurn(turn))


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
def undo(session: str) -> None:
    """Take back the newest edit of a session's transcript."""
    from tui.model.commands import UndoEdit

    _edit(session, UndoEdit())


def _edit(session: str, command: "EditTurn | MergeTurn | UndoEdit") -> None:
    """Edit the transcript of a session that is over, and print the turns that changed."""
    from tui.model.events import TurnChanged
    from tui.model.lines import text_line
    from tui.sessions.editing import TranscriptEditor

    stored = find_stored(session)
    state = stored.load()
    event = TranscriptEditor(state, state.transcript.get).execute(command)
    if event is None:
        click.echo("Nothing changed.")
        return
    stored.append(event)
    state.apply(event)
    changed = {edit.number for edit in event.edits}
    for turn in state.finals:
        if turn.number in changed:
            click.echo(text_line(TurnChanged(turn)))


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("name")
def rename(session: str, name: str) -> None:
    """Rename a session; an empty name removes it."""
    from msgspec.structs import replace

    from tui.sessions.metadata import clean_line, update_metadata

    about = update_metadata(find_stored(session).path, lambda about: replace(about, name=clean_line(name)))
    click.echo(f"Renamed to {about.name}." if about.name else "Name removed.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("text")
def note(session: str, text: str) -> None:
    """Set the note of a session; an empty one removes it."""
    from msgspec.structs import replace

    from tui.sessions.metadata import clean_lines, update_metadata

    about = update_metadata(find_stored(session).path, lambda about: replace(about, note=clean_lines(text)))
    click.echo("Note stored." if about.note else "Note removed.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.argument("tags", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Remove the tags.")
def tag(session: str, tags: tuple[str, ...], remove: bool) -> None:
    """Add tags to a session, or remove them."""
    from tui.sessions.metadata import normalise_tag, update_metadata

    if not all(map(normalise_tag, tags)):
        raise UsageError("A tag is one word.", "Usage: livegist sessions tag last work")
    about = update_metadata(
        find_stored(session).path, lambda about: about.without_tags(*tags) if remove else about.with_tags(*tags)
    )
    click.echo(f"Tags: {' '.join('#' + tag for tag in about.tags)}" if about.tags else "No tags.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete(session: str, yes: bool) -> None:
    """Permanently delete a session and its recording."""
    from tui.sessions import catalogue

    stored = find_stored(session)
    # Raises for an active session, before the question.
    stored.open_journal().close()
    if not yes:
        click.echo(fit_to_terminal(row(catalogue.summarise(stored))))
        click.confirm("Delete the session and its recording?", abort=True)
    catalogue.delete(stored)
    _delete_search_index()
    click.echo(f"Deleted {stored.id}.")


@sessions.command()
@click.option("--older-than", metavar="AGE", required=True, help="Minimum age: 90d, 12h, 2w.")
@click.option("--keep-tagged", is_flag=True, help="Do not delete tagged sessions.")
@click.option("--dry-run", is_flag=True, help="List them without deleting.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def prune(older_than: str, keep_tagged: bool, dry_run: bool, yes: bool) -> None:
    """Permanently delete sessions older than AGE."""
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
        click.echo(f"{what} would be deleted." if old else "No session is that old.")
        return
    if not yes:
        click.confirm(f"Delete {what}?", abort=True)
    catalogue.prune(old, data_dir() / INDEX)
    click.echo(f"Deleted {what}.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
def compress(session: str) -> None:
    """Compress the recording of a session to FLAC: lossless, half the size."""
    from tui.sessions.flac import compress as make_flac
    from tui.sessions.rest import MIN_UNTRANSCRIBED_S

    stored = find_stored(session)
    state = stored.load()
    if not state.state.over or state.stats.untranscribed_s >= MIN_UNTRANSCRIBED_S:
        raise SessionError(f"{stored.id} is not fully transcribed.", f"First run: livegist recover {stored.id}")
    if stored.audio.suffix == ".flac":
        click.echo("The recording is FLAC already.")
        return
    # Hold the journal's lock, so that no engine resumes the session meanwhile.
    journal = stored.open_journal()
    try:
        saved = make_flac(stored)
    finally:
        journal.close()
    click.echo(f"Compressed to {stored.audio.name}; {size(saved)} saved." if saved else "The recording is empty.")


@sessions.command()
@click.argument("session", shell_complete=completion.sessions)
def hook(session: str) -> None:
    """Run the configured hooks for a session again."""
    import asyncio

    from tui.config.load import load
    from tui.credentials import Key, find
    from tui.sessions import hooks

    config = load().config
    if not (config.hook_command or config.hook_url):
        raise UsageError("No hook is configured.", "Set hook_command or hook_url; see: livegist config path")
    stored, secret = find_stored(session), find(Key.HOOK)
    try:
        if config.hook_command:
            asyncio.run(hooks.run_command(config.hook_command, stored))
    finally:
        # The second hook runs even if the first fails.
        if config.hook_url:
            asyncio.run(hooks.post(config.hook_url, secret.value if secret else "", stored))
    click.echo("Done.")


def _delete_search_index() -> None:
    """Remove the search index, which would still hold deleted words; the next search rebuilds it."""
    from tui.paths import data_dir
    from tui.sessions.search import INDEX, delete_index

    delete_index(data_dir() / INDEX)
