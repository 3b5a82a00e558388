"""`livegist recover`: what was recorded but never transcribed."""

import click

from tui.cli import completion
from tui.cli.options import endpoint_options, find_stored, flags_from, settings
from tui.errors import SessionError
from tui.paths import prompt_folders


@click.command()
@click.argument("session", shell_complete=completion.sessions, default="")
@endpoint_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def recover(session: str, as_json: bool, **flags: str | None) -> None:
    """Send what a session recorded but never had transcribed.

    SESSION is an id, the start of one, a name, or `last`; without it, it is the newest that has something to send. New
    turns and answers are printed, and kept in the session. ctrl+c stops; what is left can be sent another time.
    """
    import asyncio

    from tui.batch import streaming
    from tui.cli.crash_report import keep_log
    from tui.model.commands import Recover
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store

    options = flags_from(flags)
    settings(options, prompt=True)
    store = Store(sessions_dir())
    if not session and next(store.incomplete(), None) is None:
        click.echo("All that was recorded was transcribed.", err=True)
        return
    stored = find_stored(session) if session else None
    if stored is not None and stored.live:
        raise SessionError(f"The session {stored.id} is under way.", "Stop it first: livegist stop")
    keep_log(log_file())
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
    if failure is not None:
        raise failure
