"""Take build/bench.json as the guide's figures and draw them: how much of the raw token's rate is reached."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

__all__ = ["drawn", "main"]

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "guide" / "performance.svg"
_SHARE = "share of the raw rate"
_LABEL, _BAR, _ROW, _WIDTH = 300, 230, 26, 860
_MOST = 2.0
"""Where a bar ends at the latest: a token that is asked in two sessions makes no more than twice as much."""
_OURS, _THEIRS, _LINE = "#c0392b", "#8a8f98", "#2c3e50"


def main() -> None:
    """Both files."""
    text = (ROOT / "build" / "bench.json").read_text("utf-8")
    PICTURE.with_suffix(".json").write_text(text, "utf-8")
    PICTURE.write_text(drawn(json.loads(text)["sections"]), "utf-8")
    print(PICTURE.relative_to(ROOT))


def drawn(sections: Mapping[str, Any]) -> str:
    """The picture, as SVG."""
    rows = list(_rows(sections))
    height = _ROW * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    for i, (label, ratio) in enumerate(rows):
        y = _ROW * i + 12
        if ratio is None:
            parts.append(f'<text x="12" y="{y + 14}" font-weight="bold" fill="{_LINE}">{escape(label)}</text>')
        else:
            parts += _bar(label, ratio, y)
    x = _LABEL + _BAR
    parts.append(f'<line x1="{x}" y1="8" x2="{x}" y2="{height - 26}" stroke="{_LINE}" stroke-dasharray="4 3"/>')
    parts.append(
        f'<text x="{x}" y="{height - 10}" text-anchor="middle" fill="{_LINE}">the raw token, in one session</text>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rows(sections: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, float] | None]]:
    for name, figures in sections.items():
        if _SHARE in figures:
            yield name, None
            yield from figures[_SHARE].items()


def _bar(label: str, ratio: Mapping[str, float], y: int) -> Iterator[str]:
    """A bar to the median, and a thin line from the low to the high rounds."""
    width, low, high = (min(_MOST, ratio[key]) * _BAR for key in ("median", "low", "high"))
    colour = _THEIRS if "pyHanko" in label else _LINE if label.startswith("raw") else _OURS
    yield f'<text x="24" y="{y + 14}" fill="{_LINE}">{escape(label)}</text>'
    yield f'<rect x="{_LABEL}" y="{y + 3}" width="{max(width, 1):.1f}" height="14" fill="{colour}"/>'
    yield f'<line x1="{_LABEL + low:.1f}" y1="{y + 10}" x2="{_LABEL + high:.1f}" y2="{y + 10}" stroke="black"/>'
    yield f'<text x="{_LABEL + _MOST * _BAR + 20:.0f}" y="{y + 14}" fill="{_LINE}">{100 * ratio["median"]:.1f} %</text>'


if __name__ == "__main__":
    main()
