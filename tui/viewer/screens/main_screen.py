"""Screens with a footer, and among them those below all others, whose keys have ids."""

from typing import Any, Literal

from textual.app import App
from textual.binding import Binding
from textual.screen import Screen

from tui.model.events import Severity
from tui.viewer.widgets.footer import Footer

SHOWN: dict[Severity, tuple[Literal["information", "warning", "error"], float | None]] = {
    Severity.INFO: ("information", None),
    Severity.WARNING: ("warning", 10),
    Severity.ERROR: ("error", 20),
}
"""Textual's severity of a notice, and for how many seconds it is shown; `None` for the default."""


def show_notice(owner: App[Any] | Screen[Any], severity: Severity, message: str) -> None:
    """Notify a message of an engine."""
    shown, timeout = SHOWN[severity]
    owner.notify(message, severity=shown, timeout=timeout, markup=False)


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
