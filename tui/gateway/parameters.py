"""Parse the query of `/v3/ws`: parameters that have an effect, accepted ones without an effect, invalid ones."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from tui.gateway.endpointing import Endpointing
from tui.gateway.turn_settings import TurnSettings
from tui.stream.messages import UpdateConfiguration
from tui.stream.query import LLMGateway

Text = Annotated[str, msgspec.Meta(max_length=1750)]
Keyterms = Annotated[tuple[str, ...], msgspec.Meta(max_length=100)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]
Checked = TypeVar("Checked", bound=msgspec.Struct)
CREDENTIALS = frozenset({"token"})
ANY_LANGUAGE = re.compile(r"multilingual|^whisper-rt$")
"""The service's models that detect the language."""
MULTI = "multi"
"""Language code that stands for any language."""
BOOLEANS = {
    "yes": "true",
    "y": "true",
    "on": "true",
    "t": "true",
    "no": "false",
    "n": "false",
    "off": "false",
    "f": "false",
}
"""Spellings of booleans besides `true`, `false`, `1` and `0`, in any case."""
MIN_TURN_SILENCE_MS = 400
"""Whisper needs a pause to detect a sentence's end; the vendor's 128 ms would cut at every breath."""


class InvalidParameterError(Exception):
    """A known parameter has an invalid value."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that have an effect, under the vendor's names."""

    sample_rate: Annotated[int, msgspec.Meta(ge=8000, le=96_000)] = 16_000
    encoding: Literal["pcm_s16le", "pcm_mulaw", "opus", "ogg_opus", "aac"] = "pcm_s16le"
    speech_model: str = ""
    format_turns: bool = True
    formatted_finals: bool = True
    """What some clients call `format_turns`."""
    min_turn_silence: Milliseconds | None = None
    max_turn_silence: Milliseconds | None = None
    vad_threshold: Unit | None = None
    inactivity_timeout: Annotated[int, msgspec.Meta(ge=5, le=3600)] | None = None
    session_heartbeat: bool = False
    acknowledge_silence: bool = False
    include_partial_turns: bool = True
    continuous_partials: bool = True
    keyterms_prompt: Keyterms = ()
    prompt: Text = ""
    language_codes: tuple[str, ...] = ()
    language_code: str = ""
    language_detection: bool = False
    llm_gateway: LLMGateway | None = None
    speaker_labels: bool = False
    max_speakers: Annotated[int, msgspec.Meta(ge=1, le=10)] | None = None
    speaker_labels_revision_interval_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None
    speaker_session: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Of this gateway only: connections with the same value have the same speakers. Without it, a speaker may get
    another label when a connection is renewed, and on each track."""
    known_voices: bool = False
    """Of this gateway only: whether remembered voices are named."""
    min_end_of_turn_silence_when_confident: Milliseconds | None = None
    """Former name of `min_turn_silence`."""

    def endpointing(self, defaults: Endpointing) -> Endpointing:
        """Return the settings of turn detection, as the client asks.

        Args:
            defaults: of what it does not ask for.
        """
        silence_ms = self._asked_min_silence_ms
        changes: dict[str, Any] = {}
        if self.vad_threshold is not None:
            changes["vad_threshold"] = min(0.99, max(0.05, self.vad_threshold))
        if silence_ms is not None:
            changes["min_turn_silence_ms"] = max(MIN_TURN_SILENCE_MS, silence_ms)
        if self.max_turn_silence is not None:
            changes["max_turn_silence_ms"] = self.max_turn_silence
        return msgspec.structs.replace(defaults, **changes)

    def turn_settings(self, defaults: Endpointing) -> TurnSettings:
        """Return how the client wants its turns.

        Args:
            defaults: of what it does not ask for in turn detection.
        """
        return TurnSettings(
            endpointing=self.endpointing(defaults),
            languages=self.languages,
            prompt=self.recogniser_prompt,
            unformatted=self.unformatted,
            partials=self.include_partial_turns,
            continuous_partials=self.continuous_partials,
            silence=self.acknowledge_silence,
        )

    @property
    def raised(self) -> str:
        """A sentence about a value that is raised to the least that works here; empty if there is none."""
        asked_ms = self._asked_min_silence_ms
        if asked_ms is None or asked_ms >= MIN_TURN_SILENCE_MS:
            return ""
        return f"min_turn_silence is {MIN_TURN_SILENCE_MS} ms instead of {asked_ms} ms."

    @property
    def _asked_min_silence_ms(self) -> int | None:
        former = self.min_end_of_turn_silence_when_confident
        return former if self.min_turn_silence is None else self.min_turn_silence

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that may be spoken, such as `en` for `en-US` and `EN_us`; none for any."""
        codes = self.language_codes or ((self.language_code,) if self.language_code else ())
        if not codes and not self.language_detection and not ANY_LANGUAGE.search(self.speech_model):
            return ("en",)
        named = tuple(dict.fromkeys(re.split("[-_]", code.strip().lower())[0] for code in codes if code.strip()))
        return () if MULTI in named else named

    @property
    def unformatted(self) -> bool:
        """Whether turns are sent without capitals and punctuation; U3 models always send them."""
        is_formatted = self.format_turns and self.formatted_finals
        return not is_formatted and not self.speech_model.startswith(("u3", "universal-3"))

    @property
    def recogniser_prompt(self) -> str:
        """Text that biases the recogniser towards the client's words.

        Whisper takes it as preceding speech, so the terms stand in a sentence: after a bare list it omits them.
        """
        terms = ", ".join(self.keyterms_prompt)
        return " ".join(filter(None, [terms and f"Words that may occur: {terms}.", self.prompt.strip()]))


