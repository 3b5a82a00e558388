"""Command groups whose help shows the whole first sentence of each command."""

import click

LONGEST = 1000
"""Longer than the first sentence of any command, in characters."""


class WholeHelp(click.Group):
    """Group that wraps its commands' first sentences, where click would truncate them."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands that are not hidden."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(LONGEST))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
