"""Where a session asks: the endpoint that hears it, and the server that answers prompts."""

import difflib

from tui.config.schema import Config
from tui.engine.gateway_process import GatewayProcess
from tui.engine.routing import Route, chat_root, endpoint
from tui.errors import ChatError, LivegistError
from tui.llm.client import ChatClient
from tui.model.events import Notice, Severity
from tui.model.prompts import PromptLibrary
from tui.stream.connection import ConnectError
from tui.stream.reconnecting import Target


class Endpoints:
    """Makes addresses and clients out of a plan.

    Args:
        config: the settings.
        plan: where speech and prompts go.
        prompts: the prompts that connections may carry.
        gateway: runs the local gateway, if the plan wants it.
        sample_rate: Hz of the sound that is sent.
    """

    def __init__(
        self, config: Config, route: Route, prompts: PromptLibrary, gateway: GatewayProcess, sample_rate: int
    ) -> None:
        self._config = config
        self._route = route
        self._prompts = prompts
        self._gateway = gateway
        self._sample_rate = sample_rate
        self._chat: ChatClient | None = None

    async def target(self, prompt: str) -> Target:
        """Return what the link connects to for a prompt.

        Raises:
            Refused: the local gateway does not start.
        """
        base = self._route.url or await self._gateway.url(self._config, self._route.llm_key)
        return Target(endpoint(base, self._prompts[prompt], self._config, self._sample_rate), self._route.key)

    async def chat(self) -> ChatClient:
        """Return the client of the server that answers prompts.

        Raises:
            ChatError: there is no such server.
        """
        if self._chat is None:
            base = self._route.llm_url
            if not base:
                try:
                    base = chat_root(await self._gateway.url(self._config, self._route.llm_key))
                except ConnectError as refused:
                    raise ChatError(refused.close.meaning, refused.close.hint) from refused
            self._chat = ChatClient(base, self._route.llm_key)
        return self._chat

    async def close(self) -> None:
        """Close the connections to the server that answers prompts; `chat` opens them again."""
        client, self._chat = self._chat, None
        if client is not None:
            await client.aclose()

    async def check_model(self) -> Notice | None:
        """Return a warning if the server has a list of models and the configured one is not on it."""
        if not (self._route.llm_url or self._config.llm_url):
            return None
        try:
            models = await (await self.chat()).models()
        except LivegistError:
            return None
        wanted = self._config.llm_model
        if not models or wanted in models:
            return None
        near = difflib.get_close_matches(wanted, models, 3, 0.4) or models[:3]
        return Notice(
            Severity.WARNING,
            f"The LLM server does not list the model {wanted}.",
            f"It lists {', '.join(near)}: use --llm-model.",
        )
