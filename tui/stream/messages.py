"""Messages of Streaming v3, both directions. No I/O; the local gateway uses them too.

Source: the vendor's API reference and its Python SDK 1.8.2 (`assemblyai/streaming/v3/models.py`), November 2026.
Times of messages are integer milliseconds from the first sample of the connection.
"""

from typing import Any

import msgspec

from tui.codec import Codec, decode_lenient

MIN_CHUNK_MS = 50
MAX_CHUNK_MS = 1000
MAX_MESSAGE_BYTES = 128 * 1024
MAX_AHEAD_S = 310.0
"""Seconds of audio ahead of the clock at which the service closes with 3007."""


# Server → client ------------------------------------------------------------------------------------------------


class WireWord(msgspec.Struct, frozen=True):
    """A word of a `Turn`; ms from the connection's first sample. All fields are sent: the SDK requires them."""

    text: str
    start: int
    end: int
    confidence: float = msgspec.field(default=1.0)
    word_is_final: bool = True
    speaker: str | None = None


class Begin(msgspec.Struct, frozen=True, tag="Begin", omit_defaults=True):
    """The endpoint is ready."""

    id: str
    expires_at: float = 0.0
    """Unix seconds at which the connection ends (3 h at most); 0 if it is unknown."""
    configuration: dict[str, Any] | None = None

    @property
    def speaker_set(self) -> str:
        """Id of the speakers that the connection's labels stand for; only livegist's own gateway names it."""
        id = (self.configuration or {}).get("speaker_set")
        return id if isinstance(id, str) else ""


class SpeechStarted(msgspec.Struct, frozen=True, tag="SpeechStarted", omit_defaults=True):
    """Speech has started."""

    timestamp: int
    confidence: float | None = None


class WireTurn(msgspec.Struct, frozen=True, tag="Turn", omit_defaults=True):
    """Whole turn so far: replaces the one with the same `turn_order`. Only `end_of_turn` makes it final."""

    turn_order: int
    transcript: str
    end_of_turn: bool
    turn_is_formatted: bool
    end_of_turn_confidence: float
    words: tuple[WireWord, ...]
    utterance: str | None = None
    """The transcript of a final turn, empty in a partial."""
    language_code: str | None = None
    language_confidence: float | None = None
    speaker_label: str | None = None


class LLMGatewayResponse(msgspec.Struct, frozen=True, tag="LLMGatewayResponse"):
    """The LLM's answer about a final turn; `data` is a chat completion."""

    turn_order: int
    transcript: str
    data: dict[str, Any]


class Heartbeat(msgspec.Struct, frozen=True, tag="Heartbeat"):
    """Progress of the endpoint, every 5 s on request."""

    total_audio_received_ms: int
    total_duration_ms: int
    realtime_factor: float
    max_speech_probability: float = 0.0


class Silence(msgspec.Struct, frozen=True, tag="Silence"):
    """A stretch without speech, on request."""

    start_ms: int
    end_ms: int


class Revision(msgspec.Struct, frozen=True, omit_defaults=True):
    """New speaker labels of one turn."""

    turn_order: int
    speaker_label: str | None = None
    words: tuple[WireWord, ...] = ()


class SpeakerRevision(msgspec.Struct, frozen=True, tag="SpeakerRevision"):
    """New speaker labels of earlier turns."""

    revisions: tuple[Revision, ...] = ()


class SpeakerRecognised(msgspec.Struct, frozen=True, tag="SpeakerRecognised"):
    """A speaker has a known voice; only livegist's own gateway sends it, on request."""

    speaker_label: str
    name: str


class Warning(msgspec.Struct, frozen=True, tag="Warning"):
    """A request that the endpoint cannot fulfil; the session continues."""

    warning_code: int
    warning: str


class Error(msgspec.Struct, frozen=True, tag="Error", omit_defaults=True):
    """The session is over; a close with the same code follows."""

    error: str
    error_code: int | None = None


class Termination(msgspec.Struct, frozen=True, tag="Termination", omit_defaults=True):
    """The answer to `Terminate`: nothing follows."""

    audio_duration_seconds: float | None = None
    session_duration_seconds: float | None = None
    """Both may have fractions; the vendor's Python SDK takes whole numbers only."""


class Unknown(msgspec.Struct, frozen=True):
    """Message of an unknown type or with invalid fields: ignored, never an error."""

    type: str


ServerMessage = (
    Begin
    | SpeechStarted
    | WireTurn
    | LLMGatewayResponse
    | Heartbeat
    | Silence
    | SpeakerRevision
    | SpeakerRecognised
    | Warning
    | Error
    | Termination
    | Unknown
)


class _LenientWord(msgspec.Struct):
    text: str
    start: int | float
    end: int | float
    confidence: float | None = None
    word_is_final: bool | None = None
    speaker: str | None = None


class _LenientTurn(msgspec.Struct):
    """`Turn` that requires only its order: the other fields differ between models."""

    turn_order: int
    transcript: str | None = None
    end_of_turn: bool | None = None
    turn_is_formatted: bool | None = None
    end_of_turn_confidence: float | None = None
    words: Any = None
    utterance: str | None = None
    language_code: str | None = None
    language_confidence: float | None = None
    speaker_label: str | None = None


