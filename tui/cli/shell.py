"""`livegist completions` and `livegist man`: shell completion and the manual page."""

import click

from tui.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completions(shell: str) -> None:
    """Print a completion script: commands, options, sessions, prompts, devices.

    \b
    bash:  livegist completions bash > ~/.local/share/bash-completion/completions/livegist
    zsh:   livegist completions zsh > ~/.zfunc/_livegist    (with ~/.zfunc in fpath)
    fish:  livegist completions fish > ~/.config/fish/completions/livegist.fish
    """  # noqa: D301 - click takes the backspace for "keep these lines"
    from click.shell_completion import get_completion_class

    from tui.cli import main

    maker = get_completion_class(shell)
    assert maker is not None
    try:
        click.echo(maker(main, {}, "livegist", "_LIVEGIST_COMPLETE").source())
    except RuntimeError as error:
        raise UsageError(
            f"Completion is not available for this {shell}: {error}", "Update the shell or use another."
        ) from error


@click.command()
def man() -> None:
    """Print the manual page, generated from the help of all commands.

    \b
    livegist man > ~/.local/share/man/man1/livegist.1
    livegist man | man -l -
    """  # noqa: D301
    from tui.cli import main
    from tui.cli.man_page import page

    click.echo(page(main, "livegist"), nl=False)
