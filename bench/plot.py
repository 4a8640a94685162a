"""Draws bench/results/step.svg from the table in bench/results/README.md.

    python3 bench/plot.py

For each size and number of pictures: the limit, and what takes how long a picture. Of several rows
each kind of figure is the first one told.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
COLOURS = {"limit": "#9aa0a6", "fp8": "#2a78d6", "fp16": "#6aa5e8", "torch.compile": "#d98a3d"}
LABEL, SCALE, BAR, GAP = 110, 46, 16, 14  # pixels: of names, of a millisecond, of bars and groups


def groups(text: str) -> dict[str, dict[str, float]]:
    """{"512×512": {"fp16": 5.37, …}, "8 × 512×512": …}, in ms a picture."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    names, found = rows[0], dict[str, dict[str, float]]()
    for row in rows[2:]:
        cells = dict(zip(names, row, strict=True))
        count = int(cells["pictures"])
        name = cells["size"] if count == 1 else f"{count} × {cells['size']}"
        for kind in COLOURS:
            if cells[kind]:
                found.setdefault(name, {}).setdefault(kind, float(cells[kind]) / count)
    return found


def bar(y: float, kind: str, value: float) -> str:
    width = value * SCALE
    return (
        f'<rect x="{LABEL}" y="{y:g}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS[kind]}"/>'
        f'<text x="{LABEL + width + 5:.1f}" y="{y + BAR - 5:g}">{value:.2f} {escape(kind)}</text>'
    )


def svg(found: dict[str, dict[str, float]]) -> str:
    parts, y = [], GAP
    for name, figures in found.items():
        parts.append(f'<text x="{LABEL - 8}" y="{y + BAR - 5}" text-anchor="end">{name}</text>')
        for kind in COLOURS:
            if kind in figures:
                parts.append(bar(y, kind, figures[kind]))
                y += BAR
        y += GAP
    longest = max(value for figures in found.values() for value in figures.values())
    width = round(LABEL + longest * SCALE + 150)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
            'font-family="sans-serif" font-size="12" role="img" '
            'aria-label="Milliseconds a step and picture, by size and number of pictures">',
            f'<rect width="{width}" height="{y}" fill="#ffffff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    (RESULTS / "step.svg").write_text(svg(groups((RESULTS / "README.md").read_text())))
