"""Screens with a footer, and among them those below all others, whose keys have ids."""

from textual.binding import Binding
from textual.screen import Screen

from tui.viewer.widgets.footer import Footer


class FooterScreen(Screen[None]):
    """A screen that shows messages in its footer."""

    footer: Footer

    def show_status(self, text: str, *, warning: bool = False, seconds: float | None = None) -> None:
        """Show a message in the footer; it replaces the one before."""
        self.footer.say(text, warning=warning, seconds=seconds)


class MainScreen(FooterScreen):
    """A screen whose actions are in the command palette, in the order of their use."""

    def explain_unavailable(self, binding: Binding) -> None:
        """Say in the footer why the action of a key is not possible now."""
        raise NotImplementedError

    def useful_actions(self) -> list[str]:
        """Return the ids of the actions, the most useful now first."""
        raise NotImplementedError

    def command_titles(self) -> dict[str, str]:
        """Return the titles of commands that depend on the state, by id."""
        raise NotImplementedError
