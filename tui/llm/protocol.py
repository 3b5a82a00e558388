"""Chat completions protocol: requests, responses, errors. No I/O.

Source: the OpenAI chat completions API as implemented by AssemblyAI's LLM Gateway and other servers, November 2026.
Servers differ in their fields, so all fields are optional here, and all known shapes of errors are parsed.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tui.errors import ChatError
from tui.llm.reasoning import without_reasoning
from tui.text import one_line

MAX_REASON_CHARACTERS = 300
"""Maximum length of a server's message quoted in an error, in characters."""


class Message(msgspec.Struct, frozen=True):
    """One message of a chat."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str


class Completion(msgspec.Struct, frozen=True):
    """An answer, or a delta of one that is still streaming."""

    text: str
    """Untrusted: sanitise it before display."""
    model: str = ""
    """Name of the model, as the response gives it."""
    input_tokens: int = 0
    output_tokens: int = 0
    finish_reason: str = ""
    """`stop`, `length`, …; empty if the response has none."""


class _Part(msgspec.Struct):
    text: str = ""


class _MessageText(msgspec.Struct):
    content: str | list[_Part] | None = None


class _Choice(msgspec.Struct):
    message: _MessageText | None = None
    delta: _MessageText | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: _Usage | None = None


class _Model(msgspec.Struct):
    id: str


class _ModelList(msgspec.Struct):
    data: list[_Model]


class _Detail(msgspec.Struct):
    message: str = ""
    code: str | int | None = None


class _ErrorBody(msgspec.Struct):
    error: str | _Detail | None = None
    message: str | None = None
    detail: str | None = None
    code: str | int | None = None
    request_id: str | None = None


def request(
    messages: Sequence[Message], model: str, max_tokens: int, temperature: float | None = None
) -> dict[str, Any]:
    """Return the body of a request; `temperature` is omitted if it is `None`."""
    body = {"model": model, "messages": msgspec.to_builtins(messages), "max_tokens": max_tokens}
    return body if temperature is None else body | {"temperature": temperature}


def parse_completion(fields: Any) -> Completion:
    """Return the answer in a decoded body or in the `data` of an `LLMGatewayResponse`.

    Raises:
        ChatError: the body contains an error, or no answer.
    """
    piece = parse_delta(fields)
    if not fields.get("choices"):
        raise _chat_error(_status(fields), fields)
    return require_text(msgspec.structs.replace(piece, text=without_reasoning(piece.text)))


def require_text(completion: Completion) -> Completion:
    """Return an answer.

    Raises:
        ChatError: it ended before it had any text, as reasoning alone may reach the limit of tokens.
    """
    if completion.finish_reason == "length" and not completion.text.strip():
        raise ChatError(
            "The model reached the limit of tokens before it wrote an answer.",
            "Raise max_tokens, or use another model.",
        )
    return completion


def parse_delta(fields: Any) -> Completion:
    """Return the delta in one event of a stream; its text may be empty.

    Raises:
        ChatError: the event contains an error, or has unexpected types.
    """
    if isinstance(fields, dict) and fields.get("error"):
        raise _chat_error(_status(fields), fields)
    try:
        answer = msgspec.convert(fields, _Answer, strict=False)
    except (msgspec.ValidationError, OverflowError) as error:
        raise ChatError(
            f"The LLM server sent an invalid response: {error}", "Check that llm_url is an OpenAI-compatible server."
        ) from error
    choice = answer.choices[0] if answer.choices else _Choice()
    usage = answer.usage or _Usage()
    return Completion(
        text=_text(choice.message or choice.delta or _MessageText()),
        model=answer.model or "",
        input_tokens=usage.input_tokens or usage.prompt_tokens or 0,
        output_tokens=usage.output_tokens or usage.completion_tokens or 0,
        finish_reason=choice.finish_reason or "",
    )


def append_delta(whole: Completion, piece: Completion) -> Completion:
    """Return `whole` with the delta `piece` appended: texts are joined, other fields take the newest value."""
    return Completion(
        text=whole.text + piece.text,
        model=piece.model or whole.model,
        input_tokens=piece.input_tokens or whole.input_tokens,
        output_tokens=piece.output_tokens or whole.output_tokens,
        finish_reason=piece.finish_reason or whole.finish_reason,
    )


def parse_models(body: bytes | str) -> list[str] | None:
    """Return the ids in the response to `GET /v1/models`, or `None` if it is not a list of models."""
    try:
        listed = msgspec.json.decode(body, type=_ModelList)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return [model.id for model in listed.data]


def parse_error(status: int, body: bytes | str, *, retry_after_s: float | None = None) -> ChatError:
    """Return the error for an HTTP status and a body.

    Known bodies are `{"error": text}`, `{"error": {"message", "code"}}`, `{"code", "message"}`, `{"detail": text}`,
    and text that is not JSON, such as a proxy's error page.
    """
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fields = body.decode(errors="replace") if isinstance(body, bytes) else body
    return _chat_error(status, fields, retry_after_s)


def _text(message: _MessageText) -> str:
    match message.content:
        case str(text):
            return text
        case list(parts):
            return "".join(part.text for part in parts)
        case _:
            return ""


def _chat_error(status: int, fields: Any, retry_after_s: float | None = None) -> ChatError:
    reason = _short_line(_error_reason(fields)) or "no reason given"
    retry = status == 429 or status >= 500
    return ChatError(
        f"The LLM server refused ({status}): {reason}" if status >= 400 else f"The LLM server failed: {reason}",
        _hint(status),
        status=status if status >= 400 else 0,
        retry=retry,
        retry_after_s=retry_after_s,
    )


def _status(fields: dict[str, Any]) -> int:
    """Return the HTTP status in an error object that came with status 200; 200 if it contains none."""
    nested = fields.get("error")

    codes = [fields.get("status"), fields.get("code"), nested.get("code") if isinstance(nested, dict) else None]
    return next((code for code in codes if isinstance(code, int) and 400 <= code < 600), 200)


def _error_reason(fields: Any) -> str:
    """Return the message of a server's error, with the id of the request if there is one."""
    if not isinstance(fields, dict):
        return str(fields)
    try:
        refusal = msgspec.convert(fields, _ErrorBody, strict=False)
    except (msgspec.ValidationError, OverflowError):
        return str(fields)
    match refusal:
        case _ErrorBody(error=_Detail(message=str(text))) if text:
            reason = text
        case _ErrorBody(error=_Detail(code=code)) if code is not None:
            reason = str(code)
        case _ErrorBody(message=str(text)) | _ErrorBody(error=str(text)) | _ErrorBody(detail=str(text)):
            reason = text
        case _ErrorBody(code=code) if code is not None:
            reason = str(code)
        case _:
            reason = str(fields)
    return f"{reason} (request {refusal.request_id})" if refusal.request_id else reason


def _short_line(text: str) -> str:
    """Return `text` on one line of at most `MAX_REASON_CHARACTERS`."""
    line = one_line(text, None)
    return line if len(line) <= MAX_REASON_CHARACTERS else line[: MAX_REASON_CHARACTERS - 1] + "…"


def _hint(status: int) -> str:
    match status:
        case 400 | 422:
            return "Check llm_model and max_tokens; the model may be outside the account's plan."
        case 401 | 403:
            return "Check the key: ASSEMBLYAI_API_KEY for the vendor, LIVEGIST_LLM_KEY for the server at llm_url."
        case 404 | 405 | 410:
            return "Check llm_url and llm_model."
        case 413:
            return "The transcript exceeds the model's context. Use a model with a larger context."
        case 429:
            return "Wait a minute and try again, or use another model."
        case _ if status >= 500:
            return "The server has a problem. Try again, or use another model."
        case _:
            return "Try again, or use another model."
