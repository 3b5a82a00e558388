"""Title row of a pane."""

from tui.viewer.styled_text import Line, Span, justify, width


def pane_title(name: str, status: str, columns: int, *, focused: bool) -> Line:
    """Return the title row of a pane; the focused one has a heavy rule and a sign.

    Args:
        name: at the left.
        status: at the right; empty for none.
        columns: cells of the row.
        focused: whether the pane has the focus.
    """
    stroke = "━" if focused else "─"
    style = "accent" if focused else "rule"
    name_style = "accent strong" if focused else "strong"
    left = (Span(stroke, style), Span(f" {'▸ ' if focused else ''}{name} ", name_style))
    right = (Span(f" {status} ", "accent" if focused else "muted"), Span(stroke, style)) if status else ()
    gap = columns - width(left) - width(right)
    if gap < 1:
        return justify(left, right, columns)
    return (*left, Span(stroke * gap, style), *right)
