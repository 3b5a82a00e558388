"""Which turns a viewer shows: all, the bookmarked ones, those of one speaker. Pure."""

import msgspec

from tui.presentation.view_model import ViewModel
from tui.text import one_line


class TurnFilter(msgspec.Struct, frozen=True):
    """A restriction of the turns that are shown, and of the gists about them."""

    bookmarks_only: bool = False
    speaker: str = ""
    """Label of the only speaker, or name of the only track; empty for all."""
    speaker_name: str = ""
    """That speaker's name; empty for the label."""

    @property
    def active(self) -> bool:
        """Whether some turns are not shown."""
        return self.bookmarks_only or bool(self.speaker)

    @property
    def status(self) -> str:
        """What is shown, and the key that shows all."""
        if not self.speaker:
            return "★ only · M shows all"
        return f"{one_line(self.speaker_name or self.speaker, 16)} only · F shows all"

    def admits(self, view_model: ViewModel, turn: int) -> bool:
        """Return whether a turn is shown."""
        if self.bookmarks_only and turn not in view_model.bookmarks:
            return False
        found = view_model.transcript.get(turn)
        return not self.speaker or (found is not None and found.label == self.speaker)
