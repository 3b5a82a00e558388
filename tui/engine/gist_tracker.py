"""A session's gists: waited for, timed out, answered; and the analysis of the whole session."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
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
from tui.model.prompts import Prompt
from tui.model.session_state import SessionState
from tui.model.transcript import Transcript, Turn
from tui.sessions.qa import (
    SessionExcerpt,
    format_excerpts,
    merge_answers_messages,
    merge_parts_messages,
    question_messages,
)

Chat = Callable[[], Awaitable[ChatClient]]
"""Returns the client of the server that answers."""
Deltas = AsyncGenerator[str | ChunkProgress | Completion, None] | AsyncGenerator[str | Completion, None]
MAX_CONCURRENT = 3
"""Turns that are asked about at once; servers allow some thirty requests a minute."""
DELTA_INTERVAL_S = 0.1
"""Shortest time between two pieces of a growing answer: a viewer far away gets ten a second, not fifty."""


class GistTracker:
    """What LLMs say about one session.

    Args:
        config: models and deadlines.
        record: has the session's gists; every change that is told goes into it.
        figures: what is counted.
        tell: gets every change of a gist.
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
        self._asked_at: dict[int, float] = {}
        """When each gist was asked for that has no answer yet."""
        self._expected: dict[int, None] = {}
        """Numbers of the gists that the endpoint still owes, in order."""
        self._next = 1
        self._semaphore = asyncio.Semaphore(MAX_CONCURRENT)

    def resume(self) -> None:
        """Start with what was answered before; nothing of it is asked again."""
        for gist in self._state.gists.values():
            if gist.status is not GistStatus.DONE:
                self._asked_at[gist.number] = self._clock()
            self._next = max(self._next, gist.number + 1)
            self._stats.add_answer(gist)
            if gist.turn is not None:
                self._numbers[gist.turn, gist.prompt] = gist.number

    def expect(self, turn: int, prompt: Prompt) -> None:
        """Wait for the endpoint's answer to a final turn; a turn that is told again is not asked about again."""
        if (turn, prompt.id) in self._numbers:
            return
        gist = Gist(self._take(), turn, prompt.id)
        self._numbers[turn, prompt.id] = gist.number
        self._asked_at[gist.number] = self._clock()
        self._expected[gist.number] = None
        self._change(gist)

    def answer(self, turn: int, prompt: str, fields: dict[str, Any]) -> None:
        """Take the endpoint's answer to a turn, a chat completion; one that comes too late still counts."""
        number = self._numbers.get((turn, prompt))
        gist = self.find(number) if number is not None else None
        if gist is None or number is None:
            return
        if gist.status.over and gist.status is not GistStatus.DONE:
            self._stats.add_missing()
        asked_at = self._asked_at.get(number)
        latency_s = gist.latency_s if asked_at is None else round(self._clock() - asked_at, 3)
        try:
            done = _done(gist, parse_completion(fields), latency_s)
        except ChatError as error:
            done = _failed(gist, error)
        if gist.status is not GistStatus.DONE:
            self._stats.add_answer(done)
        self._change(done)

    def awaits(self, turn: int, prompt: str) -> bool:
        """Return whether the endpoint's answer to a turn is still waited for."""
        return self._numbers.get((turn, prompt)) in self._expected

    def expire(self, *, all: bool = False) -> None:
        """Have answers that are overdue count as missing, or all that are still waited for."""
        now = self._clock()
        for number in list(self._expected):
            gist, waited_s = self._state.gists[number], now - self._asked_at[number]
            if all or waited_s >= self._config.gist_timeout_s:
                missing = replace(
                    gist,
                    status=GistStatus.TIMED_OUT,
                    latency_s=round(waited_s, 3),
                    error="No answer came. The endpoint does not say why; the model may be outside the account's plan.",
                )
                self._stats.add_answer(missing)
                self._change(missing)

    async def analyse(self, prompt: Prompt, transcript: Transcript, chat: Chat) -> None:
        """Ask about the transcript so far; the answer is told as it grows, a failure as a failed gist."""
        gist = Gist(self._take(), None, prompt.id, turns=len(transcript.finals))
        await self._stream_deltas(
            gist,
            chat,
            lambda client: self._asker(client, prompt).ask(
                transcript.text.splitlines(),
                lambda text: session_messages(prompt, text),
                lambda answers: merge_parts_messages(prompt, answers),
            ),
        )

    async def question(self, question: str, read: SessionExcerpt, chat: Chat) -> None:
        """Put a question about a session; the answer names the turns it rests on."""
        gist = Gist(self._take(), None, "", question=question, turns=len(read.turns))
        await self._stream_deltas(
            gist,
            chat,
            lambda client: self._asker(client).ask(
                format_excerpts([read]),
                lambda text: question_messages(question, text),
                lambda answers: merge_answers_messages(question, answers),
            ),
        )

    async def about_turn(self, turn: Turn, prompt: Prompt, chat: Chat, *, instead: bool = False) -> None:
        """Ask a prompt about a turn ourselves, not by the stream; only what has failed is asked again.

        Args:
            turn: has ended.
            prompt: what is asked of it.
            chat: who is asked.
            instead: whether to ask for what the endpoint owes, too: it will not answer any more.
        """
        async with self._semaphore:
            number = self._numbers.get((turn.number, prompt.id))
            if number is not None:
                if self._state.gists[number].status in (GistStatus.FAILED, GistStatus.TIMED_OUT):
                    self._stats.add_missing()
                elif not (instead and number in self._expected):
                    return
                self._expected.pop(number, None)
            gist = Gist(number if number is not None else self._take(), turn.number, prompt.id)
            self._numbers[turn.number, prompt.id] = gist.number
            self._asked_at[gist.number] = self._clock()
            await self._stream_deltas(
                gist,
                chat,
                lambda client: client.stream(
                    turn_messages(prompt, turn.text),
                    model=prompt.model or self._config.llm_model,
                    max_tokens=prompt.max_tokens or self._config.max_tokens,
                ),
            )

    def find(self, number: int) -> Gist | None:
        """Return the gist with that number, or `None`."""
        return self._state.gists.get(number)

    async def _stream_deltas(self, gist: Gist, chat: Chat, ask: Callable[[ChatClient], Deltas]) -> None:
        """Tell an answer as it comes, and how it ended."""
        started = self._clock()
        self._change(gist)
        growing = DeltaThrottle(gist.number, self._publish, self._clock)
        over = replace(gist, status=GistStatus.FAILED, error="No answer came.")
        try:
            async with aclosing(ask(await chat())) as pieces:
                async for piece in pieces:
                    match piece:
                        case str(text):
                            growing.add(text)
                        case Completion():
                            over = _done(gist, piece, round(self._clock() - started, 3))
        except ChatError as error:
            over = replace(_failed(gist, error), text=growing.text)
        except asyncio.CancelledError:
            self._change(replace(gist, status=GistStatus.FAILED, error="It was stopped.", text=growing.text))
            raise
        self._stats.add_answer(over)
        self._change(over)

    def _asker(self, client: ChatClient, prompt: Prompt | None = None) -> ChunkedAsker:
        """Return who asks about texts that may be longer than the model reads at once."""
        return ChunkedAsker(
            client,
            model=(prompt.model if prompt else None) or self._config.llm_model,
            max_tokens=(prompt.max_tokens if prompt else None) or self._config.max_tokens,
            context_tokens=self._config.context_tokens,
        )

    def _take(self) -> int:
        number, self._next = self._next, self._next + 1
        return number

    def _change(self, gist: Gist) -> None:
        if gist.status.over:
            self._expected.pop(gist.number, None)
        if gist.status is GistStatus.DONE:
            self._asked_at.pop(gist.number, None)
        self._publish(GistChanged(gist))


class DeltaThrottle:
    """Tells an answer's new text, not more often than the eye needs."""

    def __init__(self, number: int, tell: Callable[[Event], None], clock: Callable[[], float]) -> None:
        self._number = number
        self._publish = tell
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
        error="The answer is cut off at max_tokens." if cut else "",
    )


def _failed(gist: Gist, error: ChatError) -> Gist:
    return replace(gist, status=GistStatus.FAILED, error=f"{error.message} {error.hint}".strip())
