"""The command line: the only place that builds things."""

import importlib
import sys
from typing import Any, NoReturn

import click

from tui import __version__
from tui.cli.options import given, screen_options, session_options
from tui.errors import LivegistError

COMMANDS = {
    "analyse": "asking",
    "ask": "asking",
    "attach": "dashboard",
    "completions": "shell",
    "config": "inspect",
    "demo": "dashboard",
    "devices": "inspect",
    "doctor": "inspect",
    "engine": "engine",
    "export": "export",
    "login": "login",
    "logout": "login",
    "ls": "engine",
    "man": "shell",
    "prompts": "inspect",
    "recover": "recover",
    "relay": "engine",
    "replay": "replay",
    "replaying": "replay",
    "search": "search",
    "serve": "serve",
    "sessions": "sessions",
    "stop": "engine",
    "stream": "stream",
    "transcribe": "transcribe",
    "whoami": "login",
}
"""Module of each command: one is imported when it is used, for `--version` and the first paint pay for none."""


class Group(click.Group):
    """Commands that end with two lines when something is wrong: what, and what to do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name."""
        module = COMMANDS.get(cmd_name)
        command = module and getattr(importlib.import_module(f"tui.cli.{module}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what a person can mend into a message and an exit code."""
        try:
            return super().invoke(ctx)
        except LivegistError as error:
            fail(error)


def fail(error: LivegistError) -> NoReturn:
    """Print what happened and what to do, and exit."""
    click.echo(f"livegist: {error.message}", err=True)
    if error.hint:
        click.echo(error.hint, err=True)
    sys.exit(error.exit_code)


@click.group(cls=Group, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="livegist", message="%(prog)s %(version)s")
@session_options
@screen_options
@click.pass_context
def main(context: click.Context, /, **flags: str | None) -> None:
    """Watch live speech in a terminal: level, turns, and what an LLM makes of them.

    Without a command it opens the dashboard: on the session that is under way, else on a new engine. Press s there to
    start, ? for all keys.
    """
    if context.invoked_subcommand is None:
        from tui.cli.dashboard import open_dashboard

        open_dashboard(given(flags))
    elif given(flags):
        raise click.UsageError("Options come after the command.", context)
