#!/usr/bin/env python3
"""benches/load/soak/plot.py [CSV [SVG]]: draws target/soak.csv of the soak test as docs/img/soak.svg.

Three curves share one time axis: memory, open files, chat sockets. White marks the load, grey the return to the first values after it.
Needs nothing beside Python.
"""

import csv
import math
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
WIDTH, PANEL, GAP, LEFT, RIGHT, TOP, BOTTOM = 860, 130, 44, 74, 24, 54, 52
# Column, heading, divisor, colour.
PANELS = (
    ("rss_kib", "Resident memory, MiB", 1024, "#1f5fa8"),
    ("open_files", "Open files", 1, "#a8541f"),
    ("sockets", "Chat sockets", 1, "#2c7a3f"),
)


def ticks(top: float, wanted: int) -> list[float]:
    """Returns round figures from 0 to at least `top`."""
    rough = max(top, 1) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [step * n for n in range(math.ceil(max(top, 1) / step) + 1)]


def draw(rows: list[dict[str, str]]) -> str:
    seconds = [float(row["seconds"]) for row in rows]
    churn = max(at for at, row in zip(seconds, rows) if row["churn"] == "1")
    across = WIDTH - LEFT - RIGHT
    height = TOP + len(PANELS) * PANEL + (len(PANELS) - 1) * GAP + BOTTOM

    def x(at: float) -> float:
        return LEFT + across * at / seconds[-1]

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222" role="img">',
        f"<title>The server during {churn / 60:.0f} minutes of churn</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="16" font-weight="600">The server during {churn / 60:.0f} minutes of churn, and after it</text>',
    ]
    for number, (column, heading, divisor, colour) in enumerate(PANELS):
        top = TOP + number * (PANEL + GAP)
        values = [int(row[column]) / divisor for row in rows]
        marks = ticks(max(values), 4)

        def y(value: float, top: float = top, most: float = marks[-1]) -> float:
            return top + PANEL * (1 - value / most)

        out.append(f'<rect x="{x(churn):.1f}" y="{top}" width="{WIDTH - RIGHT - x(churn):.1f}" height="{PANEL}" fill="#eee"/>')
        for mark in marks:
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" stroke="#d5d5d5"/>')
            out.append(f'<text x="{LEFT - 8}" y="{y(mark) + 4.5:.1f}" text-anchor="end">{mark:g}</text>')
        points = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in zip(seconds, values))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linejoin="round"/>')
        out.append(f'<text x="{LEFT}" y="{top - 8}" fill="{colour}" font-weight="600">{heading}</text>')
    foot = height - BOTTOM
    short = seconds[-1] < 120
    unit, scale = ("Seconds", 1) if short else ("Minutes", 60)
    for mark in ticks(seconds[-1] / scale, 10):
        if mark * scale <= seconds[-1]:
            out.append(f'<line x1="{x(mark * scale):.1f}" x2="{x(mark * scale):.1f}" y1="{foot}" y2="{foot + 5}" stroke="#222"/>')
            out.append(f'<text x="{x(mark * scale):.1f}" y="{foot + 20}" text-anchor="middle">{mark:g}</text>')
    out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{foot}" y2="{foot}" stroke="#222"/>')
    out.append(f'<text x="{LEFT + across / 2}" y="{foot + 40}" text-anchor="middle">{unit} since the start; grey: all clients are gone</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def main() -> None:
    source = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target" / "soak.csv"
    picture = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "img" / "soak.svg"
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if not any(row["churn"] == "1" for row in rows):
        raise SystemExit(f"benches/load/soak/plot.py: {source} holds no load")
    picture.write_text(draw(rows))


main()
