#!/usr/bin/env python3
"""Reads a terminal's screen with its escape sequences, as `tmux capture-pane -e -p` prints it, and
writes it as an SVG picture that follows the reader's light or dark colour scheme.

    svg.py COLUMNS TITLE <screen >picture.svg
"""

import re
import sys
import unicodedata
from xml.sax.saxutils import escape

WIDTH, HEIGHT, PADDING, BAR = 8.4, 19, 18, 34
# The 8 colours of a terminal, in light and in dark, each with a contrast of at least 4.5 to 1.
LIGHT = ["#24292f", "#b3202c", "#1a6b2f", "#7a5200", "#0a5bc4", "#7b2fb8", "#14656e", "#57606a"]
DARK = ["#8b949e", "#ff8a80", "#6fdd8b", "#e3b341", "#79b8ff", "#d2a8ff", "#6fd6e0", "#d5dae0"]


def runs(line):
    """The parts of a line with the CSS classes of each. A state lasts until the sequence that ends it."""
    for part in re.split(r"(\x1b\[[0-9;]*m)", re.sub(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x0e|\x0f", "", line)):
        if part.startswith("\x1b["):
            change(part[2:-1])
        elif part:
            yield part, " ".join(filter(None, [state["bold"], state["dim"], state["colour"]]))


state = {"bold": "", "dim": "", "colour": ""}


def change(codes):
    """Applies one sequence. Colours beyond the first 16 do not occur in this program's output."""
    for code in (int(code or 0) for code in codes.split(";")):
        if code == 0:
            state.update(bold="", dim="", colour="")
        elif code == 1:
            state["bold"] = "b"
        elif code == 2:
            state["dim"] = "d"
        elif code == 22:
            state.update(bold="", dim="")
        elif code == 39:
            state["colour"] = ""
        elif 30 <= code <= 37 or 90 <= code <= 97:
            state["colour"] = f"c{code % 10}"


def columns(text):
    """How many columns a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def main():
    wide, title = int(sys.argv[1]), sys.argv[2]
    lines = sys.stdin.read().rstrip().split("\n")
    width = round(wide * WIDTH + 2 * PADDING)
    height = round(len(lines) * HEIGHT + BAR + PADDING)
    colours = lambda palette: "".join(f".c{i}{{fill:{c}}}" for i, c in enumerate(palette))
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{escape(title)}</title><style>"
        "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#24292f}"
        ".w{fill:#f6f8fa;stroke:#d0d7de}.o{fill:#c4ccd4}.b{font-weight:700}.d{opacity:.75}" + colours(LIGHT) +
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.w{fill:#161b22;stroke:#3d444d}.o{fill:#3d444d}"
        + colours(DARK) + "}</style>"
        f'<rect class="w" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>'
        + "".join(f'<circle class="o" cx="{PADDING + 4 + 18 * i}" cy="17" r="5.5"/>' for i in range(3))
    )
    for row, line in enumerate(lines):
        column = 0
        for text, classes in runs(line):
            size = columns(text)
            if text.strip():
                # The length keeps each run on the grid, whatever the reader's font.
                lead = len(text) - len(text.lstrip())
                x, shown = PADDING + (column + lead) * WIDTH, text.strip()
                print(
                    f'<text x="{x:.1f}" y="{BAR + row * HEIGHT + 14}" textLength="{columns(shown) * WIDTH:.1f}"'
                    + (f' class="{classes}"' if classes else "")
                    + f">{escape(shown)}</text>"
                )
            column += size
    print("</svg>")


main()
