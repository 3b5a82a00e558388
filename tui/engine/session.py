"""Live session: runs the tracks, gists, journal and statistics of one session."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from tui.config.schema import Config
from tui.engine.annotations import Annotations
from tui.engine.end_notices import unsaved_notice, untranscribed_notice
from tui.engine.endpoints import Endpoints
from tui.engine.event_sink import EventSink
from tui.engine.finishing import ANALYSING
from tui.engine.gist_tracker import GistTracker
from tui.engine.live_track import LiveTrack
from tui.engine.monitors import DiskMonitor, SleepDetector
from tui.engine.routing import Route
from tui.engine.session_stats import StatsReporter
from tui.engine.session_tracks import SessionTracks
from tui.engine.stats_collector import StatsCollector
from tui.engine.title import TitleSuggester
from tui.engine.track_audio import SAMPLE_RATE, TrackAudio
from tui.engine.track_controls import NOT_RECORDING, TrackControls
from tui.engine.track_opener import TrackOpener
from tui.errors import LivegistError, SourceError, UsageError
from tui.model.events import Notice, PromptChanged, Severity, State, StatsChanged, TurnRemoved
from tui.model.prompts import PromptLibrary
from tui.sessions.rest import MIN_UNTRANSCRIBED_S
from tui.stream.turn_numbering import TurnSequencer

STATS_INTERVAL_S = 1.0
"""Seconds between two statistics events."""


class LiveSession:
    """A new session, from its first sample to its last answer, or the untranscribed rest of a stored one.

    Args:
        config: the settings of the session.
        route: addresses and keys of the speech endpoint and the LLM server.
        prompts: the prompts that the session may use.
        endpoints: builds connection targets and the LLM client.
        sink: holds the session's state, and stores and publishes every event.
        audio: recording and capture of each track.
        turns: for each track, the numbering of its turns, whose boundary is where the first connection starts.
        clock: monotonic seconds.
        boot_clock: seconds that go on while the machine sleeps.
        mix: whether all tracks are sent over one connection.
        opener: opens the sources of further tracks; `None` if a stored session is resumed.
    """

    def __init__(
        self,
        config: Config,
        route: Route,
        prompts: PromptLibrary,
        endpoints: Endpoints,
        sink: EventSink,
        audio: Sequence[TrackAudio],
        turns: Sequence[TurnSequencer],
        *,
        clock: Callable[[], float],
        boot_clock: Callable[[], float],
        opener: TrackOpener | None = None,
        mix: bool = False,
    ) -> None:
        self._config = config
        self._route = route
        self._prompts = prompts
        self._endpoints = endpoints
        self._stats = StatsCollector()
        billed = route.engine == "cloud"
        self._reporter = StatsReporter(self._stats, sink.state.stats, config, billed=billed, clock=clock)
        self._sink = sink
        self.state = sink.state
        """State of the session."""
        self._emit = sink.emit
        self._clock = clock
        self._gists = GistTracker(config, self.state, self._stats, self._emit, clock)
        for turn in self.state.transcript.finals:
            self._stats.add_final(turn)
        self._gists.resume()
        self._title = TitleSuggester(config, self.state, endpoints.chat, self._emit)
        self._requests: set[asyncio.Task[None]] = set()
        self.annotations = Annotations(
            self.state, prompts, self._gists, endpoints.chat, self._emit, self._spawn, sink.turn, endpoints.voice_memory
        )
        """Executes annotation commands."""
        endpoints.variables = partial(self.state.prompt_variables, config.language)
        self._tracks = SessionTracks(
            config,
            route,
            prompts,
            endpoints,
            sink,
            self._gists,
            self._stats,
            self.annotations,
            self._spawn,
            audio,
            turns,
            clock=clock,
            mix=mix,
        )
        self.tracks = self._tracks.all
        """The tracks, each with a source, a recording and a connection of its own."""
        self._opener = opener
        self.controls = TrackControls(self.tracks, self._emit, self._add_track)
        """Mute, gain and source of each track."""
        self._recording: asyncio.TaskGroup | None = None
        """Records and streams the tracks."""
        self._stopped = False
        """Whether a person, or the end of the engine, stopped recording."""
        self._abandoned = False
        """Whether the session ends without waiting for the rest."""
        self._disk = DiskMonitor()
        self._sleep = SleepDetector(clock, boot_clock)
        self.viewers = 0
        """Number of viewers; only reported in the statistics."""

    def restore_lost_answers(self) -> None:
        """Request the answers that a killed engine did not receive, once a connection is open."""
        for track in self.tracks:
            track.stream_events.restore_lost_answers()

    @property
    def source_failure(self) -> SourceError | None:
        """Why the only source ended without any audio; `None` if it did not, or if other sources had audio."""
        failures = [track.source_failure for track in self.tracks]
        return failures[0] if all(failures) else None

    # Commands ----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop recording, then send the rest and wait for its turns.

        A resumed session is abandoned: its rest may be hours, and can be resumed again.
        """
        self._stopped = True
        for track in self.tracks:
            track.stop()
        if not any(track.capture for track in self.tracks):
            self.abandon()

    def abandon(self) -> None:
        """End the session without waiting for a connection, for turns or for answers."""
        self._stopped = self._abandoned = True
        for track in self.tracks:
            track.abandon()
        for task in self._requests:
            task.cancel()

    def use_prompt(self, id: str) -> None:
        """Send final turns to the LLM with another prompt from now on.

        Raises:
            ConfigError: the prompt does not exist.
        """
        prompt = self._prompts[id]
        if self.state.prompt != prompt.id:
            for track in self.tracks:
                track.stream.use_prompt(prompt.id)
            self._emit(PromptChanged(prompt.id))

    def renew_prompt(self) -> None:
        """Send final turns to the LLM with the edited text of the prompt in use from now on."""
        for track in self.tracks:
            track.stream.renew()

    async def analyse(self, id: str) -> None:
        """Send the transcript so far with a prompt's session text to the LLM.

        Raises:
            UsageError: there are no final turns yet.
            ConfigError: the prompt does not exist.
        """
        prompt = self._prompts[id or self.state.prompt]
        if not self.state.transcript.finals:
            raise UsageError("There is nothing to analyse yet.", "Wait for the first turn to end.")
        self._spawn(self._gists.analyse(prompt, self.state.finals, self._endpoints.chat))

    def _spawn(self, request: Coroutine[Any, Any, None]) -> None:
        """Run a request to the LLM in the background; the session waits for it before it ends."""
        task = asyncio.ensure_future(self._run_request(request))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _run_request(self, request: Coroutine[Any, Any, None]) -> None:
        """Await a request; the last one after the session's end closes the connections to the LLM server."""
        try:
            await request
        finally:
            request.close()
            if self.state.state.over and self._requests <= {asyncio.current_task()}:
                await self._endpoints.close()

    # Tasks -------------------------------------------------------------------------------------------------------

    async def run(self, capturing: Sequence[Coroutine[Any, Any, None] | None] = ()) -> None:
        """Run the session until it is ENDED or FAILED, also if one of its tasks fails.

        Args:
            capturing: for each track, records until its source ends, or `None`; empty if a stored session is resumed.
        """
        try:
            self._sink.transition(State.CONNECTING)
            await self._run_tasks(capturing or (None,) * len(self.tracks))
        finally:
            try:
                self._end()
            finally:
                await self._endpoints.close()

    async def _run_tasks(self, capturing: Sequence[Coroutine[Any, Any, None] | None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            counting = tasks.create_task(self._stats_loop(), name="stats")
            checking = tasks.create_task(self._check_model(), name="model check")
            try:
                async with asyncio.TaskGroup() as self._recording:
                    for track, audio in zip(self.tracks, capturing, strict=True):
                        self._run_track(self._recording, track, audio)
                self._tracks.release_turns(all=True)
                self._gists.expire(all=True)
                await self._analyse_at_end()
            finally:
                counting.cancel()
                checking.cancel()

    def _run_track(
        self, running: asyncio.TaskGroup, track: LiveTrack, capturing: Coroutine[Any, Any, None] | None
    ) -> None:
        running.create_task(self._record(track, capturing), name=f"capture {track.name}")
        if track.streams:
            running.create_task(self._stream(track), name=f"stream {track.name}")

    async def _add_track(self, specs: Sequence[str]) -> None:
        """Record a further track from now on; the others go on undisturbed.

        Args:
            specs: the sources of all tracks, of which the last is to be added.

        Raises:
            SourceError: the source cannot be opened; nothing has changed.
            SessionError: its recording cannot be written; nothing has changed.
            UsageError: the session is no longer recording, or the source is not valid.
        """
        if self._opener is None:
            raise UsageError(*NOT_RECORDING)
        further = await self._opener.open_further(specs)
        try:
            if self._recording is None or all(track.recording.closed for track in self.tracks):
                raise UsageError(*NOT_RECORDING)
            audio, tracks = self._opener.add(further)
        except LivegistError:
            await further.source.stack.aclose()
            raise
        track = self._tracks.add(audio, tracks)
        self._run_track(self._recording, track, further.record(audio))
        name = "" if further.source.name == track.name else f", as {track.name}"
        self._emit(Notice(Severity.INFO, f"Recording also from {further.source.name}{name}."))

    async def _record(self, track: LiveTrack, capturing: Coroutine[Any, Any, None] | None) -> None:
        """Record a track; the session drains once all are recorded."""
        try:
            await track.record(capturing)
        finally:
            others = [other.name for other in self.tracks if not other.recording.closed]
            if not others and track.capture is not None:
                self._tracks.give_up_later()
            if not others and self.state.state is not State.DRAINING:
                lost = self.state.state is State.RECONNECTING
                self._sink.transition(State.DRAINING, *((self.state.reason, self.state.hint) if lost else ()))
        if track.stopped_alone:
            self._tracks.publish_stopped(track)
        elif others and not self._stopped:
            text = track.source_failure.message if track.source_failure else "The source has ended."
            self._emit(Notice(Severity.WARNING, f"{track.name}: {text}", f"Recording continues: {', '.join(others)}."))

    async def _stream(self, track: LiveTrack) -> None:
        """Stream a track; once no track streams any more, recording ends."""
        await track.stream.run()
        self._tracks.links.end(track.stream_events.track)
        if self._tracks.links.over:
            for each in self.tracks:
                each.stop()
            return
        if self._tracks.links.all_connected and self.state.state in (State.CONNECTING, State.RECONNECTING):
            self._sink.transition(State.LIVE)
        if (failure := track.stream_events.failure) is not None:
            self._emit(
                Notice(
                    Severity.ERROR,
                    f"{track.name}: {failure.meaning} {failure.hint}".strip(),
                    "This track is still recorded, and not transcribed. The other tracks continue.",
                )
            )

    async def _analyse_at_end(self) -> None:
        """Analyse the whole session if configured, and wait for all requests to the LLM."""
        failed = all(track.stream_events.failure for track in self.tracks if track.streams)
        requested = self._config.analyse_at_end and not (self._abandoned or failed)
        if requested and self.state.transcript.finals:
            self._sink.set_reason(ANALYSING)
            await self.analyse("")
        while self._requests:
            await asyncio.wait(self._requests)

    def _end(self) -> None:
        """Publish the final statistics and state, and close recordings and journal."""
        for track in self.tracks:
            track.recording.close()
        for turn in [turn for turn in self.state.transcript if not turn.final]:
            self._emit(TurnRemoved(turn.number))
        self._emit_stats()
        untranscribed_s = round(max(track.stream.untranscribed for track in self.tracks) / SAMPLE_RATE, 1)
        # The journal is on the same disk: once this entry can be read, the recording is saved, too.
        last = replace(self.state.stats, untranscribed_s=untranscribed_s, unsaved_s=0.0, wait_left_s=None)
        self._sink.emit(StatsChanged(last), persist=True)
        self._warn_of_rest()
        failures = [track.failure for track in self.tracks if track.streams]
        failure = failures[0] if all(failures) else None
        if self.source_failure is not None:
            self._sink.transition(State.FAILED, self.source_failure.message, self.source_failure.hint)
        elif failure is not None:
            reason = f"{failure.meaning} ({failure.code}: {failure.reason})" if failure.reason else failure.meaning
            self._sink.transition(State.FAILED, reason, failure.hint)
        else:
            self._sink.transition(State.ENDED)
        self._sink.close()

    def save(self) -> bool:
        """Write what could not be written during the session; return whether everything is saved."""
        unsaved = self._unsaved
        for track in self.tracks:
            track.recording.save()
        if unsaved and not self._unsaved:
            self._emit(StatsChanged(replace(self.state.stats, unsaved_s=0.0)))
            self._emit(Notice(Severity.INFO, "The whole session is saved to disk now."))
        return not self._unsaved and self._sink.close()

    @property
    def _unsaved(self) -> int:
        """Samples that are not saved to disk, of the track with most of them."""
        return max(track.recording.unsaved for track in self.tracks)

    def _warn_of_rest(self) -> None:
        """Publish what is not transcribed, and what is not saved."""
        stored, untranscribed_s = self._sink.stored, self.state.stats.untranscribed_s
        if untranscribed_s >= MIN_UNTRANSCRIBED_S:
            self._emit(untranscribed_notice(untranscribed_s, stored=stored.on_disk))
        if self._unsaved:
            unsaved_s = round(self._unsaved / SAMPLE_RATE, 1)
            self._emit(StatsChanged(replace(self.state.stats, unsaved_s=unsaved_s)))
            self._emit(unsaved_notice(unsaved_s))

    # Statistics and checks ---------------------------------------------------------------------------------------

    def _position_s(self) -> float:
        return max(track.recording.position for track in self.tracks) / SAMPLE_RATE

    async def _stats_loop(self) -> None:
        """Publish statistics, and check timeouts, disk and sleep, every `STATS_INTERVAL_S`."""
        while True:
            await asyncio.sleep(STATS_INTERVAL_S)
            self._tracks.release_turns()
            self._gists.expire()
            if self._title.is_due(self._position_s()):
                self._spawn(self._title.suggest())
            self._check_machine()
            if self.state.state is State.DRAINING:
                self._sink.set_reason(self._tracks.finishing_reason(self.state.reason))
            self._emit_stats()

    def _check_machine(self) -> None:
        """Report failing writes to disk and sleep of the machine; reconnect after sleep."""
        failures = (track.recording.failure for track in self.tracks)
        notice = self._disk.check(next(filter(None, failures), self._sink.failure))
        if notice is not None:
            self._emit(notice)
        self._sink.flush()
        if slept_s := self._sleep.slept_s():
            self._emit(
                Notice(
                    Severity.WARNING,
                    f"The machine slept for {slept_s:.0f} s, which are not recorded.",
                    f"The gap is at {self._position_s():.0f} s of the session; the session continues.",
                )
            )
            for track in self.tracks:
                track.stream.reconnect()

    async def _check_model(self) -> None:
        if (warning := await self._endpoints.check_model()) is not None:
            self._emit(warning)

    def _emit_stats(self) -> None:
        stats = self._reporter.report(self.tracks, self.viewers)
        self._sink.emit(StatsChanged(stats), persist=self._reporter.is_due())
