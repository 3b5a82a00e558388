"""Label the speakers of one connection: what the open turn's voices are, and whose each finished turn is.

The embeddings are computed in a thread, and what rests on them waits for them, in audio time: the same audio gives the
same labels at any pace and load.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from tui.errors import LivegistError
from tui.gateway.parameters import Parameters
from tui.gateway.pcm import RATE, SampleWindow
from tui.gateway.speaker_clustering import KEPT_TURNS, MAX_SPEAKERS, SAME, SpeakerClusters
from tui.gateway.speaker_features import FRAME, STEP
from tui.gateway.speaker_model import INSTALL, SpeakerModel, find_speaker_model, load_speaker_model
from tui.gateway.speaker_profiles import KnownVoice, SpeakerProfiles, label, unit
from tui.gateway.turn_voices import TurnVoices
from tui.gateway.voice_store import StoredVoice, VoiceStore
from tui.stream.messages import Revision, SpeakerRecognised, SpeakerRevision, WireTurn, WireWord

KEPT_SESSIONS = 32
"""Sessions whose speakers are kept for their next connections."""
CHECK = RATE * 8 // 10
"""Samples of an open turn after which its voices are looked at."""
MIN_REVISION_MS = 120_000
"""Shortest time between two revisions in mid-session, and the time if the client gives none: the service's minimum."""

log = logging.getLogger(__name__)


class VoiceChange(msgspec.Struct, frozen=True):
    """A place where somebody else begins to speak."""

    position: int
    """The first sample of the new voice."""
    voices: TurnVoices
    """The speech before it."""


class Thread(Protocol):
    """Runs the speaker model."""

    def submit(self, work: Callable[[], Any], on_done: Callable[[Any, BaseException | None], None]) -> None:
        """Run work; call `on_done` on the loop with its result or its error."""


