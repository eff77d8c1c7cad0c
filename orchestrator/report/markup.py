"""Pieces of the page's markup: foreign text made harmless, tables, figures."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from orchestrator.report.harmless import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_TEXT = 10_000  # letters of any one text


def escape(text: str) -> str:
    """Foreign text as text on one line: nothing in it is markup."""
    return html.escape(one_line(text, MAX_TEXT))


def code(text: str) -> str:
    """Foreign text as something to be copied."""
    return f"<code>{escape(text)}</code>"


def table(heads: Sequence[str], rows: Iterable[str]) -> Iterator[str]:
    """A table of `row`s; one that is too wide scrolls by itself. A head that ends in `#` is over numbers."""
    yield '<div class="wide"><table><thead><tr>'
    for head in heads:
        yield f'<th class="n">{head[:-1]}</th>' if head.endswith("#") else f"<th>{head}</th>"
    yield "</tr></thead><tbody>"
    yield from rows
    yield "</tbody></table></div>"


def row(*cells: str) -> str:
    """A row of cells; each is markup, or a `<td>` already."""
    return f"<tr>{''.join(cell if cell.startswith('<td') else f'<td>{cell}</td>' for cell in cells)}</tr>"


def number(value: int) -> str:
    """A cell with a number."""
    return f'<td class="n">{value:,}</td>'


def cards(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table whose rows become cards where the screen is narrow. Rows are markup, a cell for each head.

    A head that ends in `#` is over numbers, one that ends in `…` over running text.
    """
    kinds = ["n" if head.endswith("#") else "message" if head.endswith("…") else "" for head in heads]
    names = [escape(head.rstrip("#…")) for head in heads]
    opened = [
        f'<td data-label="{name}"{f" class={kind}" if kind else ""}>' for name, kind in zip(names, kinds, strict=True)
    ]
    yield '<div class="wide"><table class="cards"><thead><tr>'
    for name, kind in zip(names, kinds, strict=True):
        yield f'<th class="n">{name}</th>' if kind == "n" else f"<th>{name}</th>"
    yield "</tr></thead><tbody>"
    for cells in rows:
        yield f"<tr>{''.join(f'{start}{cell}</td>' for start, cell in zip(opened, cells, strict=True))}</tr>"
    yield "</tbody></table></div>"


def figure(
    title: str, picture: str, *, kind: str, key: Sequence[tuple[str, str]] = (), words: str = ""
) -> Iterator[str]:
    """A picture with its title above, and below the key to its colours and what it says in words.

    Args:
        title: plain text.
        picture: SVG.
        kind: the class that colours it.
        key: (class of the swatch, plain text).
        words: markup.

    """
    yield f'<figure class="{kind}"><h3>{escape(title)}</h3>{picture}<figcaption>'
    for swatch, text in key:
        yield f'<span class="key"><i class="{swatch}"></i>{escape(text)}</span>'
    if words:
        yield f"<p>{words}</p>"
    yield "</figcaption></figure>"


def percent(share: float) -> str:
    """A share that is neither all nor nothing never reads so."""
    if 0 < share < 0.001:  # noqa: PLR2004 - the last digit shown
        return "&lt; 0.1 %"
    return f"{min(share, 0.999) * 100:.1f} %" if share < 1 else "100 %"
