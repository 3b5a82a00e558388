"""Hooks with real commands, and webhooks verified by an independent library."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.http_server import Answer, Server, serving
from tests.processes import all_ended
from tests.session_fixtures import MEETING, store_session
from tests.terminal import LIVEGIST
from tui.errors import UsageError
from tui.paths import sessions_dir
from tui.sessions.hooks import HookError, post, run_command, session_json, sign
from tui.sessions.store import Store, StoredSession
from tui.user_command import CommandError, run_with_stdin

DEADLINE_S = 80.0
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OK = Answer(204, b"")
BUSY = Answer(503, {"error": "later"})


@pytest.fixture
def stored(tmp_path: Path) -> StoredSession:
    return store_session(Store(tmp_path / "sessions"))


def script(folder: Path, text: str) -> str:
    path = folder / "hook.py"
    path.write_text(text)
    return f"{sys.executable} {path}"


async def post_with_delays(server: Server, stored: StoredSession, secret: str = SECRET) -> list[float]:
    """Post a session; return the pauses that were made."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    await post(f"{server.url}/hook", secret, stored, sleep=sleep, random=lambda: 1.0)
    return slept


async def test_a_command_gets_the_session_on_stdin_and_its_folder(stored: StoredSession, tmp_path: Path) -> None:
    target = tmp_path / "got.json"
    hook = script(
        tmp_path,
        "import os, sys, pathlib\n"
        f"pathlib.Path({str(target)!r}).write_text(os.environ['LIVEGIST_SESSION'] + '\\n' + sys.stdin.read())",
    )
    await run_command(hook, stored)
    folder, _, text = target.read_text().partition("\n")
    assert folder == str(stored.path)
    assert [turn["text"] for turn in json.loads(text)["turns"]] == [text for _, text in MEETING]


async def test_a_command_can_run_livegist(home: Path, tmp_path: Path) -> None:
    stored = store_session(Store(sessions_dir()))
    target = tmp_path / "shown"
    command = " ".join(LIVEGIST)
    hook = script(
        tmp_path,
        "import os, subprocess\n"
        f"subprocess.run('{command} config path && {command} config show && {command} export $LIVEGIST_SESSION '\n"
        f"    '--format txt -o {target}', shell=True, check=True)",
    )
    await run_command(hook, stored)
    assert MEETING[0][1] in target.read_text()


