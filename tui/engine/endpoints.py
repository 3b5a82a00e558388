"""Endpoints of a session: the addresses and clients of the speech endpoint and the LLM server."""

import difflib
import uuid
from collections.abc import Awaitable, Callable, Mapping

from msgspec.structs import replace

from tui.config.schema import Config
from tui.engine.gateway_process import GatewayProcess
from tui.engine.routing import Route, chat_root, endpoint, is_vendor
from tui.errors import ChatError, LivegistError
from tui.llm.client import ChatClient
from tui.model.events import Notice, Severity
from tui.model.prompts import PromptLibrary, fill
from tui.stream.connection import ConnectError
from tui.stream.reconnecting import Target
from tui.stream.speaker_sets import SpeakerSets

REMEMBER_S = 10.0
"""Longest wait for the local gateway to store a voice."""


class Endpoints:
    """Builds connection targets and LLM clients from a route.

    Args:
        config: the settings.
        route: addresses and keys of the speech endpoint and the LLM server.
        prompts: the prompts that connections may carry.
        gateway: runs the local gateway, if the route uses it.
        sample_rate: sample rate of the audio that is sent, in Hz.
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
        self._speaker_session = uuid.uuid4().hex
        self.speakers = SpeakerSets()
        """The speakers that the local gateway labels."""
        self.variables: Callable[[], Mapping[str, str]] = dict
        """Returns the values of the variables in prompts."""

    def label_speakers(self) -> None:
        """Ask the endpoint for the labels of speakers, because several tracks are sent as one."""
        self._config = replace(self._config, speaker_labels=True)

    async def target(self, prompt: str, track: str = "") -> Target:
        """Return the address and key of a connection that carries a prompt.

        Args:
            prompt: id of the prompt.
            track: name of the track whose turns the endpoint sends to the LLM; empty for none.

        Raises:
            ConnectError: the local gateway does not start.
        """
        base = self._route.url or await self._gateway.url(self._config, self._route.llm_key)
        filled = fill(self._prompts[prompt], self.variables())
        # Parameters of livegist's own gateway, by which a speaker keeps the label on all connections of the session.
        own = {} if is_vendor(base) or not self._labels_speakers else {"speaker_session": self._speaker_session}
        if self.remembers_voices:
            own["known_voices"] = "true"
        return Target(endpoint(base, filled, self._config, self._sample_rate, track, own), self._route.key)

    @property
    def remembers_voices(self) -> bool:
        """Whether voices may be remembered and recognised: never in a private session, nor by another machine."""
        config = self._config
        return config.known_voices and self._labels_speakers and not config.private and not self._route.url

    @property
    def _labels_speakers(self) -> bool:
        """Whether labels of the speakers are requested."""
        return self._config.speaker_labels or bool(self._config.stream_options.get("speaker_labels"))

    @property
    def voice_memory(self) -> Callable[[str, str], Awaitable[str]] | None:
        """`remember_voice`, or `None` if voices must not be remembered."""
        return self.remember_voice if self.remembers_voices else None

    async def remember_voice(self, label: str, name: str) -> str:
        """Let the local gateway remember the voice of a speaker; return why it did not, or an empty text."""
        import httpx2

        if (own := self.speakers.known_label(label)) is None:
            return f"The gateway was restarted since and no longer knows the voice of {label}."
        try:
            base = chat_root(await self._gateway.url(self._config, self._route.llm_key))
            # A proxy from the environment would send the request off this machine.
            async with httpx2.AsyncClient(trust_env=False, timeout=REMEMBER_S) as client:
                body = {"session": self._speaker_session, "label": own, "name": name}
                answer = await client.post(f"{base}/livegist/voices", json=body)
            if answer.is_success:
                return ""
            return str(answer.json().get("error", "")) or f"The local gateway answered {answer.status_code}."
        except (ConnectError, httpx2.HTTPError, ValueError) as error:
            return f"The local gateway does not answer: {error}"

    async def chat(self) -> ChatClient:
        """Return the client of the LLM server.

        Raises:
            ChatError: the local gateway, which is the LLM server, does not start.
        """
        if self._chat is None:
            base = self._route.llm_url
            if not base:
                try:
                    base = chat_root(await self._gateway.url(self._config, self._route.llm_key))
                except ConnectError as error:
                    raise ChatError(error.close.meaning, error.close.hint) from error
            self._chat = ChatClient(base, self._route.llm_key)
        return self._chat

    async def close(self) -> None:
        """Close the connections to the LLM server; `chat` opens new ones."""
        client, self._chat = self._chat, None
        if client is not None:
            await client.aclose()

    async def check_model(self) -> Notice | None:
        """Return a warning if the LLM server lists its models and the configured one is not among them."""
        if not (self._route.llm_url or self._config.llm_url):
            return None
        try:
            models = await (await self.chat()).models()
        except LivegistError:
            return None
        configured = self._config.llm_model
        if not models or configured in models:
            return None
        similar = difflib.get_close_matches(configured, models, 3, 0.4) or models[:3]
        return Notice(
            Severity.WARNING,
            f"The LLM server does not list the model {configured}.",
            f"Choose one with --llm-model, such as: {', '.join(similar)}",
        )
