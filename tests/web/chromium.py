"""Headless Chromium, driven over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import asyncio
import base64
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

START_S = 60.0
"""Longest wait for Chromium to start."""
WAIT_S = 60.0
"""Longest wait for something to appear on a page."""
FIND_TERMINAL = """
const push = Array.prototype.push;
Array.prototype.push = function (...entries) {
  // Xterm.js keeps its addons in a list, and hands each its terminal, which no other script can reach.
  for (const { instance } of entries.filter((entry) => entry?.instance?.activate)) {
    const activate = instance.activate;
    instance.activate = function (terminal) { window.xterm = terminal; return activate.call(this, terminal); };
  }
  return push.apply(this, entries);
};
"""
READ_SCREEN = """
Array.from({length: xterm.rows}, (_, row) => xterm.buffer.active.getLine(row).translateToString(true)).join("\\n")
"""


class Page:
    """A page: its requests, and the text that its terminal shows.

    Args:
        browser: connection to the browser.
        session: id of the DevTools session of the page.
    """

    def __init__(self, browser: "Chromium", session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self.target = target

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        return await self._browser.call(method, self._session, **parameters)

    async def evaluate(self, script: str) -> Any:
        """Return the value of an expression on the page; `None` if it raises."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    async def open(self, url: str) -> None:
        """Open an address."""
        await self.call("Page.navigate", url=url)

    async def screen(self) -> str:
        """Return the text on the terminal; empty before there is one."""
        return await self.evaluate(READ_SCREEN) or ""

    async def until(self, script: str) -> Any:
        """Return the value of an expression once it is true.

        Raises:
            AssertionError: it never is; the message has the terminal's text.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                while not (found := await self.evaluate(script)):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                return found
        except TimeoutError:
            raise AssertionError(f"never: {script}\n{await self.screen()}") from None

    async def until_shown(self, text: str) -> str:
        """Return the terminal's text once it contains a text."""
        await self.until(f"({READ_SCREEN.strip()}).includes({json.dumps(text)})")
        return await self.screen()

    async def press(self, key: str) -> None:
        """Press a key that types a character."""
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def screenshot(self) -> bytes:
        """Return the page as PNG."""
        return base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"])


class Chromium:
    """A running browser.

    Args:
        websocket: connection to its DevTools endpoint.
    """

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requested: list[str] = []
        """Addresses that all pages have requested."""

    async def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, for a page or for the browser."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        message = {"id": self._number, "method": method, "params": parameters}
        await self._websocket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        async with asyncio.timeout(WAIT_S):
            found = await answer
        assert "error" not in found, found
        result: dict[str, Any] = found["result"]
        return result

    async def receive(self) -> None:
        """Receive answers and events until the browser closes."""
        async for raw in self._websocket:
            message = json.loads(raw)
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            elif message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])

    async def new_page(self, width: int = 1100, height: int = 720) -> Page:
        """Open an empty page of a size in pixels; it shares no cookie with others."""
        context = await self.call("Target.createBrowserContext")
        created = await self.call(
            "Target.createTarget",
            url="about:blank",
            width=width,
            height=height,
            browserContextId=context["browserContextId"],
        )
        target = created["targetId"]
        session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Network", "Runtime"):
            await page.call(f"{domain}.enable")
        await page.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=FIND_TERMINAL)
        return page

    async def close(self, page: Page) -> None:
        """Close a page, as a person does."""
        await self.call("Target.closeTarget", targetId=page.target)


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """Run Chromium without a screen; it reaches no other host."""
    program = shutil.which("chromium")
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="lg-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with connect(await _endpoint(Path(profile)), max_size=None, ping_interval=None) as websocket:
                browser = Chromium(websocket)
                receiving = asyncio.ensure_future(browser.receive())
                try:
                    yield browser
                finally:
                    receiving.cancel()
        finally:
            process.terminate()
            await process.wait()


async def _endpoint(profile: Path) -> str:
    """Return the address of the DevTools endpoint, which Chromium writes into its profile."""
    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while not (file.exists() and len(lines := file.read_text().splitlines()) > 1):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
