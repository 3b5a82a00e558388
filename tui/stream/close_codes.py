"""Close codes of Streaming v3: what each means, whether to connect again, and what a person can do. Pure.

Source: the vendor's API reference, November 2026, and RFC 6455, 7.4.1.
"""

from enum import Enum

import msgspec

LOST = 1006
"""Close code that no endpoint sends: there was no word from it (RFC 6455, 7.4.1)."""


class Retry(Enum):
    """Whether a new connection can help."""

    NO = "no"
    YES = "yes"
    LATER = "later"
    """Yes, but after a longer wait: the endpoint said that there are too many of us."""


class CloseInfo(msgspec.Struct, frozen=True):
    """Why a connection ended, what that means and what to do."""

    code: int
    reason: str
    retry: Retry
    meaning: str
    hint: str


def classify_close(code: int, reason: str = "") -> CloseInfo:
    """Return what a close code (or the code of an `Error`, or of a refused handshake) means.

    Args:
        code: a websocket close code, an `error_code` or an HTTP status; `LOST` stands for a lost connection.
        reason: the text that came with it: some codes mean two things and only the text tells them apart.
    """
    said = reason.lower()
    crowded = "too many" in said or "concurrent" in said
    retry, meaning, hint = Retry.YES, "The connection was lost.", "livegist connects again by itself."
    if code == 1000:
        retry, meaning, hint = Retry.NO, "The endpoint closed the connection.", "Press s to start again."
    elif (code in (1008, 401, 403, 429) and crowded) or code in (3009, 429):
        retry = Retry.LATER
        meaning = "Too many sessions are open on this account."
        hint = "livegist waits and tries again; end other sessions to make room."
    elif code in (1008, 401, 403):
        retry = Retry.NO
        meaning = "The endpoint does not accept the key."
        hint = "Check ASSEMBLYAI_API_KEY and the account, or use --engine local."
    elif code == 1009:
        retry, meaning, hint = Retry.NO, "A message was too big for the endpoint.", "Lower chunk_ms."
    elif code == 3005:
        meaning = "The endpoint cancelled the session."
    elif code == 3006 and "inactiv" in said:
        meaning = "The endpoint ended the session, for it heard nothing."
    elif code in (3006, 400, 422):
        retry = Retry.NO
        meaning = "The endpoint does not accept a setting."
        hint = "Check speech_model, llm_model and stream_options in the config."
    elif code == 3007:
        retry = Retry.NO
        meaning = "The endpoint refused the size or the pace of the audio."
        hint = "Use chunk_ms from 50 to 1000."
    elif code == 3008:
        meaning = "The session reached its greatest length."
    elif code in (404, 410):
        retry = Retry.NO
        meaning = "The endpoint does not offer Streaming v3 there."
        hint = "Check the address in --url, or update livegist."
    elif code == 1011 or 500 <= code < 600:
        meaning = "The endpoint had an internal error."
    return CloseInfo(code, reason, retry, meaning, hint)
