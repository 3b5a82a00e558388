"""Themes: TOML files with colours, converted to themes of Textual."""

import contextlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

from tui.errors import ConfigError

SPEAKERS = 6
"""Number of colours for speakers; the seventh speaker has the colour of the first."""


class Palette(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of a theme file: a colour for each purpose."""

    background: str
    surface: str
    """Background of the header, the footer and dialogs."""
    text: str
    muted: str
    """Secondary text: times, labels, hints."""
    rule: str
    """Lines between panes; no text has this colour."""
    accent: str
    """Keys, the title of the focused pane, headings."""
    good: str
    """Live, and a level up to -20 dBFS."""
    warn: str
    """Warnings, and a level up to -9 dBFS."""
    bad: str
    """Errors, clipping, and a level above -9 dBFS."""
    selection: str
    """Background of the selection."""
    selection_text: str
    speakers: tuple[str, ...]
    dark: bool = True
    ansi: bool = False
    """Whether the colours are the terminal's own, such as `ansi_red`, on its own background."""

    @property
    def colours(self) -> Iterator[tuple[str, str]]:
        """Yield each colour with the name of its entry."""
        for entry in msgspec.structs.fields(Palette):
            value = getattr(self, entry.name)
            if isinstance(value, str):
                yield entry.name, value
        for number, colour in enumerate(self.speakers, start=1):
            yield f"speakers[{number}]", colour


def parse_palette(text: str, where: str) -> Palette:
    """Return the palette in the text of a theme file.

    Args:
        text: TOML.
        where: path of the file, for errors.

    Raises:
        ConfigError: the text is not valid TOML, an entry is missing or unknown, or a value is not a valid colour.
    """
    try:
        palette = msgspec.convert(tomllib.loads(text), Palette)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{where}: {error}", "Copy a theme that ships with livegist and change its colours."
        ) from error
    if len(palette.speakers) != SPEAKERS:
        raise ConfigError(
            f"{where}: speakers has {len(palette.speakers)} colours.", f"List exactly {SPEAKERS} colours."
        )
    for entry, colour in palette.colours:
        try:
            Color.parse(colour)
        except ColorParseError as error:
            raise ConfigError(
                f"{where}: {entry} = {colour!r} is not a valid colour.", 'Write it like "#1a2b3c".'
            ) from error
    return palette


def tokens(palette: Palette) -> dict[str, str]:
    """Return the viewer's own CSS variables, by name."""
    speakers = {f"speaker-{number}": colour for number, colour in enumerate(palette.speakers, start=1)}
    return {
        "muted": palette.muted,
        "rule": palette.rule,
        "selection": palette.selection,
        "selection-text": palette.selection_text,
        **speakers,
    }


def to_theme(name: str, palette: Palette) -> Theme:
    """Return the palette as a theme of Textual."""
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
        ConfigError: the file cannot be read or is not a valid theme.
    """
    try:
        return to_theme(path.stem, parse_palette(path.read_text(encoding="utf-8-sig"), str(path)))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", "Save the file as UTF-8 and make it readable.") from error


def load(*folders: Path) -> tuple[list[Theme], list[ConfigError]]:
    """Read all `*.toml` files of the folders; a theme replaces one of the same name in an earlier folder.

    Returns:
        The themes, and an error for each file that was left out.
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


def choose(name: str, default: str, *folders: Path) -> tuple[Theme, ConfigError | None]:
    """Read one theme, from the last folder that has it.

    Args:
        name: of the theme.
        default: name of the theme in the first folder to use if that one is missing or invalid.
        folders: where to look.

    Returns:
        The theme and `None`; or the default theme and the error.
    """
    problem = None
    for folder in reversed(folders):
        try:
            if (folder / f"{name}.toml").is_file():
                return read(folder / f"{name}.toml"), None
        except ConfigError as error:
            problem = problem or error
    if problem is None:
        available = sorted({path.stem for folder in folders for path in folder.glob("*.toml")})
        problem = ConfigError(f"Unknown theme: {name}.", f"Available themes: {', '.join(available)}.")
    return read(folders[0] / f"{default}.toml"), problem


def modification_times(folder: Path) -> dict[str, int]:
    """Return the modification time of each theme file in a folder, in ns; empty for a missing folder."""
    found: dict[str, int] = {}
    for path in folder.glob("*.toml"):
        with contextlib.suppress(OSError):
            found[path.name] = path.stat().st_mtime_ns
    return found
