"""HTML of tables and sentences, in which no text from the data can act.

Question answered: *how does a frame or a sentence become part of a page?* Every cell is escaped unless it is
:class:`Markup`, which only this package makes.
"""

from __future__ import annotations

import datetime as dt
import html
import itertools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskmodel.errors import TURNS
from riskmodel.language import date_text, mark, month_text, tr

__all__ = ["Markup", "dated", "esc", "put", "say", "table"]

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


def dated(day: dt.date | None, precision: object = "day", *, spelled: bool = False) -> str:
    """Say a date as exactly as it is known, the month spelled on demand; nothing where there is none.

    >>> dated(dt.date(2025, 1, 13)), dated(dt.date(2025, 1, 1), "month"), dated(dt.date(2025, 1, 1), "half")
    ('2025-01-13', '2025-01', '2025')
    >>> dated(dt.date(2025, 4, 25), spelled=True), dated(dt.date(2025, 4, 1), "month", spelled=True)
    ('25 April 2025', 'April 2025')
    """
    if day is None or pd.isna(day):
        return ""
    if spelled and precision in ("day", "month"):
        return date_text(day) if precision == "day" else month_text(day)
    return day.strftime({"day": tr("%Y-%m-%d"), "month": tr("%Y-%m")}.get(str(precision), "%Y"))


def lines(*parts: object) -> Markup:
    """Join the parts that say something, one a line; the first stands out less than a heading does."""
    return Markup("<br>".join(esc(part) for part in parts if esc(part)))


LONG, SHORT = 70, 26
"""Characters from which a column of texts gets room, and up to which one of numbers stays on one line."""
BREAKS = 12
"""Characters after which a word that is longer than any column may break."""
_LETTER = r"(?:&#?\w+;|[^\s<>&])"
_LONG_WORD = re.compile(rf"{_LETTER}{{{2 * BREAKS},}}(?![^<>]*>)")
_NUMBER = re.compile(r"[<>×+−-]?\s?\d[\d.,\s\u202f]*(?:%|pp)?")
_TAG = re.compile(r"<(table|thead|tbody|tfoot|tr|th|td|span)\b([^>]*\bgt_[^>]*)>")
_KEPT = re.compile(r'\b(scope|colspan|rowspan)="([^"]*)"')


def table(frame: pd.DataFrame, caption: str, *, fold: str = "", note: str | Markup = "") -> Markup:
    """Return a frame as a publication table with a caption, scoped headers and a box of its own to scroll in.

    Parameters
    ----------
    frame
        Cells as they are to be read; the first column names the row. Columns with two levels stand under the heading
        of the first level, unless that is empty.
    caption
        What the table says; also the name of the box for those who cannot see it.
    fold
        When given, the words of a line that opens the table.
    note
        What stands under the table.

    Notes
    -----
    great-tables writes the table; its caption, which it does not write, and our classes in the place of its own styles
    are put in here.
    """
    body = _written(frame, note).replace("<table>", f"<table><caption><span>{esc(caption)}</span></caption>", 1)
    out = f'<div class="table" role="region" tabindex="0" aria-label="{esc(caption)}">{body}</div>'
    return Markup(f"<details><summary>{esc(fold)}</summary>{out}</details>" if fold else out)


def _written(frame: pd.DataFrame, note: str | Markup) -> str:
    """The table as great-tables writes it, without its styles; cells escaped by us."""
    from great_tables import GT
    from great_tables import html as safe

    cells = frame.map(lambda cell: _LONG_WORD.sub(_breakable, esc(cell)))
    keys = [f"c{k}" for k in range(len(cells.columns))]
    names: Any = frame.columns
    heads = list(names) if names.nlevels > 1 else [("", name) for name in names]
    cells.columns = pd.Index(keys)
    kinds = {key: _kind(cells[key]) for key in keys[1:]}
    made = GT(cells, rowname_col=keys[0], auto_align=False, id="t").fmt(str, columns=keys)
    labels: dict[str, Any] = {key: safe(esc(name)) for key, (_, name) in zip(keys, heads, strict=True)}
    made = made.cols_label(labels)
    made = made.tab_stubhead(safe(esc(heads[0][1])))
    made = made.cols_align("right", columns=[key for key, kind in kinds.items() if kind == "r"])
    for place, span in enumerate(dict.fromkeys(span for span, _ in heads if span)):
        under = [key for key, (over, _) in zip(keys, heads, strict=True) if over == span]
        made = made.tab_spanner(safe(esc(span)), columns=under, id=f"s{place}")
    made = made.tab_source_note(safe(esc(note))) if esc(note) else made
    found = re.search(r"<table.*</table>", made.as_raw_html(), flags=re.S)
    lines = _TAG.sub(_bare, "" if found is None else found.group())
    classes = itertools.cycle(kinds.values() or [""])
    head, rows, foot = re.split(r"(?=<tbody>)|(?<=</tbody>)", lines)
    rows = re.sub(r"<td>", lambda _: f"<td class={kind}>" if (kind := next(classes)) else "<td>", rows)
    return re.sub(r">\s*\n\s*<", "><", head + rows + foot)


def _breakable(word: re.Match[str]) -> str:
    """A word longer than any column, with places where a line may end."""
    letters = re.findall(_LETTER, word.group())
    return "<wbr>".join("".join(letters[k : k + BREAKS]) for k in range(0, len(letters), BREAKS))


def _kind(column: pd.Series[str]) -> str:
    """Class of a column: numbers to the right (r), numbers with words on one line (n), long texts with room (w)."""
    said = [re.sub(r"<[^>]+>", "", html.unescape(cell)).replace("\N{NO-BREAK SPACE}", " ") for cell in column]
    said = [text.strip() for text in said if text.strip()]
    if said and all(_NUMBER.fullmatch(text) for text in said):
        return "r"
    longest = max(map(len, said), default=0)
    return "w" if longest > LONG else "n" if longest <= SHORT and any(text[:1].isdigit() for text in said) else ""


def _bare(match: re.Match[str]) -> str:
    """A tag of great-tables with what carries meaning alone."""
    kept = "".join(f' {name}="{value}"' for name, value in _KEPT.findall(match[2]) if value != "1")
    right = " class=r" if match[1] == "th" and "gt_right" in match[2] else ""
    return f"<{match[1]}{kept}{right}>"


def put(*parts: str | Markup) -> None:
    """Display HTML in a notebook."""
    from IPython.display import HTML, display

    display(HTML("\n".join(esc(part) for part in parts)))


def say(*sentences: str | Markup, mark: str = "p") -> None:
    """Display computed sentences as text: one paragraph, or with ``mark="li"`` a list."""
    items = "".join(f"<li>{esc(s)}</li>" for s in sentences)
    put(Markup(f"<ul>{items}</ul>" if mark == "li" else f"<p>{' '.join(map(esc, sentences))}</p>"))
