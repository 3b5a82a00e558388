"""The state of a session, computed from its events; the engine, the journal and the viewer share it."""

from collections.abc import Callable, Collection, MutableMapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from tui.model.edits import TurnEdit, join_parts
from tui.model.events import (
    PROTOCOL_VERSION,
    Event,
    ExtraPromptsChanged,
    GainChanged,
    GistChanged,
    GistDelta,
    MutedChanged,
    Notice,
    PromptChanged,
    SessionStarted,
    Snapshot,
    SpeakerNamed,
    State,
    StateChanged,
    StatsChanged,
    TitleChanged,
    TranscriptEdited,
    TurnBookmarked,
    TurnChanged,
    TurnRemoved,
)
from tui.model.gaps import Gap
from tui.model.gists import Gist, GistStatus
from tui.model.prompts import LANGUAGE, SPEAKERS, TITLE
from tui.model.session import Session
from tui.model.stats import Stats
from tui.model.tracks import Track, TracksChanged, format_tracks
from tui.model.transcript import Transcript, Turn, with_speaker_name

MappingFactory = Callable[[Any], MutableMapping[int, Any]]
"""Makes an empty mapping from numbers to values of the given type."""


def plain_dict(value_type: Any) -> dict[int, Any]:
    """Return an ordinary dict for the values."""
    return {}


class TranscriptEntry(NamedTuple):
    """A final turn, or a part of one, with what belongs to it."""

    turn: Turn
    """With the name of its speaker."""
    note: str | None
    """Note of its bookmark; `None` without a bookmark."""
    gists: list[Gist]


