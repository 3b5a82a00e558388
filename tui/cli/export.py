"""`livegist export`: a session as a file for other programs."""

import os
from pathlib import Path

import click

from tui.cli import completion
from tui.cli.options import load_session
from tui.errors import SessionError, UsageError

STDOUT = "-"


@click.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option(
    "--format",
    "format",
    metavar="FORMAT",
    shell_complete=completion.formats,
    help="md, txt, srt, vtt, json, jsonl or csv; default: by FILE's ending.",
)
@click.option("-o", "--output", metavar="FILE", default=STDOUT, help="Output file; - for stdout, the default.")
@click.option("--template", metavar="FILE", help="Template for md, with {{title}}, {{turns}} and others.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def export(session: str, format: str | None, output: str, template: str | None, force: bool) -> None:
    """Export a session as Markdown, text, captions, JSON or a table.

    SESSION is an id, the start of one, a name, or `last`.
    """
    from tui.model.prompts import PromptLibrary
    from tui.paths import prompt_folders
    from tui.sessions import export as exports

    chosen = format or _format_of(output)
    if template is not None and chosen != "md":
        raise UsageError("A template applies to Markdown only.", "Use --format md.")
    stored, record = load_session(session)
    about = stored.metadata()
    names = PromptLibrary.load(*prompt_folders()).names
    if template is not None:
        text = exports.to_markdown(record, about, _read(Path(template)), names)
    else:
        text = exports.export(record, about, chosen, names)
    if output == STDOUT:
        # Bytes, for a file is UTF-8 whatever the terminal's encoding is.
        click.echo(text.encode(), nl=False)
        return
    _write(Path(output), text, force=force)
    click.echo(f"Wrote {output}.", err=True)


def _format_of(output: str) -> str:
    """Return the format that a file's ending says; Markdown for stdout.

    Raises:
        UsageError: it has none.
    """
    if output == STDOUT:
        return "md"
    ending = Path(output).suffix.removeprefix(".").lower()
    if not ending or Path(output).is_dir():
        raise UsageError(f"{output} does not say the format.", "Name a file such as minutes.md, or use --format.")
    return ending


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path} cannot be read: {why}.", "A template is UTF-8 text.") from error


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write a file, mode 0600: it holds what people said.

    Raises:
        UsageError: it exists.
        SessionError: it cannot be written; what was there stays.
    """
    if path.is_file() and not force:
        raise UsageError(f"{path} exists.", "Use --force to replace it.")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        _write_stream(path, text)
        return
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise SessionError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error


def _write_stream(path: Path, text: str) -> None:
    """Write to an existing pipe, device or symbolic link's target, none of which is replaced by a file.

    Raises:
        SessionError: it cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise SessionError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
