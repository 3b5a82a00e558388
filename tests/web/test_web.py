"""The dashboard in a browser: pages of `livegist web` in headless Chromium, and pages without a browser."""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys
import wave
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests import fake_endpoint
from tests.command import livegist
from tests.conftest import needs
from tests.fake_endpoint import RATE, Endpoint, said, speech
from tests.faults.engines import WAV_HEADER, assert_all_arrived, ended_session
from tests.processes import runs
from tests.web.chromium import chromium
from tests.web.pages import LIVEGIST, PATIENCE_S, BarePage, Served, bare_page, web
from tui.engine.process import is_running
from tui.listening import listen
from tui.paths import runtime_dir
from tui.sessions.store import StoredSession
from tui.web import server
from tui.web.access import Access

pytestmark = pytest.mark.timeout(400)
TOKEN = "t0ken-of-this-test"
TURNS = 6
SOUND = speech(*range(1000, 1000 + TURNS))
PAGES = 16
ENDLESS = f"""cmd:python3 -c "
import sys, time
while True:
    for value in (1000, 0):
        sys.stdout.buffer.write(value.to_bytes(2, 'little') * {RATE // 2})
        sys.stdout.buffer.flush()
        time.sleep(0.5)
" """
"""A live source: half a second of speech and of silence, without end."""
LEVEL = "-30 dB"
"""What the meter shows for a sample of 1000."""


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Endpoint]:
    """Run an endpoint, and let sessions that a page starts record `SOUND` and send it there."""
    sound = tmp_path / "meeting.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(SOUND)
    monkeypatch.setenv("LIVEGIST_SOURCE", str(sound))
    monkeypatch.setenv("LIVEGIST_ANALYSE_AT_END", "false")
    async with fake_endpoint.running() as running:
        monkeypatch.setenv("LIVEGIST_URL", running.url)
        yield running


def assert_whole(stored: StoredSession, endpoint: Endpoint) -> None:
    """Check that all of the sound was recorded and sent, once, and that each turn was received."""
    recorded = stored.audio.read_bytes()[WAV_HEADER:]
    assert recorded == SOUND
    assert_all_arrived(recorded, endpoint.calls)
    finals = stored.load().transcript.finals
    assert [turn.text for turn in finals] == [said(number) for number in range(1000, 1000 + TURNS)]


def lines(png: bytes) -> int:
    """Return the number of different lines of a picture; of an empty one, all are equal."""
    packed, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        packed += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += length + 12
    raw, (height,) = zlib.decompress(packed), struct.unpack(">I", png[20:24])
    line = len(raw) // height
    return len({raw[start : start + line] for start in range(0, len(raw), line)})


async def test_a_page_shows_the_session_and_takes_keys_and_may_be_dropped(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("chromium")
    monkeypatch.setenv("LIVEGIST_SOURCE", ENDLESS)
    async with web() as served, chromium() as browser:
        page = await browser.new_page()
        await page.open(served.url)
        await page.until_shown("Press s to start a session")
        await page.press("s")
        await page.until_shown("turn 1000 of")
        assert "LIVE" in await page.until_shown(LEVEL)
        assert lines(await page.screenshot()) > 50, "painted"
        await page.press(" ")
        await page.until_shown("MUTED")
        await page.press(" ")
        await page.until_shown(LEVEL)
        await browser.close(page)
        sent = len(endpoint.calls[0].audio)
        await endpoint.wait_for(lambda: len(endpoint.calls[0].audio) > sent + 2 * RATE, PATIENCE_S)

        again = await browser.new_page()
        await again.open(served.url)
        await again.until_shown("turn 1000 of")
        await again.press("x")
        await again.until_shown("ENDED")
        assert_all_arrived((await ended_session(PATIENCE_S)).audio.read_bytes()[WAV_HEADER:], endpoint.calls)
        await again.press("q")
        closed = "document.body.matches('.-closed') && document.getElementById('closed').innerText"
        assert "continues" in await again.until(closed)
        assert len(browser.requested) > 5
        assert [url for url in browser.requested if not url.startswith((served.url, "data:", "about:"))] == []


async def test_sixteen_pages_take_nothing_from_the_engine(endpoint: Endpoint) -> None:
    async with web() as served, AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(bare_page(served)) for _ in range(PAGES)]
        await all_show(pages, "READY")
        await pages[0].type("s")
        await all_show(pages, "ENDED")
        assert_whole(await ended_session(PATIENCE_S), endpoint)


