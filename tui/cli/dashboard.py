"""Commands that open the dashboard."""

import sys
from typing import TYPE_CHECKING

import click

from tui.cli.options import Flags, given, session_options, settings
from tui.errors import EngineError, UsageError

if TYPE_CHECKING:
    from tui.model.commands import Start


@click.command()
@session_options
def demo(**flags: str | None) -> None:
    """Watch a recorded meeting as if it were live: no key, no microphone."""
    from tui.model.commands import Start
    from tui.paths import demo_recording

    options: Flags = {"source": str(demo_recording()), "engine": "local"} | given(flags)
    open_dashboard(options, start=Start(options))


@click.command()
def attach() -> None:
    """Open the dashboard on the engine that is running."""
    from tui.engine.process import running
    from tui.paths import runtime_dir

    if not running(runtime_dir()):
        raise EngineError("No engine is running.", "Start one with: livegist")
    open_dashboard({})


def open_dashboard(options: Flags, *, start: "Start | None" = None) -> None:
    """Open the dashboard, with an engine started for it if none is running."""
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("The dashboard needs a terminal.", "Without one, use: livegist stream")
    if options.get("source") == "-":
        raise UsageError("The dashboard reads keys from stdin, not sound.", "Use: livegist stream --source -")
    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET, running, spawn
    from tui.paths import runtime_dir

    config = settings(options).config
    folder = runtime_dir()
    if not running(folder):
        spawn(folder)
    from tui.viewer.app import LivegistApp

    app = LivegistApp(
        EngineClient(folder / SOCKET),
        theme=config.theme,
        fps=config.fps,
        keys=config.keys,
        start=start,
        options=options,
    )
    if farewell := app.run():
        click.echo(farewell)
