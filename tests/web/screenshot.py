"""Draw `screenshots/web.png`: `python -m tests.web.screenshot` opens a page of `livegist web` in headless Chromium.

The engine is scripted, but fonts and blending differ between machines, so no test compares this screenshot.
"""

import asyncio
import contextlib
import os
import tempfile

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed

from tests.viewer.screenshots import FOLDER, LEVEL
from tests.viewer.scripted_engine import meeting
from tests.web.chromium import chromium
from tests.web.pages import web
from tui.engine.process import SOCKET_NAME, lock
from tui.model.events import encode
from tui.paths import runtime_dir

SIZE = (1100, 720)
"""Pixels of the page."""


async def draw() -> bytes:
    """Return a page with a session, as PNG."""

    async def show(websocket: ServerConnection) -> None:
        await websocket.send(encode(meeting()))
        with contextlib.suppress(ConnectionClosed):
            while True:
                await websocket.send(encode(LEVEL))
                await asyncio.sleep(0.05)

    folder = runtime_dir()
    with lock(folder):
        async with unix_serve(show, str(folder / SOCKET_NAME)), web() as served, chromium() as browser:
            page = await browser.new_page(*SIZE)
            await page.open(served.url)
            await page.until_shown("dB")
            return await page.screenshot()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lg-") as home:
        os.environ["LIVEGIST_HOME"] = home
        picture = asyncio.run(draw())
    (FOLDER / "web.png").write_bytes(picture)
    print("screenshots/web.png")


if __name__ == "__main__":
    main()
