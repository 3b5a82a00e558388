"""View model: the session as a viewer shows it, folded from the engine's events. Pure."""

import sys

from msgspec.structs import replace

from tui.model.events import (
    Event,
    GistChanged,
    GistDelta,
    PlayingChanged,
    PromptChanged,
    PromptsChanged,
    SessionStarted,
    Snapshot,
    TranscriptEdited,
    TurnChanged,
    TurnRemoved,
    UntranscribedChanged,
    ViewersChanged,
)
from tui.model.gists import Gist, GistStatus
from tui.model.prompt_info import PromptInfo
from tui.model.session_state import SessionState
from tui.model.transcript import Transcript, Turn, without_words

THIS_MACHINE = "this machine"
"""Name of the engine's machine as its own endpoint."""

SWITCH_S = 20.0
"""Longest time, in seconds, that a connection for another prompt takes to catch up."""


class ViewModel(SessionState):
    """State of a session and its engine, as far as a viewer shows it."""

    def __init__(self, host: str = "") -> None:
        super().__init__()
        self.host = host
        """Name of the engine's machine; empty for this one."""
        self.watching = False
        """Whether this viewer may only look."""
        self.synced = False
        """Whether a snapshot has been received."""
        self.prompts: tuple[PromptInfo, ...] = ()
        self._spoken: frozenset[int] = frozenset()
        """Numbers of the open turns."""
        self._gists_of: dict[int, tuple[int, ...]] = {}
        """Numbers of the gists of each turn."""
        self._missing: dict[int, None] = {}
        """Numbers of the gists that failed or timed out."""
        self._switched_at_s: float | None = None
        """Elapsed time at which another prompt was chosen; `None` if none was."""
        self.gist_prompts: set[str] = set()
        """Ids of the prompts of all gists of turns."""
        self.newest_model = ""
        """Model of the newest complete gist; empty without one."""
        self._newest_gist = 0
        """Number of the newest gist with a text; 0 without one."""
        self.untranscribed: tuple[str, ...] = ()
        """Ids of ended sessions that are not fully transcribed, newest first."""
        self.undoable = 0
        """Number of edits of the transcript that can be undone."""
        self.viewers = 1
        """Number of attached viewers, this one included."""
        self.stopped_at = ""
        """ISO 8601 time at which recording stopped because the engine was killed, while it can be continued."""
        self.replay_speed = 0.0
        """Speed of a replay; 0 if this is not a replay."""
        self.playing = False
        """Whether the engine's machine plays a recording."""
        self.paused = False
        """Whether the replay is paused."""
        self.unresponsive = False
        """Whether the engine has sent nothing for some seconds, although its session is running."""
        self.disconnected = False
        """Whether the connection to the engine is lost."""
        self.lost_reason = ""
        """Why the connection could not be opened again; empty for one that was cut just now."""
        self.lost_hint = ""
        """What a person can do about it."""
        self.lost_at = ""
        """ISO 8601 time at which the connection was lost; empty if no session was running."""

    def disconnect(self, reason: str, hint: str, now: str) -> None:
        """Mark the connection to the engine as lost, until the next snapshot.

        Args:
            reason: why it could not be opened again; empty for a connection that was cut just now.
            hint: what a person can do.
            now: present time in ISO 8601.
        """
        if not self.disconnected:
            self.lost_at = now if self.state.active else ""
        self.disconnected, self.lost_reason, self.lost_hint = True, reason, hint

    def ends(self, turn: Turn) -> bool:
        """Return whether a turn that is about to be applied ends now, as it is spoken."""
        old = self.transcript.get(turn.number)
        return turn.final and not (old is not None and old.final) and not self.replay_speed

    @property
    def quits_alone(self) -> bool:
        """Whether quitting ends this viewer only: it may only look, or others still need the engine."""
        return self.watching or (not self.state.active and self.viewers > 1 and not self.disconnected)

    def apply(self, event: Event) -> None:
        """Apply an event; levels, notices and rejections change nothing."""
        match event:
            case Snapshot():
                self._replace(event)
            case PromptChanged(prompt=prompt):
                if self.state.active and prompt != self.prompt:
                    self._switched_at_s = self.stats.elapsed_s
                super().apply(event)
            case PromptsChanged(prompts=prompts):
                self.prompts = prompts
            case UntranscribedChanged(sessions=sessions):
                self.untranscribed = sessions
            case PlayingChanged(playing=playing):
                self.playing = playing
            case ViewersChanged(viewers=viewers):
                self.viewers = viewers
            case TurnChanged(turn=turn):
                super().apply(TurnChanged(_compact_turn(turn)))
                self._spoken = self._spoken - {turn.number} if turn.final else self._spoken | {turn.number}
            case TranscriptEdited(undo=undo):
                super().apply(event)
                self.undoable += -1 if undo else 1
            case TurnRemoved(number=number):
                super().apply(event)
                self._spoken -= {number}
            case GistChanged(gist=gist):
                self._keep(gist)
            case GistDelta(number=number):
                super().apply(event)
                self._newest_gist = max(self._newest_gist, number)
            case SessionStarted():
                self._gists_of, self._missing, self._spoken = {}, {}, frozenset()
                self.stopped_at, self.undoable, self._switched_at_s = "", 0, None
                self.gist_prompts, self.newest_model, self._newest_gist = set(), "", 0
                super().apply(event)
            case _:
                super().apply(event)

    def located(self, path: str) -> str:
        """Return a path on the engine's machine, with the name of that machine unless it is this one."""
        return f"{self.host}:{path}" if self.host else path

    @property
    def endpoint(self) -> str:
        """Host that receives the audio; empty without a session."""
        endpoint = self.session.endpoint if self.session is not None else ""
        return self.host if self.host and endpoint == THIS_MACHINE else endpoint

    def gists_of(self, turn: int) -> list[Gist]:
        """Return the gists of a turn, oldest first."""
        return [self.gists[number] for number in self._gists_of.get(turn, ())]

    def extra_gists(self, number: int) -> list[Gist]:
        """Return all gists about the turn of that gist, oldest first; the gist alone if it is about no turn."""
        gist = self.gists.get(number)
        if gist is None:
            return []
        return [gist] if gist.turn is None else self.gists_of(gist.turn)

    def last_turn_of(self, gist: Gist) -> int | None:
        """Return the number of the last turn that a gist of the whole session is about; `None` without turns."""
        finals = self.transcript.finals
        return finals[min(gist.turns or len(finals), len(finals)) - 1].number if finals else None

    def unasked(self, prompt: str) -> int:
        """Return the number of final turns without a gist of that prompt."""
        return sum(1 for turn in self.transcript.finals if not self._asked(turn.number, prompt))

    @property
    def newest_gist(self) -> Gist | None:
        """The newest gist with a text; `None` without one."""
        return self.gists.get(self._newest_gist)

    def newest_final(self) -> Turn | None:
        """Return the newest final turn, `None` if there is none."""
        return next((turn for turn in self.transcript.newest_first() if turn.final), None)

    @property
    def speech(self) -> bool:
        """Whether the endpoint detects speech: a turn is open."""
        return bool(self._spoken)

    @property
    def switching_prompt(self) -> bool:
        """Whether a connection for another prompt catches up with the speech."""
        return self._switched_at_s is not None and 0 <= self.stats.elapsed_s - self._switched_at_s < SWITCH_S

    @property
    def open_turns(self) -> list[int]:
        """Numbers of the open turns, in order."""
        return sorted(self._spoken)

    @property
    def speaking(self) -> frozenset[str]:
        """Names of the tracks on which the endpoint detects speech."""
        turns = (self.transcript.get(number) for number in self._spoken)
        return frozenset(turn.track for turn in turns if turn is not None)

    @property
    def was_stopped(self) -> bool:
        """Whether recording stopped because the engine was killed, and no other engine has continued it."""
        return bool(self.stopped_at) and not self.state.active

    def is_speaking(self, track: str) -> bool:
        """Return whether the endpoint detects speech on a track; the turns of a mix belong to none."""
        speaking = self.speaking
        return bool(speaking) if len(self.all_tracks) < 2 else track in speaking or "" in speaking

    @property
    def words(self) -> int:
        """Number of words of the final turns and of the open ones."""
        turns = (self.transcript.get(number) for number in self._spoken)
        return self.stats.words + sum(len(turn.text.split()) for turn in turns if turn is not None)

    @property
    def asking(self) -> list[str]:
        """Ids of the prompts asked about each turn, the one in use first."""
        return [prompt for prompt in dict.fromkeys((self.prompt, *self.extra_prompts)) if prompt]

    @property
    def missing(self) -> list[Gist]:
        """Gists that failed or timed out, oldest first."""
        return [self.gists[number] for number in sorted(self._missing)]

    @property
    def questions(self) -> list[str]:
        """Questions of this session, oldest first, without duplicates."""
        return list(dict.fromkeys(gist.question for gist in self.gists.values() if gist.question))

    def _replace(self, event: Snapshot) -> None:
        self.synced, self.disconnected = True, False
        self.state, self.reason, self.hint = event.state, event.reason, event.hint
        self.session, self.muted, self.stats = event.session, event.muted, event.stats
        self.prompt, self.prompts = event.prompt, event.prompts
        self.viewers, self.stopped_at = event.viewers + 1, event.stopped_at
        self.replay_speed, self.paused = event.replay_speed, event.paused
        self.transcript = Transcript(map(_compact_turn, event.turns))
        self._spoken = frozenset(turn.number for turn in event.turns if not turn.final)
        self.gists, self._gists_of, self._missing = {}, {}, {}
        self.gist_prompts, self.newest_model, self._newest_gist = set(), "", 0
        for gist in event.gists:
            self._keep(gist)
        self.bookmarks = {mark.turn: mark.note for mark in event.bookmarks if mark.note is not None}
        self.speakers = {named.label: named.name for named in event.speakers}
        self.edits = {edit.number: edit.parts for edit in event.edits if edit.parts is not None}
        self.undoable, self.title, self.gaps = event.undoable, event.title, event.gaps
        self.extra_prompts, self.gain_db, self.untranscribed = event.extra_prompts, event.gain_db, event.untranscribed
        self.tracks = event.tracks

    def _keep(self, gist: Gist) -> None:
        if gist.turn is not None and gist.number not in self.gists:
            self._gists_of[gist.turn] = (*self._gists_of.get(gist.turn, ()), gist.number)
        if gist.text:
            self._newest_gist = max(self._newest_gist, gist.number)
        self.gists[gist.number] = _compact_gist(gist) if gist.status.over else gist
        if gist.turn is not None:
            self.gist_prompts.add(gist.prompt)
        if gist.status is GistStatus.DONE and gist.model:
            self.newest_model = gist.model
        if gist.status in (GistStatus.FAILED, GistStatus.TIMED_OUT):
            self._missing[gist.number] = None
        else:
            self._missing.pop(gist.number, None)

    def _asked(self, turn: int, prompt: str) -> bool:
        return any(gist.prompt == prompt for gist in self.gists_of(turn))


def _compact_turn(turn: Turn) -> Turn:
    """Return a turn without its words; the names of speaker and track of finals are stored once for all turns."""
    if turn.final and (turn.speaker or turn.track):
        speaker = sys.intern(turn.speaker) if turn.speaker else turn.speaker
        turn = replace(turn, speaker=speaker, track=sys.intern(turn.track))
    return without_words(turn)


def _compact_gist(gist: Gist) -> Gist:
    """Return a gist whose prompt and model, which most gists have in common, are stored once."""
    return replace(gist, prompt=sys.intern(gist.prompt), model=sys.intern(gist.model))
