"""Address of a Streaming v3 connection: host, path and query parameters. Pure."""

import json
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import msgspec

WS_PATH = "/v3/ws"
CLOUD_URL = "wss://streaming.assemblyai.com"
CLOUD_LLM_URL = "https://llm-gateway.assemblyai.com"
API_VERSION = "2025-05-12"


class LLMGateway(msgspec.Struct, frozen=True):
    """The `llm_gateway` parameter: the chat about every final turn, fixed for the life of a connection."""

    model: str
    messages: Annotated[tuple[dict[str, str], ...], msgspec.Meta(min_length=1)]
    """Chat messages; `{{turn}}` in a `content` is replaced by the turn's words."""
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] = 4000


def connection_url(
    base_url: str,
    *,
    sample_rate: int,
    speech_model: str,
    format_turns: bool,
    llm_gateway: LLMGateway | None,
    options: dict[str, Any] | None = None,
) -> str:
    """Return the URL of a connection, its query as the vendor's tutorial writes it.

    Args:
        base_url: such as `wss://streaming.assemblyai.com`; `/v3/ws` is added unless a path is there.
        sample_rate: Hz of the PCM that will be sent.
        speech_model: the endpoint's name for it.
        format_turns: whether to ask for punctuation (Universal-Streaming only).
        llm_gateway: `None` asks for no answers.
        options: further parameters; lists and objects are written as JSON, and `None` is left out. What stands in
            the query of `base_url` comes before them all.
    """
    query: dict[str, Any] = {
        "sample_rate": sample_rate,
        "format_turns": format_turns,
        "speech_model": speech_model,
    }
    if llm_gateway is not None:
        query["llm_gateway"] = json.dumps(msgspec.to_builtins(llm_gateway), ensure_ascii=False)
    base, _, given = base_url.partition("?")
    base = base.rstrip("/")
    if base.count("/") == 2:
        base += WS_PATH
    query |= (options or {}) | dict(parse_qsl(given))
    return f"{base}?{urlencode({name: _encode(value) for name, value in query.items() if value is not None})}"


def _encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | tuple) else str(value)
