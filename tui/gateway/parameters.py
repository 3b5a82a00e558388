"""The query of `/v3/ws`: what of it holds here, what is taken and let be, and what is wrong."""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from tui.gateway.endpointing import Endpointing
from tui.stream.protocol import LLMGateway, UpdateConfiguration

Text = Annotated[str, msgspec.Meta(max_length=1750)]
Keyterms = Annotated[tuple[str, ...], msgspec.Meta(max_length=100)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
CREDENTIALS = frozenset({"token"})
NAMED_ONLY = frozenset({"speech_model", "format_turns"})
"""Every client sends them, and what they ask for is always so: it needs no warning."""


class BadParameter(Exception):
    """A known parameter has a value that cannot be right."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that make sense here, as the vendor names them."""

    sample_rate: Annotated[int, msgspec.Meta(ge=8000, le=96_000)] = 16_000
    encoding: Literal["pcm_s16le", "pcm_mulaw"] = "pcm_s16le"
    speech_model: str = ""
    format_turns: bool = True
    min_turn_silence: Milliseconds | None = None
    max_turn_silence: Milliseconds | None = None
    vad_threshold: Unit | None = None
    inactivity_timeout: Annotated[int, msgspec.Meta(ge=5, le=3600)] | None = None
    session_heartbeat: bool = False
    acknowledge_silence: bool = False
    include_partial_turns: bool = True
    keyterms_prompt: Keyterms = ()
    prompt: Text = ""
    language_codes: tuple[str, ...] = ()
    language_code: str = ""
    llm_gateway: LLMGateway | None = None

    @property
    def endpointing(self) -> Endpointing:
        """Where turns begin and end, as the client asks."""
        return endpointing(Endpointing(), self)

    @property
    def language(self) -> str:
        """The one language the client expects; empty for several or an unknown one."""
        codes = self.language_codes or ((self.language_code,) if self.language_code else ("en",))
        return codes[0].lower()[:2] if len(codes) == 1 else ""

    @property
    def plain(self) -> bool:
        """Whether turns are wanted without capitals and punctuation; U3 models have them anyway."""
        return not self.format_turns and not self.speech_model.startswith(("u3", "universal-3"))

    @property
    def hints(self) -> str:
        """What leans the recogniser to the client's words."""
        return hints(self.prompt, self.keyterms_prompt)


SHORTEST_TURN_SILENCE_MS = 400
"""Whisper needs a pause to tell a sentence's end; the vendor's own 128 ms would cut at every breath."""


def endpointing(now: Endpointing, asked: Parameters | UpdateConfiguration) -> Endpointing:
    """Return the endpointing in force after a client asked for a change; `None` keeps what is."""
    changes: dict[str, Any] = {}
    if asked.vad_threshold is not None:
        changes["vad_threshold"] = min(0.99, max(0.05, asked.vad_threshold))
    if asked.min_turn_silence is not None:
        changes["min_turn_silence_ms"] = max(SHORTEST_TURN_SILENCE_MS, asked.min_turn_silence)
    if asked.max_turn_silence is not None:
        changes["max_turn_silence_ms"] = asked.max_turn_silence
    return msgspec.structs.replace(now, **changes)


def hints(prompt: str, keyterms: Iterable[str]) -> str:
    """Return a client's prompt and key terms as one text.

    Whisper takes it for what was said before: a bare list of terms would be missing from what comes next.
    """
    terms = ", ".join(keyterms)
    return " ".join(filter(None, [terms and f"Words that may occur: {terms}.", prompt.strip()]))


def parse(query: Iterable[tuple[str, str]]) -> tuple[Parameters, list[str]]:
    """Return the parameters of a query, and the names of those that have no effect here.

    Raises:
        BadParameter: a value is not what its parameter takes (the service closes with 3006).
    """
    kinds = get_type_hints(Parameters, include_extras=True)
    fields: dict[str, Any] = {}
    ignored: list[str] = []
    for name, written in query:
        if name in kinds:
            fields[name] = _read(name, written, kinds[name])
        elif name not in CREDENTIALS:
            ignored.append(name)
    try:
        parameters = msgspec.convert(fields, Parameters, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise BadParameter(f"{where.rstrip('`') or 'query'}: {what}") from error
    return parameters, sorted(set(ignored))


def _read(name: str, written: str, kind: Any) -> Any:
    """Return a value as it was written: lists and objects are JSON, empty text is the default."""
    if not _is_json(kind):
        return written
    try:
        return json.loads(written)
    except ValueError as error:
        raise BadParameter(f"{name} is not JSON: {error}") from error


def _is_json(kind: Any) -> bool:
    kinds = get_args(kind) if get_origin(kind) is not Literal else ()
    return kind is LLMGateway or get_origin(kind) is tuple or any(_is_json(part) for part in kinds)
