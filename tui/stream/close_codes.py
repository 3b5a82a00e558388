"""Close codes of Streaming v3: what each means, whether to connect again, and what a person can do. Pure.

Source: the vendor's API reference, November 2026, and RFC 6455, 7.4.1.
"""

from enum import Enum

import msgspec

LOST = 1006
"""Code for a connection that ended without a close frame (RFC 6455, 7.4.1)."""
TOO_MANY_SESSIONS = "Too many sessions are open on this account."


class Retry(Enum):
    """Whether to connect again."""

    NO = "no"
    YES = "yes"
    LATER = "later"
    """Yes, after a longer wait: the endpoint reported too many sessions."""


class CloseInfo(msgspec.Struct, frozen=True):
    """Why a connection ended, its meaning, and what to do."""

    code: int
    reason: str
    retry: Retry
    meaning: str
    hint: str
    retry_after_s: float = 0.0
    """Seconds to wait at least before connecting again, as the endpoint asks; 0 if it does not say."""


def classify_close(code: int, reason: str = "") -> CloseInfo:
    """Return the meaning of a close code, an `Error` code, or the HTTP status of a refused handshake.

    Args:
        code: a websocket close code, an `error_code` or an HTTP status; `LOST` stands for a lost connection.
        reason: the text that came with it, which tells apart the two meanings of some codes.
    """
    text = reason.lower()
    crowded = "too many" in text or "concurrent" in text
    retry, meaning, hint = Retry.YES, "The connection was lost.", "livegist reconnects automatically."
    if code == 1000:
        retry, meaning, hint = Retry.NO, "The endpoint closed the connection.", "Press s to start again."
    elif (code in (1008, 401, 403, 429) and crowded) or code in (3009, 429):
        retry = Retry.LATER
        meaning = TOO_MANY_SESSIONS
        hint = "livegist waits and tries again; end other sessions to free a slot."
    elif code in (1008, 401, 403):
        retry = Retry.NO
        meaning = "The endpoint rejected the API key."
        hint = "Check ASSEMBLYAI_API_KEY and the account, or use --engine local."
    elif code == 1009:
        retry, meaning, hint = Retry.NO, "A message was too large for the endpoint.", "Lower chunk_ms."
    elif code == 3005:
        meaning = "The endpoint cancelled the session."
    elif code == 3006 and "inactiv" in text:
        meaning = "The endpoint ended the session because of inactivity."
    elif code in (3006, 400, 422):
        retry = Retry.NO
        meaning = "The endpoint rejected a setting."
        hint = "Check speech_model, llm_model and stream_options in the config."
    elif code == 3007:
        retry = Retry.NO
        meaning = "The endpoint rejected the size or the rate of the audio messages."
        hint = "Use chunk_ms from 50 to 1000."
    elif code == 3008:
        meaning = "The session reached its maximum duration."
    elif code in (404, 410):
        retry = Retry.NO
        meaning = "The endpoint does not offer Streaming v3 at this address."
        hint = "Check the address in --url, or update livegist."
    elif code == 1012:
        meaning = "The endpoint restarts."
    elif code == 1011 or 500 <= code < 600:
        meaning = "The endpoint had an internal error."
    return CloseInfo(code, reason, retry, meaning, hint)
