"""The chart of the comparisons: horizontal bars of ratios on a logarithmic scale, as SVG."""

import math
from html import escape

WIDTH, LEFT, RIGHT, ROW, HEAD = 760, 236, 132, 22, 34
TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]
STYLE = (
    "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:#24292f;"
    "paint-order:stroke;stroke:#f6f8fa;stroke-width:4px;stroke-linejoin:round}"
    ".w{fill:#f6f8fa;stroke:#d0d7de}.g{stroke:#d0d7de}.one{stroke:#57606a;stroke-width:1.5}"
    ".t{font-size:15px;font-weight:600}.h{font-weight:600}.s{font-size:11px;fill:#57606a}"
    ".e{text-anchor:end}.m{text-anchor:middle}.f{fill:#0a5bc4}.l{fill:#9a4b00}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3;stroke:#161b22}.w{fill:#161b22;stroke:#3d444d}"
    ".g{stroke:#3d444d}.one{stroke:#9da7b3}.s{fill:#9da7b3}.f{fill:#58a6ff}.l{fill:#f0a35e}}"
)


def draw(groups, note):
    """Returns the SVG of groups: each has a title, and rows of a label, a ratio and a value."""
    ratios = [ratio for _, rows in groups for _, ratio, _ in rows]
    low = max(tick for tick in TICKS if tick <= min([1, *ratios]))
    high = min(tick for tick in TICKS if tick >= max([10, *ratios]))
    span = WIDTH - LEFT - RIGHT

    def x(ratio):
        return LEFT + span * math.log(ratio / low) / math.log(high / low)

    top = 74
    height = top + sum(HEAD + ROW * len(rows) for _, rows in groups) + 34
    body, described, y = [], [], top
    for title, rows in groups:
        y += HEAD
        body.append(f'<text class="h" x="20" y="{y - 10}">{escape(title)}</text>')
        for label, ratio, value in rows:
            left, right = sorted((x(1), x(ratio)))
            kind = "f" if ratio >= 1 else "l"
            body.append(f'<text class="e" x="{LEFT - 10}" y="{y + 10}">{escape(label)}</text>')
            body.append(f'<rect class="{kind}" x="{left:.1f}" y="{y}" width="{max(1, right - left):.1f}" height="13" rx="2"/>')
            body.append(f'<text x="{right + 7:.1f}" y="{y + 11}">{ratio:.1f} × <tspan class="s">{escape(value)}</tspan></text>')
            described.append(f"{title}, {label}: {ratio:.1f} times ({value}).")
            y += ROW
    bottom = y + 4
    lines = []
    for tick in (tick for tick in TICKS if low <= tick <= high):
        kind = "one" if tick == 1 else "g"
        lines.append(f'<line class="{kind}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{bottom}"/>')
        name = "acspass" if tick == 1 else f"{tick:g} ×"
        lines.append(f'<text class="s m" x="{x(tick):.1f}" y="{bottom + 16}">{name}</text>')
    title = "How many times longer the peers of acspass take for the same job"
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' role="img" aria-labelledby="title desc">',
        f'<title id="title">{title}</title>',
        f'<desc id="desc">{escape(note)} {escape(" ".join(described))}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="w" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        f'<text class="t" x="20" y="32">{title}</text>',
        f'<text class="s" x="20" y="52">{escape(note)}</text>',
        *lines, *body, "</svg>", "",
    ])
