"""Borders of a pane: a title in the upper one, keys in the lower one."""

from collections.abc import Sequence

from tui.viewer.styled_text import Line, Span, justify, pad, restyle, width

BOXED_FROM = 100
"""Columns of the terminal from which panes have borders at all sides."""
SIDE = Span("│", "rule")


def pane_title(name: str, status: str, columns: int, *, focused: bool, boxed: bool = False) -> Line:
    """Return the upper border of a pane; the focused one has another colour and a sign.

    Args:
        name: at the left.
        status: at the right; empty for none.
        columns: cells of the row.
        focused: whether the pane has the focus.
        boxed: whether the border has corners.
    """
    style = "accent" if focused else "rule"
    left = (
        Span("╭─" if boxed else "─", style),
        Span(f" {'▸ ' if focused else ''}{name} ", "accent strong" if focused else "strong"),
    )
    end = Span("─╮" if boxed else "─", style)
    right = (Span(f" {status} ", "accent" if focused else "muted"), end) if status else (end,)
    gap = columns - width(left) - width(right)
    if gap < 1:
        return justify(left, right, columns)
    return (*left, Span("─" * gap, style), *right)


def pane_bottom(keys: str, columns: int, *, focused: bool) -> Line:
    """Return the lower border of a pane.

    Args:
        keys: keys of the pane; left out if they do not fit.
        columns: cells of the row.
        focused: whether the pane has the focus.
    """
    style = "accent" if focused else "rule"
    text = (Span(f" {keys} ", "muted"),) if keys and len(keys) + 6 <= columns else ()
    gap = columns - width(text) - 3
    return (Span("╰─", style), *text, Span("─" * max(0, gap), style), Span("╯", style))


def between_sides(line: Line, columns: int) -> Line:
    """Return a line of `columns` cells between the side borders of its pane."""
    return (SIDE, *pad(line, columns - 2), SIDE)


def select_line(line: Line, columns: int, *, boxed: bool) -> Line:
    """Return a line with the style of the selection, its side borders unchanged."""
    if boxed:
        return (line[0], *restyle(line[1:-1], "selected"), line[-1])
    return restyle(pad(line, columns), "selected")


def boxed_lines(head: Line, body: Sequence[Line], bottom: Line, columns: int, rows: int) -> list[Line]:
    """Return the lines of a pane with borders at all sides: the head, the body at its full height, the bottom."""
    inner = [between_sides(line, columns) for line in body[: rows - 2]]
    inner += [between_sides((), columns)] * (rows - 2 - len(inner))
    return [head, *inner, bottom]