class _LenientResponse(msgspec.Struct):
    turn_order: int
    transcript: str = ""
    data: dict[str, Any] = {}


_EXACT: dict[str, type[ServerMessage]] = {
    "Begin": Begin,
    "SpeechStarted": SpeechStarted,
    "Heartbeat": Heartbeat,
    "Silence": Silence,
    "SpeakerRevision": SpeakerRevision,
    "SpeakerRecognised": SpeakerRecognised,
    "Warning": Warning,
    "Termination": Termination,
}


def parse_server(raw: str | bytes) -> ServerMessage:
    """Parse a text frame from the endpoint.

    Numbers may be floats or strings; unknown fields are ignored; any other message becomes `Unknown` with its `type`.
    """
    try:
        fields = decode_lenient(raw)
    except msgspec.DecodeError:
        return Unknown("not JSON")
    if not isinstance(fields, dict):
        return Unknown("not an object")
    kind = fields.get("type")
    if not isinstance(kind, str):
        kind = "Error" if "error" in fields else ""
    try:
        return _build(kind, fields)
    except (msgspec.ValidationError, OverflowError):
        return Unknown(kind)


def _build(kind: str, fields: dict[str, Any]) -> ServerMessage:
    if kind == "Turn":
        turn = msgspec.convert(fields, _LenientTurn, strict=False)
        words = _words(turn.words)
        return WireTurn(
            turn_order=turn.turn_order,
            transcript=turn.transcript or " ".join(word.text for word in words),
            end_of_turn=turn.end_of_turn or False,
            turn_is_formatted=turn.turn_is_formatted or False,
            end_of_turn_confidence=turn.end_of_turn_confidence or 0.0,
            words=words,
            utterance=turn.utterance,
            language_code=turn.language_code,
            language_confidence=turn.language_confidence,
            speaker_label=turn.speaker_label,
        )
    if kind.lower() == "llmgatewayresponse":
        answer = msgspec.convert(fields, _LenientResponse, strict=False)
        return LLMGatewayResponse(answer.turn_order, answer.transcript, answer.data)
    if kind == "Error":
        return Error(str(fields.get("error", "")), _code(fields.get("error_code")))
    if kind == "Begin" and not isinstance(fields.get("expires_at"), int | float):
        return Begin(str(fields.get("id", "")))
    exact = _EXACT.get(kind)
    if exact is None:
        return Unknown(kind)
    return msgspec.convert(fields, exact, strict=False)


def _words(found: Any) -> tuple[WireWord, ...]:
    """Return a turn's words, none if they are invalid: the transcript is used all the same."""
    try:
        words = msgspec.convert(found or (), tuple[_LenientWord, ...], strict=False)
        return tuple(
            WireWord(
                text=word.text,
                start=round(word.start),
                end=round(word.end),
                confidence=1.0 if word.confidence is None else word.confidence,
                word_is_final=word.word_is_final is not False,
                speaker=word.speaker,
            )
            for word in words
        )
    except (msgspec.ValidationError, OverflowError, ValueError):
        return ()


def _code(found: Any) -> int | None:
    try:
        return msgspec.convert(found, int, strict=False)
    except msgspec.ValidationError:
        return None


# Client → server ------------------------------------------------------------------------------------------------


class Terminate(msgspec.Struct, frozen=True, tag="Terminate"):
    """Finish open turns, answer `Termination`, close."""


class ForceEndpoint(msgspec.Struct, frozen=True, tag="ForceEndpoint"):
    """End the open turn now."""


class KeepAlive(msgspec.Struct, frozen=True, tag="KeepAlive"):
    """Reset the inactivity timer."""


class UpdateConfiguration(msgspec.Struct, frozen=True, tag="UpdateConfiguration", omit_defaults=True):
    """Change parameters of the session, without acknowledgement. `llm_gateway` cannot be changed."""

    prompt: str | None = None
    agent_context: str | None = None
    keyterms_prompt: tuple[str, ...] | None = None
    format_turns: bool | None = None
    end_of_turn_confidence_threshold: float | None = None
    min_end_of_turn_silence_when_confident: int | None = None
    """Former name of `min_turn_silence`."""
    min_turn_silence: int | None = None
    max_turn_silence: int | None = None
    vad_threshold: float | None = None
    continuous_partials: bool | None = None
    interruption_delay: int | None = None
    language_codes: tuple[str, ...] | str | None = None
    session_heartbeat: bool | None = None
    acknowledge_silence: bool | None = None


ClientMessage = Terminate | ForceEndpoint | KeepAlive | UpdateConfiguration

_client_codec: Codec[ClientMessage] = Codec(ClientMessage)
_encoder = msgspec.json.Encoder()


def parse_client(raw: str | bytes) -> ClientMessage:
    """Parse a text frame from a client.

    Raises:
        msgspec.MsgspecError: bad JSON, an unknown type, or a bad value (the service closes with 3006).
    """
    return _client_codec.decode(raw)


def encode(message: ServerMessage | ClientMessage) -> str:
    """Return the message as a line of JSON."""
    return _encoder.encode(message).decode()
