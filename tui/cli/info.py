"""Commands that show devices, settings, prompts and the state of the installation."""

import sys

import click

from tui.audio.level import SILENCE_DBFS
from tui.cli.group import WholeHelp
from tui.errors import SourceError
from tui.paths import prompt_folders
from tui.text import plural, terminal_line


@click.command()
def devices() -> None:
    """List audio devices, and `system` with its level: what this machine plays."""
    from tui.audio.devices import list_devices

    found = list_devices()
    for device in found:
        mark = "*" if device.default else " "
        click.echo(f"{mark} {device.name}  ({device.host_api}, {device.channels} ch, {device.default_rate:.0f} Hz)")
    system = _system_line()
    if system:
        click.echo(system)
    if not found and not system:
        raise SourceError(
            "No audio device found.", "Run `livegist doctor`, or use a file or cmd:PROGRAM as the source."
        )
    click.echo("* marks the default. Select a device by part of its name: livegist --source mic:NAME", err=True)


def _system_line() -> str:
    """Return a line about `system` with its level; empty if it is unavailable, with the reason on stderr."""
    import asyncio

    from tui.audio.system_source import describe_system, measure_system

    try:
        output = describe_system()
        level = asyncio.run(measure_system())
    except SourceError as error:
        click.echo(f"system is unavailable: {error.message} {error.hint}", err=True)
        return ""
    loudness = f"{level.peak_dbfs:.0f} dBFS" if level.peak_dbfs > SILENCE_DBFS else "silent"
    return f"  system  (what this machine plays: {terminal_line(output)}, {loudness})"


@click.command()
def doctor() -> None:
    """Check the installation, settings, folders, keys, audio and terminal."""
    from tui.cli.doctor import examine

    failed = 0
    for finding in examine():
        failed += not finding.passed and not finding.optional
        click.echo(f"{'ok  ' if finding.passed else 'note' if finding.optional else 'FAIL'}  {finding.message}")
        if finding.hint:
            click.echo(f"      {finding.hint}")
    if failed:
        click.echo(f"{plural(failed, 'check')} failed.", err=True)
        sys.exit(1)


@click.group(cls=WholeHelp)
def config() -> None:
    """Show the settings."""


@config.command("show")
def config_show() -> None:
    """Print all settings as a config file, with the description and origin of each."""
    from tui.config.format import show
    from tui.config.load import load

    click.echo(show(load()))


@config.command("path")
def config_path() -> None:
    """Print the path of the config file, which may not exist."""
    from tui.paths import config_file

    click.echo(config_file())


@click.group(cls=WholeHelp)
def prompts() -> None:
    """Show the prompts."""


@prompts.command("list")
def prompts_list() -> None:
    """List prompts in the order of their keys."""
    from tui.model.prompts import PromptLibrary

    library = PromptLibrary.load(*prompt_folders())
    for key, prompt in enumerate(library, 1):
        click.echo(f"{key if key < 10 else ' '}  {prompt.id:<12} {prompt.name}")
    click.echo(f"Your own prompts: {prompt_folders()[-1]}/NAME.toml", err=True)
    for problem in library.problems:
        click.echo(f"livegist: {problem.message}\n{problem.hint}", err=True)
    if library.problems:
        sys.exit(1)
