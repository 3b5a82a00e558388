"""`livegist transcribe`: files, folders and sessions, recorded long ago."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from tui.cli import completion
from tui.cli.options import Flags, endpoint_options, find_stored, flags_from, settings
from tui.errors import UsageError
from tui.paths import prompt_folders

if TYPE_CHECKING:
    from tui.batch.transcribing import Source, TranscriptionResult

CLEAR_LINE = "\r\x1b[K"


@click.command()
@click.argument("what", nargs=-1, required=True, shell_complete=completion.recordings)
@click.option("--at-once", type=click.IntRange(1, 20), help="How many at a time; 3, or 1 with the local engine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object for each when it is done.")
@endpoint_options
def transcribe(what: tuple[str, ...], at_once: int | None, as_json: bool, **flags: str | None) -> None:
    """Transcribe files, all files of sound in a folder, or sessions again.

    Each becomes a session of its own; one of a session, with another model or engine, is a new version beside the old.
    It goes as fast as the endpoint allows. ctrl+c ends it: `livegist recover` goes on where it stopped.
    """
    transcribe_all(what, at_once=at_once, as_json=as_json, options=flags_from(flags))


def transcribe_all(what: tuple[str, ...], *, at_once: int | None, as_json: bool, options: Flags) -> None:
    """Transcribe files, folders and sessions; exit with 1 if not all went well."""
    import asyncio

    from tui.batch.transcribing import Transcriber
    from tui.cli.crash_report import keep_log
    from tui.credentials import api_key, llm_key
    from tui.engine.gateway_process import is_installed
    from tui.engine.routing import resolve_route
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store

    config = settings(options, prompt=True).config
    if config.private:
        raise UsageError(
            "What is transcribed is kept; a private session is not.",
            "Leave out --private, or set LIVEGIST_PRIVATE=false.",
        )
    plan = resolve_route(config, key=api_key(), llm_key=llm_key(), local_installed=is_installed())
    found = [source for word in what for source in _sources(word)]
    if not found:
        raise UsageError(
            "There is no sound in that folder.", "Name a file, a folder with files of sound, or a session."
        )
    keep_log(log_file())
    with _Progress(found, as_json=as_json) as progress:
        transcriber = Transcriber(
            store=Store(sessions_dir()),
            config=config,
            route=plan,
            flags=options,
            prompt_folders=prompt_folders(),
            log_file=log_file(),
            on_result=progress.tell,
            on_progress=progress.heard,
        )
        well = asyncio.run(transcriber.run(found, at_once or (1 if plan.engine == "local" else 3)))
    if not well:
        sys.exit(1)


class _Progress:
    """Tells what becomes of each source: a line when it is done, and on a terminal a bar below the lines.

    Args:
        sources: what there is to hear.
        as_json: whether the lines are JSON, without a bar.
    """

    def __init__(self, sources: "list[Source]", *, as_json: bool) -> None:
        self._as_json = as_json
        self._left = len(sources)
        self._heard_s = 0.0
        self._hidden = as_json or not sys.stderr.isatty()
        total_s = 0.0 if self._hidden else sum(map(_length_s, sources))
        self._bar = click.progressbar(
            length=max(1, round(total_s)), label=self._label(), file=sys.stderr, hidden=self._hidden
        )

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._bar.__exit__(*raised)

    def heard(self, seconds: float) -> None:
        """Move the bar on."""
        before, self._heard_s = int(self._heard_s), self._heard_s + seconds
        self._bar.update(int(self._heard_s) - before)

    def tell(self, done: "TranscriptionResult") -> None:
        """Print what became of a source, above the bar."""
        import msgspec

        if not self._hidden:
            click.echo(CLEAR_LINE, err=True, nl=False)
        if self._as_json:
            click.echo(msgspec.json.encode(done))
        else:
            turns = f"{done.turns:>4} {'turn ' if done.turns == 1 else 'turns'}"
            click.echo(f"{done.session or '—'}  {turns}  {done.source}")
        if done.error:
            click.echo(f"livegist: {done.source}: {done.error}\n{done.hint}".rstrip(), err=True)
        self._left -= 1
        self._bar.label = self._label()
        self._bar.render_progress()

    def _label(self) -> str:
        return f"{self._left} to hear" if self._left else "all heard"


def _sources(word: str) -> "list[Source]":
    from tui.batch.transcribing import SOUND, sources

    path = Path(word).expanduser()
    if path.exists():
        return [*sources(path.absolute())]
    try:
        return [find_stored(word)]
    except UsageError as error:
        if path.suffix.lower() in SOUND or path.name != word:
            raise UsageError(f"There is no file {word}.", "Name a file of sound, a folder, or a session.") from error
        raise


def _length_s(source: "Source") -> float:
    """Return how many seconds a source lasts, 0 if that cannot be told."""
    import soundfile

    from tui.sessions.store import StoredSession

    try:
        return float(soundfile.info(source.audio if isinstance(source, StoredSession) else source).duration)
    except (soundfile.SoundFileError, OSError):
        return 0.0