async def test_a_command_gets_no_api_keys(
    stored: StoredSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ASSEMBLYAI_API_KEY", "LIVEGIST_TOKEN"):
        monkeypatch.setenv(name, "sk-planted")
    target = tmp_path / "environment"
    hook = script(tmp_path, f"import os\nopen({str(target)!r}, 'w').write(str(dict(os.environ)))")
    await run_command(hook, stored)
    assert "LIVEGIST_SESSION" in target.read_text()
    assert "sk-planted" not in target.read_text()


async def test_a_failing_command_is_quoted_in_the_error(stored: StoredSession, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="failed with exit code 3: no room"):
        await run_command(script(tmp_path, "import sys; print('no room', file=sys.stderr); sys.exit(3)"), stored)


async def test_a_command_may_ignore_a_stdin_that_no_pipe_holds() -> None:
    await run_with_stdin("true", bytes(1_000_000), os.environ, setting="hook_command")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/nowhere/at-all", "/nowhere/at-all cannot be started"),
        ("'unclosed", "Invalid command .*: No closing quotation"),
    ],
)
async def test_a_command_that_cannot_start_is_an_error(stored: StoredSession, command: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        await run_command(command, stored)


async def test_a_command_that_hangs_is_killed(
    stored: StoredSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shell, and what it starts: both begin at once, however busy the machine is.
    monkeypatch.setattr("tui.user_command.COMMAND_TIMEOUT_S", 3.0)
    pids = tmp_path / "pids"
    hook = f"sh -c 'sleep 300 & echo $! $$ >{pids}; wait'"
    with pytest.raises(CommandError, match="took longer than 3 s and was killed"):
        await run_command(hook, stored)
    await all_ended(pids, 2)


async def test_a_child_that_holds_the_output_is_killed_too(
    stored: StoredSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.user_command.COMMAND_TIMEOUT_S", 3.0)
    pids = tmp_path / "pids"
    with pytest.raises(CommandError, match="took longer than 3 s and was killed"):
        await run_command(f"sh -c 'sleep 300 & echo $! >{pids}'", stored)
    await all_ended(pids, 1)


async def test_cancelling_kills_a_command_and_its_children(stored: StoredSession, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    # The command begins once its stdin was written.
    running = asyncio.ensure_future(run_command(f"sh -c 'cat >/dev/null; sleep 300 & echo $! >{pids}'", stored))
    async with asyncio.timeout(DEADLINE_S):
        while not (pids.exists() and pids.read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await all_ended(pids, 1)


async def test_a_webhook_signature_passes_a_reference_library(stored: StoredSession) -> None:
    async with serving(OK) as server:
        assert await post_with_delays(server, stored) == []
    (request,) = server.asked
    body = session_json(stored)
    assert Webhook(SECRET).verify(body, request.headers) == request.body
    assert request.body["turns"][2]["text"] == MEETING[2][1]
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace(b"pool", b"cool"), request.headers)


async def test_a_webhook_without_a_secret_is_not_signed(stored: StoredSession) -> None:
    async with serving(OK) as server:
        await post_with_delays(server, stored, "")
    assert "webhook-signature" not in server.asked[0].headers


async def test_a_webhook_is_retried_with_the_same_id(stored: StoredSession) -> None:
    async with serving(BUSY, Answer(429, {}), OK) as server:
        assert await post_with_delays(server, stored) == [1.0, 3.0]
    assert {request.headers["webhook-id"] for request in server.asked} == {stored.id}


async def test_a_webhook_is_retried_after_a_broken_connection(stored: StoredSession) -> None:
    async with serving(Answer(200, b"{", breaks=True), OK) as server:
        assert await post_with_delays(server, stored) == [1.0]


async def test_a_webhook_that_keeps_failing_says_how_to_retry(stored: StoredSession) -> None:
    async with serving(*[BUSY] * 4) as server:
        with pytest.raises(HookError, match="503") as given_up:
            await post_with_delays(server, stored)
    assert given_up.value.hint == f"Retry with: livegist sessions hook {stored.id}"


async def test_a_webhook_is_not_retried_after_a_refusal(stored: StoredSession) -> None:
    async with serving(Answer(404, {})) as server:
        with pytest.raises(HookError, match="404"):
            await post_with_delays(server, stored)
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["http://example.com/hook", "ftp://example.com", "hook", ""])
async def test_a_session_is_never_sent_unencrypted(stored: StoredSession, url: str) -> None:
    with pytest.raises(UsageError, match=r"unencrypted|Invalid webhook URL"):
        await post(url, SECRET, stored)


def test_a_secret_that_is_plain_text_signs_too() -> None:
    headers = sign("id", 1_700_000_000, b"{}", "correct horse")
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["webhook-signature"] != sign("id", 1_700_000_000, b"{}", "other")["webhook-signature"]


@pytest.mark.parametrize(("command", "code"), [("true", 0), ("false", 1)])
async def test_the_hook_command_runs_each_hook_even_if_the_other_fails(command: str, code: int) -> None:
    stored = store_session(Store(sessions_dir()))
    async with serving(OK) as server:
        process = await asyncio.create_subprocess_exec(
            *LIVEGIST, "sessions", "hook", "last",
            env=os.environ
            | {
                "LIVEGIST_HOOK_COMMAND": command,
                "LIVEGIST_HOOK_URL": f"{server.url}/hook",
                "LIVEGIST_HOOK_SECRET": SECRET,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(DEADLINE_S):
            printed, stderr = await process.communicate()
    assert process.returncode == code
    assert printed == (b"" if code else b"Done.\n")
    assert stderr == (b"livegist: The command false failed with exit code 1.\nCheck hook_command.\n" if code else b"")
    (request,) = server.asked
    assert Webhook(SECRET).verify(session_json(stored), request.headers) == request.body
