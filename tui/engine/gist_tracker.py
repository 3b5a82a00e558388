"""Gist tracker: requests gists, receives answers, applies timeouts, and analyses whole sessions."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from msgspec.structs import replace

from tui.config.schema import Config
from tui.engine.stats_collector import StatsCollector
from tui.errors import ChatError
from tui.llm.chunking import ChunkedAsker, ChunkProgress
from tui.llm.client import ChatClient, Completion, parse_completion
from tui.llm.prompt_messages import session_messages, turn_messages
from tui.model.events import Event, GistChanged, GistDelta
from tui.model.gists import Gist, GistStatus
from tui.model.prompts import Prompt, fill
from tui.model.session_state import SessionState
from tui.model.transcript import Turn, transcript_lines
from tui.sessions.qa import (
    SessionExcerpt,
    format_excerpts,
    merge_answers_messages,
    merge_parts_messages,
    question_messages,
)

Chat = Callable[[], Awaitable[ChatClient]]
"""Returns the client of the LLM server."""
Deltas = AsyncGenerator[str | ChunkProgress | Completion, None] | AsyncGenerator[str | Completion, None]
MAX_CONCURRENT = 3
"""Maximum number of concurrent requests about turns; servers allow about thirty requests a minute."""
DELTA_INTERVAL_S = 0.1
"""Shortest time between two deltas of an answer: a remote viewer gets ten a second, not fifty."""


class GistTracker:
    """Tracks the gists of one session.

    Args:
        config: models and timeouts.
        state: state of the session, to which `publish` applies every change.
        stats: counts gists and tokens.
        publish: receives every change of a gist.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        config: Config,
        state: SessionState,
        stats: StatsCollector,
        publish: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._state = state
        self._stats = stats
        self._publish = publish
        self._clock = clock
        self._numbers: dict[tuple[int, str], int] = {}
        self._requested_at: dict[int, float] = {}
        """Time, on the clock, of the request of each gist without an answer."""
        self._expected: dict[int, None] = {}
        """Numbers of the gists that the endpoint is expected to answer, in order."""
        self._next = 1
        self._semaphore = asyncio.Semaphore(MAX_CONCURRENT)

    def resume(self) -> None:
        """Take over the gists of a stored session; none is requested again."""
        for gist in self._state.gists.values():
            if gist.status is not GistStatus.DONE:
                self._requested_at[gist.number] = self._clock()
            self._next = max(self._next, gist.number + 1)
            self._stats.add_answer(gist)
            if gist.turn is not None:
                self._numbers[gist.turn, gist.prompt] = gist.number

    def expect(self, turn: int, prompt: Prompt) -> None:
        """Expect the endpoint's answer to a final turn; do nothing if the turn already has a gist of this prompt."""
        if (turn, prompt.id) in self._numbers:
            return
        gist = Gist(self._next_number(), turn, prompt.id)
        self._numbers[turn, prompt.id] = gist.number
        self._requested_at[gist.number] = self._clock()
        self._expected[gist.number] = None
        self._publish_gist(gist)

    def answer(self, turn: int, prompt: str, fields: dict[str, Any]) -> None:
        """Store the endpoint's answer to a turn, a chat completion, even if it had timed out."""
        number = self._numbers.get((turn, prompt))
        gist = self.find(number) if number is not None else None
        if gist is None or number is None:
            return
        if gist.status.over and gist.status is not GistStatus.DONE:
            self._stats.remove_missing()
        requested_at = self._requested_at.get(number)
        latency_s = gist.latency_s if requested_at is None else _latency_s(self._clock() - requested_at)
        try:
            done = _done(gist, parse_completion(fields), latency_s)
        except ChatError as error:
            done = _failed(gist, error)
        if gist.status is not GistStatus.DONE:
            self._stats.add_answer(done)
        self._publish_gist(done)

    def awaits(self, turn: int, prompt: str) -> bool:
        """Return whether the endpoint's answer to a turn is still expected."""
        return self._numbers.get((turn, prompt)) in self._expected

    def expire(self, *, all: bool = False) -> None:
        """Time out the expected answers that are overdue, or `all` of them."""
        now = self._clock()
        for number in list(self._expected):
            gist, waited_s = self._state.gists[number], now - self._requested_at[number]
            if all or waited_s >= self._config.gist_timeout_s:
                missing = replace(
                    gist,
                    status=GistStatus.TIMED_OUT,
                    latency_s=_latency_s(waited_s),
                    error="No answer arrived. The endpoint gives no reason; the model may be slow or not included.",
                )
                self._stats.add_answer(missing)
                self._publish_gist(missing)

    async def analyse(self, prompt: Prompt, turns: Sequence[Turn], chat: Chat) -> None:
        """Ask a prompt about the turns so far, and publish the answer as it streams, or a failed gist."""
        gist = Gist(self._next_number(), None, prompt.id, turns=len(turns))
        prompt = self._filled(prompt)
        await self._stream_deltas(
            gist,
            chat,
            lambda client: self._asker(client, prompt).ask(
                transcript_lines(turns),
                lambda text: session_messages(prompt, text),
                lambda answers: merge_parts_messages(prompt, answers),
            ),
        )

    async def question(self, question: str, excerpt: SessionExcerpt, chat: Chat) -> None:
        """Ask a question about a session; the answer cites turns."""
        gist = Gist(self._next_number(), None, "", question=question, turns=len(excerpt.turns))
        await self._stream_deltas(
            gist,
            chat,
            lambda client: self._asker(client).ask(
                format_excerpts([excerpt]),
                lambda text: question_messages(question, text),
                lambda answers: merge_answers_messages(question, answers),
            ),
        )

    async def about_turn(self, turn: Turn, prompt: Prompt, chat: Chat, *, replace_expected: bool = False) -> None:
        """Ask the LLM server a prompt about a turn; do nothing if it has a gist that neither failed nor timed out.

        Args:
            turn: the final turn.
            prompt: the prompt.
            chat: returns the client of the LLM server.
            replace_expected: whether to ask also if the endpoint's answer is expected, because it was lost.
        """
        async with self._semaphore:
            number = self._numbers.get((turn.number, prompt.id))
            if number is not None:
                if self._state.gists[number].status in (GistStatus.FAILED, GistStatus.TIMED_OUT):
                    self._stats.remove_missing()
                elif not (replace_expected and number in self._expected):
                    return
                self._expected.pop(number, None)
            gist = Gist(number if number is not None else self._next_number(), turn.number, prompt.id)
            self._numbers[turn.number, prompt.id] = gist.number
            self._requested_at[gist.number] = self._clock()
            await self._stream_deltas(
                gist,
                chat,
                lambda client: client.stream(
                    turn_messages(self._filled(prompt), f"{turn.track}: {turn.text}" if turn.track else turn.text),
                    model=prompt.model or self._config.llm_model,
                    max_tokens=prompt.max_tokens or self._config.max_tokens,
                ),
            )

    def find(self, number: int) -> Gist | None:
        """Return the gist with that number, or `None`."""
        return self._state.gists.get(number)

    async def _stream_deltas(self, gist: Gist, chat: Chat, ask: Callable[[ChatClient], Deltas]) -> None:
        """Publish an answer as it streams, then its result."""
        started = self._clock()
        self._publish_gist(gist)
        deltas = DeltaThrottle(gist.number, self._publish, self._clock)
        result = replace(gist, status=GistStatus.FAILED, error="No answer arrived.")
        try:
            async with aclosing(ask(await chat())) as stream:
                async for item in stream:
                    match item:
                        case str(text):
                            deltas.add(text)
                        case Completion():
                            result = _done(gist, item, _latency_s(self._clock() - started))
        except ChatError as error:
            result = replace(_failed(gist, error), text=deltas.text)
        except asyncio.CancelledError:
            self._publish_gist(
                replace(gist, status=GistStatus.FAILED, error="The request was cancelled.", text=deltas.text)
            )
            raise
        self._stats.add_answer(result)
        self._publish_gist(result)

    def _asker(self, client: ChatClient, prompt: Prompt | None = None) -> ChunkedAsker:
        """Return an asker for texts that may exceed the model's context."""
        return ChunkedAsker(
            client,
            model=(prompt.model if prompt else None) or self._config.llm_model,
            max_tokens=(prompt.max_tokens if prompt else None) or self._config.max_tokens,
            context_tokens=self._config.context_tokens,
        )

    def _filled(self, prompt: Prompt) -> Prompt:
        return fill(prompt, self._state.prompt_variables(self._config.language))

    def _next_number(self) -> int:
        number, self._next = self._next, self._next + 1
        return number

    def _publish_gist(self, gist: Gist) -> None:
        if gist.status.over:
            self._expected.pop(gist.number, None)
        if gist.status is GistStatus.DONE:
            self._requested_at.pop(gist.number, None)
        self._publish(GistChanged(gist))


