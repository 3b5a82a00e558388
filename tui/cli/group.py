"""Groups of commands whose help says of each command what it does, whole."""

import click

LONGEST = 1000
"""More characters than any command's first sentence has."""


class WholeHelp(click.Group):
    """A group that wraps its commands' first sentences where click would cut them off."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands that are not hidden."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(LONGEST))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
