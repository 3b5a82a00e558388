"""Hooks that run after a session: a command that gets the session's JSON on stdin, and a webhook.

Webhooks are signed by the Standard Webhooks specification (standardwebhooks.com), for which there are libraries in most
languages.
"""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import random as chance
import time
from collections.abc import Awaitable, Callable

import tui
from tui.config.load import HOOK_SESSION
from tui.errors import LivegistError, UsageError
from tui.sessions.export import to_json
from tui.sessions.store import StoredSession
from tui.text import terminal_line
from tui.urls import host, is_loopback, may_carry_key
from tui.user_command import run_with_stdin

RESPONSE_TIMEOUT_S = 10.0
"""Timeout of a webhook request, in seconds."""
RETRY_DELAYS_S = (1.0, 3.0, 9.0)
"""Maximum delays before the retries of a webhook; each is drawn uniformly from half of it to the whole."""
SIGNATURE_SCHEME = "v1"
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret


class HookError(LivegistError):
    """A webhook was not delivered; the session is not affected."""


async def run_command(command: str, stored: StoredSession) -> None:
    """Run a command with the session's JSON on stdin and its folder in `LIVEGIST_SESSION`, without the API keys.

    Raises:
        CommandError: the command cannot be started, fails, or takes too long.
        SessionError: the session cannot be read.
    """
    environ = os.environ | {HOOK_SESSION: str(stored.path)}
    await run_with_stdin(command, session_json(stored), environ, setting="hook_command", read_output=True)


async def post(
    url: str,
    secret: str,
    stored: StoredSession,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    random: Callable[[], float] = chance.random,
    now: Callable[[], float] = time.time,
) -> None:
    """Post the session's JSON to a webhook, with retries.

    Args:
        url: an https URL, or an http URL on this machine.
        secret: signs the request; empty sends no signature.
        stored: the session.
        sleep: waits for a number of seconds.
        random: returns a number from 0 to 1, for the jitter.
        now: returns Unix time in seconds.

    Raises:
        HookError: the webhook was not delivered.
        UsageError: the URL is not valid, or not encrypted.
    """
    if not host(url) or not url.startswith(("http://", "https://")):
        raise UsageError(f"Invalid webhook URL: {url!r}.", "Write hook_url as https://host/path.")
    if not may_carry_key(url):
        raise UsageError(f"The session would be sent to {host(url)} unencrypted.", "Use an https:// URL in hook_url.")
    body = session_json(stored)
    for pause_s in (*RETRY_DELAYS_S, None):
        # The id stays the same, so that the receiver can detect duplicates.
        headers = sign(stored.id, int(now()), body, secret)
        failure, retry = await _post_once(url, body, headers)
        if not failure:
            return
        if pause_s is None or not retry:
            break
        await sleep(pause_s * (0.5 + random() / 2))
    raise HookError(f"The webhook at {host(url)} was not delivered: {failure}.", f"Retry with: {retry_hint(stored)}")


def retry_hint(stored: StoredSession) -> str:
    """Return the command that runs the hooks of a session again."""
    return f"livegist sessions hook {stored.id}"


def session_json(stored: StoredSession) -> bytes:
    """Return the session as JSON for hooks, in the format of `livegist export --format json`.

    Raises:
        SessionError: the session cannot be read.
    """
    return to_json(stored.load(), stored.metadata()).encode()


def sign(id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers of a webhook request.

    Args:
        id: id of the message.
        timestamp: Unix time in seconds.
        body: body of the request.
        secret: `whsec_` and base64, or any other text, which is used as UTF-8 bytes; empty for no signature.
    """
    headers = {
        "content-type": "application/json",
        "user-agent": f"livegist/{tui.__version__}",
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
    }
    if secret:
        content = f"{id}.{timestamp}.".encode() + body
        digest = hmac.new(_secret_bytes(secret), content, hashlib.sha256).digest()
        headers["webhook-signature"] = f"{SIGNATURE_SCHEME},{base64.b64encode(digest).decode()}"
    return headers


def _secret_bytes(secret: str) -> bytes:
    if secret.startswith(SECRET_PREFIX):
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return secret.encode()


async def _post_once(url: str, body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
    """Post once; return the failure, empty if it succeeded, and whether a retry may succeed."""
    import httpx2

    try:
        async with httpx2.AsyncClient(timeout=RESPONSE_TIMEOUT_S, trust_env=not is_loopback(url)) as client:
            response = await client.post(url, content=body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return terminal_line(str(error)) or type(error).__name__, True
    if response.is_success:
        return "", False
    status = response.status_code
    return f"status {status}", status in (408, 425, 429) or status >= 500
