"""The command line: the only place that builds things."""

import click

from tui import __version__


@click.group(invoke_without_command=True)
@click.version_option(__version__, prog_name="livegist", message="%(prog)s %(version)s")
def main() -> None:
    """Watch live speech in a terminal: level, turns, and what an LLM makes of them."""
