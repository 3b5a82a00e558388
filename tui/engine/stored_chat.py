"""LLM server of stored sessions: the client for questions about them, outside of a running session."""

from tui.config.schema import Config
from tui.credentials import api_key, llm_key
from tui.engine.endpoints import Endpoints
from tui.engine.gateway_process import GatewayProcess, is_installed
from tui.engine.routing import resolve_route
from tui.llm.client import ChatClient
from tui.model.prompts import PromptLibrary
from tui.urls import may_carry_key

SAMPLE_RATE = 16_000
"""Sample rate of a connection for audio, which is not opened."""


async def chat_client(config: Config, gateway: GatewayProcess) -> ChatClient:
    """Return a client of the configured LLM server; starts the local gateway if that is the server.

    Raises:
        LivegistError: no LLM server is configured or installed, or the local gateway does not start.
    """
    if config.llm_url and not api_key():
        return ChatClient(config.llm_url, llm_key() if may_carry_key(config.llm_url) else "")
    route = resolve_route(config, key=api_key(), llm_key=llm_key(), local_installed=is_installed())
    return await Endpoints(config, route, PromptLibrary(()), gateway, SAMPLE_RATE).chat()
