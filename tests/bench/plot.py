"""Draws what a session costs against its length, as an SVG."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.bench.long_session import Point

WIDTH, HEIGHT = 900, 300
LEFT, TOP, GAP = 56, 56, 74
"""Margins of a chart, and the space between two charts."""
BOTTOM = 44
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; font-size: 13px; }
.grid { stroke: #d0d7de; }
.line { fill: none; stroke-width: 2; }
.viewer { stroke: #0a7ea4; fill: #0a7ea4; }
.engine { stroke: #b35900; fill: #b35900; }
.line.viewer, .line.engine { fill: none; }
"""


class Curve(NamedTuple):
    """One figure over the length of a session."""

    name: str
    ink: str
    of: Callable[[Point], float]


class Chart(NamedTuple):
    """Curves that share a scale."""

    title: str
    curves: tuple[Curve, ...]


CHARTS = (
    Chart("painted, bytes a second", (Curve("", "viewer", lambda point: point.painted),)),
    Chart("CPU, % of a core", (Curve("", "viewer", lambda point: point.cpu),)),
    Chart(
        "memory, MB",
        (
            Curve("viewer", "viewer", lambda point: point.viewer_mb),
            Curve("engine", "engine", lambda point: point.engine_mb),
        ),
    ),
)


def svg(points: Sequence[Point]) -> str:
    """Return the picture of a session's cost."""
    room = (WIDTH - LEFT - GAP * (len(CHARTS) - 1) - 20) / len(CHARTS)
    charts = [_chart(chart, points, LEFT + at * (room + GAP), room) for at, chart in enumerate(CHARTS)]
    about = f"What a live session costs over its {points[-1].hours:.1f} hours"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{about}">\n'
        f'<style>{STYLE}</style>\n<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        f'<text class="title" x="{LEFT}" y="22">{about}</text>\n' + "\n".join(charts) + "\n</svg>\n"
    )


def _chart(chart: Chart, points: Sequence[Point], left: float, room: float) -> str:
    hours = max(point.hours for point in points)
    top_value = _round_up(max(curve.of(point) for curve in chart.curves for point in points))
    height = HEIGHT - TOP - BOTTOM

    def x(of: float) -> float:
        return left + room * of / hours

    def y(of: float) -> float:
        return TOP + height * (1 - of / top_value)

    drawn = [f'<text x="{left:.0f}" y="{TOP - 12}">{chart.title}</text>']
    for share in (0.0, 0.5, 1.0):
        at = y(share * top_value)
        drawn.append(f'<line class="grid" x1="{left:.1f}" x2="{left + room:.1f}" y1="{at:.1f}" y2="{at:.1f}"/>')
        drawn.append(f'<text text-anchor="end" x="{left - 6:.1f}" y="{at + 4:.1f}">{share * top_value:,.4g}</text>')
    for hour in range(math.floor(hours) + 1):
        drawn.append(f'<text text-anchor="middle" x="{x(hour):.1f}" y="{HEIGHT - BOTTOM + 20}">{hour} h</text>')
    for curve in chart.curves:
        spots = [(x(point.hours), y(curve.of(point))) for point in points]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in spots)
        drawn.append(f'<polyline class="line {curve.ink}" points="{path}"/>')
        drawn += [f'<circle class="{curve.ink}" cx="{across:.1f}" cy="{down:.1f}" r="3"/>' for across, down in spots]
        if curve.name:
            across, down = spots[-1]
            lowest = curve.of(points[-1]) == min(other.of(points[-1]) for other in chart.curves)
            beside = down + 18 if lowest else down - 9
            drawn.append(f'<text text-anchor="end" x="{across:.1f}" y="{beside:.1f}">{curve.name}</text>')
    return "\n".join(drawn)


def _round_up(value: float) -> float:
    """Return the next value that halves well."""
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1, 2, 4, 6, 8, 10) if step * scale >= value)
