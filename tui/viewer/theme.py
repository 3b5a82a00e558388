"""Themes: TOML files that a person copies and edits, made into Textual's."""

import contextlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

from tui.errors import ConfigError

SPEAKERS = 6
"""Colours of speakers; a seventh speaker gets the first one's again, with another letter."""


class Palette(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One theme as its file says it: every colour by what it is for."""

    background: str
    surface: str
    """Background of the header, the footer and of what opens over the screen."""
    text: str
    muted: str
    """Text that matters less: times, labels, hints."""
    rule: str
    """Lines between the panes; nothing is written in it."""
    accent: str
    """Keys, the pane that has the keyboard, headings."""
    good: str
    """Live, and a level up to -20 dBFS."""
    warn: str
    """Waiting, and a level up to -9 dBFS."""
    bad: str
    """Failed, clipping, and a level above -9 dBFS."""
    selection: str
    """Background of what is selected."""
    selection_text: str
    speakers: tuple[str, ...]
    dark: bool = True
    ansi: bool = False
    """Use the terminal's own colours, `ansi_red` and the like, and follow its background."""

    @property
    def colours(self) -> Iterator[tuple[str, str]]:
        """Yield every colour with the name of its entry."""
        for entry in msgspec.structs.fields(Palette):
            value = getattr(self, entry.name)
            if isinstance(value, str):
                yield entry.name, value
        for number, colour in enumerate(self.speakers, start=1):
            yield f"speakers[{number}]", colour


def parse_palette(text: str, where: str) -> Palette:
    """Return the palette that a TOML file's text says.

    Raises:
        ConfigError: it is not TOML, an entry is missing or unknown, or a value is no colour.
    """
    try:
        palette = msgspec.convert(tomllib.loads(text), Palette)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{where}: {error}", "Copy a theme that ships with livegist and change its colours."
        ) from error
    if len(palette.speakers) != SPEAKERS:
        raise ConfigError(f"{where}: speakers has {len(palette.speakers)} colours.", f"Give it {SPEAKERS}.")
    for entry, colour in palette.colours:
        try:
            Color.parse(colour)
        except ColorParseError as error:
            raise ConfigError(f"{where}: {entry} = {colour!r} is no colour.", 'Write one like "#1a2b3c".') from error
    return palette


def tokens(palette: Palette) -> dict[str, str]:
    """Return the palette's own variables, by their names in the TCSS."""
    speakers = {f"speaker-{number}": colour for number, colour in enumerate(palette.speakers, start=1)}
    return {
        "muted": palette.muted,
        "rule": palette.rule,
        "selection": palette.selection,
        "selection-text": palette.selection_text,
        **speakers,
    }


def to_theme(name: str, palette: Palette) -> Theme:
    """Return the palette as a theme of Textual's."""
    return Theme(
        name=name,
        dark=palette.dark,
        ansi=palette.ansi,
        primary=palette.accent,
        secondary=palette.accent,
        accent=palette.accent,
        success=palette.good,
        warning=palette.warn,
        error=palette.bad,
        foreground=palette.text,
        background=palette.background,
        surface=palette.surface,
        panel=palette.surface,
        variables={
            **tokens(palette),
            "ansi-background": "ansi_black" if palette.dark else "ansi_white",
            "ansi-foreground": "ansi_white" if palette.dark else "ansi_black",
            "text": palette.text,
            "text-muted": palette.muted,
            "text-disabled": palette.muted,
            "text-primary": palette.accent,
            "text-accent": palette.accent,
            "text-success": palette.good,
            "text-warning": palette.warn,
            "text-error": palette.bad,
            "border": palette.accent,
            "border-blurred": palette.rule,
            "block-cursor-background": palette.selection,
            "block-cursor-foreground": palette.selection_text,
            "block-cursor-text-style": "bold",
            "input-cursor-background": palette.text,
            "input-cursor-foreground": palette.surface,
            "input-cursor-text-style": "none",
            "input-selection-background": palette.selection,
            "input-selection-foreground": palette.selection_text,
        },
    )


def read(path: Path) -> Theme:
    """Return the theme in a file.

    Raises:
        ConfigError: the file cannot be read or is no theme.
    """
    try:
        return to_theme(path.stem, parse_palette(path.read_text(encoding="utf-8"), str(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", "Save it as UTF-8 text that you may read.") from error


def load(*folders: Path) -> tuple[list[Theme], list[ConfigError]]:
    """Read every `*.toml` in the folders; a later folder's theme replaces one of the same name.

    Returns:
        The themes by name, and what was wrong with files that were left out.
    """
    themes: dict[str, Theme] = {}
    problems: list[ConfigError] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            try:
                themes[path.stem] = read(path)
            except ConfigError as problem:
                problems.append(problem)
    return list(themes.values()), problems


def choose(name: str, otherwise: str, *folders: Path) -> tuple[Theme, ConfigError | None]:
    """Return the theme with a name, from the last folder that has it, without reading the others.

    Returns:
        The theme and `None`; or the other theme, from the first folder, and what was wrong.
    """
    problem = None
    for folder in reversed(folders):
        try:
            if (folder / f"{name}.toml").is_file():
                return read(folder / f"{name}.toml"), None
        except ConfigError as error:
            problem = problem or error
    if problem is None:
        there = sorted({path.stem for folder in folders for path in folder.glob("*.toml")})
        problem = ConfigError(f"There is no theme {name!r}.", f"There are: {', '.join(there)}.")
    return read(folders[0] / f"{otherwise}.toml"), problem


def stamps(folder: Path) -> dict[str, int]:
    """Return when each theme in a folder was last changed, in ns; nothing for a folder that is not there."""
    found: dict[str, int] = {}
    for path in folder.glob("*.toml"):
        with contextlib.suppress(OSError):
            found[path.name] = path.stat().st_mtime_ns
    return found
