"""Works that the model, its checks and its methods rest on, from ``references.bib``.

Question answered: *which papers and texts are behind the method?* Sources of single facts are another list
(:class:`riskmodel.tables.References`).
"""

from __future__ import annotations

from pybtex.database import Entry, parse_file
from pybtex.richtext import Text

from riskmodel._files import shipped_data_dir
from riskmodel.language import tr
from riskmodel.tables.page import Markup, esc

__all__ = ["works"]

FILE, SHOWN_AUTHORS = "references.bib", 3


def works() -> Markup:
    """List all works: authors, year, title, where it appeared, link."""
    entries = parse_file(shipped_data_dir().parent / FILE).entries.values()
    return Markup(f'<ol class="works">{"".join(f"<li>{item}</li>" for item in sorted(map(_listed, entries)))}</ol>')


def _listed(entry: Entry) -> str:
    work = {name: _plain(value) for name, value in entry.fields.items()}
    names = [_plain(" ".join([*p.prelast_names, *p.last_names])) for p in entry.persons.get("author", ())]
    who = ", ".join(names[:SHOWN_AUTHORS]) or work.get("institution", "")
    who += f" {tr('and others')}" if len(names) > SHOWN_AUTHORS else ""
    where = work.get("journal") or work.get("publisher") or work.get("institution") or work.get("howpublished") or ""
    if "eprint" in work:
        where = f"arXiv:{work['eprint']}"
    where += f" {work['volume']}" if "journal" in work and "volume" in work else ""
    url = f"https://doi.org/{work['doi']}" if "doi" in work else work.get("url", "")
    link = f' <a href="{esc(url)}" rel="noreferrer">{esc(url)}</a>' if url.startswith("https://") else ""
    return f"<cite>{esc(who)} ({esc(work.get('year', ''))}). <em>{esc(work['title'])}</em>. {esc(where)}.</cite>{link}"


def _plain(value: str) -> str:
    r"""LaTeX as plain text.

    >>> _plain(r'B{\"u}rkner and {Bayesian} {$\widehat{R}$}, pages 1--2')
    'Bürkner and Bayesian R-hat, pages 1–2'
    """
    return str(Text.from_latex(value.replace(r"$\widehat{R}$", "R-hat")))
