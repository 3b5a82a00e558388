"""`livegist transcribe`: audio files, folders and stored sessions."""

import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from tui.cli import completion
from tui.cli.options import Flags, endpoint_options, find_stored, flags_from, settings
from tui.errors import UsageError
from tui.paths import prompt_folders
from tui.text import plural

if TYPE_CHECKING:
    from tui.batch.ledger import Ledger, Plan
    from tui.batch.transcribing import TranscriptionResult
    from tui.sessions.store import StoredSession

CLEAR_LINE = "\r\x1b[K"


@click.command()
@click.argument("what", nargs=-1, required=True, shell_complete=completion.recordings)
@click.option(
    "--at-once",
    type=click.IntRange(1, 64),
    help="Concurrent transcriptions; default: as many as the endpoint has room for, or 1 with the local engine.",
)
@click.option("--again", is_flag=True, help="Transcribe also those files of a folder that were transcribed before.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each result.")
@endpoint_options
def transcribe(what: tuple[str, ...], at_once: int | None, again: bool, as_json: bool, **flags: str | None) -> None:
    """Transcribe audio and video files, folders of them, or stored sessions again.

    Each becomes a session of its own; a session transcribed again becomes a new version beside the old one. Audio is
    sent as fast as the endpoint allows. ctrl+c stops. A folder is continued by the same command, also after a crash: no
    file of it is transcribed twice. `livegist recover` continues a single file.
    """
    transcribe_all(what, at_once=at_once, again=again, as_json=as_json, options=flags_from(flags))


def transcribe_all(
    what: tuple[str, ...], *, at_once: int | None, again: bool = False, as_json: bool, options: Flags
) -> None:
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
    named = [_source(word) for word in what]
    folders = [source for source in named if isinstance(source, Path) and source.is_dir()]
    single = [source for source in named if source not in folders]
    log_to_file(log_file())
    with _planned(folders, again=again) as (ledger, plan):
        if not single and not plan.files and not plan.done:
            raise UsageError(
                "That folder has no audio files.", "Name an audio file, a folder with audio files, or a session."
            )
        if plan.done:
            click.echo(f"{plural(plan.done, 'file')} already transcribed, {plan.files:,} to do.", err=True)
        with _Progress(single, plan.files, as_json=as_json) as progress:
            transcriber = Transcriber(
                store=Store(sessions_dir()),
                config=config,
                route=route,
                flags=options,
                prompt_folders=prompt_folders(),
                log_file=log_file(),
                ledger=ledger,
                on_result=progress.add_result,
                on_progress=progress.advance,
                on_wait=progress.add_wait,
            )
            sources = itertools.chain(single, ledger.take() if ledger is not None else ())
            local = 1 if route.engine == "local" else None
            succeeded = asyncio.run(transcriber.run(sources, at_once or local))
        if ledger is not None:
            _list_failures(ledger)
    if not succeeded:
        sys.exit(1)


@contextlib.contextmanager
def _planned(folders: list[Path], *, again: bool) -> "Iterator[tuple[Ledger | None, Plan]]":
    """Open the ledger and plan the files of the folders; without a folder, there is no ledger.

    Raises:
        LivegistError: the ledger cannot be used.
    """
    from tui.batch.ledger import Ledger, Plan
    from tui.paths import data_dir, sessions_dir

    if not folders:
        yield None, Plan()
        return
    with contextlib.closing(Ledger(data_dir(), sessions_dir())) as ledger:
        yield ledger, ledger.plan(folders, again=again)


def _list_failures(ledger: "Ledger") -> None:
    """List the files of folders that failed, by the reason."""
    from tui.batch.failures import failures_by_reason

    reasons = failures_by_reason(ledger.failures())
    if not reasons:
        return
    click.echo("\nNot transcribed:", err=True)
    for reason in reasons:
        for line in reason.lines():
            click.echo(f"  {line}", err=True)
    failed = sum(reason.files for reason in reasons)
    click.echo(f"{plural(failed, 'file')} failed. Run the command again to retry.", err=True)


