"""`livegist login`, `logout` and `whoami`: the keys that are kept."""

import sys
from typing import TYPE_CHECKING

import click

from tui.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from tui.credentials import Key

FOR_LLM = "For the key of the server at llm_url, not the vendor's."
FOR_HOOK = "For the secret that signs webhooks."


@click.command()
@click.option("--llm", is_flag=True, help=FOR_LLM)
@click.option("--hook", is_flag=True, help=FOR_HOOK)
@click.option("--file", "in_file", is_flag=True, help="Keep it in a file of your own, even if there is a keyring.")
@click.option("--keyring", "in_keyring", is_flag=True, help="Keep it in the keyring or nowhere.")
def login(llm: bool, hook: bool, in_file: bool, in_keyring: bool) -> None:
    """Keep a key: in the keyring if there is one, else in a file that only you may read.

    It is asked for, or read from stdin if that is no terminal; never given as an option, where others could see it.
    """
    from tui import credentials

    if in_file and in_keyring:
        raise UsageError("A key is kept in one place.", "Use --file or --keyring.")
    there = not in_file and credentials.has_keyring(safe=not in_keyring)
    if in_keyring and not there:
        raise MissingExtra("A keyring", "keyring")
    value = click.prompt("Key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    place = credentials.keep(_key(llm, hook), value, in_keyring=there)
    click.echo(f"Kept in {place}.")


@click.command()
@click.option("--llm", is_flag=True, help=FOR_LLM)
@click.option("--hook", is_flag=True, help=FOR_HOOK)
def logout(llm: bool, hook: bool) -> None:
    """Remove a key that is kept."""
    import os

    from tui import credentials

    key = _key(llm, hook)
    click.echo("Removed." if credentials.forget(key) else "None was kept.")
    if os.environ.get(key.variable):
        click.echo(f"{key.variable} in the environment still holds one.", err=True)


@click.command()
def whoami() -> None:
    """Say which keys there are and where they come from; never the keys."""
    from tui import credentials

    for key in credentials.Key:
        found = credentials.find(key)
        click.echo(f"{key.label:<11} {'from ' + found.origin if found else 'none'}")
    if credentials.find(credentials.Key.VENDOR) is None:
        click.echo("Set ASSEMBLYAI_API_KEY, or run: livegist login", err=True)
        sys.exit(1)


def _key(llm: bool, hook: bool) -> "Key":
    from tui.credentials import Key

    if llm and hook:
        raise UsageError("One key at a time.", "Use --llm or --hook.")
    return Key.LLM if llm else Key.HOOK if hook else Key.VENDOR
