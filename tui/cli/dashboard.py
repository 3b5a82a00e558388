"""Commands that open the dashboard."""

import os
import sys
from typing import TYPE_CHECKING

import click

from tui.cli.options import Flags, flags_from, screen_options, session_options, settings
from tui.errors import EngineError, UsageError

if TYPE_CHECKING:
    from tui.config.schema import Config
    from tui.model.commands import Start
    from tui.viewer.app import EngineConnection


@click.command()
@session_options
@screen_options
def demo(**flags: str | None) -> None:
    """Watch a recorded meeting as if it were live: no key, no microphone."""
    from tui.model.commands import Start
    from tui.paths import demo_recording

    options: Flags = {"source": str(demo_recording()), "engine": "local"} | flags_from(flags)
    open_dashboard(options, start=Start(options))


@click.command()
@click.option("--ssh", "host", metavar="[USER@]HOST", help="The engine is on that machine, and started if need be.")
@click.option("--ssh-option", "ssh_options", multiple=True, metavar="OPTION", help="For ssh's -o; may be given again.")
@click.option("--remote", default="livegist", show_default=True, help="What livegist is called on that machine.")
@screen_options
def attach(host: str | None, ssh_options: tuple[str, ...], remote: str, **flags: str | None) -> None:
    """Open the dashboard on the engine that is running, here or on another machine.

    With --ssh the dashboard runs here: keys are answered at once, and the line carries events instead of a screen.
    """
    if host is not None:
        from tui.engine.ssh_client import SSHEngineClient, ssh_command

        show(SSHEngineClient(ssh_command(host, ssh_options, remote), host), settings(flags_from(flags)).config, {})
        return
    from tui.engine.process import is_running
    from tui.paths import runtime_dir

    if not is_running(runtime_dir()):
        raise EngineError("No engine is running.", "Start one with: livegist")
    open_dashboard(flags_from(flags), revive=False)


def open_dashboard(options: Flags, *, start: "Start | None" = None, revive: bool = True) -> None:
    """Open the dashboard, with an engine started for it if none is running.

    Args:
        options: settings of the sessions that are started in it.
        start: what it starts with.
        revive: whether it starts an engine, also later on when there is none any more because it was killed.
    """
    config = settings(options).config
    if options.get("source") == "-":
        raise UsageError(
            "The dashboard takes commands from standard input, not sound.", "Use: livegist stream --source -"
        )
    if not config.plain:
        need_terminal()
    from functools import partial

    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET_NAME, is_running, spawn
    from tui.paths import runtime_dir

    folder = runtime_dir()
    start_engine = partial(spawn, folder)
    if revive and not is_running(folder):
        start_engine()
    show(EngineClient(folder / SOCKET_NAME, start=start_engine if revive else None), config, options, start)


def need_terminal() -> None:
    """Raise `UsageError` unless there is a terminal to paint on and to take keys from."""
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError("The dashboard needs a terminal.", "Without one, use: livegist --plain, or livegist stream")


def show(client: "EngineConnection", config: "Config", options: Flags, start: "Start | None" = None) -> None:
    """Open the dashboard on a line to an engine, or tell it in lines."""
    if config.plain:
        run_line_ui(client, options, start)
        return
    need_terminal()
    if os.environ.get("TERM", "dumb") == "dumb":
        click.echo("This terminal cannot be painted on (TERM=dumb), so these are plain lines. Type help for the words.")
        run_line_ui(client, options, start)
        return
    import gc

    # Nothing that is made on the way to the first frame is garbage; the app turns it on again there.
    gc.disable()
    from tui.paths import data_dir
    from tui.viewer.app import LivegistApp

    app = LivegistApp(
        client,
        theme=config.theme,
        fps=config.fps,
        low_bandwidth=config.low_bandwidth,
        ascii=config.ascii or "utf" not in (sys.stdout.encoding or "").lower(),
        keys=config.keys,
        highlights=config.highlights,
        start=start,
        options=options,
        layout_file=data_dir() / "panes.json",
    )
    if farewell := app.run():
        click.echo(farewell)


def run_line_ui(client: "EngineConnection", options: Flags, start: "Start | None" = None) -> None:
    """Tell what the engine tells in lines, and do what is typed as words; Ctrl-C leaves."""
    import asyncio
    import contextlib

    from tui.line_ui.app import LineApp

    def say(line: str) -> None:
        print(line, flush=True)  # noqa: T201 - what is asked for

    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(LineApp(client, say, options=options, start=start).run(sys.stdin))
