#!/usr/bin/env python3
"""Draws the figures of the documentation, in light and dark, from made-up gradients.

Needs nothing but Python. Run it again after a change: `git diff` shows what became different.
"""
import random
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "Sources/MePropTraining/MePropTraining.docc/Resources"
THEMES = {
    "": {"text": "#1d1d1f", "quiet": "#6e6e73", "line": "#c7c7cc", "kept": "#0b63ce",
         "left": "#c7c7cc", "memory": "#c2410c"},
    "~dark": {"text": "#f5f5f7", "quiet": "#a1a1a6", "line": "#55555a", "kept": "#4aa3ff",
              "left": "#55555a", "memory": "#ff9f43"},
}
CELL = 20


class Drawing:
    """An SVG picture that grows element by element."""

    def __init__(self, width, height, title, colors):
        self.colors = colors
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" '
            'font-family="system-ui, sans-serif" font-size="13">',
            f"<title>{title}</title>"]

    def text(self, x, y, text, color="text", anchor="start", weight="normal"):
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" fill="{self.colors[color]}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{text}</text>')

    def box(self, x, y, width, height, fill=None, stroke=None, opacity=1.0):
        fill = self.colors[fill] if fill else "none"
        stroke = f' stroke="{self.colors[stroke]}"' if stroke else ""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2" '
            f'fill="{fill}" fill-opacity="{opacity:.2f}"{stroke}/>')

    def arrow(self, x, y, length):
        color = self.colors["quiet"]
        self.parts.append(
            f'<path d="M{x:g} {y:g}h{length:g}m-6 -4l6 4l-6 4" fill="none" stroke="{color}" '
            'stroke-width="1.5"/>')

    def matrix(self, x, y, values, kept):
        """A square for each number, the larger the fuller; what is kept in color."""
        for row, numbers in enumerate(values):
            for column, value in enumerate(numbers):
                isKept = (row, column) in kept
                side = 4 + 13 * min(1, abs(value))
                left, top = x + column * CELL, y + row * CELL
                self.box(left, top, CELL, CELL, stroke="line")
                inset = (CELL - side) / 2
                self.box(left + inset, top + inset, side, side, fill="kept" if isKept else "left")

    def write(self, path):
        path.write_text("\n".join(self.parts + ["</svg>", ""]), encoding="utf-8")


def gradient(rows, columns):
    """Rows of different size: some examples are nearly right, some far from it."""
    numbers = random.Random(4)
    sizes = [0.12, 0.75, 0.3, 1.0, 0.2, 0.55]
    units = [numbers.uniform(0.4, 1.2) for _ in range(columns)]
    return [[sizes[row] * units[column] * numbers.gauss(0, 0.7) for column in range(columns)]
            for row in range(rows)]


def largest(places, values, count):
    return set(sorted(places, key=lambda at: -abs(values[at[0]][at[1]]))[:count])


def selection(colors):
    """What each policy keeps of the same gradient."""
    rows, columns, k = 6, 12, 3
    values = gradient(rows, columns)
    places = [(row, column) for row in range(rows) for column in range(columns)]
    sums = [sum(abs(values[row][column]) for row in range(rows)) for column in range(columns)]
    best = sorted(range(columns), key=lambda column: -sums[column])[:k]
    panels = [
        ("top-k", "the 3 largest of each example", set().union(*(
            largest([at for at in places if at[0] == row], values, k) for row in range(rows)))),
        ("batch-top-k", "the 18 largest of the batch", largest(places, values, k * rows)),
        ("unified", "the 3 columns of largest sum", {at for at in places if at[1] in best}),
    ]
    width = columns * CELL
    drawing = Drawing(
        2 * 24 + 3 * width + 2 * 36, 230, "What top-k, batch top-k and unified selection keep",
        colors)
    for number, (name, says, kept) in enumerate(panels):
        x = 24 + number * (width + 36)
        drawing.text(x, 26, name, weight="600")
        drawing.text(x, 46, says, color="quiet")
        drawing.matrix(x, 60, values, kept)
        drawing.text(x + width / 2, 60 + rows * CELL + 22, "12 units", "quiet", "middle")
        drawing.text(
            x, 60 + rows * CELL + 42, f"{len({at[1] for at in kept})} of 12 rows of W take part",
            color="kept")
    return drawing


def products(colors):
    """The products of back propagation, dense and with two kept entries."""
    drawing = Drawing(700, 250, "meProp multiplies by k rows of the weights only", colors)
    n, m = 8, 12
    numbers = random.Random(2)
    values = [numbers.gauss(0, 0.5) for _ in range(n)]
    for number, (name, kept) in enumerate(
            [("back propagation", set(range(n))),
             ("meProp, k = 2", set(sorted(range(n), key=lambda i: -abs(values[i]))[:2]))]):
        x = 24 + number * 350
        drawing.text(x, 26, name, weight="600")
        drawing.text(x, 52, "dy", "quiet")
        drawing.matrix(x, 60, [[value] for value in values], {(i, 0) for i in kept})
        drawing.arrow(x + 30, 60 + n * CELL / 2, 24)
        drawing.text(x + 66, 52, "rows of W and of dW", "quiet")
        for row in range(n):
            drawing.box(
                x + 66, 61 + row * CELL, m * CELL, CELL - 2, fill="kept" if row in kept else None,
                stroke="line", opacity=0.85)
        drawing.text(x + 66, 60 + n * CELL + 22, f"{len(kept)} of {n} rows", color="kept")
    return drawing


def memory(colors):
    """Three steps of one example with unit memory: what is left out comes back."""
    drawing = Drawing(760, 300, "Unit memory carries what was left out to the next step", colors)
    gradients = [[0.9, 0.30, -0.2, 0.25, 0.1], [0.7, 0.28, -0.2, 0.2, 0.1],
                 [0.5, 0.3, -0.15, 0.2, 0.1]]
    carried = [0.0] * 5
    for step, values in enumerate(gradients):
        x = 24 + step * 248
        corrected = [value + 0.9 * left for value, left in zip(values, carried)]
        kept = max(range(5), key=lambda unit: abs(corrected[unit]))
        drawing.text(x, 26, f"step {step + 1}", weight="600")
        for unit in range(5):
            y = 44 + unit * 38
            drawing.text(x, y + 17, f"unit {unit + 1}", "quiet")
            drawing.box(x + 50, y + 4, 150, 22, stroke="line")
            own = abs(values[unit]) * 140
            added = abs(0.9 * carried[unit]) * 140
            drawing.box(x + 50, y + 6, own, 18, fill="kept" if unit == kept else "left")
            drawing.box(x + 50 + own, y + 6, added, 18, fill="memory")
            if unit == kept:
                drawing.text(x + 206, y + 20, "kept", "kept")
        carried = [0.0 if unit == kept else corrected[unit] for unit in range(5)]
    y = 262
    for x, color, says in [(24, "left", "gradient of this step"), (220, "kept", "the same, kept"),
                           (400, "memory", "memory of the steps before, times 0.9")]:
        drawing.box(x, y, 14, 14, fill=color)
        drawing.text(x + 22, y + 12, says, "quiet")
    return drawing


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for figure in (selection, products, memory):
        for suffix, colors in THEMES.items():
            figure(colors).write(FOLDER / f"{figure.__name__}{suffix}.svg")


if __name__ == "__main__":
    main()
