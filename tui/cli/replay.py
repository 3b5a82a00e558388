"""`livegist replay`: a stored session, replayed on the dashboard."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli import completion
from tui.cli.options import find_stored, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.engine.replay import ReplayEngine
    from tui.model.events import Event
    from tui.sessions.store import StoredSession

END_S = 5.0
"""Longest wait, in seconds, for the replay process to end after the dashboard."""


@click.command()
@click.argument("session", shell_complete=completion.sessions)
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="Playback speed.")
@click.option("--listen", is_flag=True, help="Play the recording through the default output.")
def replay(session: str, speed: float, listen: bool) -> None:
    """Replay a session on the dashboard.

    space pauses and resumes, left and right seek ten seconds, o seeks to the selected turn, q quits.
    """
    from tui.cli.dashboard import need_terminal, show
    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET_NAME

    need_terminal()
    stored = find_stored(session)
    stored.read()
    with replay_process(stored, speed, listen=listen) as folder:
        show(EngineClient(folder / SOCKET_NAME), settings({}).config, {})


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("session")
@click.option("--speed", type=float, default=1.0)
@click.option("--listen", is_flag=True)
def replaying(folder: Path, session: str, speed: float, listen: bool) -> None:
    """Serve a replay on a socket; `replay` starts it."""
    import asyncio

    from tui.engine.replay import ReplayEngine
    from tui.engine.server import EngineServer

    stored = find_stored(session)

    def build(publish: "Callable[[Event], None]") -> "ReplayEngine":
        return ReplayEngine(publish, stored, speed=speed, listen=listen)

    async def run() -> None:
        await EngineServer(folder, build).run()

    asyncio.run(run())


@contextlib.contextmanager
def replay_process(stored: "StoredSession", speed: float, *, listen: bool) -> Iterator[Path]:
    """Run a replay in a process of its own, as an engine does; give the folder of its socket."""
    from tui.engine.process import LOG_NAME

    with tempfile.TemporaryDirectory(prefix="livegist-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with (folder / LOG_NAME).open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "tui", "replaying", str(folder), stored.id, "--speed", str(speed),
                    *(["--listen"] if listen else []),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip
        try:
            yield folder
        finally:
            process.terminate()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
