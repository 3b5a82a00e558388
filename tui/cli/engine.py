"""Commands about the engine as a process."""

from typing import TYPE_CHECKING, Any

import click

from tui.paths import prompt_folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.engine.client import EngineClient
    from tui.engine.engine import Engine
    from tui.model.events import Event


@click.command()
@click.option(
    "--now", is_flag=True, help="End now even if part of the recording is not on disk yet; that part is lost."
)
def stop(now: bool) -> None:
    """Stop the session gracefully and end the engine."""
    import asyncio

    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET_NAME, is_running
    from tui.paths import runtime_dir

    folder = runtime_dir()
    if not is_running(folder):
        click.echo("No engine is running.")
        return
    asyncio.run(_stop(EngineClient(folder / SOCKET_NAME), now=now))


async def _stop(client: Any, *, now: bool) -> None:
    """Ask the engine to end, and print the progress of its session.

    Raises:
        UsageError: the engine refuses.
    """
    from tui.errors import UsageError
    from tui.model.commands import Quit
    from tui.model.events import Notice, Rejected, SessionStarted, Snapshot, StateChanged

    path = ""
    async for event in client.events():
        match event:
            case Snapshot(state=state, session=session):
                path = session.path if session is not None else ""
                if state.active:
                    click.echo("Stopping: sending the rest, waiting for the last turns and answers …")
                await client.send(Quit(now))
            case SessionStarted(session=session):
                path = session.path
            case StateChanged(state=state, reason=why) if why:
                click.echo(f"{state.word}: {why}")
            case Rejected(text=text, hint=hint):
                raise UsageError(text, hint)
            case Notice(text=text, hint=hint):
                click.echo(f"{text} {hint}".rstrip(), err=True)
    click.echo(f"Stopped. The session is stored in {path}" if path else "Stopped.")


@click.command()
def ls() -> None:
    """Show the engine's state and sessions that are not fully transcribed."""
    import asyncio

    from tui.engine.client import EngineClient
    from tui.engine.process import SOCKET_NAME, is_running
    from tui.paths import runtime_dir, sessions_dir
    from tui.sessions.store import Store

    folder = runtime_dir()
    if is_running(folder):
        click.echo(asyncio.run(_status_line(EngineClient(folder / SOCKET_NAME, snapshot_only=True))))
    else:
        click.echo("No engine is running.")
    for stored in Store(sessions_dir()).incomplete():
        click.echo(f"{stored.id}  not fully transcribed: livegist recover {stored.id}")


async def _status_line(client: "EngineClient") -> str:
    """Return the engine's state in one line."""
    from tui.model.events import Snapshot
    from tui.text import clock, plural, terminal_line

    async for event in client.events():
        if isinstance(event, Snapshot):
            line = f"{event.state.word}  {clock(event.stats.elapsed_s, padded=True)}"
            line += f"  unattended for {clock(event.unattended_s, padded=True)}" if event.unattended_s else ""
            unsaved_s = event.stats.unsaved_s
            line += f"  {unsaved_s:.0f} s not on disk" if unsaved_s else ""
            line += f"  {plural(event.viewers, 'viewer')}"
            return terminal_line(line + (f"  {event.session.id}  from {event.session.source}" if event.session else ""))
    return "The engine is shutting down."


@click.command(hidden=True)
def relay() -> None:
    """Serve the engine's protocol over stdin and stdout, for a viewer on another machine."""
    import asyncio
    from functools import partial

    from tui.engine.process import is_running, spawn
    from tui.engine.relay import relay as run
    from tui.paths import runtime_dir

    folder = runtime_dir()
    start = partial(spawn, folder)
    if not is_running(folder):
        start()
    asyncio.run(run(folder, start))


@click.command(hidden=True)
def engine() -> None:
    """Run an engine on its socket; the dashboard starts it."""
    import asyncio
    import logging

    from tui.engine.server import EngineServer
    from tui.paths import runtime_dir

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(EngineServer(runtime_dir(), _engine).run())


def _engine(publish: "Callable[[Event], None]") -> "Engine":
    from tui.engine.engine import Engine
    from tui.engine.process import ACTIVE_SESSION_NAME
    from tui.paths import log_file, runtime_dir, sessions_dir
    from tui.sessions.store import Store

    return Engine(
        publish,
        store=Store(sessions_dir()),
        prompt_folders=prompt_folders(),
        log_file=log_file(),
        active_file=runtime_dir() / ACTIVE_SESSION_NAME,
    )
