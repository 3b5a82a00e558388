"""The query of `/v3/ws`: what of it holds here, what is taken and let be, and what is wrong."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from tui.gateway.endpointing import Endpointing
from tui.stream.protocol import LLMGateway, UpdateConfiguration

Text = Annotated[str, msgspec.Meta(max_length=1750)]
Keyterms = Annotated[tuple[str, ...], msgspec.Meta(max_length=100)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Checked = TypeVar("Checked", bound=msgspec.Struct)
CREDENTIALS = frozenset({"token"})
ANY_LANGUAGE = re.compile(r"multilingual|^whisper-rt$")
"""The service's models that tell the language by themselves."""
SHORTEST_TURN_SILENCE_MS = 400
"""Whisper needs a pause to tell a sentence's end; the vendor's own 128 ms would cut at every breath."""


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
    language_detection: bool = False
    llm_gateway: LLMGateway | None = None
    min_end_of_turn_silence_when_confident: Milliseconds | None = None
    """Former name of `min_turn_silence`."""

    @property
    def endpointing(self) -> Endpointing:
        """Where turns begin and end, as the client asks."""
        silence_ms = self.min_turn_silence
        if silence_ms is None:
            silence_ms = self.min_end_of_turn_silence_when_confident
        changes: dict[str, Any] = {}
        if self.vad_threshold is not None:
            changes["vad_threshold"] = min(0.99, max(0.05, self.vad_threshold))
        if silence_ms is not None:
            changes["min_turn_silence_ms"] = max(SHORTEST_TURN_SILENCE_MS, silence_ms)
        if self.max_turn_silence is not None:
            changes["max_turn_silence_ms"] = self.max_turn_silence
        return Endpointing(**changes)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that may be spoken, such as `en` for `en-US` and `EN_us`; none for any."""
        codes = self.language_codes or ((self.language_code,) if self.language_code else ())
        if not codes and not self.language_detection and not ANY_LANGUAGE.search(self.speech_model):
            return ("en",)
        return tuple(dict.fromkeys(re.split("[-_]", code.strip().lower())[0] for code in codes))

    @property
    def plain(self) -> bool:
        """Whether turns are wanted without capitals and punctuation; U3 models have them anyway."""
        return not self.format_turns and not self.speech_model.startswith(("u3", "universal-3"))

    @property
    def hints(self) -> str:
        """What leans the recogniser to the client's words.

        Whisper takes it for what was said before: a bare list of terms would be missing from what comes next.
        """
        terms = ", ".join(self.keyterms_prompt)
        return " ".join(filter(None, [terms and f"Words that may occur: {terms}.", self.prompt.strip()]))


class Unheeded(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the service that have no effect here; a value that cannot be right is refused all the same.

    Names of modes, domains and the like are left unchecked: new ones come with every release.
    """

    end_of_turn_confidence_threshold: Unit | None = None
    agent_context: Text = ""
    continuous_partials: bool = False
    speaker_labels: bool = False
    max_speakers: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    speaker_labels_revision_interval_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None
    voice_focus_threshold: Unit | None = None
    filter_profanity: bool = False
    redact_pii: bool = False
    redact_pii_policies: tuple[str, ...] = ()


def parse(query: Iterable[tuple[str, str]]) -> tuple[Parameters, list[str]]:
    """Return the parameters of a query, and the names of those that have no effect here.

    Raises:
        BadParameter: a value is not what its parameter takes (the service closes with 3006).
    """
    kinds = get_type_hints(Parameters, include_extras=True)
    others = get_type_hints(Unheeded, include_extras=True)
    fields: dict[str, Any] = {}
    unheeded: dict[str, Any] = {}
    ignored: list[str] = []
    for name, written in query:
        if name in kinds:
            fields[name] = _read(name, written, kinds[name])
        elif name not in CREDENTIALS:
            ignored.append(name)
            if name in others:
                unheeded[name] = _read(name, written, others[name])
    parameters = _checked(fields, Parameters, strict=False)
    _checked(unheeded, Unheeded, strict=False)
    return parameters, sorted(set(ignored))


def updated(now: Parameters, asked: UpdateConfiguration) -> Parameters:
    """Return the parameters in force after a client asked for a change; what it leaves out stays.

    Raises:
        BadParameter: a value is not what its parameter takes (the service closes with 3006).
    """
    wanted = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    if "min_end_of_turn_silence_when_confident" in wanted:
        wanted.setdefault("min_turn_silence", wanted["min_end_of_turn_silence_when_confident"])
    checked = _checked(wanted, Parameters, strict=True)
    _checked(wanted, Unheeded, strict=True)
    return msgspec.structs.replace(
        now, **{name: getattr(checked, name) for name in wanted if name in Parameters.__struct_fields__}
    )


def _checked(fields: dict[str, Any], kind: type[Checked], *, strict: bool) -> Checked:
    try:
        return msgspec.convert(fields, kind, strict=strict)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise BadParameter(f"{where.rstrip('`') or 'query'}: {what}") from error


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
