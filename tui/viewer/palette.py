"""Commands of the command palette: the actions of a screen and the themes."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.screen import Screen

from tui.viewer.widgets.pane import Pane

PALETTE_ID = "show-commands"
"""Id of the action that opens the palette, which does not list it."""


def action_commands(app: App[Any], screen: Screen[object], keys: Mapping[str, str]) -> Iterator[SystemCommand]:
    """Yield each action of a screen with its key; only a search finds actions that are not possible now.

    Args:
        app: runs the actions.
        screen: the screen below the palette.
        keys: a person's own keys by action id.
    """
    yielded = {PALETTE_ID}
    for active in screen.active_bindings.values():
        binding = active.binding
        if active.enabled and binding.id and binding.id not in yielded:
            yielded.add(binding.id)
            run = partial(app.run_action, binding.action, active.node)
            yield SystemCommand(binding.description.capitalize(), _help(app, binding, keys), run)
    for binding in _bindings(screen):
        if binding.id and binding.id not in yielded:
            yielded.add(binding.id)
            notify = partial(app.notify, f"Not possible now: {binding.description}.", markup=False)
            title = f"{binding.description.capitalize()} – not possible now"
            yield SystemCommand(title, _help(app, binding, keys), notify, discover=False)


def theme_commands(app: App[Any], names: Iterable[str]) -> Iterator[SystemCommand]:
    """Yield a command for each theme."""
    for name in names:
        yield SystemCommand(f"Theme: {name}", "Use this theme until you quit", partial(setattr, app, "theme", name))


def _bindings(screen: Screen[object]) -> Iterator[Binding]:
    """Yield all bindings of a screen and its panes."""
    for node in (screen, *screen.query(Pane)):
        yield from (binding for binding in node.BINDINGS if isinstance(binding, Binding))


def _help(app: App[Any], binding: Binding, keys: Mapping[str, str]) -> str:
    key = keys.get(binding.id or "") or app.get_key_display(binding)
    return f"{binding.tooltip or binding.description}  ({key})"
