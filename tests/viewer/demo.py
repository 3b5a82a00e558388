"""Make screenshots/demo.svg: `python -m tests.viewer.demo` runs the demo for real and takes its picture at the end.

Speech recognition decides what it shows, so unlike the other pictures it is not compared with a fresh one.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from tests.viewer.screenshots import FOLDER, plain
from tui.engine.client import EngineClient
from tui.engine.process import SOCKET_NAME, spawn
from tui.model.commands import Quit, Start
from tui.model.events import State
from tui.paths import demo_recording, runtime_dir
from tui.viewer.app import LivegistApp

SIZE = (120, 36)
PATIENCE_S = 180.0
"""Longest time from the start to the end of the whole-session analysis."""


async def take() -> str:
    """Run the demo to its end; return the dashboard as SVG."""
    spawn(runtime_dir())
    line = EngineClient(runtime_dir() / SOCKET_NAME)
    start = Start({"source": str(demo_recording()), "engine": "local"})
    app = LivegistApp(line, theme="night", fps=20, keys={}, start=start)
    async with app.run_test(size=SIZE) as pilot:
        async with asyncio.timeout(PATIENCE_S):
            while app.dashboard.view_model.state is not State.ENDED:
                await pilot.pause(0.5)
        await pilot.pause(1.0)
        svg = plain(app.export_screenshot(title="livegist demo"))
        await line.send(Quit())
        return svg


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="lg-") as home:
        os.environ["LIVEGIST_HOME"] = home
        svg = asyncio.run(take())
    file = FOLDER / "demo.svg"
    file.write_text(svg, encoding="utf-8")
    print(f"screenshots/{Path(file).name}")


if __name__ == "__main__":
    main()
