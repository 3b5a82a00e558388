"""Stream event handler: applies the events of one track's stream to the session's state, turns and gists."""

import math
import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from msgspec.structs import replace

from tui.engine.annotations import Annotations
from tui.engine.echo_filter import EchoFilter, Verdict
from tui.engine.event_sink import EventSink
from tui.engine.gist_tracker import Chat, GistTracker
from tui.engine.links import Links
from tui.engine.stats_collector import StatsCollector
from tui.model.events import Notice, PromptChanged, Severity, SpeakerNamed, State, TurnChanged, TurnRemoved
from tui.model.prompts import PromptLibrary
from tui.model.transcript import Turn
from tui.stream import events, messages
from tui.stream.close_codes import CloseInfo
from tui.stream.events import StreamEvent
from tui.stream.messages import Heartbeat


class HeldTurn(msgspec.Struct, frozen=True):
    """A final turn that may be an echo."""

    turn: Turn
    prompt: str | None
    """Id of the prompt by which the endpoint answers it, or `None`."""
    after_ms: float | None
    """Milliseconds from the end of its speech until it arrived; `None` if unknown."""
    since: float
    """Time, on the clock, at which it arrived."""


class StreamEventHandler:
    """Applies the events of one track's stream to its session.

    Args:
        sink: publishes every change.
        gists: receives the answers to turns.
        stats: counts final turns.
        annotations: asks extra prompts about final turns.
        prompts: the prompts that connections carry.
        chat: returns the client of the LLM server, which is asked for answers that were lost with a connection.
        spawn: runs such a request in the background.
        links: the connections of all tracks.
        recorded_s: returns the length of the recording in seconds; `None` in a resumed session, where the latency of
            final turns is unknown.
        track: name of the track; empty if the session has one without a name.
        qualifies: whether the endpoint labels the speakers of each track from A on, so that the labels need its name.
        echo: finds what this track recorded from the others; `None` if it is not looked for.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        sink: EventSink,
        gists: GistTracker,
        stats: StatsCollector,
        annotations: Annotations,
        prompts: PromptLibrary,
        chat: Chat,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        links: Links,
        recorded_s: Callable[[], float] | None,
        *,
        track: str = "",
        qualifies: bool = False,
        echo: EchoFilter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sink = sink
        self._state = sink.state
        self._gists = gists
        self._stats = stats
        self._annotations = annotations
        self._prompts = prompts
        self._chat = chat
        self._spawn = spawn
        self._links = links
        self._recorded_s = recorded_s
        self.track = track
        """Name of the track; empty if the session has one without a name, or sends the mix of several."""
        self._qualifies = qualifies
        self._echo = echo
        self._clock = clock
        self._held: dict[int, HeldTurn] = {}
        """Final turns that may be an echo, until the other track's words are known, by number."""
        self.turns = 0
        """Final turns of this track."""
        self._reported_ignored = False
        self._lost_answers: list[tuple[int, str]] = []
        """Turns whose answers were lost with their connection, each with the id of its prompt."""
        self.last_close: CloseInfo | None = None
        """Close of the connection that was lost last; `None` if none was lost."""
        self.failure: CloseInfo | None = None
        """Close that made the stream fail; `None` if it did not fail."""
        self.realtime_factor: float | None = None
        """Real-time factor of the endpoint, from its last heartbeat; `None` without heartbeats."""

    def handle(self, event: StreamEvent) -> None:
        """Apply an event."""
        match event:
            case events.ConnectionOpened(begin=begin):
                self._report_ignored(begin)
                self._links.connect(self.track)
                if self._state.state in (State.CONNECTING, State.RECONNECTING) and self._links.all_connected:
                    self._sink.transition(State.LIVE)
                self._ask_lost_answers()
            case events.ConnectionLost(close=close, wait_s=wait_s):
                self._handle_loss(close, wait_s)
            case events.TurnReceived(turn=turn, prompt=prompt):
                self._receive_turn(self._labelled(turn), prompt)
            case events.TurnDiscarded(number=number):
                self._sink.emit(TurnRemoved(number))
            case events.AnswerReceived(turn=number, prompt=prompt, completion=completion):
                self._gists.answer(number, prompt, completion)
            case events.AnswerLost(turn=number, prompt=prompt) if self._gists.awaits(number, prompt):
                self._lost_answers.append((number, prompt))
                if self._state.state is State.LIVE:
                    # A replaced connection lost it; no ConnectionOpened will follow.
                    self._ask_lost_answers()
            case events.SpeakerRevised():
                self._revise_speaker(event)
            case events.PromptRefused(prompt=prompt, kept=kept, close=close):
                reason = f"{close.meaning} ({close.reason})" if close.reason else close.meaning
                text = self._prefixed(f"The prompt {prompt!r} was rejected: {reason}")
                self._sink.emit(Notice(Severity.ERROR, text, close.hint))
                self._sink.emit(PromptChanged(kept))
            case events.StreamFailed(close=close):
                self.failure = close
            case events.MessageReceived(message=Heartbeat(realtime_factor=factor)):
                self.realtime_factor = round(factor, 2)
            case events.MessageReceived(message=messages.SpeakerRecognised(speaker_label=label, name=name)):
                speaker = self._speaker(label) or label
                if speaker not in self._state.speakers:
                    self._sink.emit(SpeakerNamed(speaker, name))
            case events.MessageReceived(message=messages.Warning(warning=text)):
                self._sink.emit(Notice(Severity.WARNING, self._prefixed(text)))

    def _revise_speaker(self, revision: events.SpeakerRevised) -> None:
        """Give a turn and its words other speakers."""
        held = self._held.get(revision.turn)
        turn = held.turn if held is not None else self._sink.turn(revision.turn)
        if turn is None:
            return
        labels = revision.words if len(revision.words) == len(turn.words) else (revision.speaker,) * len(turn.words)
        words = tuple(
            replace(word, speaker=self._speaker(label)) for word, label in zip(turn.words, labels, strict=True)
        )
        revised = replace(turn, speaker=self._speaker(revision.speaker), words=words)
        if held is not None:
            self._held[revision.turn] = replace(held, turn=revised)
        else:
            self._sink.emit(TurnChanged(revised))

    def restore_lost_answers(self) -> None:
        """Count the answers about the newest turns as lost, from the last answered turn of each prompt on."""
        state = self._state
        finals = [turn for turn in state.transcript.finals if turn.track == self.track]
        numbers = {turn.number for turn in finals}
        gists = [gist for gist in state.gists.values() if gist.turn in numbers]
        for prompt in dict.fromkeys((state.prompt, *state.extra_prompts)):
            newest = max((gist.turn or 0 for gist in gists), default=0)
            answered = max((gist.turn or 0 for gist in gists if gist.prompt == prompt), default=newest)
            self._lost_answers += [(turn.number, prompt) for turn in finals if turn.number > answered]

    def _report_ignored(self, begin: messages.Begin) -> None:
        """Report once which parameters have no effect, as the local gateway says in its first message."""
        names = (begin.configuration or {}).get("ignored_parameters")
        if isinstance(names, list) and names and not self._reported_ignored:
            self._reported_ignored = True
            text = f"The endpoint ignores these parameters: {', '.join(map(str, names))}."
            self._sink.emit(Notice(Severity.WARNING, self._prefixed(text), "Remove them from stream_options."))

    def _handle_loss(self, close: CloseInfo, wait_s: float) -> None:
        self.last_close = close
        self._links.lose(self.track)
        reason = self._prefixed(f"{close.meaning} Next attempt in {wait_s:.0f} s." if wait_s >= 1 else close.meaning)
        if self._state.state in (State.DRAINING, State.RECONNECTING):
            self._sink.set_reason(reason, close.hint)
        else:
            self._sink.transition(State.RECONNECTING, reason, close.hint)

    def _prefixed(self, text: str) -> str:
        """Return a text for a person with the name of the track, if there are several, each with a stream."""
        return f"{self.track}: {text}" if self.track and len(self._state.tracks) > 1 else text

    def _labelled(self, turn: Turn) -> Turn:
        """Return a turn with the name of its track."""
        if not self.track:
            return turn
        words = turn.words
        if self._qualifies:
            words = tuple(replace(word, speaker=self._speaker(word.speaker)) for word in words)
        return replace(turn, track=self.track, speaker=self._speaker(turn.speaker), words=words)

    def _speaker(self, label: str | None) -> str | None:
        """Return a speaker's label, which is unique in the session."""
        return f"{self.track} {label}" if label and self._qualifies else label

    def _receive_turn(self, turn: Turn, prompt: str | None) -> None:
        """Publish a turn unless it is an echo; hold a final that may be one."""
        after_ms = None if self._recorded_s is None else max(0.0, self._recorded_s() - turn.end_s) * 1000
        if self._echo is None:
            self._handle_turn(turn, prompt, after_ms)
        elif turn.final:
            self._held[turn.number] = HeldTurn(turn, prompt, after_ms, self._clock())
            self.release()
        elif not self._echo.hides_partial(turn):
            self._handle_turn(turn, prompt, after_ms)

    def release(self, *, all: bool = False) -> None:
        """Publish the held turns that are decided by now, or `all` of them."""
        for number, held in list(self._held.items()):
            assert self._echo is not None
            verdict = self._echo.judge(held.turn, held_s=math.inf if all else self._clock() - held.since)
            if verdict is Verdict.PENDING:
                continue
            del self._held[number]
            if isinstance(verdict, Turn):
                self._handle_turn(verdict, held.prompt, held.after_ms)
            elif self._state.transcript.get(number) is not None:
                self._sink.emit(TurnRemoved(number))

    def _handle_turn(self, turn: Turn, prompt: str | None, after_ms: float | None) -> None:
        """Publish a turn.

        Args:
            turn: the turn.
            prompt: id of the prompt by which the endpoint answers it, or `None`.
            after_ms: milliseconds from the end of its speech until it arrived; `None` if unknown.
        """
        before = self._state.transcript.get(turn.number)
        self._sink.emit(TurnChanged(turn))
        if not turn.final:
            return
        self.turns += before is None or not before.final
        self._stats.add_final(turn, after_ms, before=before if before is not None and before.final else None)
        if prompt is not None:
            self._gists.expect(turn.number, self._prompts[prompt])
        self._annotations.on_final(turn, prompt)

    def _ask_lost_answers(self) -> None:
        """Ask the LLM server for the answers that were lost with their connections."""
        for number, prompt in self._lost_answers:
            turn = self._state.transcript.get(number)
            if turn is not None and prompt in self._prompts:
                self._spawn(self._gists.about_turn(turn, self._prompts[prompt], self._chat, replace_expected=True))
        self._lost_answers.clear()