class SessionState:
    """The state of a session after the events applied so far.

    Args:
        mapping_factory: makes the mappings that store the turns and the gists by number.
    """

    def __init__(self, mapping_factory: MappingFactory = plain_dict) -> None:
        self._mapping_factory = mapping_factory
        self.session: Session | None = None
        self.state = State.IDLE
        self.reason = ""
        self.hint = ""
        self.muted = False
        """Whether all tracks are muted."""
        self.prompt = ""
        self.transcript = Transcript(storage=mapping_factory(Turn))
        self.gists: MutableMapping[int, Gist] = mapping_factory(Gist)
        self.stats = Stats()
        self.bookmarks: dict[int, str] = {}
        """Note of each bookmarked turn, by turn number."""
        self.speakers: dict[str, str] = {}
        """Names of the speakers, by the endpoint's labels."""
        self.extra_prompts: tuple[str, ...] = ()
        self.gain_db = 0.0
        """Gain of the first track."""
        self.tracks: tuple[Track, ...] = ()
        """The tracks; empty if there is one without a name."""
        self.gaps: tuple[Gap, ...] = ()
        """Times that were not recorded, in order."""
        self.title = ""
        """Title of the session; empty without one."""
        self.edits: dict[int, tuple[Turn, ...]] = {}
        """Parts of the turns that a person edited, by number."""
        self._undo: list[TranscriptEdited] = []
        """What takes back each edit, oldest first."""

    def snapshot(self, version: str) -> Snapshot:
        """Return the state as a snapshot for a new viewer.

        Args:
            version: version of livegist.
        """
        return Snapshot(
            protocol=PROTOCOL_VERSION,
            version=version,
            state=self.state,
            reason=self.reason,
            hint=self.hint,
            session=self.session,
            muted=self.muted,
            prompt=self.prompt,
            turns=tuple(self.transcript),
            gists=tuple(self.gists.values()),
            stats=self.stats,
            bookmarks=tuple(TurnBookmarked(turn, note) for turn, note in self.bookmarks.items()),
            speakers=tuple(SpeakerNamed(label, name) for label, name in self.speakers.items()),
            extra_prompts=self.extra_prompts,
            gain_db=self.gain_db,
            edits=tuple(TurnEdit(number, parts) for number, parts in self.edits.items()),
            undoable=len(self._undo),
            tracks=self.tracks,
            title=self.title,
            gaps=self.gaps,
        )

    @property
    def finals(self) -> list[Turn]:
        """The final turns as a person edited them, with the names of their speakers; parts of one share its number."""
        return [with_speaker_name(part, self.speakers) for turn in self.transcript.finals for part in self.parts(turn)]

    @property
    def spoken(self) -> list[Turn]:
        """The final turns, and after them the words so far of the open ones."""
        open_turns = (turn for turn in self.transcript if not turn.final and turn.text)
        return [*self.finals, *(with_speaker_name(turn, self.speakers) for turn in open_turns)]

    @property
    def original_finals(self) -> list[Turn]:
        """The final turns without a person's edits, with the names of their speakers."""
        return [with_speaker_name(turn, self.speakers) for turn in self.transcript.finals]

    def parts(self, turn: Turn) -> tuple[Turn, ...]:
        """Return the parts of a turn as a person edited it: itself without an edit, none if another contains it."""
        return self.edits.get(turn.number, (turn,))

    def turn(self, number: int) -> Turn | None:
        """Return a turn as a person edited it, its parts joined; `None` if there is none of that number."""
        original = self.transcript.get(number)
        parts = self.parts(original) if original is not None else ()
        return join_parts(parts) if len(parts) > 1 else parts[0] if parts else None

    @property
    def undo_edit(self) -> "TranscriptEdited | None":
        """What takes back the newest edit; `None` if there is none."""
        return self._undo[-1] if self._undo else None

    def keep(self, numbers: Collection[int]) -> None:
        """Remove all turns but those of the given numbers, and all gists that are not about them."""
        for number in [turn.number for turn in self.transcript if turn.number not in numbers]:
            self.transcript.remove(number)
        for gist in [gist.number for gist in self.gists.values() if gist.turn not in numbers]:
            del self.gists[gist]

    def prompt_variables(self, language: str) -> dict[str, str]:
        """Return the values of the variables that a prompt may contain.

        Args:
            language: language of answers.
        """
        speakers = dict.fromkeys(turn.speaker for turn in self.finals if turn.speaker)
        return {
            LANGUAGE: language,
            TITLE: self.title or "(no title)",
            SPEAKERS: ", ".join(map(str, speakers)) or "(not known)",
        }

    def gaps_before(self, number: int) -> list[Gap]:
        """Return the gaps after which a turn is the first one."""
        return [
            gap
            for gap in self.gaps
            if number == next((turn.number for turn in self.transcript if turn.start_s >= gap.start_s), None)
        ]

    def entries(self) -> list[TranscriptEntry]:
        """Return the final turns as a person edited them, with their bookmarks and gists.

        Of several parts, the first has the bookmark and the last has the gists, also those of turns merged into it.
        """
        gists: dict[int | None, list[Gist]] = {}
        for gist in self.gists.values():
            gists.setdefault(gist.turn, []).append(gist)
        entries: list[TranscriptEntry] = []
        for original in self.transcript.finals:
            note, about = self.bookmarks.get(original.number), gists.get(original.number, [])
            parts = self.parts(original)
            if not parts and entries:
                last = entries[-1]
                note = last.note if last.note is not None else note
                entries[-1] = TranscriptEntry(last.turn, note, [*last.gists, *about])
            for at, part in enumerate(parts):
                turn = with_speaker_name(part, self.speakers)
                first, newest = at == 0, at == len(parts) - 1
                entries.append(TranscriptEntry(turn, note if first else None, about if newest else []))
        return entries

    @property
    def source(self) -> str:
        """The sources of the session, with those of tracks that were added; empty without a session."""
        if self.session is None:
            return ""
        added = len(self.tracks) > max(1, len(self.session.tracks))
        return format_tracks(self.tracks) if added else self.session.source

    @property
    def all_tracks(self) -> tuple[Track, ...]:
        """The tracks; one without a name if the session has no other."""
        return self.tracks or (Track("", self.source, self.muted, self.gain_db),)

    @property
    def recorded_tracks(self) -> tuple[Track, ...]:
        """The tracks, without those that were stopped by themselves."""
        return tuple(track for track in self.all_tracks if not track.stopped)

    def may_be_silent(self, track: str) -> bool:
        """Return whether silence of a track is normal: it records what the machine plays."""
        return any(known.name == track and known.plays for known in self.all_tracks)

    @property
    def length_s(self) -> float:
        """Seconds recorded, as the last statistics say; without any, the end of the last turn."""
        return self.stats.elapsed_s or max((turn.end_s for turn in self.transcript.finals), default=0.0)

    def apply(self, event: Event) -> None:
        """Apply an event; an event that is not about the session changes nothing."""
        match event:
            case SessionStarted(session=session):
                self.session = session
                self.transcript, self.gists = (
                    Transcript(storage=self._mapping_factory(Turn)),
                    self._mapping_factory(Gist),
                )
                self.stats = Stats()
                self.bookmarks, self.speakers, self.extra_prompts, self.gain_db = {}, {}, (), 0.0
                self.edits, self._undo, self.title, self.gaps = {}, [], "", ()
                self.tracks = session.tracks
            case StateChanged(state=state, reason=why, hint=hint):
                self.state, self.reason, self.hint = state, why, hint
            case TurnChanged(turn=turn):
                self._revise_edit(turn)
                self.transcript.upsert(turn)
            case TurnRemoved(number=number):
                self.transcript.remove(number)
            case TranscriptEdited():
                self._edit(event)
            case GistChanged(gist=gist):
                self.gists[gist.number] = gist
            case GistDelta(number=number, text=text):
                old = self.gists.get(number)
                if old is not None and not old.status.over:
                    self.gists[number] = replace(old, text=old.text + text, status=GistStatus.STREAMING)
            case StatsChanged(stats=stats):
                self.stats = stats
            case PromptChanged(prompt=prompt):
                self.prompt = prompt
            case TracksChanged(tracks=tracks):
                self._change_tracks(tracks)
            case MutedChanged(muted=muted, track=name):
                self.tracks = tuple(
                    replace(track, muted=muted) if name in ("", track.name) else track for track in self.tracks
                )
                self.muted = all(track.muted for track in self.tracks) if self.tracks else muted
            case TurnBookmarked(turn=number, note=str(note)):
                self.bookmarks[number] = note
            case TurnBookmarked(turn=number):
                self.bookmarks.pop(number, None)
            case SpeakerNamed(label=label, name=""):
                self.speakers.pop(label, None)
            case SpeakerNamed(label=label, name=name):
                self.speakers[label] = name
            case Notice(gap=Gap() as gap) if gap not in self.gaps:
                # A viewer may have it from its snapshot.
                self.gaps += (gap,)
            case TitleChanged(title=title):
                self.title = title
            case ExtraPromptsChanged(prompts=prompts):
                self.extra_prompts = prompts
            case GainChanged(gain_db=gain_db, track=name):
                self.tracks = tuple(
                    replace(track, gain_db=gain_db) if name in ("", track.name) else track for track in self.tracks
                )
                self.gain_db = self.tracks[0].gain_db if self.tracks else gain_db

    def _revise_edit(self, turn: Turn) -> None:
        """Give the edited parts of a turn its new speaker, unless a person gave them another one."""
        old, parts = self.transcript.get(turn.number), self.edits.get(turn.number)
        if old is not None and parts and old.speaker != turn.speaker:
            self.edits[turn.number] = tuple(
                replace(part, speaker=turn.speaker) if part.speaker == old.speaker else part for part in parts
            )

    def _change_tracks(self, tracks: tuple[Track, ...]) -> None:
        """Replace the tracks; the turns so far of one without a name get the name of the first."""
        if not self.tracks:
            self.transcript.name_track(tracks[0].name)
            self.edits = {
                number: tuple(replace(part, track=tracks[0].name) for part in parts)
                for number, parts in self.edits.items()
            }
        self.tracks = tracks
        self.muted = all(track.muted for track in tracks)

    def _edit(self, event: TranscriptEdited) -> None:
        if event.undo:
            if self._undo:
                self._undo.pop()
        else:
            before = tuple(TurnEdit(edit.number, self.edits.get(edit.number)) for edit in event.edits)
            self._undo.append(TranscriptEdited(before, undo=True))
        for number, parts in ((edit.number, edit.parts) for edit in event.edits):
            if parts is None:
                self.edits.pop(number, None)
            else:
                self.edits[number] = parts
