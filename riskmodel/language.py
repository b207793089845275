"""Languages of what is published: messages, numbers and dates.

Question answered: *how is this said in the reader's language?* The English text in the code is the message; catalogues
(``locale/LANG/*.po``, read by Babel, used through gettext) hold the others. Notebooks are translated paragraph by
paragraph, words of the data (labels, names, summaries) cell by cell, with the same catalogues.
"""

from __future__ import annotations

import datetime as dt
import gettext
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from riskmodel.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = [
    "DATA_TEXTS",
    "LANGUAGES",
    "current",
    "date_text",
    "localised",
    "mark",
    "month_text",
    "own_words",
    "paragraphs",
    "speaking",
    "tr",
    "translated_study",
    "translated_text",
    "trn",
    "use",
]

LANGUAGES = {"en": "English", "fr": "Français"}
"""Languages in which reports and fiches are published, each in its own words."""
DATA_TEXTS = {
    "setups": ("name", "label", "summary"),
    "regimes": ("name",),
    "interventions": ("label",),
    "plans": ("label",),
    "decisions": ("authority", "system_name", "issue"),
    "experts": ("name",),
    "entities": ("name",),
    "providers": ("name", "operating_entity"),
    "reporters": ("name",),
    "mixtures": ("basis",),
    "count_roles": ("reason",),
    "certifications": ("remark",),
    "priors": ("unit", "reason"),
    "elicitation": ("unit", "basis"),
}
"""Columns of the study that a published page shows as they are, and which are translated."""
_NARROW = "\N{NARROW NO-BREAK SPACE}"
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_current: ContextVar[str] = ContextVar("language", default="en")


def current() -> str:
    """Return the language that is published in."""
    return _current.get()


def use(language: str) -> None:
    """Publish in a language from now on.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if language not in LANGUAGES:
        hint = did_you_mean(language, LANGUAGES)
        raise UsageError(f"unknown language {language}{hint}; known: {', '.join(LANGUAGES)}")
    _current.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Publish in a language for a while."""
    before = current()
    use(language)
    try:
        yield
    finally:
        _current.set(before)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    """All catalogues of a language as one; none for English, which is the message itself."""
    if language == "en":
        return gettext.NullTranslations()
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    whole = Catalog(locale=language)
    folder = resources.files("riskmodel") / "locale" / language
    for file in sorted(folder.iterdir(), key=lambda path: path.name):
        if file.name.endswith(".po"):
            for message in read_po(io.BytesIO(file.read_bytes()), locale=language):
                if message.id and message.string:
                    whole.add(message.id, message.string)
    compiled = io.BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def tr(message: str, **values: object) -> str:
    """Say a message in the current language, values put in the place of ``{names}``.

    >>> tr("{count} of {total} setups", count=3, total=5)
    '3 of 5 setups'
    """
    said = _catalogue(current()).gettext(message) if message else message
    return said.format(**values) if values else said


def mark(message: str) -> str:
    """Mark words for the catalogues where they stand; :func:`tr` says them where they are shown."""
    return message


