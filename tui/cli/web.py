"""Commands `web`, which serves the dashboard to browsers, and `page`, the viewer behind one page."""

import os
import sys
from typing import TYPE_CHECKING

import click

from tui.errors import LivegistError, MissingExtraError

if TYPE_CHECKING:
    from tui.viewer.page_driver import PageApp


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8766, show_default=True, help="Port; 0 selects a free one."
)
@click.option(
    "--token",
    metavar="TOKEN",
    help="Token that a browser must send; default: LIVEGIST_WEB_TOKEN, or the one that livegist login --web stored.",
)
@click.option("--watch", is_flag=True, help="Serve pages that show the session and cannot change anything.")
def web(host: str, port: int, token: str | None, watch: bool) -> None:
    """Serve the dashboard to browsers.

    Each page is a viewer of the running engine; a page starts an engine if none is running, unless --watch is given.
    Without a token, every user of this machine can open it.
    """
    import asyncio

    from tui.credentials import Key, find
    from tui.engine.process import is_running
    from tui.listening import listen
    from tui.paths import runtime_dir
    from tui.urls import bracketed

    try:
        from tui.web.access import Access
        from tui.web.server import PageServer, check_access
    except ModuleNotFoundError as error:
        raise MissingExtraError("The dashboard in a browser", "web") from error
    if not token:
        stored = find(Key.WEB)
        token = stored.value if stored else ""
    # The pages' processes have no use for it.
    os.environ.pop(Key.WEB.variable, None)
    if watch and not is_running(runtime_dir()):
        click.echo("livegist: No engine is running. Pages show a session once one runs: livegist", err=True)
    check_access(host, token)
    with listen(host, port) as listener:
        name, port = listener.getsockname()[:2]

        def ready() -> None:
            click.echo(f"http://{bracketed(name)}:{port}/{' asks for the token' if token else ''}")

        asyncio.run(PageServer(Access(token, port), watch=watch).run(listener, ready))


@click.command(hidden=True)
@click.option("--watch", is_flag=True, help="Refuse commands.")
def page(watch: bool) -> None:
    """Run the dashboard behind a page of `livegist web`; textual-serve runs this command."""
    try:
        app = _page_app(watch=watch)
    except LivegistError as error:
        # The page shows it, like any terminal; the server prints it, too.
        _print_packet(f"livegist: {error.message}\r\n{error.hint}\r\n")
        raise
    app.run()


def _page_app(*, watch: bool) -> "PageApp":
    """Return the dashboard for a page.

    Commands of highlights run on this machine, once for each page: no page runs them.
    """
    import gc

    # No object made before the first frame is garbage; the app enables collection there.
    gc.disable()
    from functools import partial

    import msgspec

    from tui.cli.dashboard import can_start
    from tui.config.load import load
    from tui.config.schema import Highlight
    from tui.engine.client import EngineClient, WatchOnlyClient
    from tui.engine.process import SOCKET_NAME, is_running, spawn
    from tui.paths import data_dir, runtime_dir
    from tui.viewer.page_driver import PageApp

    config = load().config
    folder = runtime_dir()
    client: EngineClient | WatchOnlyClient
    if watch:
        client = WatchOnlyClient(EngineClient(folder / SOCKET_NAME))
    else:
        if not is_running(folder):
            spawn(folder)
        client = EngineClient(folder / SOCKET_NAME, start=partial(spawn, folder))
    app = PageApp(
        client,
        theme=config.theme,
        fps=config.fps,
        low_bandwidth=config.low_bandwidth,
        keys=config.keys,
        highlights={
            words: msgspec.structs.replace(found, command="") if isinstance(found, Highlight) else found
            for words, found in config.highlights.items()
        },
        layout_file=None if watch else data_dir() / "panes.json",
        set_up=can_start(config),
    )
    app.dashboard.view_model.watching = watch
    app.dashboard.sources = config.sources
    return app


def _print_packet(text: str) -> None:
    """Print text as the first packet of a Textual app that textual-serve runs."""
    data = text.encode()
    sys.stdout.buffer.write(b"__GANGLION__\nD" + len(data).to_bytes(4, "big") + data)
    sys.stdout.buffer.flush()
