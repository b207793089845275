"""The pages of the static site: report and fiches in every language, the notebooks, and an index.

Question answered: *where is what, and what comes next?*
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel.errors import UsageError
from riskmodel.language import LANGUAGES, speaking, tr
from riskmodel.report import comparison, fiches
from riskmodel.report.notebooks import Job

if TYPE_CHECKING:
    from riskmodel.report import Inputs

__all__ = ["HUB", "INDEX", "jobs", "notebooks"]

INDEX = "index.html"
HUB = ("HDH_AZURE", "HDH_SCALEWAY", "HDH_TARGET_SECNUMCLOUD", "HDH_ALT_OVH", "HDH_ALT_S3NS")
"""Setups of the Health Data Hub that have a fiche: in use, selected, called for, and two candidates."""


def notebooks(folder: Path | str | None = None) -> list[Path]:
    """Return the notebooks of a folder in their order.

    Raises
    ------
    UsageError
        If there are none.
    """
    place = Path(folder) if folder else Path(__file__).resolve().parents[2] / "notebooks"
    found = sorted(place.glob("[0-9]*.ipynb"))
    if not found:
        raise UsageError(f"{place}: no notebooks are there; an installed package has none, a checkout has them")
    return found


def jobs(
    given: Inputs, setups: Sequence[str], horizon_years: float, found: Sequence[Path], *, with_pdf: bool
) -> list[Job]:
    """Return all pages, the index first."""
    said: dict[str, list[Job]] = {}
    for language in LANGUAGES:
        own = fiches(given.study, setups or HUB, horizon_years, language)
        said[language] = [comparison(horizon_years, language), *own]
    pages = []
    for same in zip(*said.values(), strict=True):
        for job in same:
            other = next(j for j in same if j is not job)
            pages.append(replace(job, links={"home": _home(job.language), "other": _other(other)}))
    lessons = [Job(place, f"{place.stem}.html") for place in found]
    titles = [_title(place) for place in found]
    for k, job in enumerate(lessons):
        links = {"home": _home("en")}
        if k:
            links["previous"] = {"href": lessons[k - 1].file, "text": titles[k - 1]}
        if k + 1 < len(lessons):
            links["next"] = {"href": lessons[k + 1].file, "text": titles[k + 1]}
        pages.append(replace(job, title=f"{titles[k]} – riskmodel", links=links))
    index = _index(given, pages[: -len(found)], list(zip(lessons, found, strict=True)), with_pdf)
    return [Job(index, INDEX, title="riskmodel"), *pages]


def _home(language: str) -> dict[str, str]:
    with speaking(language):
        return {"href": INDEX, "text": tr("All pages")}


def _other(job: Job) -> dict[str, str]:
    return {"href": job.file, "text": LANGUAGES[job.language], "language": job.language}


def _cell(place: Path) -> str:
    """The first cell of a notebook, which has its title and says what it is."""
    import nbformat

    return str(nbformat.read(place, as_version=4).cells[0].source)


def _title(place: Path) -> str:
    found = re.match(r"# (.+)", _cell(place))
    return found.group(1).strip() if found else place.stem


def _index(given: Inputs, reports: Sequence[Job], lessons: Iterable[tuple[Job, Path]], with_pdf: bool) -> Any:
    """The first page as a notebook of prose."""
    from nbformat import v4

    from riskmodel import __version__

    labels = given.study["setups"].set_index("setup_id")["label"]
    english = [job for job in reports if job.language == "en"]
    rows = [f"<li>{_links(job, reports, str(labels[job.parameters['setup']]), with_pdf)}</li>" for job in english[1:]]
    series = []
    for number, (job, place) in enumerate(lessons):
        first = re.split(r"\n{2,}", _cell(place))[1:2]
        series.append(f"{number}. [{_title(place)}]({job.file}). {' '.join(first)}")
    facts = {
        "Facts up to": given.study.as_of.isoformat(),
        "Data hash": given.study.data_hash[:12],
        "Posterior": given.posterior.posterior_id,
        "Version": __version__,
    }
    shown = "".join(f"<div><dt>{name}</dt><dd>{html.escape(str(fact))}</dd></div>" for name, fact in facts.items())
    prose = [
        "# How exposed is hosted data to foreign legal access?\n\nReports of a Bayesian model: can a foreign law reach "
        "the data, how likely is a disclosure, and how have authorities judged such setups? Not legal advice.\n\n"
        f'<dl class="facts">{shown}</dl>',
        "## One setup on two pages\n\nFor readers who know neither statistics nor cloud; begin here.\n\n"
        '<p lang="fr">Le rapport et ces pages existent en français : suivre le lien « Français ».</p>\n\n'
        f"<ul>{''.join(rows)}</ul>",
        f"## The comparison\n\nAll setups side by side, with every source.\n\n<p>"
        f"{_links(english[0], reports, 'Comparison of all setups', with_pdf)}</p>",
        "## The notebooks\n\nEach runs from the shipped data and the shipped fit.\n\n" + "\n".join(series),
        "## Make it again\n\n```\nmake site\nriskmodel report --all --out site/\n```\n\n"
        "The first makes the environment when needed; the second runs in it.",
    ]
    return v4.new_notebook(cells=[v4.new_markdown_cell(text) for text in prose])


def _links(job: Job, reports: Sequence[Job], text: str, with_pdf: bool) -> str:
    """Links to one page in each language, and on paper."""
    parts = []
    for k, language in enumerate(LANGUAGES):
        same = next(j for j in reports if j.language == language and _same(j, job))
        said = html.escape(text) if k == 0 else LANGUAGES[language]
        spoken = f' lang="{language}" hreflang="{language}"' if k else ""
        parts.append(f'<a href="{same.file}"{spoken}>{said}</a>')
        if with_pdf:
            parts.append(f'<a href="{same.file.removesuffix("html")}pdf"{spoken}>PDF ({LANGUAGES[language]})</a>')
    return " · ".join(parts)


def _same(a: Job, b: Job) -> bool:
    return a.parameters.get("setup") == b.parameters.get("setup")
