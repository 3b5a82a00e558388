"""Command line: parses options, loads the configuration and constructs what runs."""

import contextlib
import importlib
import io
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

import click

from tui import __version__
from tui.cli.group import WholeHelp
from tui.cli.interrupts import keep_interrupts
from tui.cli.options import flags_from, screen_options, session_options
from tui.cli.standard_streams import open_missing_streams
from tui.errors import LivegistError, UsageError

COMMANDS = {
    "analyse": "analyse",
    "ask": "ask",
    "attach": "dashboard",
    "completions": "shell",
    "config": "info",
    "demo": "dashboard",
    "devices": "info",
    "doctor": "info",
    "engine": "engine",
    "export": "export",
    "login": "login",
    "logout": "login",
    "ls": "engine",
    "man": "shell",
    "models": "models",
    "page": "web",
    "prompts": "info",
    "recover": "recover",
    "relay": "engine",
    "replay": "replay",
    "replaying": "replay",
    "search": "search",
    "serve": "serve",
    "sessions": "sessions",
    "speakers": "speakers",
    "stop": "engine",
    "stream": "stream",
    "transcribe": "transcribe",
    "wall": "wall",
    "web": "web",
    "whoami": "login",
}
"""Module of each command, imported on use: neither `--version` nor the first paint pays for the others."""


PIPE_CLOSED = 141
"""Exit code when the reader of standard output has closed the pipe: 128 + SIGPIPE, as of other Unix programs."""


class Group(WholeHelp):
    """Group whose commands report an error in two lines: what happened, and what to do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        module = COMMANDS.get(cmd_name)
        command = module and getattr(importlib.import_module(f"tui.cli.{module}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program; every error ends in a message and an exit code."""
        keep_interrupts()
        open_missing_streams()
        _replace_unencodable()
        try:
            # Hints name the command that a user types, not the file that was started.
            return super().main(*args, **extra | {"prog_name": "livegist"})
        except Exception as error:  # noqa: BLE001 - nothing above can report it
            from tui.cli.crash_report import describe

            fail(describe(error))
        finally:
            _flush_output()

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the options of the program itself."""
        with _report_errors():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _report_errors():
            return super().invoke(ctx)


@contextlib.contextmanager
def _report_errors() -> Iterator[None]:
    """Turn errors that a user can fix into a message and an exit code."""
    try:
        yield
    except LivegistError as error:
        fail(error)
    except BrokenPipeError:
        # click would exit with 1, as if the command had failed.
        _end_output()
    except click.exceptions.NoArgsIsHelpError:
        # Its message is the help.
        raise
    except click.UsageError as error:
        context = error.ctx or click.get_current_context(silent=True)
        command = context.command_path if context is not None else "livegist"
        fail(UsageError(" ".join(error.format_message().split()), f"See: {command} --help"))


def fail(error: LivegistError) -> NoReturn:
    """Print what happened and what to do, and exit."""
    click.echo(f"livegist: {error.message}", err=True)
    if error.hint:
        click.echo(error.hint, err=True)
    sys.exit(error.exit_code)


def _flush_output() -> None:
    """Write buffered output now: a failure at the interpreter's end would mean a traceback and exit code 120."""
    ending = sys.exc_info()[1]
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _end_output()
    except OSError as error:
        from tui.cli.crash_report import describe, discard_stdout

        discard_stdout()
        if not isinstance(ending, SystemExit) or not ending.code:
            fail(describe(error))
    except (ValueError, AttributeError):
        # A closed stdout has nothing to flush.
        return


def _end_output() -> NoReturn:
    """Exit because nobody reads standard output any more."""
    from tui.cli.crash_report import discard_stdout

    discard_stdout()
    sys.exit(PIPE_CLOSED)


def _replace_unencodable() -> None:
    """Print a question mark for characters that the terminal's encoding lacks, instead of raising."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livegist", message="%(prog)s %(version)s")
@session_options
@screen_options
@click.pass_context
def main(context: click.Context, /, **flags: str | None) -> None:
    """Watch live speech in a terminal: input level, turns, and an LLM's answers about them.

    Without a command, livegist opens the dashboard on the running engine, or starts one. Press s to start a session, ?
    for all keys.
    """
    if context.invoked_subcommand is None:
        from tui.cli.dashboard import open_dashboard

        open_dashboard(flags_from(flags))
    elif flags_from(flags):
        raise click.UsageError("Options come after the command.", context)
