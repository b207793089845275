"""Reports: run the packaged notebooks once, render HTML files that ask nothing of the network, and PDF.

Question answered: *what does the analysis say, to someone who will only read?* The comparison of all setups
(:func:`render`), a fiche of two pages for one setup (:func:`render_fiches`), and both with the notebooks as a site that
opens from disk (:func:`render_site`). A cell that fails stops the work, and the previous files stay.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from riskmodel.errors import Problem, StudyError, UsageError
from riskmodel.language import speaking, tr
from riskmodel.report.notebooks import Job, Progress, run

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.checks import Row
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = [
    "NAME",
    "inputs",
    "refuse_failing",
    "render",
    "render_fiches",
    "render_site",
    "validation_rows",
]

NAME = "riskmodel-report.html"
"""Name of the comparison in the chosen folder; in other languages ``riskmodel-report-fr.html``."""
NOTEBOOK, FICHE = "report.ipynb", "fiche.ipynb"
REFERENCE = Path(__file__).resolve().parents[1] / "reference"
VALIDATION = REFERENCE / "validation"
"""Where the results of ``make validate`` are kept."""


@dataclass(frozen=True)
class Inputs:
    """What the notebook works on.

    ``validation`` are the check rows of a stored validation that belongs to study and posterior, ``changes`` the cells
    that a reader replaced (:func:`riskmodel.read_overrides`), ``data`` the folder for the numbers behind the figures.
    """

    study: Study
    posterior: Posterior
    validation: tuple[Row, ...] = ()
    changes: pd.DataFrame | None = None
    data: str | None = None


def inputs(path: str | None = None) -> Inputs:
    """Return what a report rests on: the shipped study and posterior, or those handed over by :func:`render`.

    Parameters
    ----------
    path
        File written by :func:`render` for its own kernel; None in a notebook opened by hand. It is a pickle:
        never open one that someone else wrote.
    """
    if path is not None:
        from riskmodel.tables import export

        with Path(path).open("rb") as file:
            given = Inputs(*pickle.load(file))
        export.collect(given.data, f"posterior {given.posterior.posterior_id}, data {given.study.data_hash[:16]}")
        return given
    from riskmodel.fit import load_posterior
    from riskmodel.study import read_study

    study = read_study()
    posterior = load_posterior(study=study)
    return Inputs(study, posterior, validation_rows(posterior)[0])


def validation_rows(posterior: Posterior, folder: Path | None = None) -> tuple[tuple[Row, ...], str]:
    """Which checks did the validation of a posterior's model and data make?

    Parameters
    ----------
    folder
        Where ``riskmodel validate`` wrote; default the shipped results.

    Returns
    -------
    tuple
        The rows, and an empty text; or no rows, and a sentence that says why: nothing is kept, or what is kept belongs
        to other data or model code.
    """
    from riskmodel.validate import stored

    folder = folder or VALIDATION
    found = stored(folder, posterior.design_hash)
    if found is not None:
        return tuple(found["checks"]), ""
    here = (folder / "checks.json").is_file()
    why = "the kept validation belongs to other data or model code" if here else "no validation is kept"
    return (), f"{why}: run `make validate`, or `riskmodel validate --out {folder}`"


def refuse_failing(rows: Sequence[Row], file: str = "posterior") -> None:
    """Refuse to go on with checks that fail.

    Raises
    ------
    StudyError
        Naming every failing check with its value and threshold.
    """
    failing = [f"{r['check']} {r['value']:.4g} (must be {r['threshold']})" for r in rows if r["verdict"] != "pass"]
    if failing:
        rule = (
            f"its checks fail, so that its numbers are not used: {'; '.join(failing)}. Fit again with `riskmodel fit`"
        )
        raise StudyError([Problem(file, None, None, None, rule)])


def render(
    out_dir: Path | str,
    *,
    study: Study | None = None,
    posterior: Posterior | None = None,
    horizon_years: float = 5.0,
    language: str = "en",
    progress: Progress | None = None,
    notebook: Path | str | None = None,
    validation: Path | None = None,
    allow_failing: bool = False,
    changes: pd.DataFrame | None = None,
    pdf: bool = False,
    with_code: bool = False,
    data: bool = False,
) -> Path:
    """Write the comparison of setups as one HTML file.

    Parameters
    ----------
    out_dir
        Folder; made when it is not there. The file is ``riskmodel-report.html``, or ``riskmodel-report-fr.html``.
    study, posterior
        Default: the shipped ones. A posterior of another Design is refused.
    horizon_years
        Horizon of every probability.
    language
        One of :data:`riskmodel.language.LANGUAGES`.
    progress
        Called with one line before each step.
    notebook
        Another notebook with a cell tagged ``parameters``; default the packaged one.
    validation
        Folder of a stored validation; default the shipped one. Its checks count when it belongs to the posterior.
    allow_failing
        Render in spite of a failing check; the page then begins with a red banner.
    changes
        Cells of the study that a reader replaced, listed at the top (``changes`` of :func:`riskmodel.read_overrides`).
    pdf
        Also print it, as a file of the same name that ends in ``.pdf``.
    with_code
        Show the code of the notebook.
    data
        Also write the numbers behind every figure, as CSV files and one workbook, into a folder beside the file
        (``riskmodel-report-data/``).

    Returns
    -------
    Path
        The HTML file, complete: until then an older one stays as it was.

    Raises
    ------
    UsageError
        If the horizon is not positive, the language unknown, the folder cannot be written, a PDF is wanted and no
        browser is installed, or a cell fails: the message names notebook, cell and what went wrong.
    StudyError
        If the posterior belongs to other data or priors, or a check of it or of its validation fails: nothing is
        written and an older file stays.
    """
    _known(language, horizon_years)
    job = comparison(horizon_years, language, notebook)
    given = _checked(study, posterior, validation, allow_failing, changes, progress)
    return _written([job], Path(out_dir), given, pdf=pdf, with_code=with_code, data=data, progress=progress)[0]


def render_fiches(
    out_dir: Path | str,
    setups: Sequence[str],
    *,
    study: Study | None = None,
    posterior: Posterior | None = None,
    horizon_years: float = 5.0,
    language: str = "en",
    progress: Progress | None = None,
    validation: Path | None = None,
    allow_failing: bool = False,
    changes: pd.DataFrame | None = None,
    pdf: bool = False,
    with_code: bool = False,
    data: bool = False,
) -> list[Path]:
    """Write a fiche of two pages for each of some setups, such as ``fiche-HDH_SCALEWAY.html`` or ``…-fr.html``.

    Parameters
    ----------
    setups
        Ids in the study; all other parameters are those of :func:`render`.

    Returns
    -------
    list
        The HTML files. All are written, or none.

    Raises
    ------
    UsageError
        Also when a setup is not in the study: the message names the nearest ids.
    StudyError
        As :func:`render` does.
    """
    _known(language, horizon_years)
    given = _checked(study, posterior, validation, allow_failing, changes, progress)
    jobs = fiches(given.study, setups, horizon_years, language)
    return _written(jobs, Path(out_dir), given, pdf=pdf, with_code=with_code, data=data, progress=progress)


def render_site(
    out_dir: Path | str,
    *,
    setups: Sequence[str] = (),
    horizon_years: float = 5.0,
    progress: Progress | None = None,
    notebooks: Path | str | None = None,
    pdf: bool = False,
    with_code: bool = False,
) -> Path:
    """Write report and fiches of the shipped study in every language, and the notebooks, as pages with links.

    Parameters
    ----------
    out_dir, progress, with_code
        As in :func:`render`.
    setups
        Setups with a fiche; default those that the Health Data Hub uses, has selected, or could have chosen.
    horizon_years
        Horizon of report and fiches; each notebook has its own.
    notebooks
        Folder of the notebooks; default the one beside the package, which only a checkout has.
    pdf
        Also print report and fiches.

    Returns
    -------
    Path
        ``index.html``. All pages are written, or none.

    Raises
    ------
    UsageError, StudyError
        As :func:`render_fiches` does; and when the folder holds no notebooks.
    """
    from riskmodel.report import site

    _known("en", horizon_years)
    found = site.notebooks(notebooks)
    given = _checked(None, None, None, False, None, progress)
    jobs = site.jobs(given, setups, horizon_years, found, with_pdf=pdf)
    return _written(jobs, Path(out_dir), given, pdf=pdf, with_code=with_code, progress=progress)[0]


def comparison(horizon_years: float, language: str, notebook: Path | str | None = None) -> Job:
    """Return the page that compares all setups."""
    values = {"horizon_years": float(horizon_years), "language": language}
    return Job(Path(notebook) if notebook else REFERENCE / NOTEBOOK, _in(language, NAME), values, language)


def fiches(study: Study, setups: Sequence[str], horizon_years: float, language: str) -> list[Job]:
    """Return the pages of some setups, which must be in the study."""
    from riskmodel.decide import unknown

    known = study["setups"].set_index("setup_id")["label"]
    if missing := [name for name in setups if name not in known.index]:
        raise unknown("setup", missing, known.index)
    jobs = []
    with speaking(language):
        for setup in dict.fromkeys(setups):
            values = {"horizon_years": float(horizon_years), "language": language, "setup": setup}
            title = tr("Fiche: {setup}", setup=tr(str(known[setup])))
            jobs.append(Job(REFERENCE / FICHE, _in(language, f"fiche-{setup}.html"), values, language, title))
    return jobs


def _in(language: str, name: str) -> str:
    """Return the name of a file in a language."""
    return name if language == "en" else f"{name.removesuffix('.html')}-{language}.html"


def _known(language: str, horizon_years: float) -> None:
    """Refuse a language that is not published in, or a horizon of no length."""
    with speaking(language):
        pass
    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")


def _checked(
    study: Study | None,
    posterior: Posterior | None,
    validation: Path | None,
    allow_failing: bool,
    changes: pd.DataFrame | None,
    progress: Progress | None,
) -> Inputs:
    """Read what is not given; study and posterior must belong together, and all checks pass."""
    from riskmodel.fit import load_posterior, require_match
    from riskmodel.study import read_study

    if progress:
        progress("reading the study and the posterior")
    study = study or read_study()
    posterior = posterior or load_posterior()
    require_match(posterior, study)
    rows, missing = validation_rows(posterior, validation)
    if missing and progress:
        progress(missing)
    if not allow_failing:
        refuse_failing([*posterior.checks, *rows])
    return Inputs(study, posterior, rows, changes)


def _written(
    jobs: Sequence[Job],
    out: Path,
    given: Inputs,
    *,
    pdf: bool,
    with_code: bool,
    data: bool = False,
    progress: Progress | None,
) -> list[Path]:
    """Run all jobs, and put their pages into the folder once every one of them is complete."""
    from riskmodel.report import numbers, printing
    from riskmodel.report.page import figure_nodes, page
    from riskmodel.tables import export

    begun, tell = time.monotonic(), progress or (lambda line: None)
    if pdf:
        printing.browser()
    _folder(out)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="riskmodel-") as scratch,
            tempfile.TemporaryDirectory(prefix=".riskmodel-", dir=out) as staging,
        ):
            ready = Path(staging)

            def handed(job: Job) -> str:
                """File with what a notebook works on; with a folder of its own for the numbers behind its figures."""
                file = Path(scratch) / (f"{Path(job.file).stem}.pickle" if data else "inputs.pickle")
                folder = str(ready / numbers.folder(job)) if data else None
                if not file.exists():
                    _pickle((given.study, given.posterior, given.validation, given.changes, folder), file)
                return str(file)

            def finish(job: Job, node: Any) -> None:
                nodes = figure_nodes(node)
                (ready / job.file).write_text(page(node, job, with_code=with_code), encoding="utf-8")
                if data and (ready / numbers.folder(job)).is_dir():
                    export.workbook(
                        ready / numbers.folder(job), numbers.about(job, given), nodes, numbers.ledger(job, given)
                    )
                if pdf and job.parameters:
                    printing.pdf(ready / job.file, (ready / job.file).with_suffix(".pdf"))

            run([job.given(inputs_path=handed(job)) for job in jobs], Path(scratch), finish, tell)
            for folder in (path for path in ready.iterdir() if path.is_dir()):
                shutil.rmtree(out / folder.name, ignore_errors=True)  # figures that are no longer there go
            for file in sorted(ready.iterdir()):
                os.replace(file, out / file.name)
    except OSError as problem:
        raise UsageError(f"{out}: cannot be written ({problem.strerror or problem}); older files stay") from problem
    files = [out / job.file for job in jobs]
    tell(f"done in {time.monotonic() - begun:.0f} s: {files[0]}")
    return files


def _folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"{path}: cannot be made a folder ({problem.strerror})") from problem
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path}: no permission to write there")


def _read_only(mapping: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(mapping)


def _pickle(what: Any, path: Path) -> None:
    """Pickle, read-only mappings included."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=5)
    pickler.dispatch_table = copyreg.dispatch_table.copy()
    pickler.dispatch_table[MappingProxyType] = lambda m: (_read_only, (dict(m),))
    pickler.dump(what)
    path.write_bytes(buffer.getvalue())
