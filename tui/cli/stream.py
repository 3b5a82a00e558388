"""`livegist stream`: a session without a screen."""

from pathlib import Path

import click

from tui.cli import completion
from tui.cli.options import SOURCE, endpoint_options, flags_from, private_option, settings
from tui.errors import UsageError
from tui.paths import prompt_folders


@click.command()
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="SOURCE",
    shell_complete=completion.sources,
    help=f"{SOURCE[:-1]}; may be repeated for files and folders.",
)
@endpoint_options
@private_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
def stream(sources: tuple[str, ...], as_json: bool, **flags: str | None) -> None:
    """Print turns and answers as lines, without a screen.

    A file ends the session at its end; ctrl+c stops a live source gracefully. A folder, or several files, are processed
    as by `livegist transcribe`: several at once, one line each.
    """
    import asyncio

    from tui.batch import streaming
    from tui.cli.crash_report import log_to_file
    from tui.model.commands import Start
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store

    if len(sources) > 1 and "-" in sources:
        raise UsageError(
            "Standard input cannot be read together with other sources.", "Use: livegist stream --source -"
        )
    if len(sources) > 1 or any(Path(source).is_dir() for source in sources):
        from tui.cli.transcribe import transcribe_all

        transcribe_all(sources, at_once=None, as_json=as_json, options=flags_from(flags))
        return
    options = flags_from({"source": sources[0] if sources else None} | flags)
    settings(options, prompt=True)
    log_to_file(log_file())
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
