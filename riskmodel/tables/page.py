"""HTML of tables and sentences, in which no text from the data can act.

Question answered: *how does a frame or a sentence become part of a page?* Every cell is escaped unless it is
:class:`Markup`, which only this package makes.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskmodel.errors import TURNS
from riskmodel.language import mark, tr

__all__ = ["Markup", "esc", "put", "say", "table"]

NOT_SEEN = mark("not seen")


@dataclass(frozen=True)
class Markup:
    """HTML made by this package; anything else is escaped. No text, so that a frame keeps it as it is."""

    html: str

    def __str__(self) -> str:
        return self.html


def esc(value: object) -> str:
    """Return a value as HTML text: :class:`Markup` as it is, missing as nothing, all else escaped."""
    if isinstance(value, Markup):
        return value.html
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT:
        return ""
    return html.escape(TURNS.sub("", str(value)), quote=True).replace(" %", "\N{NO-BREAK SPACE}%")


def plain(code: object) -> str:
    """Return a code of the data as a reader would write it; :mod:`riskmodel.tables.codes` has those to translate."""
    return tr(str(code).replace("_", " "))


def lines(*parts: object) -> Markup:
    """Join the parts that say something, one a line; the first stands out less than a heading does."""
    return Markup("<br>".join(esc(part) for part in parts if esc(part)))


def _cell_class(cell: object) -> str:
    """Short numbers stay on one line, long texts get room."""
    text = re.sub(r"<[^>]+>", "", esc(cell))
    return " class=w" if len(text) > 70 else " class=n" if text[:1].isdigit() and len(text) < 24 else ""


def table(frame: pd.DataFrame, caption: str, *, fold: str = "") -> Markup:
    """Return a frame as an HTML table with a caption, scoped headers and a box of its own to scroll in.

    Parameters
    ----------
    frame
        Cells as they are to be read; the first column names the row.
    caption
        What the table says; also the name of the box for those who cannot see it.
    fold
        When given, the words of a line that opens the table.
    """
    head = "".join(f'<th scope="col">{esc(name)}</th>' for name in frame.columns)
    body = []
    for first, *rest in frame.itertuples(index=False, name=None):
        cells = "".join(f"<td{_cell_class(c)}>{esc(c)}</td>" for c in rest)
        body.append(f'<tr><th scope="row">{esc(first)}</th>{cells}</tr>')
    out = (
        f'<div class="table" role="region" tabindex="0" aria-label="{html.escape(caption, quote=True)}">'
        f"<table><caption><span>{esc(caption)}</span></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
    return Markup(f"<details><summary>{esc(fold)}</summary>{out}</details>" if fold else out)


def put(*parts: str | Markup) -> None:
    """Display HTML in a notebook."""
    from IPython.display import HTML, display

    display(HTML("\n".join(esc(part) for part in parts)))


def say(*sentences: str | Markup, mark: str = "p") -> None:
    """Display computed sentences as text: one paragraph, or with ``mark="li"`` a list."""
    items = "".join(f"<li>{esc(s)}</li>" for s in sentences)
    put(Markup(f"<ul>{items}</ul>" if mark == "li" else f"<p>{' '.join(map(esc, sentences))}</p>"))
