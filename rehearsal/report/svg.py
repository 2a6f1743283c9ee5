"""Small parts that every picture is made of: text that fits, boxes, lines, the frame with its title and description."""

from collections.abc import Iterable, Sequence
from html import escape

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_NARROW, _WIDE = frozenset("iljtfI.,:;'|!()[] ·-"), frozenset("mwMW@%—")


def width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide a text is, in the units of its size; a little more than with common fonts."""
    units = sum(0.32 if c in _NARROW else 0.9 if c in _WIDE else 0.68 if c.isupper() else 0.57 for c in text)
    return units * size * (1.16 if bold else 1.04)


def fitted(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than the room."""
    if width(text, size, bold=bold) <= room:
        return text
    while text and width(f"{text}…", size, bold=bold) > room:
        text = text[:-1]
    return f"{text.rstrip(' ·,')}…" if text else ""


def wrapped(words: Iterable[str], room: float, size: float, separator: str = " ") -> list[str]:
    """The words in lines that fit; a word that is too long alone is cut."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]}{separator}{word}" if lines else ""
        if lines and width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(fitted(word, room, size))
    return lines


def text(x: float, y: float, content: str, kind: str = "t", **more: str) -> str:
    """A line of text, its baseline's beginning at (x, y); `kind` is its CSS class."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}"{_attributes(more)}>{escape(content)}</text>'


def rect(x: float, y: float, w: float, h: float, kind: str, radius: float = 4, inside: str = "", **more: str) -> str:
    """A rectangle; `inside` is what is between its tags, such as a title."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" rx="{radius:g}"'
    return (
        f'<rect {place} class="{kind}"{_attributes(more)}>{inside}</rect>'
        if inside
        else (f'<rect {place} class="{kind}"{_attributes(more)}/>')
    )


def path(points: Sequence[tuple[float, float]], kind: str, **more: str) -> str:
    """A line through points."""
    steps = " ".join(f"{'M' if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))
    return f'<path d="{steps}" class="{kind}"{_attributes(more)}/>'


def title(content: str) -> str:
    """What a pointer that rests on a part is told."""
    return f"<title>{escape(content)}</title>"


def picture(name: str, w: float, h: float, heading: str, description: str, style: str, parts: Iterable[str]) -> str:
    """A whole picture of that size; `name` begins the ids of its title and description, so that a page can hold many."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}" role="img" id="{name}" '
        f'class="picture" font-family="{FONT}" aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{escape(heading)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
        f"<style>{style}</style>{''.join(parts)}</svg>"
    )


def _attributes(more: dict[str, str]) -> str:
    return "".join(f' {name.replace("_", "-")}="{escape(value)}"' for name, value in more.items())
