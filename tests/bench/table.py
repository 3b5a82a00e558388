"""The table of figures: ours, the limit, the peer's, and the ratios, all of one run."""

from collections.abc import Iterable, Sequence

import msgspec

from tui.model.stats import percentile

GUARD = 3.0
"""Times the limit from which on a figure fails the run: a regression, not a busy machine."""


class Figure(msgspec.Struct, frozen=True):
    """Something that was measured."""

    what: str
    unit: str
    ours: float
    limit: float
    """What it must not exceed."""
    peer: float | None = None
    """The nearest peer's, in the same run; `None` if it was not measured or has nothing like it."""
    peer_name: str = ""

    @property
    def regressed(self) -> bool:
        """Whether it is far beyond the limit."""
        return self.ours > GUARD * self.limit


HEAD = ("what", "measured", "limit", "of the limit", "peer", "of the peer")


def rows(figures: Iterable[Figure]) -> list[tuple[str, ...]]:
    """Return the table's cells, the head first."""
    return [HEAD, *(_row(figure) for figure in figures)]


def _row(figure: Figure) -> tuple[str, ...]:
    peer, share = "", ""
    if figure.peer is not None:
        peer = f"{_number(figure.peer)} {figure.unit} ({figure.peer_name})"
        share = f"{figure.ours / figure.peer:.2f}" if figure.peer else ""
    measured, limit = (f"{_number(value)} {figure.unit}" for value in (figure.ours, figure.limit))
    return figure.what, measured, limit, f"{figure.ours / figure.limit:.2f}", peer, share


def markdown(figures: Iterable[Figure]) -> str:
    """Return the table as Markdown, its columns aligned."""
    return columns(rows(figures))


def columns(cells: Sequence[Sequence[str]]) -> str:
    """Return cells as a Markdown table, the first row its head."""
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    head, *body = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([head, rule, *body])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def at(share: float, measured: Sequence[float]) -> float:
    """Return a percentile of what was measured."""
    found = percentile(measured, share)
    assert found is not None, "nothing was measured"
    return found
