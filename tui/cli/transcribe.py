"""`livegist transcribe`: audio files, folders and stored sessions."""

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
@click.option(
    "--at-once", type=click.IntRange(1, 20), help="Concurrent transcriptions; default 3, or 1 with the local engine."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each result.")
@endpoint_options
def transcribe(what: tuple[str, ...], at_once: int | None, as_json: bool, **flags: str | None) -> None:
    """Transcribe audio and video files, folders of them, or stored sessions again.

    Each becomes a session of its own; a session transcribed again becomes a new version beside the old one. Audio is
    sent as fast as the endpoint allows. ctrl+c stops; `livegist recover` continues where it stopped.
    """
    transcribe_all(what, at_once=at_once, as_json=as_json, options=flags_from(flags))


def transcribe_all(what: tuple[str, ...], *, at_once: int | None, as_json: bool, options: Flags) -> None:
    """Transcribe files, folders and sessions; exit with 1 unless all succeed."""
    import asyncio

    from tui.batch.transcribing import Transcriber
    from tui.cli.crash_report import log_to_file
    from tui.credentials import api_key, llm_key
    from tui.engine.gateway_process import is_installed
    from tui.engine.routing import resolve_route
    from tui.paths import log_file, sessions_dir
    from tui.sessions.store import Store

    config = settings(options, prompt=True).config
    if config.private:
        raise UsageError(
            "A transcription is stored, a private session is not.",
            "Leave out --private, or set LIVEGIST_PRIVATE=false.",
        )
    route = resolve_route(config, key=api_key(), llm_key=llm_key(), local_installed=is_installed())
    found = [source for word in what for source in _sources(word)]
    if not found:
        raise UsageError(
            "That folder has no audio files.", "Name an audio file, a folder with audio files, or a session."
        )
    log_to_file(log_file())
    with _Progress(found, as_json=as_json) as progress:
        transcriber = Transcriber(
            store=Store(sessions_dir()),
            config=config,
            route=route,
            flags=options,
            prompt_folders=prompt_folders(),
            log_file=log_file(),
            on_result=progress.add_result,
            on_progress=progress.advance,
        )
        succeeded = asyncio.run(transcriber.run(found, at_once or (1 if route.engine == "local" else 3)))
    if not succeeded:
        sys.exit(1)


class _Progress:
    """Progress of transcriptions: a line for each result, and on a terminal a bar below.

    Args:
        sources: what is transcribed.
        as_json: whether to print JSON, without a bar.
    """

    def __init__(self, sources: "list[Source]", *, as_json: bool) -> None:
        self._as_json = as_json
        self._left = len(sources)
        self._done_s = 0.0
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

    def advance(self, seconds: float) -> None:
        """Advance the bar by seconds of transcribed audio."""
        before, self._done_s = int(self._done_s), self._done_s + seconds
        self._bar.update(int(self._done_s) - before)

    def add_result(self, done: "TranscriptionResult") -> None:
        """Print the result of a source, above the bar."""
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
        return f"{self._left} left" if self._left else "all done"


def _sources(word: str) -> "list[Source]":
    from tui.batch.transcribing import AUDIO_SUFFIXES, sources

    path = Path(word).expanduser()
    if path.exists():
        return [*sources(path.absolute())]
    try:
        return [find_stored(word)]
    except UsageError as error:
        if path.suffix.lower() in AUDIO_SUFFIXES or path.name != word:
            raise UsageError(f"There is no file {word}.", "Name an audio file, a folder, or a session.") from error
        raise


def _length_s(source: "Source") -> float:
    """Return the duration of a source in seconds, 0 if unknown."""
    from tui.audio.sound_file import duration_s
    from tui.errors import SourceError
    from tui.sessions.store import StoredSession

    try:
        return duration_s(source.audio if isinstance(source, StoredSession) else source)
    except SourceError:
        return 0.0
