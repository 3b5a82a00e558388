"""`livegist stream`: a session without a screen."""

import click

from tui.cli.options import given, prompt_folders, session_options, settings


@click.command()
@session_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def stream(as_json: bool, **flags: str | None) -> None:
    """Print turns and answers as lines, without a screen.

    It ends by itself when a file has been heard out; ctrl+c stops a live source gracefully.
    """
    import asyncio

    from tui import streaming
    from tui.model.commands import Start
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store

    options = given(flags)
    settings(options)
    failure = asyncio.run(
        streaming.stream(
            Start(),
            as_json=as_json,
            flags=options,
            store=Store(sessions_dir()),
            prompt_folders=prompt_folders(),
            log_file=log_file(),
        )
    )
    if failure is not None:
        raise failure
