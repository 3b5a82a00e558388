"""`livegist serve --tls`: its certificate, and clients that trust it."""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.conftest import needs
from tests.gateway_harness import CLIPS, PATIENCE_S, chunks, read, silence
from tui.errors import ChatError, LivegistError
from tui.gateway import certificate
from tui.llm.client import ChatClient, Message
from tui.stream.connection import ConnectError, Connection
from tui.stream.messages import WireTurn

SENTENCE = "He might even have been made amiable himself."
SCRIPT = Path(__file__).parents[1] / "clients" / "streaming.cjs"


class Serving(msgspec.Struct):
    """A gateway in a process of its own."""

    url: str
    home: Path
    authority: Path
    stderr: Path


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home = tmp_path_factory.mktemp("home")
    log = home / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tui", "serve", "--tls", "--port", "0", "--exit-with-stdin"],
            env=os.environ | {"LIVEGIST_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    yield Serving(line["listening"], home, Path(line["certificate"]), log)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0


@pytest.fixture
def trusting(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> str:
    """Use the gateway's home; return its address."""
    monkeypatch.setenv("LIVEGIST_HOME", str(serving.home))
    return serving.url


def test_the_address_is_encrypted_and_the_output_says_what_clients_have_to_trust(serving: Serving) -> None:
    stderr = serving.stderr.read_text()
    assert serving.url.startswith("wss://127.0.0.1:")
    assert f"NODE_EXTRA_CA_CERTS={serving.authority}\n" in stderr
    assert f"SSL_CERT_FILE={serving.authority}\n" in stderr
    assert "Browsers:" in stderr


def test_the_files_are_private(serving: Serving) -> None:
    folder = serving.authority.parent
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.glob("*.pem")}
    assert modes == {"ca.pem": 0o600, "cert.pem": 0o600, "key.pem": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_livegist_trusts_the_gateway_of_its_machine(trusting: str) -> None:
    connection = await Connection.open(f"{trusting}/v3/ws?sample_rate=16000", "any", begin_s=PATIENCE_S)
    for chunk in chunks(read(CLIPS[4])):
        assert await connection.send(chunk)
    await connection.terminate()
    finals = [
        found.transcript async for found in connection.messages() if isinstance(found, WireTurn) and found.end_of_turn
    ]
    assert finals == [SENTENCE]


async def test_so_does_its_client_of_chats(trusting: str) -> None:
    client = ChatClient(trusting.replace("wss", "https", 1), "any")
    answer = await client.complete([Message("user", "Sum up.\n\nTranscript: We ship.")], model="m", max_tokens=9)
    await client.aclose()
    assert answer.text == "We ship."


async def test_a_client_that_does_not_know_the_certificate_refuses_it(serving: Serving) -> None:
    host, port = serving.url.removeprefix("wss://").split(":")
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(host, int(port), ssl=ssl.create_default_context())


async def test_livegist_elsewhere_says_how_to_trust_it(serving: Serving) -> None:
    with pytest.raises(ConnectError) as refused:
        await Connection.open(f"{serving.url}/v3/ws", "")
    assert "cannot be trusted" in refused.value.close.meaning
    assert "SSL_CERT_FILE" in refused.value.close.hint
    chat = ChatClient(serving.url.replace("wss", "https", 1))
    with pytest.raises(ChatError, match=r"The certificate of 127\.0\.0\.1 cannot be trusted\.") as failed:
        await chat.complete([Message("user", "hello")], model="m", max_tokens=1)
    await chat.aclose()
    assert "SSL_CERT_FILE" in failed.value.hint


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", socket.gethostname()])
async def test_a_strict_client_accepts_each_name(serving: Serving, name: str) -> None:
    context = ssl.create_default_context(cafile=serving.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    host, port = serving.url.removeprefix("wss://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=name)
    writer.close()


def test_the_vendors_javascript_sdk_transcribes(serving: Serving, tmp_path: Path) -> None:
    needs("node")
    if subprocess.run(["node", "-e", "require.resolve('assemblyai')"], capture_output=True).returncode:
        pytest.skip("needs assemblyai for Node: npm install assemblyai, and NODE_PATH")
    audio = tmp_path / "audio"
    audio.write_bytes(np.concatenate([read(CLIPS[4]), silence(1.5), read(CLIPS[4])]).astype("<i2").tobytes())
    done = subprocess.run(
        ["node", str(SCRIPT), f"{serving.url}/v3/ws", str(audio)],
        env=os.environ | {"NODE_EXTRA_CA_CERTS": str(serving.authority)},
        capture_output=True,
        timeout=2 * PATIENCE_S,
    )
    events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, b"")
    assert (events[0]["event"], events[-1]["event"]) == ("open", "closed")
    finals = [event for event in events if event.get("end_of_turn")]
    assert [final["transcript"] for final in finals] == [SENTENCE, SENTENCE]
    assert [word["text"] for word in finals[0]["words"]] == SENTENCE.split()
    marks = [event["event"] for event in events if event["event"] != "turn" or event["end_of_turn"]]
    assert marks == ["open", *["speechStarted", "turn"] * 2, "closed"]


def test_the_certificate_is_kept(home: Path) -> None:
    first = certificate.kept("127.0.0.1")
    before = first.chain.read_bytes()
    assert certificate.kept("::1").chain.read_bytes() == certificate.kept("0.0.0.0").chain.read_bytes() == before


@pytest.mark.parametrize("fault", ["another name", "expires soon", "damaged", "no authority", "another key"])
def test_another_certificate_is_made_when_the_kept_one_cannot_be_used(
    home: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    kept = certificate.kept("127.0.0.1")
    before = kept.chain.read_bytes()
    assert kept.authority is not None
    host = "127.0.0.1"
    match fault:
        case "another name":
            host = "10.1.2.3"
        case "expires soon":
            monkeypatch.setattr("tui.gateway.certificate.RENEWED_BEFORE", certificate.VALID)
        case "damaged":
            kept.chain.write_text("nonsense")
        case "no authority":
            kept.authority.unlink()
        case "another key":
            kept.key.write_text(kept.key.read_text().replace("A", "B"))
    made = certificate.kept(host)
    assert made.chain.read_bytes() != before
    assert ssl.create_default_context(cafile=made.authority)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.key)


def test_a_certificate_can_be_named(home: Path) -> None:
    kept = certificate.kept("127.0.0.1")
    assert certificate.named(str(kept.chain), str(kept.key)).authority is None
    both = kept.chain.with_name("both.pem")
    both.write_bytes(kept.chain.read_bytes() + kept.key.read_bytes())
    assert certificate.named(str(both), "").key == both


@pytest.mark.parametrize(
    ("content", "said"), [(None, "File not found: .*cert.pem"), (b"nonsense", "The certificate cannot be used: ")]
)
def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LivegistError, match=said) as caught:
        certificate.named(str(path), "")
    assert "--tls-cert" in caught.value.hint


def test_a_key_without_a_certificate_is_a_mistake_of_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tui", "serve", "--tls-key", "key.pem"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 2
    assert "--tls-key needs --tls-cert." in done.stderr