class IgnoredParameters(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the service that have no effect here; an invalid value is refused all the same.

    Names of modes, domains and the like are not checked: every release adds some.
    """

    end_of_turn_confidence_threshold: Unit | None = None
    agent_context: Text = ""
    previous_context_n_turns: int | None = None
    interruption_delay: int | None = None
    turn_left_pad_ms: int | None = None
    word_finalization_max_wait_time: int | None = None
    mode: str = ""
    domain: str = ""
    voice_focus: str = ""
    voice_focus_threshold: Unit | None = None
    filter_profanity: bool = False
    redact_pii: bool = False
    redact_pii_policies: tuple[str, ...] = ()
    redact_pii_sub: str = ""


def parse(query: Iterable[tuple[str, str]]) -> tuple[Parameters, list[str]]:
    """Return the parameters of a query, and the names of those without an effect.

    Raises:
        InvalidParameterError: a value is invalid (the service closes with 3006).
    """
    kinds = get_type_hints(Parameters, include_extras=True)
    others = get_type_hints(IgnoredParameters, include_extras=True)
    fields: dict[str, Any] = {}
    no_effect: dict[str, Any] = {}
    ignored: list[str] = []
    for name, written in query:
        if name in kinds:
            _add(fields, name, _read(name, written, kinds[name]))
        elif name not in CREDENTIALS:
            ignored.append(name)
            if name in others:
                _add(no_effect, name, _read(name, written, others[name]))
    parameters = _checked(fields, Parameters, strict=False)
    _checked(no_effect, IgnoredParameters, strict=False)
    return parameters, sorted(set(ignored))


def apply_update(now: Parameters, asked: UpdateConfiguration) -> Parameters:
    """Return the parameters after a client's update; those that it omits stay as they are.

    Raises:
        InvalidParameterError: a value is invalid (the service closes with 3006).
    """
    wanted = {name: value for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    if isinstance(codes := wanted.get("language_codes"), str):
        wanted["language_codes"] = (codes,)
    if "min_end_of_turn_silence_when_confident" in wanted:
        wanted.setdefault("min_turn_silence", wanted["min_end_of_turn_silence_when_confident"])
    checked = _checked(wanted, Parameters, strict=True)
    _checked(wanted, IgnoredParameters, strict=True)
    return msgspec.structs.replace(
        now, **{name: getattr(checked, name) for name in wanted if name in Parameters.__struct_fields__}
    )


def _checked(fields: dict[str, Any], kind: type[Checked], *, strict: bool) -> Checked:
    try:
        return msgspec.convert(fields, kind, strict=strict)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise InvalidParameterError(f"{where.rstrip('`') or 'query'}: {what}") from error


def _add(fields: dict[str, Any], name: str, value: Any) -> None:
    """Set a parameter; a list that occurs several times is joined."""
    fields[name] = [*fields[name], *value] if isinstance(value, list) and name in fields else value


def _read(name: str, written: str, kind: Any) -> Any:
    """Return a value of the query; objects are JSON, and lists may be."""
    if kind is bool:
        return BOOLEANS.get(written.strip().lower(), written)
    if _has(kind, tuple):
        return _read_list(name, written)
    return _read_json(name, written) if _has(kind, LLMGateway) else written


def _read_list(name: str, written: str) -> list[Any]:
    """Return a list that is written as JSON, or as its only item."""
    text = written.strip()
    if not text.startswith(("[", "{", '"')):
        return [text] if text else []
    value = _read_json(name, text)
    if isinstance(value, dict):
        raise InvalidParameterError(f"{name}: Expected `array`, got `object`")
    return value if isinstance(value, list) else [value]


def _read_json(name: str, written: str) -> Any:
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise InvalidParameterError(f"{name} is not JSON: {error}") from error


def _has(kind: Any, wanted: type) -> bool:
    """Return whether a type is, or is a union with, another."""
    kinds = get_args(kind) if get_origin(kind) is not Literal else ()
    return kind is wanted or get_origin(kind) is wanted or any(_has(part, wanted) for part in kinds)
