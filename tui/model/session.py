"""Session: the facts about it that never change."""

import msgspec

from tui.model.tracks import Track


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """The facts about a session that never change."""

    id: str
    path: str
    """Folder of the session on the engine's machine; empty for a private session."""
    started_at: str
    """ISO 8601 with the offset from UTC."""
    source: str
    """The requested source: `mic`, a file name, `-`, `cmd:…`."""
    engine: str
    """`cloud` or `local`."""
    endpoint: str
    """Host that receives the audio."""
    speech_model: str
    llm_model: str
    tracks: tuple[Track, ...] = ()
    """The tracks at the start; empty if there is one without a name."""
    mixed: bool = False
    """Whether all tracks are sent over one connection: turns have speakers and no track."""
    known_voices: bool = False
    """Whether voices can be remembered, and remembered ones are named."""
