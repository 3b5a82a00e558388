"""`livegist recover`: transcribe the rest of a recording."""

import click

from tui.cli import completion
from tui.cli.options import endpoint_options, find_stored, flags_from, settings
from tui.errors import FullyTranscribedError, SessionError
from tui.paths import prompt_folders


@click.command()
@click.argument("session", shell_complete=completion.sessions, default="")
@endpoint_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def recover(session: str, as_json: bool, **flags: str | None) -> None:
    """Transcribe the part of a session's recording that was never transcribed.

    SESSION is an id, the start of one, a name, or `last`; by default the newest session that is incomplete. New turns
    and answers are printed and stored in the session. ctrl+c stops; run the command again for the rest.
    """
    import asyncio

    from tui.batch import streaming
    from tui.cli.crash_report import log_to_file
    from tui.model.commands import Recover
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store

    options = flags_from(flags)
    settings(options, prompt=True)
    store = Store(sessions_dir())
    if not session and next(store.incomplete(), None) is None:
        click.echo("All sessions are fully transcribed.", err=True)
        return
    stored = find_stored(session) if session else None
    if stored is not None and stored.live:
        raise SessionError(f"The session {stored.id} is active.", "Stop it first: livegist stop")
    log_to_file(log_file())
    try:
        failure = asyncio.run(
            streaming.stream(
                Recover(stored.id if stored else ""),
                as_json=as_json,
                flags=options,
                store=store,
                prompt_folders=prompt_folders(),
                log_file=log_file(),
            )
        )
    except FullyTranscribedError as nothing_left:
        click.echo(nothing_left.message, err=True)
        return
    if failure is not None:
        raise failure