async def all_show(pages: list[BarePage], text: str) -> None:
    """Wait until each page shows a text."""
    async with asyncio.TaskGroup() as tasks:
        for page in pages:
            tasks.create_task(page.until_shown(text))


async def test_a_dropped_page_and_a_killed_viewer_take_nothing_from_the_engine(endpoint: Endpoint) -> None:
    async with web() as served:
        async with bare_page(served) as page:
            await page.until_shown("READY")
            await page.type("s")
            await page.until_shown(said(1000))
            async with bare_page(served) as other:
                await other.until_shown(said(1000))
                for pid in viewers(served):
                    os.kill(pid, signal.SIGKILL)
                await other.until_closed()
            await page.until_closed()
        assert_whole(await ended_session(PATIENCE_S), endpoint)


def viewers(served: Served) -> list[int]:
    """Return the ids of the processes that `livegist web` has started for its pages."""
    return [
        int(pid) for pid in Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text().split()
    ]


async def test_viewers_end_with_the_server() -> None:
    async with web() as served, bare_page(served) as page:
        await page.until_shown("READY")
        pids = viewers(served)
        assert pids
        served.process.kill()
        async with asyncio.timeout(PATIENCE_S):
            while any(map(runs, pids)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_page_of_a_wrong_size_and_garbage_harm_nobody_else() -> None:
    async with web() as served, bare_page(served) as page:
        await page.until_shown("READY")
        for garbage in ("{", "[]", "7", '["stdin", 7]', '["resize", {"width": "x", "height": 1e9}]', '["resize", 1]'):
            async with connect(f"{served.socket_url}?width=999999999&height=-5", max_size=None) as other:
                await other.send(garbage)
                await other.recv()
        await page.type("?")
        await page.until_shown("Keys and signs")


async def test_a_watching_page_shows_the_session_and_changes_nothing(endpoint: Endpoint) -> None:
    async with web() as acting, bare_page(acting) as page:
        await page.until_shown("READY")
        async with web("--watch") as served, bare_page(served) as watching:
            await watching.until_shown("No session is running.")
            await watching.type("s")
            await watching.until_shown("only shows the session")
            await page.type("s")
            await watching.until_shown(said(1002))
            for key in "x mabREJu:,Dpqe":
                await watching.type(key)
            await watching.until_closed()
            assert_whole(await ended_session(PATIENCE_S), endpoint)


async def test_a_watching_page_says_that_no_engine_runs_and_starts_none() -> None:
    async with web("--watch") as served, bare_page(served) as page:
        await page.until_shown("No engine is running.")
        await page.type("s")
        await page.until_shown("only shows the session")
        assert not is_running(runtime_dir())


async def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address() -> None:
    needs("chromium")
    async with web(environ={"LIVEGIST_WEB_TOKEN": TOKEN}) as served, chromium() as browser:
        page = await browser.new_page()
        await page.open(f"{served.url}?token={TOKEN}")
        await page.until_shown("Press s to start a session")
        assert await page.evaluate("location.href") == served.url
        assert await page.evaluate("document.cookie") == "", "HttpOnly"

        stranger = await browser.new_page()
        await stranger.open(f"{served.url}?token=another")
        await stranger.until("document.activeElement.id == 'token'")
        for sign in TOKEN:
            await stranger.press(sign)
        await stranger.press("\r")
        await stranger.until_shown("Press s to start a session")
        assert await stranger.evaluate("location.href") == served.url


async def test_without_the_token_nothing_is_shown() -> None:
    async with web("--token", TOKEN) as served, httpx2.AsyncClient() as client:
        asked = await client.get(served.url)
        assert (asked.status_code, "Token" in asked.text, "textual.js" in asked.text) == (401, True, False)
        assert (await client.post(served.url, data={"token": f"{TOKEN}x"})).status_code == 401
        assert (await client.get(f"{served.url}download/x")).status_code == 401
        assert await refused(served) == 401
        assert await refused(served, Cookie=f"livegist-{served.url.rpartition(':')[2][:-1]}={TOKEN}") == 401

        granted = await client.post(served.url, data={"token": TOKEN})
        assert (granted.status_code, granted.headers["location"]) == (303, "./")
        cookie = granted.headers["set-cookie"]
        assert TOKEN not in cookie
        assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
        assert await refused(served, Cookie=cookie.split(";")[0], Origin="http://other.example") == 403
        async with bare_page(served, Cookie=cookie.split(";")[0], Origin=served.url[:-1]) as page:
            await page.until_shown("READY")
        proxied = {"Host": "web.example", "Origin": "https://web.example", "X-Forwarded-Proto": "https"}
        behind_tls = await client.post(served.url, data={"token": TOKEN}, headers=proxied)
        assert behind_tls.status_code == 303
        assert "Secure" in behind_tls.headers["set-cookie"].split("; ")
        assert served.process.returncode is None


async def test_pages_of_other_sites_are_refused() -> None:
    async with web() as served, httpx2.AsyncClient() as client:
        assert (await client.get(served.url)).status_code == 200
        assert await refused(served, Origin="http://other.example") == 403
        for name, value in (("Host", "rebound.example:80"), ("Origin", "http://other.example"), ("Origin", "null")):
            assert (await client.post(served.url, headers={name: value})).status_code == 403
            assert (await client.get(served.url, headers={name: value})).status_code == 403


async def refused(served: Served, **headers: str) -> int:
    """Return the HTTP status with which a WebSocket is refused."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(served.socket_url, additional_headers=headers):
            pass
    return caught.value.response.status_code


async def test_one_page_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_PAGES", 1)
    pages = server.PageServer(Access("", 0), watch=False)
    pages.command = "exec cat"
    with listen("127.0.0.1", 0) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"
        ready = asyncio.Event()
        running = asyncio.create_task(pages.run(listener, ready.set))
        await ready.wait()
        async with connect(url):
            with pytest.raises(InvalidStatus) as caught:
                await connect(url)
            assert caught.value.response.status_code == 503
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(running, PATIENCE_S)


async def test_nothing_prints_the_token() -> None:
    async with web("--token", TOKEN, stderr=asyncio.subprocess.STDOUT) as served, httpx2.AsyncClient() as client:
        await client.get(served.url, params={"token": TOKEN})
        await client.get(served.url, params={"token": TOKEN}, headers={"Host": "other.example"})
        served.process.terminate()
        assert served.process.stdout is not None
        printed = await served.process.stdout.read()
    assert TOKEN not in served.line
    assert TOKEN.encode() not in printed


def test_a_broken_setting_is_said_on_the_page() -> None:
    ended = subprocess.run(
        [*LIVEGIST, "page"], env=os.environ | {"LIVEGIST_FPS": "x"}, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.returncode == 2
    assert "LIVEGIST_FPS" in ended.stdout
    assert "LIVEGIST_FPS" in ended.stderr


def test_an_address_that_others_reach_needs_a_token() -> None:
    livegist("web", "--host", "0.0.0.0", code=1, says="Set a token with --token")


def test_a_taken_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        livegist("web", "--port", str(port), code=1, says=f"127.0.0.1:{port} cannot be bound: Address already in use.")


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    monkeypatch.delitem(sys.modules, "tui.web.server", raising=False)
    livegist("web", code=1, says="pip install 'livegist[web]'")
