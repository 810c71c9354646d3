"""Charts as SVG text, coloured by the style sheet of the page that holds them."""
from __future__ import annotations

import html
import math
from collections.abc import Callable
from typing import NamedTuple

WIDTH, HEIGHT = 640, 320
# To the right there is room for half of a long number.
LEFT, RIGHT, TOP, BOTTOM = 62, 32, 12, 44


class Series(NamedTuple):
    """Points of one colour: "line" (a staircase), "dots", "front" or "level" (a dashed height)."""

    name: str
    kind: str
    points: list[tuple[float, float]]
    titles: list[str] = []


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Round numbers between two values."""
    step = 10.0 ** math.floor(math.log10((high - low) / count))
    while (high - low) / step > count:
        step *= 2 if (high - low) / step <= 2 * count else 2.5 if (
            high - low) / step <= 2.5 * count else 5
    first = math.ceil(low / step - 1e-9)
    return [round(place * step, 12) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def label(value: float) -> str:
    """A number on an axis."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _bounds(values: list[float], zero: bool) -> tuple[float, float]:
    low, high = (0.0 if zero else min(values)), max(values)
    if high <= low:
        high, low = high + max(abs(high), 1) * 0.05, low if zero else low - max(abs(low), 1) * 0.05
    margin = (high - low) * 0.05
    return (low if zero else low - margin), high + margin


def chart(series: list[Series], x_label: str, y_label: str, *, x_zero: bool = True) -> str:
    """An SVG element of all series; heights far above the rest are drawn at the upper edge."""
    series = [one for one in series if one.points]
    if not series:
        return '<p class="none">Nothing to draw yet.</p>'
    heights = sorted(y for one in series for _, y in one.points)
    middle, least = heights[len(heights) // 2], heights[0]
    ceiling = max(middle + 3 * (middle - least), least + 1e-9)
    low, high = _bounds([min(y, ceiling) for y in heights], zero=False)
    left, right = _bounds([x for one in series if one.kind != "level" for x, _ in one.points]
                          or [0.0, 1.0], x_zero)

    def at(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        up = (min(y, high) - low) / (high - low)
        return across, HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
             f'aria-label="{html.escape(y_label)} against {html.escape(x_label)}" '
             'xmlns="http://www.w3.org/2000/svg">']
    for value in ticks(low, high):
        y = at(left, value)[1]
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" '
                     f'y2="{y:.1f}"/><text class="tick end" x="{LEFT - 8}" y="{y + 4:.1f}">'
                     f"{label(value)}</text>")
    for value in ticks(left, right):
        x = at(value, low)[0]
        parts.append(f'<text class="tick middle" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}">'
                     f"{label(value)}</text>")
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" '
                 f'y2="{HEIGHT - BOTTOM}"/>')
    middle_x, middle_y = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text class="label middle" x="{middle_x}" y="{HEIGHT - 6}">'
                 f"{html.escape(x_label)}</text>")
    parts.append(f'<text class="label middle" transform="translate(14 {middle_y}) rotate(-90)">'
                 f"{html.escape(y_label)}</text>")
    for place, one in enumerate(series):
        parts.append(_drawn(one, f"s{place % 6}", at, right))
    return "\n".join(parts) + "\n</svg>\n" + _legend(series)


def _drawn(
    one: Series, colour: str, at: Callable[[float, float], tuple[float, float]], right: float
) -> str:
    if one.kind == "level":
        y = at(0, one.points[0][1])[1]
        return (f'<line class="level {colour}" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
                f'y1="{y:.1f}" y2="{y:.1f}"/>')
    if one.kind == "dots":
        titles = one.titles or [""] * len(one.points)
        dots = []
        for point, title in zip(one.points, titles):
            x, y = at(*point)
            dots.append(f'<circle class="dot {colour}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
                        f"<title>{html.escape(title)}</title></circle>")
        return "".join(dots)
    points = list(one.points)
    if one.kind == "line":
        points.append((right, points[-1][1]))
    x, y = at(*points[0])
    path = [f"M{x:.1f} {y:.1f}"]
    for point in points[1:]:
        x, y = at(*point)
        path.append(f"H{x:.1f}V{y:.1f}")
    return f'<path class="line {one.kind} {colour}" d="{"".join(path)}"/>'


def _legend(series: list[Series]) -> str:
    items = "".join(f'<li><i class="s{place % 6} {one.kind}"></i>{html.escape(one.name)}</li>'
                    for place, one in enumerate(series))
    return f'<ul class="legend">{items}</ul>'
