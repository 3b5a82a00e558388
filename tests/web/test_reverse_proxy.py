"""Pages and sessions behind nginx with the configuration that the documentation gives."""

import asyncio
import re
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import needs
from tests.gateway_harness import CLIPS, chunks, read, serving, silence, spoken, word_errors, words
from tests.make_docs import ROOT
from tests.web.pages import PATIENCE_S, Served, bare_page, web
from tui.gateway.certificate import Certificate, kept
from tui.listening import listen
from tui.llm.client import ChatClient, Message
from tui.stream.connection import Connection
from tui.stream.messages import WireTurn

TOKEN = "t0ken-of-this-test"
FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def configuration(folder: Path, port: int, certificate: Certificate, web_port: int, gateway_port: int) -> str:
    """Return the documented server as a whole configuration, with ports and a certificate of this machine."""
    page = (ROOT / "docs/remote.md").read_text(encoding="utf-8")
    (server,) = re.findall(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for documented, here in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/livegist.pem": str(certificate.chain),
        "/etc/ssl/livegist.key": str(certificate.key),
        "127.0.0.1:8766": f"127.0.0.1:{web_port}",
        "127.0.0.1:8765": f"127.0.0.1:{gateway_port}",
    }.items():
        assert documented in server
        server = server.replace(documented, here)
    paths = "".join(f"{name}_temp_path {folder / name};\n" for name in FOLDERS)
    return f"daemon off;\npid {folder / 'pid'};\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{server}}}\n"


@asynccontextmanager
async def nginx(folder: Path, certificate: Certificate, web_port: int, gateway_port: int) -> AsyncIterator[str]:
    """Run nginx; give the host and the port at which it listens."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, port, certificate, web_port, gateway_port))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    process = await asyncio.create_subprocess_exec(program, "-c", str(file), "-e", str(folder / "errors"))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        assert process.returncode is None, (folder / "errors").read_text()
        yield f"localhost:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def port_of(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


async def test_pages_and_sessions_are_served_below_paths_of_one_encrypted_server(tmp_path: Path) -> None:
    needs("nginx")
    certificate = kept("127.0.0.1")
    with serving(token=TOKEN) as gateway:
        async with (
            web("--token", TOKEN) as served,
            nginx(tmp_path, certificate, port_of(served.url), port_of(gateway)) as at,
        ):
            await check_page(served._replace(url=f"https://{at}/live/"), certificate)
            await check_session(f"{at}/speech")


async def check_page(served: Served, certificate: Certificate) -> None:
    trust = ssl.create_default_context(cafile=certificate.authority)
    async with httpx2.AsyncClient(verify=trust) as client:
        assert (await client.get(served.url.rstrip("/"))).headers["location"] == served.url
        granted = await client.post(served.url, data={"token": TOKEN})
    assert (granted.status_code, granted.headers["location"]) == (303, "./")
    cookie, *attributes = granted.headers["set-cookie"].split("; ")
    assert "Secure" in attributes
    origin = served.url.removesuffix("/live/")
    async with bare_page(served, Cookie=cookie, Origin=origin, trust=trust) as page:
        await page.until_shown("READY")
    with pytest.raises(InvalidStatus) as refused:
        async with bare_page(served, Cookie=cookie, Origin="https://other.example", trust=trust):
            pass
    assert refused.value.response.status_code == 403


async def check_session(address: str) -> None:
    connection = await Connection.open(f"wss://{address}/v3/ws?sample_rate=16000", TOKEN, begin_s=PATIENCE_S)
    for chunk in chunks(np.concatenate([read(CLIPS[4]), silence(1)])):
        assert await connection.send(chunk)
    await connection.terminate()
    turns = [found async for found in connection.messages() if isinstance(found, WireTurn) and found.end_of_turn]
    assert word_errors(words(spoken(CLIPS[4])), words(" ".join(turn.transcript for turn in turns))) <= 1
    client = ChatClient(f"https://{address}", TOKEN)
    answer = await client.complete([Message("user", "Sum up.\n\nTranscript: We ship.")], model="m", max_tokens=9)
    await client.aclose()
    assert answer.text == "We ship."
