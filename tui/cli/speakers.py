"""`livegist speakers`: the voices that livegist remembers."""

from typing import TYPE_CHECKING

import click

from tui.cli.group import WholeHelp
from tui.errors import UsageError

if TYPE_CHECKING:
    from tui.gateway.voice_store import VoiceStore


@click.group(cls=WholeHelp, invoke_without_command=True)
@click.pass_context
def speakers(context: click.Context) -> None:
    """List, rename and forget the voices that livegist remembers; without a command, list them.

    Voices are remembered only with the setting known_voices, and only those that you choose with R. They stay on this
    machine.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_speakers)


@speakers.command("list")
def list_speakers() -> None:
    """List the remembered voices: name, and when each was remembered."""
    voices = _store().load()
    for voice in voices:
        click.echo(f"{voice.name:<30} {voice.remembered_at[:10]}".rstrip())
    if not voices:
        click.echo("No voices are remembered.", err=True)


@speakers.command()
@click.argument("name")
@click.argument("new_name")
def rename(name: str, new_name: str) -> None:
    """Give a remembered voice another name, which later sessions use."""
    new_name = new_name.strip()
    if not new_name:
        raise UsageError("The new name is empty.", "Usage: livegist speakers rename NAME NEW_NAME")
    if not _store().rename(name, new_name):
        raise _unknown(name)
    click.echo(f"{name} is now {new_name}.")


@speakers.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Forget all voices.")
def forget(name: str | None, every: bool) -> None:
    """Permanently delete the voice of NAME, or all voices; sessions keep the names."""
    if (name is None) != every:
        raise UsageError("Name one voice, or use --all.", "livegist speakers lists the names.")
    if name is None:
        _store().forget_all()
        click.echo("All voices are forgotten.")
    elif _store().forget(name):
        click.echo(f"Forgot the voice of {name}.")
    else:
        raise _unknown(name)


def _store() -> "VoiceStore":
    from tui.gateway.voice_store import VoiceStore
    from tui.paths import voices_file

    return VoiceStore(voices_file())


def _unknown(name: str) -> UsageError:
    return UsageError(f"No voice named {name} is remembered.", "livegist speakers lists the names.")
