"""Draw `screenshots/demo.svg`: `python -m tests.viewer.demo` runs the demo and draws the screenshot at its end.

The words depend on speech recognition, so no test compares this screenshot with a new one.
"""

import asyncio
import os
import tempfile
from pathlib import Path

from tests.viewer.screenshots import FOLDER, plain
from tui.cli.dashboard import demo_options
from tui.engine.client import EngineClient
from tui.engine.process import SOCKET_NAME, spawn
from tui.model.commands import Quit, Start
from tui.model.events import State
from tui.paths import runtime_dir
from tui.viewer.app import LivegistApp

SIZE = (120, 36)
DEADLINE_S = 180.0
"""Longest time until the analysis of the session has ended."""


async def take() -> str:
    """Run the demo to its end; return a screenshot as SVG."""
    spawn(runtime_dir())
    engine = EngineClient(runtime_dir() / SOCKET_NAME)
    start = Start(demo_options())
    app = LivegistApp(engine, theme="night", fps=20, keys={}, start=start)
    async with app.run_test(size=SIZE) as pilot:
        async with asyncio.timeout(DEADLINE_S):
            while app.dashboard.view_model.state is not State.ENDED:
                await pilot.pause(0.5)
        await pilot.pause(1.0)
        svg = plain(app.export_screenshot(title="livegist demo"))
        await engine.send(Quit())
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
