"""The report: run the packaged notebook once, render one HTML file that asks nothing of the network.

Question answered: *what does the analysis say, to someone who will only read?* The notebook runs in a fresh
kernel of the running interpreter; a cell that fails stops the report and the previous file stays.
"""

from __future__ import annotations

import copyreg
import html
import io
import json
import os
import pickle
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from riskmodel._files import atomic_write
from riskmodel.errors import Problem, StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.checks import Row
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["NAME", "inputs", "refuse_failing", "render", "validation_rows"]

NAME = "riskmodel-report.html"
"""Name of the file in the chosen folder."""
NOTEBOOK = "report.ipynb"
CELL_SECONDS = 600
VALIDATION = Path(__file__).resolve().parent / "reference" / "validation"
"""Where the results of ``make validate`` are kept."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Inputs:
    """What the notebook works on.

    ``validation`` are the check rows of a stored validation that belongs to study and posterior, ``changes`` the cells
    that a reader replaced (:func:`riskmodel.read_overrides`).
    """

    study: Study
    posterior: Posterior
    validation: tuple[Row, ...] = ()
    changes: pd.DataFrame | None = None


def inputs(path: str | None = None) -> Inputs:
    """Return what a report rests on: the shipped study and posterior, or those handed over by :func:`render`.

    Parameters
    ----------
    path
        File written by :func:`render` for its own kernel; None in a notebook opened by hand. It is a pickle:
        never open one that someone else wrote.
    """
    if path is not None:
        with Path(path).open("rb") as file:
            return Inputs(*pickle.load(file))
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
    progress: Progress | None = None,
    notebook: Path | str | None = None,
    validation: Path | None = None,
    allow_failing: bool = False,
    changes: pd.DataFrame | None = None,
) -> Path:
    """Write the report as one HTML file.

    Parameters
    ----------
    out_dir
        Folder; made when it is not there. The file is ``riskmodel-report.html``.
    study, posterior
        Default: the shipped ones. A posterior of another Design is refused.
    horizon_years
        Horizon of every probability.
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

    Returns
    -------
    Path
        The file, complete: until then an older one stays as it was.

    Raises
    ------
    UsageError
        If the horizon is not positive, the folder cannot be written, or a cell fails: the message names
        notebook, cell and what went wrong.
    StudyError
        If the posterior belongs to other data or priors, or a check of it or of its validation fails: nothing is
        written and an older file stays.
    """
    from riskmodel.fit import load_posterior, require_match
    from riskmodel.study import read_study

    if not horizon_years > 0:
        raise UsageError(f"horizon_years: {horizon_years} - must be more than 0 years")
    tell = progress or (lambda line: None)
    begun = time.monotonic()
    tell("reading the study and the posterior")
    study = study or read_study()
    posterior = posterior or load_posterior()
    require_match(posterior, study)
    rows, missing = validation_rows(posterior, validation)
    if missing:
        tell(missing)
    if not allow_failing:
        refuse_failing([*posterior.checks, *rows])
    target = _folder(Path(out_dir)) / NAME
    place = Path(notebook) if notebook else Path(str(resources.files("riskmodel") / "reference" / NOTEBOOK))
    with tempfile.TemporaryDirectory(prefix="riskmodel-") as folder:
        handed = Path(folder) / "inputs.pickle"
        _pickle((study, posterior, rows, changes), handed)
        node = _execute(place, {"inputs_path": str(handed), "horizon_years": float(horizon_years)}, Path(folder), tell)
    tell("writing the page")
    page = _html(node)
    atomic_write(target, page)
    tell(f"done in {time.monotonic() - begun:.0f} s: {target}")
    return target


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"{path}: cannot be made a folder ({problem.strerror})") from problem
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path}: no permission to write there")
    return path


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


def _execute(place: Path, parameters: dict[str, Any], folder: Path, tell: Progress) -> Any:
    """Run a notebook in a kernel of this interpreter and return it with its outputs."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        node = nbformat.read(place, as_version=4)
    except (OSError, ValueError) as problem:
        raise UsageError(f"{place}: not a readable notebook ({problem})") from problem
    for cell in node.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    at = {"cell": 0}

    def started(cell: Any, cell_index: int) -> None:
        at["cell"] = cell_index + 1
        heading = re.match(r"## (.+)", cell.source)
        if heading:
            tell(heading.group(1))

    spec = folder / "kernels" / "riskmodel"
    spec.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    text = json.dumps({"argv": command, "language": "python", "display_name": "riskmodel"})
    (spec / "kernel.json").write_text(text, encoding="utf-8")
    client = NotebookClient(node, kernel_name="riskmodel", timeout=CELL_SECONDS, on_cell_start=started)
    manager = client.create_kernel_manager()
    manager.kernel_spec_manager.kernel_dirs = [str(spec.parent)]
    manager.connection_file = str(folder / "connection.json")
    here = str(Path(__file__).resolve().parent.parent)
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH", "")) if p),
        "MPLBACKEND": "Agg",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    log = folder / "kernel.log"
    with log.open("wb") as noise:
        try:
            client.execute(env=env, cwd=str(folder), stdout=noise, stderr=noise)
        except CellExecutionError as problem:
            said = f"{problem.ename}: {problem.evalue}".strip().splitlines()[-1]
            raise UsageError(f"{place.name}, cell {at['cell']}: {said}") from problem
        except CellTimeoutError as problem:
            raise UsageError(f"{place.name}, cell {at['cell']}: took more than {CELL_SECONDS} s") from problem
        except (DeadKernelError, RuntimeError) as problem:
            last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            said = last[-1] if last else str(problem)
            raise UsageError(f"{place.name}, cell {at['cell']}: the notebook's Python stopped ({said})") from problem
    return node


def _mathml(source: str) -> str:
    """Replace ``$$…$$`` by MathML, which browsers show without a script."""
    from latex2mathml.converter import convert

    return re.sub(
        r"\$\$(.+?)\$\$",
        lambda m: f"\n\n{convert(m.group(1).strip(), display='block')}\n\n",
        source,
        flags=re.S,
    )


def _html(node: Any) -> str:
    """Render an executed notebook with the package's own template."""
    from nbconvert import HTMLExporter

    sections: list[dict[str, str]] = []
    for cell in node.cells:
        heading = re.match(r"## (.+)\n*", cell.source) if cell.cell_type == "markdown" else None
        if heading:
            title = heading.group(1).strip()
            name = cell.metadata.get("section", f"section-{len(sections)}")
            sections.append({"id": name, "title": title})
            cell.metadata["section"] = sections[-1]
            cell.source = cell.source[heading.end() :]
        if cell.cell_type == "markdown":
            cell.source = _mathml(cell.source)
    base = str(resources.files("riskmodel") / "templates")
    exporter = HTMLExporter(template_name="report", extra_template_basedirs=[base], anchor_link_text="")
    exporter.register_filter("attribute", lambda text: html.escape(str(text), quote=True))
    title = str(node.metadata.get("title", "riskmodel report"))
    body, _ = exporter.from_notebook_node(node, {"sections": sections, "metadata": {"name": title}})
    return str(body)
