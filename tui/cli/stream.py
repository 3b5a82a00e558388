"""`livegist stream`: a session without a screen."""

import os
from pathlib import Path

import click

from tui.cli import completion
from tui.cli.options import SOURCE, endpoint_options, flags_from, mix_option, private_option, settings
from tui.paths import prompt_folders


def _are_files(sources: tuple[str, ...]) -> bool:
    """Return whether the sources are folders or several files, which become sessions of their own."""
    # Unlike the methods of `Path`, these return False for a text that is too long for a path.
    if any(os.path.isdir(Path(source).expanduser()) for source in sources):  # noqa: PTH112
        return True
    return len(sources) > 1 and not any(map(_is_track, sources))


def _is_track(source: str) -> bool:
    """Return whether a source is named, or no file: then several are tracks of one session."""
    from tui.model.tracks import parse_track

    if os.path.exists(Path(source).expanduser()):  # noqa: PTH110
        return False
    track = parse_track(source)
    return bool(track.name) or track.source in ("mic", "system", "-") or track.source.startswith(("mic:", "cmd:"))


@click.command()
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="SOURCE",
    shell_complete=completion.sources,
    help=f"{SOURCE} Up to four times, as NAME=SOURCE: a track for each. Several files without names, or a folder: "
    "sessions of their own.",
)
@mix_option
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

    if _are_files(sources):
        from tui.cli.transcribe import transcribe_all

        transcribe_all(sources, at_once=None, as_json=as_json, options=flags_from(flags))
        return
    options = flags_from({"source": sources} | flags)
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
