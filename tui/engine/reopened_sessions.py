"""Reopened sessions: questions, edits, bookmarks and names in stored sessions that no process is recording."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from tui.config.load import load
from tui.config.schema import Config
from tui.credentials import api_key, llm_key
from tui.engine.annotations import Annotations
from tui.engine.event_sink import EventSink
from tui.engine.gateway_process import GatewayProcess
from tui.engine.gist_tracker import GistTracker
from tui.engine.stats_collector import StatsCollector
from tui.engine.stored_chat import chat_client
from tui.errors import ChatError, LivegistError, UsageError
from tui.llm.client import ChatClient
from tui.model.commands import Analyse, Option, SessionAnnotation
from tui.model.events import Event
from tui.model.prompts import PromptLibrary
from tui.model.session_state import SessionState
from tui.sessions.store import StoredSession


class ReopenedSession:
    """A stored session that a person adds to.

    Args:
        stored: the session.
        state: its state, to which every event is applied.
        config: models and timeouts.
        prompts: the prompts that may be used.
        gateway: the local gateway, if it is the LLM server.
        publish: receives every event.

    Raises:
        SessionError: another process is writing the session, or its journal cannot be written.
    """

    def __init__(
        self,
        stored: StoredSession,
        state: SessionState,
        config: Config,
        prompts: PromptLibrary,
        gateway: GatewayProcess,
        publish: Callable[[Event], None],
    ) -> None:
        self._state = state
        self._config = config
        self._prompts = prompts
        self._gateway = gateway
        self._client: ChatClient | None = None
        self._opening = asyncio.Lock()
        self._requests: set[asyncio.Task[None]] = set()
        sink = EventSink(state, publish, (api_key(), llm_key()), stored, lambda: state.length_s)
        sink.close()
        self._gists = GistTracker(config, state, StatsCollector(), sink.emit)
        self._gists.resume()
        self._annotations = Annotations(
            state, prompts, self._gists, self._chat, sink.emit, self._spawn, state.transcript.get
        )

    @property
    def requests(self) -> frozenset[asyncio.Task[None]]:
        """The requests to the LLM that are not answered."""
        return frozenset(task for task in self._requests if not task.done())

    def execute(self, command: SessionAnnotation) -> None:
        """Execute a command.

        Raises:
            UsageError: the command is not possible.
            ConfigError: the prompt does not exist.
        """
        if isinstance(command, Analyse):
            self._analyse(command.prompt)
        else:
            self._annotations.execute(command)

    def _analyse(self, id: str) -> None:
        used = self._state.prompt if self._state.prompt in self._prompts else self._config.prompt
        prompt = self._prompts[id or used]
        if not self._state.finals:
            raise UsageError("There is nothing to analyse.", "The session has no turns.")
        self._spawn(self._gists.analyse(prompt, self._state.finals, self._chat))

    async def _chat(self) -> ChatClient:
        async with self._opening:
            if self._client is None:
                try:
                    self._client = await chat_client(self._config, self._gateway)
                except LivegistError as error:
                    raise ChatError(error.message, error.hint) from error
            return self._client

    def _spawn(self, request: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(self._run(request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _run(self, request: Coroutine[Any, Any, None]) -> None:
        """Await a request; the last one closes the connection to the LLM server."""
        try:
            await request
        finally:
            request.close()
            client = self._client
            if client is not None and all(task.done() for task in self._requests - {asyncio.current_task()}):
                self._client = None
                await client.aclose()


class ReopenedSessions:
    """The stored sessions that a person adds to; one is open for as long as the LLM owes it answers.

    Args:
        flags: settings that override the config file's and the environment's.
        prompts: the prompts that may be used.
        gateway: the local gateway, if it is the LLM server.
    """

    def __init__(self, flags: Mapping[str, Option], prompts: PromptLibrary, gateway: GatewayProcess) -> None:
        self._flags = flags
        self._prompts = prompts
        self._gateway = gateway
        self._open: dict[str, ReopenedSession] = {}

    async def execute(
        self,
        stored: StoredSession,
        command: SessionAnnotation,
        publish: Callable[[Event], None],
        state: SessionState | None = None,
    ) -> None:
        """Execute a command on a stored session.

        Args:
            stored: the session.
            command: the command.
            publish: receives every event.
            state: state of the session, to which every event is applied; `None` loads it.

        Raises:
            LivegistError: the command is not possible, or the session cannot be read or written.
        """
        self._open = {id: session for id, session in self._open.items() if session.requests}
        session = self._open.get(stored.id)
        if session is None:
            if state is None:
                state = await asyncio.to_thread(lambda: stored.load())
            # Another command may have opened it meanwhile.
            session = self._open.get(stored.id) or self._reopen(stored, state, publish)
        session.execute(command)
        self._open[stored.id] = session

    async def close(self, id: str = "") -> None:
        """Cancel the requests of a session, or of all sessions."""
        closed = [session for other, session in self._open.items() if id in ("", other)]
        requests = [request for session in closed for request in session.requests]
        for request in requests:
            request.cancel()
        if requests:
            await asyncio.wait(requests)

    def _reopen(self, stored: StoredSession, state: SessionState, publish: Callable[[Event], None]) -> ReopenedSession:
        config = load(dict(self._flags)).config
        return ReopenedSession(stored, state, config, self._prompts, self._gateway, publish)
