"""Small SVG plots, drawn by hand: stacked bars and lines. They need no library, and show on any page."""

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.figures import Points, number

COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#2e4057", "#c97b63", "#7a9cc6", "#9a9a9a", "#444444")
WIDTH, LEFT, RIGHT, TOP, BAR, GAP = 760, 150, 90, 40, 26, 12


def bars(title: str, values: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """One stacked bar for each label, its parts in the order of the first bar that has them."""
    parts = list(dict.fromkeys(part for bar in values.values() for part in bar))
    most = max((sum(bar.values()) for bar in values.values()), default=0) or 1
    scale = (WIDTH - LEFT - RIGHT) / most
    body = [_text(LEFT, 22, title, weight="bold")]
    for row, (label, bar) in enumerate(values.items()):
        y, x = TOP + row * (BAR + GAP), float(LEFT)
        body.append(_text(LEFT - 8, y + 17, label, anchor="end"))
        for part, value in bar.items():
            body.append(_box(x, y, value * scale, BAR, parts.index(part), f"{part}: {number(value)} {unit}"))
            x += value * scale
        body.append(_text(x + 6, y + 17, f"{number(sum(bar.values()))} {unit}"))
    legend_y = TOP + len(values) * (BAR + GAP) + 8
    for place, part in enumerate(parts):
        x, y = LEFT + (place % 4) * 140, legend_y + (place // 4) * 20
        body += [_box(x, y, 12, 12, place, part), _text(x + 18, y + 11, part)]
    return _svg(legend_y + 20 * (-(-len(parts) // 4)) + 8, body)


def lines(title: str, curves: Mapping[str, Points], across: str, up: str) -> str:
    """One line for each curve; the vertical axis begins at nothing."""
    height, bottom = 360, 50
    points = [point for curve in curves.values() for point in curve]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    most = max(y for _, y in points) or 1
    wide, high = WIDTH - 80 - 30, height - TOP - bottom

    def at(x: float, y: float) -> tuple[float, float]:
        return 80 + wide * (x - left) / ((right - left) or 1), TOP + high * (1 - y / most)

    body = [_text(80, 22, title, weight="bold"), _text(80 + wide / 2, height - 8, across, anchor="middle")]
    for step in range(5):
        y_value, x_value = most * step / 4, left + (right - left) * step / 4
        (_, y), (x, _) = at(left, y_value), at(x_value, 0)
        body.append(f'<line x1="80" x2="{80 + wide}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        body.append(_text(72, y + 4, number(y_value), anchor="end"))
        body.append(_text(x, height - 28, number(x_value), anchor="middle"))
    body.append(_text(10, TOP - 4, up))
    for place, (name, curve) in enumerate(curves.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in sorted(curve)))
        body.append(f'<polyline fill="none" stroke-width="2" stroke="{_colour(place)}" points="{path}"/>')
        body += [_box(96, TOP + 6 + 20 * place, 12, 12, place, name), _text(114, TOP + 17 + 20 * place, name)]
    return _svg(height, body)


def _svg(height: float, body: Sequence[str]) -> str:
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    style = 'font-family="sans-serif" font-size="12" fill="#222"'
    paper = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', paper, *body, "</svg>", ""])


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'


def _box(x: float, y: float, width: float, height: float, place: int, tip: str) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" height="{height}"'
    return f'<rect {where} fill="{_colour(place)}"><title>{escape(tip)}</title></rect>'


def _colour(place: int) -> str:
    return COLOURS[place % len(COLOURS)]
