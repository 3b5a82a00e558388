"""Contrast and difference of colours."""

import math

from textual.color import Color, rgb_to_lab

READABLE = 4.5
"""Least contrast of text, by WCAG 2 at level AA."""


def luminance(colour: str) -> float:
    """Return the relative luminance, by WCAG 2."""

    def linear(share: float) -> float:
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part) for part in Color.parse(colour).normalized)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, by WCAG 2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def difference(one: str, other: str) -> float:
    """Return the difference of two colours in CIELAB, by CIE 1976."""
    first, second = (rgb_to_lab(Color.parse(colour)) for colour in (one, other))
    return math.dist((first.L, first.a, first.b), (second.L, second.a, second.b))