class DeltaThrottle:
    """Publishes the new text of an answer at most once per `DELTA_INTERVAL_S`."""

    def __init__(self, number: int, publish: Callable[[Event], None], clock: Callable[[], float]) -> None:
        self._number = number
        self._publish = publish
        self._clock = clock
        self._pending = ""
        self._published_at = -DELTA_INTERVAL_S
        self.text = ""

    def add(self, text: str) -> None:
        """Collect text; publish it once `DELTA_INTERVAL_S` have passed since the last delta."""
        self.text += text
        self._pending += text
        if self._clock() - self._published_at >= DELTA_INTERVAL_S:
            self._publish(GistDelta(self._number, self._pending))
            self._pending, self._published_at = "", self._clock()


def _latency_s(seconds: float) -> float:
    """Return a measured latency: 1 ms at least, since 0 stands for none."""
    return max(0.001, round(seconds, 3))


def _done(gist: Gist, completion: Completion, latency_s: float) -> Gist:
    cut = completion.finish_reason == "length"
    return replace(
        gist,
        text=completion.text.strip(),
        status=GistStatus.DONE,
        model=completion.model,
        input_tokens=completion.input_tokens,
        output_tokens=completion.output_tokens,
        latency_s=latency_s,
        error="The answer is truncated at max_tokens." if cut else "",
    )


def _failed(gist: Gist, error: ChatError) -> Gist:
    return replace(gist, status=GistStatus.FAILED, error=f"{error.message} {error.hint}".strip())
