"""Tell other programs that a session has ended: a command gets its JSON on stdin, a webhook gets it posted.

Webhooks are signed after the Standard Webhooks specification (standardwebhooks.com), so that whoever gets one can
check it with a library that is there for most languages.
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
from tui.errors import LivegistError, UsageError
from tui.sessions.export import to_json
from tui.sessions.store import StoredSession
from tui.text import terminal_line
from tui.urls import host, is_loopback, may_carry_key
from tui.user_command import run_with_stdin

RESPONSE_TIMEOUT_S = 10.0
"""Longest wait for a webhook's answer."""
RETRY_DELAYS_S = (1.0, 3.0, 9.0)
"""Longest pauses before a webhook is tried again; each is drawn evenly from its half on."""
SIGNATURE_SCHEME = "v1"
SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with


class HookError(LivegistError):
    """A hook was not carried out; the session is kept all the same."""


async def run_command(command: str, stored: StoredSession) -> None:
    """Run a command with the session's JSON on its stdin; its folder is in `LIVEGIST_SESSION`.

    It does not get our keys.

    Raises:
        CommandError: it cannot be started, fails, or takes too long.
        SessionError: the session cannot be read.
    """
    environ = os.environ | {"LIVEGIST_SESSION": str(stored.path)}
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
    """Post the session's JSON, and try again where that can help.

    Args:
        url: https, or on this machine.
        secret: signs it; empty leaves it unsigned.
        stored: the session.
        sleep: waits for seconds.
        random: gives a number from 0 to 1, for the jitter.
        now: gives unix seconds.

    Raises:
        HookError: it was not taken.
        UsageError: what was said would travel in the open.
    """
    if not host(url) or not url.startswith(("http://", "https://")):
        raise UsageError(f"hook_url {url!r} is no address.", "Write it as https://host/path.")
    if not may_carry_key(url):
        raise UsageError(f"What was said would travel to {host(url)} in the open.", "Use https:// in hook_url.")
    body = session_json(stored)
    for pause_s in (*RETRY_DELAYS_S, None):
        # The id stays the same, so that who gets it twice can tell.
        headers = sign(stored.id, int(now()), body, secret)
        why, again = await _post_once(url, body, headers)
        if not why:
            return
        if pause_s is None or not again:
            break
        await sleep(pause_s * (0.5 + random() / 2))
    raise HookError(f"The webhook at {host(url)} did not take the session: {why}.", f"Again: {retry_hint(stored)}")


def retry_hint(stored: StoredSession) -> str:
    """Return how to run the hooks again."""
    return f"livegist sessions hook {stored.id}"


def session_json(stored: StoredSession) -> bytes:
    """Return what hooks get: the session as `livegist export --format json` gives it.

    Raises:
        SessionError: it cannot be read.
    """
    return to_json(stored.load(), stored.metadata()).encode()


def sign(id: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """Return the headers of a webhook.

    Args:
        id: of the message.
        timestamp: unix seconds.
        body: as it is sent.
        secret: `whsec_` and base64, or any other text, whose bytes are taken as they are; empty for no signature.
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
    """Post once; return why it was not taken, empty if it was, and whether trying again may help."""
    import httpx2

    try:
        async with httpx2.AsyncClient(timeout=RESPONSE_TIMEOUT_S, trust_env=not is_loopback(url)) as client:
            response = await client.post(url, content=body, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return terminal_line(str(error)) or type(error).__name__, True
    if response.is_success:
        return "", False
    status = response.status_code
    return f"it answered {status}", status in (408, 425, 429) or status >= 500
