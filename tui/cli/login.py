"""Commands `login`, `logout` and `whoami`, which store, delete and list API keys."""

import sys
from typing import TYPE_CHECKING

import click

from tui.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from tui.credentials import Key

FOR_LLM = "Use the key of the server at llm_url."
FOR_HOOK = "Use the secret that signs webhooks."
FOR_WEB = "Use the token of `livegist web`."


@click.command()
@click.option("--llm", is_flag=True, help=FOR_LLM)
@click.option("--hook", is_flag=True, help=FOR_HOOK)
@click.option("--web", is_flag=True, help=FOR_WEB)
@click.option("--file", "in_file", is_flag=True, help="Store the key in a private file even if a keyring is available.")
@click.option("--keyring", "in_keyring", is_flag=True, help="Store the key in the keyring only; fail if there is none.")
def login(llm: bool, hook: bool, web: bool, in_file: bool, in_keyring: bool) -> None:
    """Store a key in the keyring, or in a private file if there is none.

    Prompts for the key, or reads it from stdin if that is not a terminal. It is not an option, because other users can
    see the arguments of a process.
    """
    from tui import credentials

    if in_file and in_keyring:
        raise UsageError("--file and --keyring exclude each other.", "Use one of them.")
    there = not in_file and credentials.has_keyring(safe=not in_keyring)
    if in_keyring and not there:
        raise MissingExtraError("A keyring", "keyring")
    value = click.prompt("Key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    place = credentials.store(_key(llm=llm, hook=hook, web=web), value, in_keyring=there)
    click.echo(f"Stored in {place}.")


@click.command()
@click.option("--llm", is_flag=True, help=FOR_LLM)
@click.option("--hook", is_flag=True, help=FOR_HOOK)
@click.option("--web", is_flag=True, help=FOR_WEB)
def logout(llm: bool, hook: bool, web: bool) -> None:
    """Delete a stored key."""
    import os

    from tui import credentials

    key = _key(llm=llm, hook=hook, web=web)
    click.echo("Deleted." if credentials.delete(key) else "No key was stored.")
    if os.environ.get(key.variable):
        click.echo(f"The environment variable {key.variable} still holds a key.", err=True)


@click.command()
def whoami() -> None:
    """List the keys that are set and their origins, without the keys themselves."""
    from tui import credentials

    for key in credentials.Key:
        found = credentials.find(key)
        click.echo(f"{key.label:<11} {'from ' + found.origin if found else 'not set'}")
    if credentials.find(credentials.Key.VENDOR) is None:
        click.echo("Set ASSEMBLYAI_API_KEY, or run: livegist login", err=True)
        sys.exit(1)


def _key(**chosen: bool) -> "Key":
    from tui.credentials import Key

    names = [name for name, given in chosen.items() if given]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(f'--{name}' for name in names)} exclude each other.", "Use one of them.")
    return Key[names[0].upper()] if names else Key.VENDOR
