"""Commands of the command palette: the actions of a screen, those used most recently first, and the themes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from tui.viewer.binding_titles import TITLES
from tui.viewer.screens.dialog import HELP, is_possible, sentence
from tui.viewer.widgets.pane import Pane

PALETTE_ID = "show-commands"
"""Id of the action that opens the palette, which does not list it."""


IMPOSSIBLE = 10.0
"""Divisor of the score of a match that is not possible now, which puts it below the others."""


class Commands(Provider):
    """The commands of the app in its order; Textual's own provider sorts them by name."""

    async def discover(self) -> Hits:
        """Yield the commands that are offered before anything is typed."""
        for title, help, run, discover in self.app.get_system_commands(self.screen):
            if discover:
                yield DiscoveryHit(title, run, help=help)

    async def search(self, query: str) -> Hits:
        """Yield the commands whose title matches."""
        matcher = self.matcher(query)
        for title, help, run, possible in self.app.get_system_commands(self.screen):
            if (score := matcher.match(title)) > 0:
                yield Hit(score if possible else score / IMPOSSIBLE, matcher.highlight(title), run, help=help)


def action_commands(
    app: App[Any],
    screen: Screen[Any],
    keys: Mapping[str, str],
    titles: Mapping[str, str],
    order: Sequence[str],
    ran: Callable[[str], None],
) -> Iterator[SystemCommand]:
    """Yield each action of a screen with its key; only a search finds actions that are not possible now.

    Args:
        app: runs the actions.
        screen: the screen below the palette.
        keys: a person's own keys by action id.
        titles: titles of actions that depend on the state, by id.
        order: ids of actions, the most useful first; the others follow.
        ran: called with the id of an action that a person has run.
    """
    possible = {active.binding.id: active for active in screen.active_bindings.values() if active.binding.id}
    ids = list(dict.fromkeys([*order, *(binding.id or "" for binding in _bindings(screen))]))
    for id in ids:
        active = possible.get(id)
        if active is None or id == PALETTE_ID:
            continue
        binding = active.binding
        title = titles.get(id) or TITLES.get(id) or sentence(binding.description)

        async def run(id: str = id, action: str = binding.action, node: Any = active.node) -> None:
            ran(id)
            await app.run_action(action, node)

        if active.enabled:
            yield SystemCommand(title, _help(app, binding, keys), run)
        else:
            yield _impossible(screen, binding, title, _help(app, binding, keys))


def dialog_commands(app: App[Any], screen: Screen[object]) -> Iterator[SystemCommand]:
    """Yield each action of a dialog, or of a past session, with its key; only a search finds impossible ones."""
    for binding in (*type(screen).BINDINGS, HELP):
        if isinstance(binding, Binding) and binding.description:
            title, help = sentence(binding.description), f"On this screen  ({app.get_key_display(binding)})"
            if is_possible(screen, binding):
                yield SystemCommand(title, help, partial(app.run_action, binding.action, screen))
            else:
                yield _impossible(screen, binding, title, help)


def _impossible(screen: Screen[Any], binding: Binding, title: str, help: str) -> SystemCommand:
    """Return a command that says why its action is not possible now."""
    explain = getattr(screen, "explain_unavailable", None)
    said = partial(explain, binding) if explain is not None else (lambda: None)
    return SystemCommand(f"{title} – not possible now", help, said, discover=False)


def theme_commands(app: App[Any], names: Iterable[str]) -> Iterator[SystemCommand]:
    """Yield a command for each theme."""
    for name in names:
        yield SystemCommand(f"Use theme {name}", "Until you quit", partial(setattr, app, "theme", name))


def _bindings(screen: Screen[Any]) -> Iterator[Binding]:
    """Yield all bindings of a screen and its panes."""
    for node in (screen, *screen.query(Pane)):
        yield from (binding for binding in node.BINDINGS if isinstance(binding, Binding))


def _help(app: App[Any], binding: Binding, keys: Mapping[str, str]) -> str:
    key = keys.get(binding.id or "") or app.get_key_display(binding)
    return f"{binding.tooltip or binding.description}  ({key})"
