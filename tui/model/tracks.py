"""Tracks of a session: each is a source with a recording of its own. Pure."""

import re
from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from tui.errors import UsageError
from tui.text import file_text

MAX_TRACKS = 4
SYSTEM = "system"
"""Source that is what the machine plays."""
MAX_NAME_CHARACTERS = 24
"""Maximum length of a track's name: it stands in front of every turn."""
NAME = re.compile(r"\s*(?P<name>\w[\w .'&+-]*?)\s*=(?P<source>.*)", re.DOTALL)
"""`NAME=SPEC`. A name has neither `:` nor `/`, so the `=` in `cmd:…`, `mic:…` or a path ends no name."""
USAGE = "Write NAME=SOURCE, such as: --source you=mic --source them=system"


class Track(msgspec.Struct, frozen=True, omit_defaults=True):
    """A track of a session."""

    name: str = ""
    """Name that its turns carry; empty for the only track of a session, unless a person named it."""
    source: str = ""
    """Source without the name: `mic`, `system`, a path, `-`, `cmd:…`."""
    muted: bool = False
    gain_db: float = 0.0
    start_s: float = 0.0
    """Seconds from the start of the session at which it was added; its recording is silent before."""
    end_s: float = 0.0
    """Seconds from the start of the session at which it was stopped; 0 if it was not stopped by itself."""

    @property
    def stopped(self) -> bool:
        """Whether it was stopped while the others went on."""
        return self.end_s > 0

    @property
    def plays(self) -> bool:
        """Whether it records what the machine plays."""
        return self.source == SYSTEM


class TracksChanged(msgspec.Struct, frozen=True, tag="tracks"):
    """A track was added to the running session or stopped. Turns of a track without a name are those of the first."""

    tracks: tuple[Track, ...]
    """All tracks now."""


def parse_track(text: str) -> Track:
    """Return the track that `NAME=SPEC` or `SPEC` describes.

    Raises:
        UsageError: the name or the source is not valid.
    """
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        # A session is stored as JSON, which is Unicode.
        raise UsageError(
            f"The source {file_text(text)} is not valid text.", "Rename the file, or use: livegist transcribe FILE"
        )
    found = NAME.fullmatch(text)
    name, source = (found["name"], found["source"].strip()) if found else ("", text.strip())
    if not source:
        raise UsageError(f"The source {text!r} is empty." if not name else f"The track {name!r} has no source.", USAGE)
    if len(name) > MAX_NAME_CHARACTERS:
        raise UsageError(
            f"The name of the track {name!r} is too long.", f"Use at most {MAX_NAME_CHARACTERS} characters."
        )
    return Track(name, source)


def parse_tracks(specs: Sequence[str]) -> tuple[Track, ...]:
    """Return the tracks that the setting `source` describes; several get a name each.

    Raises:
        UsageError: there is none or too many, a name occurs twice, or a source is not valid.
    """
    tracks = tuple(map(parse_track, specs))
    if not tracks:
        raise UsageError("There is no source.", "Name one, such as: --source mic")
    if len(tracks) > MAX_TRACKS:
        raise UsageError(f"A session has at most {MAX_TRACKS} tracks, and {len(tracks)} sources are given.", USAGE)
    named: list[Track] = []
    for track in tracks:
        if any(track.name and track.name.casefold() == other.name.casefold() for other in named):
            raise UsageError(f"Two tracks have the name {track.name!r}.", "Give each track a name of its own.")
        named.append(track)
    if sum(track.source == "-" for track in tracks) > 1:
        raise UsageError("Standard input can be only one track.", "Use cmd:PROGRAM for the other.")
    if len(named) == 1:
        return tuple(named)
    taken = {track.name.casefold() for track in named if track.name}
    for at, track in enumerate(named):
        if not track.name:
            named[at] = msgspec.structs.replace(track, name=_free_name(track.source, taken))
            taken.add(named[at].name.casefold())
    return tuple(named)


def free_name(source: str, tracks: Sequence[Track]) -> str:
    """Return a name for a further track with this source."""
    return _free_name(source, {track.name.casefold() for track in tracks})


def format_tracks(tracks: Sequence[Track]) -> str:
    """Return the sources of a session for a person, such as `you=mic, them=system`."""
    return ", ".join(f"{track.name}={track.source}" if track.name else track.source for track in tracks)


def _free_name(source: str, taken: set[str]) -> str:
    """Return a name made from a source, followed by a number if it is taken."""
    base = _base_name(source)
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        suffix = f" {number}"
        name = base[: MAX_NAME_CHARACTERS - len(suffix)] + suffix
    return name


def _base_name(source: str) -> str:
    kind, _, rest = source.partition(":")
    match kind:
        case "-":
            return "stdin"
        case "mic" | "system":
            text = rest.strip() or kind
        case "cmd":
            text = PurePath((rest.split() or ["program"])[0]).name
        case _:
            text = PurePath(source).stem
    name = " ".join(re.sub(r"[^\w .'&+-]+", " ", text).split()).strip(" .'&+-")
    return name[:MAX_NAME_CHARACTERS].strip() or "track"
