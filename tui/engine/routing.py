"""Routing: chooses the speech endpoint and the LLM server from the settings and keys. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from tui.config.schema import Config
from tui.errors import EndpointError, MissingExtraError, UsageError
from tui.model.prompts import TURN, Prompt
from tui.stream import query
from tui.stream.query import LLMGateway
from tui.text import file_text
from tui.urls import host, is_complete, may_carry_key

VENDOR = "assemblyai.com"


class Route(msgspec.Struct, frozen=True):
    """Addresses and keys of the speech endpoint and the LLM server."""

    engine: Literal["cloud", "local"]
    url: str
    """Base URL of the Streaming v3 endpoint; empty for the local gateway, whose port is known once it runs."""
    key: str
    """The vendor's API key; empty if there is none or it must not be sent to `url`."""
    llm_url: str
    """Base URL of the chat completions server; empty for the local gateway."""
    llm_key: str
    warnings: tuple[str, ...] = ()
    """Warnings for the user about this route."""

    @property
    def endpoint(self) -> str:
        """Display name of the host that audio is sent to."""
        return host(self.url) if self.url else "this machine"


def resolve_route(config: Config, *, key: str, llm_key: str, local_installed: bool) -> Route:
    """Return the route for a session.

    Args:
        config: the settings.
        key: the vendor's API key, or empty.
        llm_key: the API key of the server at `llm_url`, or empty.
        local_installed: whether the extra `local` is installed.

    Raises:
        UsageError: the settings contradict each other.
        EndpointError: the cloud engine needs a key and there is none.
        MissingExtraError: the local engine is requested but not installed.
    """
    if config.url and config.engine == "local":
        raise UsageError("--url and --engine local exclude each other.", "Use one of them.")
    if config.url and not (config.url.startswith(("ws://", "wss://")) and is_complete(config.url)):
        raise UsageError(
            f"Invalid WebSocket URL: {file_text(config.url)}.", "Use --url wss://HOST or --url ws://HOST:PORT."
        )
    if config.engine == "local" or (config.engine == "auto" and not config.url and not key and local_installed):
        if not local_installed:
            raise MissingExtraError("The local engine", "local")
        return Route("local", "", "", "", llm_key)
    url = config.url or query.CLOUD_URL
    if not key and is_vendor(url):
        raise EndpointError(
            "There is no API key for the cloud engine, and the local engine is not installed."
            if not local_installed
            else "There is no API key for the cloud engine.",
            "Run livegist login, set ASSEMBLYAI_API_KEY, or use --engine local."
            if local_installed
            else "Run livegist login, set ASSEMBLYAI_API_KEY, or install the local engine: "
            "pip install 'livegist[local]'.",
        )
    llm_url = config.llm_url or _chat_server_for(url)
    warnings: tuple[str, ...] = ()
    if key and not may_carry_key(url):
        warnings = (f"The API key is not sent to {host(url)}: the connection is not encrypted. Use wss://.",)
    return Route(
        engine="cloud",
        url=url,
        key=key if may_carry_key(url) else "",
        llm_url=llm_url,
        llm_key=_key_for(llm_url, url, key, llm_key),
        warnings=warnings,
    )


def gateway_parameter(prompt: Prompt, config: Config, track: str = "") -> LLMGateway:
    """Return the parameter by which the endpoint asks the LLM about every final turn.

    Args:
        prompt: the prompt.
        config: the settings.
        track: name of the track, which precedes each turn; empty for none.
    """
    assert TURN in prompt.turn
    content = prompt.turn.replace(TURN, f"{track}: {TURN}") if track else prompt.turn
    return LLMGateway(
        model=prompt.model or config.llm_model,
        messages=({"role": "user", "content": content},),
        max_tokens=prompt.max_tokens or config.max_tokens,
    )


def endpoint(
    base_url: str,
    prompt: Prompt,
    config: Config,
    sample_rate: int,
    track: str = "",
    own: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the URL of a connection that carries a prompt; `own` are parameters of the local gateway alone."""
    return query.connection_url(
        base_url,
        sample_rate=sample_rate,
        speech_model=config.speech_model,
        format_turns=config.format_turns,
        llm_gateway=gateway_parameter(prompt, config, track),
        options=({"speaker_labels": True} if config.speaker_labels else {}) | dict(own) | config.stream_options,
    )


def chat_root(websocket_url: str) -> str:
    """Return the HTTP root of a streaming endpoint; behind a reverse proxy, it may be a path of the server."""
    scheme, _, address = websocket_url.partition("?")[0].rstrip("/").partition("://")
    server = address.partition("/")[0]
    root = address.removesuffix(query.WS_PATH) if address.endswith(query.WS_PATH) else server
    return f"{'https' if scheme == 'wss' else 'http'}://{root}"


def is_vendor(url: str) -> bool:
    """Return whether an address is the vendor's."""
    name = host(url)
    return name == VENDOR or name.endswith("." + VENDOR)


def _chat_server_for(url: str) -> str:
    """Return the base URL of the chat completions server that belongs to a streaming endpoint."""
    if not is_vendor(url):
        return chat_root(url)
    return query.CLOUD_LLM_URL.replace("gateway.", "gateway.eu.") if ".eu." in url else query.CLOUD_LLM_URL


def _key_for(llm_url: str, url: str, key: str, llm_key: str) -> str:
    """Return the key for the chat server. The vendor's key goes only to the vendor and to the endpoint's own host."""
    may_get_vendor_key = is_vendor(llm_url) or host(llm_url) == host(url)
    chosen = (llm_key or key) if may_get_vendor_key else llm_key
    return chosen if may_carry_key(llm_url) else ""
