"""Temporary tokens: signed, so that the gateway stores none; each opens one session before it expires."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

import msgspec

PREFIX = "lgt-"
"""Distinguishes these tokens from other credentials."""
EXPIRES_S = (1, 600)
SESSION_S = (60, 10_800)
"""Allowed values, as the vendor has them."""


class Grant(msgspec.Struct, frozen=True):
    """The rights of a token."""

    expires_at: float
    """Unix seconds until which a session may be opened with it."""
    session_s: float | None = None
    """Longest session; `None` for the gateway's limit."""
    nonce: str = ""


class InvalidTokenError(Exception):
    """A token is forged, used or expired."""


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
        """Return a token's rights and mark it as used.

        Raises:
            InvalidTokenError: it is forged, used or expired.
        """
        body, _, signature = token.removeprefix(PREFIX).partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            raise InvalidTokenError("Invalid token")
        grant = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Grant)
        now = self._clock()
        if grant.expires_at <= now:
            raise InvalidTokenError("Token expired")
        if grant.nonce in self._used:
            raise InvalidTokenError("Token already used")
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        self._used[grant.nonce] = grant.expires_at
        return grant

    def _signature(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()
