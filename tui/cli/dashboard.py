"""Commands that open the dashboard."""

import os
import sys
from typing import TYPE_CHECKING

import click

from tui.cli.options import Flags, flags_from, screen_options, session_options, settings
from tui.errors import EngineError, LivegistError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.config.schema import Config
    from tui.model.commands import Start
    from tui.viewer.engine_connection import EngineConnection


@click.command()
@session_options
@screen_options
def demo(**flags: str | None) -> None:
    """Play a recorded meeting as if it were live; needs no key and no microphone."""
    from tui.model.commands import Start

    options = demo_options() | flags_from(flags)
    open_dashboard(options, start=Start(options))


def demo_options() -> Flags:
    """Return the settings of the demo: its three speakers get labels if there is a speaker model."""
    from tui.config.load import load
    from tui.engine.gateway_process import has_speaker_model
    from tui.paths import demo_recording

    options: Flags = {"source": str(demo_recording()), "engine": "local"}
    return options | ({"speaker_labels": True} if has_speaker_model(load().config) else {})


@click.command()
@click.option(
    "--ssh", "host", metavar="[USER@]HOST", help="Attach to the engine on that machine; starts one if none runs."
)
@click.option(
    "--ssh-option", "ssh_options", multiple=True, metavar="OPTION", help="Option for ssh -o; may be repeated."
)
@click.option("--remote", default="livegist", show_default=True, help="Path to livegist on the remote host.")
@screen_options
def attach(host: str | None, ssh_options: tuple[str, ...], remote: str, **flags: str | None) -> None:
    """Open the dashboard on the running engine, on this machine or another.

    With --ssh the dashboard runs here: keys respond at once, and the connection carries events instead of a screen.
    """
    if host is not None:
        from functools import partial

        from tui.engine.ssh_client import SSHEngineClient, ssh_command, ssh_replay_command

        client = SSHEngineClient(ssh_command(host, ssh_options, remote), host)
        replay = partial(ssh_replay_command, host, ssh_options, remote)
        show(client, settings(flags_from(flags)).config, {}, host=host, replay_command=replay)
        return
    from tui.engine.process import is_running
    from tui.paths import runtime_dir

    if not is_running(runtime_dir()):
        raise EngineError("No engine is running.", "Start one with: livegist")
    open_dashboard(flags_from(flags), revive=False)


def open_dashboard(options: Flags, *, start: "Start | None" = None, revive: bool = True) -> None:
    """Open the dashboard; start an engine if none is running.

    Args:
        options: settings of the sessions started in it.
        start: session to start at once; `None` for none.
        revive: whether to start an engine if none is running; one that is killed later is replaced in any case.
    """
    from tui.model.tracks import parse_track

    config = settings(options).config
    if "source" in options and any(parse_track(source).source == "-" for source in config.sources):
        raise UsageError(
            "The dashboard reads keys from standard input, so it cannot read audio from it.",
            "Use: livegist stream --source -",
        )
    if not config.plain:
        need_terminal()
    if config.plain or options.keys() & {"url", "engine"}:
        check_route(config)
    from functools import partial

    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET_NAME, is_running, spawn
    from tui.paths import runtime_dir

    folder = runtime_dir()
    start_engine = partial(spawn, folder)
    if revive and not is_running(folder):
        start_engine()
    client = EngineClient(folder / SOCKET_NAME, start=start_engine)
    show(client, config, options, start, set_up=can_start(config))


def check_route(config: "Config") -> None:
    """Raise `UsageError` if the settings of the endpoint contradict each other, or are not valid."""
    from tui.engine.routing import resolve_route

    try:
        resolve_route(config, key="", llm_key="", local_installed=True)
    except UsageError:
        raise
    except LivegistError:
        return


def can_start(config: "Config") -> bool:
    """Return whether the settings, keys and installed extras suffice for a session."""
    from tui.credentials import Key
    from tui.engine.gateway_process import is_installed
    from tui.engine.routing import resolve_route

    # Whether there is a key, not the key itself: a keyring may ask for a password.
    key = "stored" if os.environ.get(Key.VENDOR.variable) or Key.VENDOR.file.is_file() else ""
    try:
        resolve_route(config, key=key, llm_key="", local_installed=is_installed())
    except LivegistError:
        return False
    return True


def need_terminal(what: str = "dashboard", hint: str = "livegist --plain, or livegist stream") -> None:
    """Raise `UsageError` unless stdin and stdout are a terminal.

    Args:
        what: what needs it.
        hint: what to use without one.
    """
    if not sys.stdout.isatty() or not sys.stdin.isatty():
        raise UsageError(f"The {what} needs a terminal.", f"Without one, use: {hint}")


def show(
    client: "EngineConnection",
    config: "Config",
    options: Flags,
    start: "Start | None" = None,
    *,
    set_up: bool = True,
    host: str = "",
    replay_command: "Callable[[str], Sequence[str]] | None" = None,
) -> None:
    """Show an engine on the dashboard, or as plain lines.

    Args:
        client: connection to the engine.
        config: settings of the screen.
        options: settings of the sessions started in it.
        start: session to start at once; `None` for none.
        set_up: whether a session can start.
        host: name of the engine's machine; empty for this one.
        replay_command: returns the command that replays a session; `None` for sessions of this machine.

    Raises:
        EngineError: an engine on another machine cannot be reached, or it is another version.
    """
    if config.plain:
        run_line_ui(client, options, start, host=host)
        return
    need_terminal()
    if os.environ.get("TERM", "dumb") == "dumb":
        click.echo("This terminal cannot draw a screen (TERM=dumb): using plain lines. Type help for the commands.")
        run_line_ui(client, options, start, host=host)
        return
    import gc

    # No object made before the first frame is garbage; the app enables collection there.
    gc.disable()
    from tui.paths import data_dir
    from tui.viewer.app import LivegistApp

    app = LivegistApp(
        client,
        theme=config.theme,
        fps=config.fps,
        low_bandwidth=config.low_bandwidth,
        ascii=only_ascii(config),
        keys=config.keys,
        highlights=config.highlights,
        start=start,
        options=options,
        layout_file=data_dir() / "panes.json",
        set_up=set_up,
        host=host,
        replay_command=replay_command,
    )
    app.dashboard.sources = config.sources
    exit_status = app.run()
    if app.failure is not None:
        raise app.failure
    if exit_status:
        click.echo(exit_status)
    if app.return_code:
        sys.exit(app.return_code)


def only_ascii(config: "Config") -> bool:
    """Return whether the screen is drawn with ASCII characters only, as the settings or the terminal require."""
    return config.ascii or "utf" not in (sys.stdout.encoding or "").lower()


def run_line_ui(client: "EngineConnection", options: Flags, start: "Start | None" = None, *, host: str = "") -> None:
    """Print an engine's events as lines and execute typed commands; Ctrl-C detaches."""
    import asyncio
    import contextlib

    from tui.line_ui.app import LineApp

    def say(line: str) -> None:
        print(line, flush=True)  # noqa: T201 - the output of the command

    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(LineApp(client, say, options=options, start=start, host=host).run(sys.stdin))