class _Progress:
    """Progress of transcriptions: a line for each result, and on a terminal a bar below.

    Args:
        sources: single files and sessions.
        planned: number of files in folders. With some, the bar counts files, else seconds: the durations of thousands
            of files take too long to read.
        as_json: whether to print JSON, without a bar.
    """

    def __init__(self, sources: "list[Path | StoredSession]", planned: int, *, as_json: bool) -> None:
        self._as_json = as_json
        self._left = len(sources) + planned
        self._by_file = planned > 0
        self._done_s = 0.0
        self._not_started = 0
        self._last_hint = ""
        """The hint that was printed last: thousands of files may fail for one reason."""
        self._hidden = as_json or not sys.stderr.isatty()
        total = self._left if self._by_file else 0.0 if self._hidden else sum(map(_length_s, sources))
        self._bar = click.progressbar(
            length=max(1, round(total)), label=self._label(), file=sys.stderr, hidden=self._hidden
        )

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._bar.__exit__(*raised)
        if self._not_started:
            click.echo(f"{plural(self._not_started, 'source')} not started. Run the command again.", err=True)

    def advance(self, seconds: float) -> None:
        """Advance the bar by seconds of transcribed audio."""
        if self._by_file:
            self._bar.render_progress()
            return
        before, self._done_s = int(self._done_s), self._done_s + seconds
        self._bar.update(int(self._done_s) - before)

    def add_wait(self, text: str) -> None:
        """Print that the endpoint is waited for, above the bar."""
        click.echo(f"{'' if self._hidden else CLEAR_LINE}livegist: {text}", err=True)
        self._bar.label = f"{self._label()}, waiting"
        self._bar.render_progress()

    def add_result(self, done: "TranscriptionResult") -> None:
        """Print the result of a source, above the bar; only count those not started, unless as JSON."""
        import msgspec

        from tui.batch.transcribing import NOT_STARTED

        if done.error == NOT_STARTED and not self._as_json:
            self._not_started += 1
            return
        if not self._hidden:
            click.echo(CLEAR_LINE, err=True, nl=False)
        if self._as_json:
            click.echo(msgspec.json.encode(done))
        else:
            turns = f"{done.turns:>4} {'turn ' if done.turns == 1 else 'turns'}"
            click.echo(f"{done.session or '—'}  {turns}  {done.source}")
        if done.error:
            hint = done.hint if done.hint != self._last_hint else ""
            click.echo(f"livegist: {done.source}: {done.error}\n{hint}".rstrip(), err=True)
            self._last_hint = done.hint
        self._left -= 1
        self._bar.label = self._label()
        self._bar.update(1 if self._by_file else 0)
        self._bar.render_progress()

    def _label(self) -> str:
        return f"{self._left:,} left" if self._left else "all done"


def _source(word: str) -> "Path | StoredSession":
    """Return the file, the folder or the session of that name.

    Raises:
        UsageError: there is none.
    """
    from tui.audio.sources import is_address
    from tui.batch.ledger import AUDIO_SUFFIXES

    path = Path(word).expanduser()
    if path.exists():
        return path.absolute()
    if word == "-":
        raise UsageError("Standard input is not a file.", "Use: livegist stream --source -")
    if is_address(word):
        raise UsageError(f"{word} is an address, not a file.", "Download it first, for example with: curl -O")
    try:
        return find_stored(word)
    except UsageError as error:
        if path.suffix.lower() in AUDIO_SUFFIXES or path.name != word:
            raise UsageError(f"There is no file {word}.", "Name an audio file, a folder, or a session.") from error
        raise


def _length_s(source: "Path | StoredSession") -> float:
    """Return the duration of a source in seconds, 0 if unknown."""
    from tui.audio.sound_file import duration_s
    from tui.errors import SourceError
    from tui.sessions.store import StoredSession

    try:
        return duration_s(source.audio if isinstance(source, StoredSession) else source)
    except SourceError:
        return 0.0