class ModelThread:
    """One thread for the speaker model, shared by all sessions."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "speakers")

    def submit(self, work: Callable[[], Any], on_done: Callable[[Any, BaseException | None], None]) -> None:
        """Run work in the thread; call `on_done` on the loop."""

        def report(future: asyncio.Future[Any]) -> None:
            error = future.exception()
            on_done(None if error else future.result(), error)

        asyncio.get_running_loop().run_in_executor(self._executor, work).add_done_callback(report)


class Labeller:
    """The speaker model and its thread, which all sessions share.

    Args:
        path: the model's file; empty for an installed one.
        voices: file of known voices; empty for none.

    Raises:
        LivegistError: it is not installed or cannot be used.
    """

    def __init__(self, path: str = "", voices: str = "") -> None:
        file = find_speaker_model(path)
        if file is None:
            raise LivegistError("No speaker model is installed.", f"To install one: {INSTALL}")
        self._model = load_speaker_model(file)
        # Embeddings of two files of one name may differ, but those of two models nearly always have two names.
        self._model_name = file.name
        self._store = VoiceStore(Path(voices)) if voices else None
        self._thread = ModelThread()
        self._sessions: OrderedDict[str, SpeakerProfiles] = OrderedDict()

    def remember(self, session: str, name_of_label: str, name: str) -> str:
        """Store the voice of a speaker under a name; return why not, or an empty text.

        Args:
            session: as `Parameters.speaker_session`.
            name_of_label: the speaker's label.
            name: the person's.

        Raises:
            LivegistError: the file of known voices cannot be written.
        """
        profiles = self._sessions.get(session)
        speaker = ord(name_of_label) - ord("A") if len(name_of_label) == 1 else -1
        vector = profiles.vector(speaker) if profiles else None
        if profiles is None or vector is None or self._store is None:
            return f"Speaker {name_of_label} has not said enough yet."
        at = datetime.now().astimezone().isoformat(timespec="seconds")
        self._store.remember(StoredVoice(name, self._model_name, tuple(map(float, vector)), at))
        profiles.name(speaker, name)
        return ""

    def _known(self) -> list[KnownVoice]:
        """Return the known voices that this model can recognise."""
        try:
            voices = self._store.load() if self._store else ()
        except LivegistError as error:
            log.warning("Known voices are not used: %s", error.message)
            return []
        return [
            KnownVoice(voice.name, np.array(voice.vector, np.float32))
            for voice in voices
            if voice.model == self._model_name
        ]

    def labels(self, parameters: Parameters) -> "SpeakerLabels":
        """Return what labels the speakers of one connection."""
        return SpeakerLabels(
            self._model,
            self._thread,
            self._profiles(parameters),
            parameters.max_speakers,
            parameters.speaker_labels_revision_interval_ms,
        )

    def _profiles(self, parameters: Parameters) -> SpeakerProfiles:
        """Return the speakers of a session; without an id, those of a new one."""
        session = parameters.speaker_session
        profiles = self._sessions.pop(session, None)
        # Profiles without a speaker yet are false: the connections of several tracks are opened before anybody speaks.
        if profiles is None:
            known = self._known() if parameters.known_voices else []
            profiles = SpeakerProfiles(self._model.unrelated, known)
        if session:
            self._sessions[session] = profiles
            while len(self._sessions) > KEPT_SESSIONS:
                self._sessions.popitem(last=False)
        return profiles


class SpeakerLabels:
    """The speakers of one connection.

    Args:
        model: computes embeddings.
        thread: runs it.
        profiles: the speakers of the session.
        max_speakers: most speakers.
        revision_interval_ms: time between two revisions in mid-session; 0 for none, `None` for the shortest.
    """

    def __init__(
        self,
        model: SpeakerModel,
        thread: Thread,
        profiles: SpeakerProfiles,
        max_speakers: int | None = None,
        revision_interval_ms: int | None = None,
    ) -> None:
        self.busy = False
        """Whether embeddings are being computed."""
        self._model = model
        self._thread = thread
        self._clusters = SpeakerClusters(profiles, max_speakers or MAX_SPEAKERS)
        asked_ms = MIN_REVISION_MS if revision_interval_ms is None else revision_interval_ms
        self._interval = max(MIN_REVISION_MS, asked_ms) * RATE // 1000 if asked_ms else None
        self._revised_at = 0
        self._voices = TurnVoices(0)
        self._checked_at = 0
        self._rows: list[int] = []
        self._words: OrderedDict[int, tuple[WireWord, ...]] = OrderedDict()
        self._failed = False

    @property
    def speaker_set(self) -> str:
        """Id of the speakers, which connections of one session share."""
        return self._clusters.profiles.id

    def start(self, speech: int, position: int) -> None:
        """Begin a turn.

        Args:
            speech: its first sample of speech.
            position: sample after the last frame.
        """
        self._voices = TurnVoices(speech)
        self._rows.clear()
        self._checked_at = speech
        self.add_speech(speech, position)

    def add_speech(self, start: int, end: int) -> None:
        """Note that a frame of the open turn is speech."""
        self._rows += range(-(-start // STEP), -(-end // STEP))

    def is_due(self, position: int) -> bool:
        """Return whether the open turn's voices should be looked at."""
        return not self.busy and not self._failed and position - self._checked_at >= CHECK

    def check(self, audio: SampleWindow, position: int, on_result: Callable[[VoiceChange | None], None]) -> None:
        """Look for a change of the speaker in the open turn.

        Args:
            audio: of the connection.
            position: sample after the last frame.
            on_result: takes the change, after which the open turn's speech is that of the new voice.
        """
        self._checked_at = position
        stretches = self._new_stretches(audio, position)

        def work() -> VoiceChange | None:
            self._add(stretches)
            self._embed(self._voices)
            return self._next_change(ended=False)

        self._submit(work, on_result, None)

    def finish(self, audio: SampleWindow, position: int, on_result: Callable[[tuple[VoiceChange, ...]], None]) -> None:
        """Look for all changes of the speaker in a turn that has ended; `voices` is then the speech after the last."""
        stretches = self._new_stretches(audio, position)

        def work() -> tuple[VoiceChange, ...]:
            self._add(stretches)
            self._embed(self._voices, ended=True)
            changes = []
            while change := self._next_change(ended=True):
                changes.append(change)
            return tuple(changes)

        self._submit(work, on_result, ())

    @property
    def voices(self) -> TurnVoices:
        """The speech of the open turn, or of the one that has just ended."""
        return self._voices

    def split(self, position: int) -> TurnVoices:
        """Return the open turn's speech before a sample; what follows is the next turn's."""
        before, self._voices = self._voices.before(position), self._voices.after(position)
        return before

    @property
    def guess(self) -> str | None:
        """The label that the open turn has as far as it is known; `None` if it is not."""
        vectors = self._voices.vectors
        if self.busy or not len(vectors):
            return None
        speaker, similarity = self._clusters.profiles.nearest(unit(vectors.sum(axis=0)))
        return label(speaker) if speaker is not None and similarity >= SAME else None

    def label(self, order: int, voices: TurnVoices) -> str | None:
        """Return the label of a finished turn; `None` if its speech is too short to tell."""
        vectors = voices.vectors
        if not len(vectors):
            return None
        speaker = self._clusters.assign(order, vectors, whole=voices.whole)
        return None if speaker is None else label(speaker)

    def remember(self, turn: WireTurn) -> SpeakerRecognised | None:
        """Keep a finished turn's words for a revision; return the name of its speaker, once, if it is a known voice."""
        self._words[turn.turn_order] = turn.words
        while len(self._words) > KEPT_TURNS:
            self._words.popitem(last=False)
        if turn.speaker_label is None:
            return None
        name = self._clusters.profiles.recognise(ord(turn.speaker_label) - ord("A"))
        return SpeakerRecognised(turn.speaker_label, name) if name else None

    def revise(self, position: int, *, last: bool = False) -> SpeakerRevision | None:
        """Return new labels of earlier turns, if the time for it has come and some changed.

        Args:
            position: sample after the last frame.
            last: whether the session ends; the time has come then.
        """
        due = self._interval is not None and position - self._revised_at >= self._interval
        if not due and not last:
            return None
        self._revised_at = position
        revised = ((order, label(speaker)) for order, speaker in self._clusters.revise().items())
        revisions = tuple(
            Revision(order, name, tuple(msgspec.structs.replace(word, speaker=name) for word in self._words[order]))
            for order, name in revised
            if order in self._words
        )
        return SpeakerRevision(revisions) if revisions else None

    def _submit(self, work: Callable[[], Any], on_result: Callable[[Any], None], failed: Any) -> None:
        """Run work in the thread; if it fails there are no more labels, and the session goes on."""
        if self._failed:
            on_result(failed)
            return
        self.busy = True

        def done(result: Any, error: BaseException | None) -> None:
            self.busy = False
            if error is not None:
                self._failed = True
                log.warning("No more speaker labels: the speaker model failed: %s", error)
            on_result(failed if error is not None else result)

        self._thread.submit(work, done)

    def _new_stretches(self, audio: SampleWindow, position: int) -> list[tuple[int, np.ndarray[Any, Any]]]:
        """Return the audio of the new rows of speech: the first row of each stretch, and its samples."""
        ready = [row for row in self._rows if row * STEP + FRAME // 2 <= position]
        del self._rows[: len(ready)]
        if not ready:
            return []
        breaks = [at for at in range(1, len(ready)) if ready[at] != ready[at - 1] + 1]
        stretches = []
        for first, last in zip([0, *breaks], [*breaks, len(ready)], strict=True):
            start, end = ready[first] * STEP - FRAME // 2, ready[last - 1] * STEP + FRAME // 2
            samples = audio.read(max(0, start), end)
            # Before the first sample, and before what is still kept, is silence.
            stretches.append((ready[first], np.pad(samples, (max(0, end - start - len(samples)), 0))))
        return stretches

    def _add(self, stretches: list[tuple[int, np.ndarray[Any, Any]]]) -> None:
        for first, samples in stretches:
            for row, features in enumerate(self._model.features(samples), first):
                self._voices.add_row(row * STEP, features)

    def _embed(self, voices: TurnVoices, *, ended: bool = False) -> None:
        windows = voices.due(ended=ended)
        if windows:
            voices.add(windows, self._model.embed([voices.features(window) for window in windows]))

    def _next_change(self, *, ended: bool) -> VoiceChange | None:
        """Return the first change in the turn, and go on with what follows it."""
        position = self._voices.change(self._clusters.profiles, ended=ended)
        if position is None:
            return None
        before, self._voices = self._voices.before(position), self._voices.after(position)
        self._embed(before, ended=True)
        self._embed(self._voices, ended=ended)
        return VoiceChange(position, before)
