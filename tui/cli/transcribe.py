"""`livegist transcribe`: files, folders and sessions, recorded long ago."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli import completing
from tui.cli.options import Flags, endpoint_options, given, kept, prompt_folders, settings
from tui.errors import UsageError

if TYPE_CHECKING:
    from tui.transcribing import Done, Source


@click.command()
@click.argument("what", nargs=-1, required=True, shell_complete=completing.recordings)
@click.option("--at-once", type=click.IntRange(1, 20), help="How many at a time; 3, or 1 with the local engine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object for each when it is done.")
@endpoint_options
def transcribe(what: tuple[str, ...], at_once: int | None, as_json: bool, **flags: str | None) -> None:
    """Transcribe files, all files of sound in a folder, or sessions again.

    Each becomes a session of its own; one of a session, with another model or engine, is a new version beside the old.
    It goes as fast as the endpoint allows. ctrl+c ends it: `livegist recover` goes on where it stopped.
    """
    transcribe_all(what, at_once=at_once, as_json=as_json, options=given(flags))


def transcribe_all(what: tuple[str, ...], *, at_once: int | None, as_json: bool, options: Flags) -> None:
    """Transcribe files, folders and sessions; exit with 1 if not all went well."""
    import asyncio

    import msgspec

    from tui.cli.crash import keep_log
    from tui.config import api_key, llm_key
    from tui.engine.local import installed
    from tui.engine.plan import resolve
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store
    from tui.transcribing import Transcriber

    config = settings(options, prompt=True).config
    if config.private:
        raise UsageError(
            "What is transcribed is kept; a private session is not.",
            "Leave out --private, or set LIVEGIST_PRIVATE=false.",
        )
    plan = resolve(config, key=api_key(), llm_key=llm_key(), local_installed=installed())
    found = [source for word in what for source in _sources(word)]
    if not found:
        raise UsageError(
            "There is no sound in that folder.", "Name a file, a folder with files of sound, or a session."
        )
    keep_log(log_file())
    hidden = as_json or not sys.stderr.isatty()
    total_s = 0.0 if hidden else sum(map(_length_s, found))

    def tell(done: "Done") -> None:
        if as_json:
            click.echo(msgspec.json.encode(done))
        else:
            click.echo(f"{done.session or '—'}  {done.turns:>4} turns  {done.source}")
        if done.error:
            click.echo(f"livegist: {done.source}: {done.error}\n{done.hint}".rstrip(), err=True)

    with click.progressbar(
        length=max(1, round(total_s)), label=f"{len(found)} to hear", file=sys.stderr, hidden=hidden
    ) as bar:
        heard_s = [0.0]

        def heard(seconds: float) -> None:
            before, heard_s[0] = int(heard_s[0]), heard_s[0] + seconds
            bar.update(int(heard_s[0]) - before)

        async def run() -> bool:
            transcriber = Transcriber(
                store=Store(sessions_dir()),
                config=config,
                plan=plan,
                flags=options,
                prompt_folders=prompt_folders(),
                log_file=log_file(),
                tell=tell,
                heard=heard,
            )
            return await transcriber.run(found, at_once or (1 if plan.engine == "local" else 3))

        well = asyncio.run(run())
    if not well:
        sys.exit(1)


def _sources(word: str) -> "list[Source]":
    from tui.transcribing import SOUND, sources

    path = Path(word).expanduser()
    if path.exists():
        return [*sources(path.absolute())]
    try:
        return [kept(word)]
    except UsageError as error:
        if path.suffix.lower() in SOUND or path.name != word:
            raise UsageError(f"There is no file {word}.", "Name a file of sound, a folder, or a session.") from error
        raise


def _length_s(source: "Source") -> float:
    """Return how many seconds a source lasts, 0 if that cannot be told."""
    import soundfile

    from tui.sessions.store import Stored

    try:
        return float(soundfile.info(source.audio if isinstance(source, Stored) else source).duration)
    except (soundfile.SoundFileError, OSError):
        return 0.0
