"""Plots as SVG text: lines and bars, enough for a page of results without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from headshot.evaluate.bootstrap import Estimate
from headshot.evaluate.result import Curve

# Okabe and Ito's palette: distinct with every common colour blindness.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 520, 300, 56, 28, 44


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers that cover [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def curves(curve: Curve) -> str:
    """One line for each method, with a legend."""
    points = [p for line in curve.lines.values() for p in line]
    if not points:
        return ""
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    y0, y1 = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    x1, y1 = x1 if x1 > x0 else x0 + 1, y1 if y1 > y0 else y0 + 1
    right, bottom = _WIDTH - 16, _HEIGHT - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (x - x0) / (x1 - x0) * (right - _LEFT),
            bottom - (y - y0) / (y1 - y0) * (bottom - _TOP),
        )

    parts = [_text(_WIDTH / 2, 16, curve.title, "middle", bold=True)]
    for x in ticks(x0, x1):
        parts += [
            _line(*at(x, y0), *at(x, y1), "#e4e4e8"),
            _text(at(x, y0)[0], bottom + 16, f"{x:g}", "middle"),
        ]
    for y in ticks(y0, y1):
        parts += [
            _line(*at(x0, y), *at(x1, y), "#e4e4e8"),
            _text(_LEFT - 6, at(x0, y)[1] + 4, f"{y:g}", "end"),
        ]
    parts.append(_text((_LEFT + right) / 2, _HEIGHT - 8, curve.x, "middle"))
    middle = (_TOP + bottom) / 2
    parts.append(f'<g transform="rotate(-90 14 {middle:.0f})">{_text(14, middle, curve.y, "middle")}</g>')
    for n, (method, line) in enumerate(curve.lines.items()):
        colour = COLOURS[n % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in line))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        legend = _HEIGHT + 14 + 18 * n
        parts.append(f'<rect x="{_LEFT}" y="{legend - 9}" width="14" height="4" fill="{colour}"/>')
        parts.append(_text(_LEFT + 20, legend - 3, method, "start"))
    return _svg(_HEIGHT + 10 + 18 * len(curve.lines), parts)


def bars(title: str, estimates: Sequence[tuple[str, Estimate]]) -> str:
    """A bar for each method with its interval."""
    if not estimates:
        return ""
    low = min(0.0, *(e.low for _, e in estimates), 0.0)
    high = max(0.0, *(e.high for _, e in estimates), 0.0)
    high = high if high > low else low + 1
    left, right = 190, _WIDTH - 24

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    bottom = 34 + 26 * len(estimates)
    parts = [_text(_WIDTH / 2, 16, title, "middle", bold=True)]
    for tick in ticks(low, high):
        parts += [
            _line(at(tick), 26, at(tick), bottom, "#e4e4e8"),
            _text(at(tick), bottom + 16, f"{tick:g}", "middle"),
        ]
    for n, (method, e) in enumerate(estimates):
        y = 34 + 26 * n
        start, width = min(at(0), at(e.value)), abs(at(e.value) - at(0))
        colour = COLOURS[n % len(COLOURS)]
        parts.append(
            f'<rect x="{start:.1f}" y="{y}" width="{width:.1f}" height="18" fill="{colour}" opacity="0.75">'
            f"<title>{escape(method)}: {e.value:.3g} [{e.low:.3g}, {e.high:.3g}], n={e.count}</title></rect>"
        )
        parts.append(_line(at(e.low), y + 9, at(e.high), y + 9, "#222"))
        parts += [_line(at(v), y + 4, at(v), y + 14, "#222") for v in (e.low, e.high)]
        parts.append(_text(left - 8, y + 13, method, "end"))
    return _svg(bottom + 24, parts)


def _svg(height: float, parts: Sequence[str]) -> str:
    return (
        f'<figure><svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {_WIDTH} {height:.0f}" font-family="system-ui,sans-serif" font-size="12">'
        f"{''.join(parts)}</svg></figure>"
    )


def _text(x: float, y: float, text: str, anchor: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def _line(x0: float, y0: float, x1: float, y1: float, colour: str) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{colour}"/>'