OWN_WORDS = (
    mark("document in a public repository, location not recorded"),
    mark("public GitHub text (repository not identified)"),
    mark("public GitHub notes"),
    mark("French medical press, paper not recorded"),
    mark("French press, paper not recorded"),
    mark("French AI press, paper not recorded"),
    mark("address not recorded"),
    mark("; copy in"),
    mark("GitHub raw copy of The Register"),
    mark("contract library copy"),
    mark("feed copy"),
    mark("pdfslide copy"),
    mark("copy at"),
    mark("copy"),
    mark("01net mirror"),
    mark("Wikipedia mirror"),
    mark("rssing mirror"),
    mark("rewritten mirror"),
    mark("mirror"),
    mark("press rewrite"),
    mark("Reuters rewrite"),
    mark("reprint of a press article"),
    mark("; reprint"),
    mark("reprint"),
    mark("re-post"),
    mark("press link"),
    mark("from The Register"),
    mark("The Register summary"),
    mark("POLITICO text"),
    mark("(after WirtschaftsWoche"),
    mark("quoting Lawfare on the DOJ Nov 2024 report"),
    mark("on Greenberg Traurig memo for NL NCSC"),
    mark("relaying"),
    mark("Senate hearing 10 June 2025"),
    mark("community assessment"),
    mark("vendor assessment, staging page"),
    mark("product documentation"),
    mark("archived blog"),
    mark("company blog"),
    mark("hoster blog"),
    mark("law firm"),
    mark("sponsored"),
    mark("AMF notice"),
    mark("English digest"),
    mark("europrivacy aggregator"),
    mark("approximate"),
    mark("week of"),
    mark("(after June hearing"),
    mark("(after 1 July"),
    mark("(after"),
    mark("since"),
    mark("undated capture"),
    mark("four tabs"),
    mark("months to"),
    mark("c. 2015"),
    mark("H1"),
    mark("H2"),
)
"""The project's own words beside the names and periods of sources; of two that fit the first counts."""
_OWN = re.compile("|".join(rf"{'' if words[0] in '(;' else r'\b'}{re.escape(words)}(?!\w)" for words in OWN_WORDS))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})\b")


def own_words(text: str) -> str:
    """Say the project's own words in a cell on a source in the current language; names stay.

    >>> own_words("Computer Weekly (copy)")
    'Computer Weekly (copy)'
    """
    said = _OWN.sub(lambda found: tr(found.group()), text)
    if current() == "en":
        return said
    from babel.dates import get_month_names

    months = get_month_names("abbreviated", locale=current())
    return _MONTH.sub(lambda found: months[_MONTHS.index(found.group()) + 1], said)


def trn(one: str, many: str, count: int, **values: object) -> str:
    """Say a message that depends on a number, which is ``{count}`` in it.

    >>> trn("{count} setup", "{count} setups", 1), trn("{count} setup", "{count} setups", 3)
    ('1 setup', '3 setups')
    """
    return _catalogue(current()).ngettext(one, many, count).format(count=localised(f"{count:,}"), **values)


def localised(number: str) -> str:
    """Write a number (1,234.5 in English) as the current language does.

    >>> localised("1,234.5")
    '1,234.5'
    """
    if current() == "en":
        return number
    return _NUMBER.sub(lambda m: m.group().replace(",", _NARROW).replace(".", ","), number)


def date_text(day: dt.date) -> str:
    """Write a day in the current language.

    >>> date_text(dt.date(2026, 11, 22))
    '22 November 2026'
    """
    if current() == "en":
        return f"{day.day} {day:%B %Y}"
    from babel.dates import format_date

    return str(format_date(day, "d MMMM y", locale=current()))


def month_text(day: dt.date) -> str:
    """Write a month in the current language.

    >>> month_text(dt.date(2026, 11, 1))
    'November 2026'
    """
    if current() == "en":
        return f"{day:%B %Y}"
    from babel.dates import format_date

    return str(format_date(day, "MMMM y", locale=current()))


def paragraphs(source: str) -> list[str]:
    """Cut the prose of a notebook's cell into the parts that are translated one by one.

    >>> paragraphs("## A title\\n\\nSome prose.")
    ['## A title', 'Some prose.']
    """
    return [part for part in re.split(r"\n{2,}", source.strip()) if part]


def translated_text(source: str) -> str:
    """Say the prose of a cell in the current language; formulas stay."""
    return "\n\n".join(part if part.startswith("$$") else tr(part) for part in paragraphs(source))


def translated_study(study: Study) -> Study:
    """Return a study whose labels and names are in the current language; ids and facts stay."""
    if current() == "en":
        return study
    tables = dict(study.tables)
    for name, texts in DATA_TEXTS.items():
        frame = tables[name].copy()
        for column in texts:
            frame[column] = frame[column].map(tr, na_action="ignore").astype(frame[column].dtype)
        tables[name] = frame
    return replace(study, tables=MappingProxyType(tables))
