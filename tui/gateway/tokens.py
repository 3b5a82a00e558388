"""Temporary tokens: signed, so that nothing has to be kept; each opens one session before it expires."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

import msgspec

PREFIX = "lgt-"
"""Tells a token of ours from any other text a client may present."""
EXPIRES_S = (1, 600)
SESSION_S = (60, 10_800)
"""What may be asked for, as the vendor has it."""


class Grant(msgspec.Struct, frozen=True):
    """What a token allows."""

    expires_at: float
    """Unix seconds until which a session may be opened with it."""
    session_s: float | None = None
    """Longest session; `None` for the gateway's own limit."""
    nonce: str = ""


class BadToken(Exception):
    """A token is forged, used up or too old."""


class Tokens:
    """Issues and redeems tokens.

    Args:
        clock: unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, float] = {}

    def issue(self, expires_s: float, session_s: float | None = None) -> str:
        """Return a token that opens one session within `expires_s` seconds."""
        grant = Grant(self._clock() + expires_s, session_s, secrets.token_hex(8))
        body = base64.urlsafe_b64encode(msgspec.json.encode(grant)).decode()
        return f"{PREFIX}{body}.{self._signature(body)}"

    def redeem(self, token: str) -> Grant:
        """Return what a token allows, and use it up.

        Raises:
            BadToken: it is forged, used up or too old.
        """
        body, _, signature = token.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            raise BadToken("Invalid token")
        grant = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Grant)
        now = self._clock()
        if grant.expires_at <= now:
            raise BadToken("Token expired")
        if grant.nonce in self._used:
            raise BadToken("Token already used")
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        self._used[grant.nonce] = grant.expires_at
        return grant

    def _signature(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()
