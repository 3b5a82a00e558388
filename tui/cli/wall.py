"""Command that shows several engines at once."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.dashboard import can_start, need_terminal, only_ascii
from tui.cli.options import flags_from, screen_options, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tui.config.schema import Config
    from tui.model.room_address import RoomAddress
    from tui.viewer.engine_connection import RoomConnection


@click.command()
@click.argument("rooms", nargs=-1, metavar="ROOM…", shell_complete=completion.walls)
@click.option(
    "--ssh-option", "ssh_options", multiple=True, metavar="OPTION", help="Option for ssh -o; may be repeated."
)
@click.option("--remote", default="livegist", show_default=True, help="Path to livegist on the remote hosts.")
@screen_options
def wall(rooms: tuple[str, ...], ssh_options: tuple[str, ...], remote: str, **flags: str | None) -> None:
    """Show several engines at once, one below the other; enter opens one as the dashboard.

    Each ROOM is local (this machine), [USER@]HOST (over SSH, as with attach --ssh), a folder (LIVEGIST_HOME of another
    engine on this machine), one of them after NAME=, or the name of a wall: a list of rooms under [walls] in the
    config file. Closing the wall ends no session.
    """
    from tui.model.room_address import parse_rooms

    config = settings(flags_from(flags)).config
    addresses = parse_rooms(rooms, config.walls)
    name = rooms[0] if len(rooms) == 1 and rooms[0] in config.walls else ""
    dumb = sys.stdout.isatty() and os.environ.get("TERM", "dumb") == "dumb"
    if not config.plain and not dumb:
        need_terminal("wall", "livegist wall --plain")
    connections = [_connection(address, config, ssh_options, remote) for address in addresses]
    if config.plain or dumb:
        _run_line_wall(connections)
        return
    import gc

    # No object made before the first frame is garbage; the app enables collection there.
    gc.disable()
    from tui.paths import data_dir
    from tui.viewer.wall_app import WallApp

    app = WallApp(
        connections,
        name=name,
        theme=config.theme,
        fps=config.fps,
        low_bandwidth=config.low_bandwidth,
        ascii=only_ascii(config),
        keys=config.keys,
        highlights=config.highlights,
        layout_file=data_dir() / "panes.json",
    )
    exit_status = app.run()
    if exit_status and str(exit_status):
        click.echo(exit_status)
    if app.return_code:
        raise SystemExit(app.return_code)


def _run_line_wall(connections: "Sequence[RoomConnection]") -> None:
    """Print the events of all rooms as lines and execute typed commands; Ctrl-C detaches."""
    import asyncio
    import contextlib

    from tui.line_ui.wall import LineRoom, LineWall

    def say(line: str) -> None:
        print(line, flush=True)  # noqa: T201 - the output of the command

    rooms = [LineRoom(connection.name, connection.client) for connection in connections]
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(LineWall(rooms, say).run(sys.stdin))


def _connection(address: "RoomAddress", config: "Config", ssh_options: Sequence[str], remote: str) -> "RoomConnection":
    """Return the connection to a room; start an engine if it is one of this machine and none is running."""
    from functools import partial
    from pathlib import Path

    from tui.viewer.engine_connection import RoomConnection

    if address.host:
        from tui.engine.ssh_client import SSHEngineClient, ssh_command, ssh_replay_command

        command = ssh_command(address.host, ssh_options, remote)
        replay = partial(ssh_replay_command, address.host, ssh_options, remote)
        return RoomConnection(address.name, SSHEngineClient(command, address.host), address.host, replay_command=replay)
    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET_NAME, is_running, spawn
    from tui.paths import runtime_dir

    home = Path(address.home).expanduser().absolute() if address.home else None
    folder = runtime_dir(home)
    start = partial(spawn, folder, home)
    if not is_running(folder):
        start()
    client = EngineClient(folder / SOCKET_NAME, start=start)
    sources = config.sources if home is None else ("mic",)
    return RoomConnection(
        address.name, client, set_up=can_start(config), sources=sources, replay_command=partial(_replay, home)
    )


def _replay(home: "Path | None", session: str) -> Sequence[str]:
    """Return the command that replays a session of this machine.

    Args:
        home: `LIVEGIST_HOME` of another engine; `None` for the own one.
        session: id of the session.
    """
    from tui.viewer.replay import local_replay_command

    return (*(("env", f"LIVEGIST_HOME={home}") if home is not None else ()), *local_replay_command(session))
