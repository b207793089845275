"""Works that the model, its checks and its methods rest on, from ``references.bib``.

Question answered: *which papers and texts are behind the method?* Sources of single facts are another list
(:class:`riskmodel.tables.References`).
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from riskmodel.language import tr
from riskmodel.tables.page import Markup, esc

__all__ = ["works"]

FILE = Path(__file__).resolve().parents[2] / "references.bib"
SHOWN_AUTHORS = 3
_ENTRY = re.compile(r"^@\w+\{\w+,(.*?)^\}", re.M | re.S)
_FIELD = re.compile(r"(\w+)\s*=\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_ACCENTS = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "c": "\u0327", "v": "\u030c"}


def works() -> Markup:
    """List all works: authors, year, title, where it appeared, link."""
    if not FILE.is_file():  # an installed package does not carry it
        return Markup(f"<p>{esc(tr('They are listed in references.bib of the project.'))}</p>")
    items = [_listed(_fields(body)) for body in _ENTRY.findall(FILE.read_text(encoding="utf-8"))]
    return Markup(f'<ol class="works">{"".join(f"<li>{item}</li>" for item in sorted(items))}</ol>')


def _fields(body: str) -> dict[str, str]:
    return {name.lower(): _plain(value) for name, value in _FIELD.findall(body)}


def _plain(value: str) -> str:
    """LaTeX as plain text.

    >>> _plain('B{\\\\"u}rkner and {Bayesian} pages 1--2')
    'Bürkner and Bayesian pages 1–2'
    """
    value = value.replace(r"$\widehat{R}$", "R-hat")
    value = re.sub(r"""\\(["'`^~cv])\s*\{?(\w)\}?""", lambda m: m[2] + _ACCENTS[m[1]], value)
    value = re.sub(r"[{}]", "", value).replace("--", "–").replace("\\&", "&")
    return unicodedata.normalize("NFC", " ".join(value.split()))


def _listed(work: dict[str, str]) -> str:
    names = work.get("author", work.get("institution", "")).split(" and ")
    who = ", ".join(name.split(",")[0] for name in names[:SHOWN_AUTHORS])
    who += f" {tr('and others')}" if len(names) > SHOWN_AUTHORS else ""
    where = work.get("journal") or work.get("publisher") or work.get("institution") or work.get("howpublished") or ""
    if "eprint" in work:
        where = f"arXiv:{work['eprint']}"
    where += f" {work['volume']}" if "journal" in work and "volume" in work else ""
    url = f"https://doi.org/{work['doi']}" if "doi" in work else work.get("url", "")
    link = f' <a href="{esc(url)}" rel="noreferrer">{esc(url)}</a>' if url.startswith("https://") else ""
    return f"<cite>{esc(who)} ({esc(work.get('year', ''))}). <em>{esc(work['title'])}</em>. {esc(where)}.</cite>{link}"
