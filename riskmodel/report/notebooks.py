"""Run notebooks, several at a time, each in a fresh kernel of the running interpreter.

Question answered: *what do these notebooks show?* Kernels are processes of their own, so that two notebooks use two
cores; an interrupt, or a cell that fails, stops all of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from riskmodel.errors import UsageError
from riskmodel.language import speaking, translated_text

__all__ = ["Job", "Progress", "run"]

CELL_SECONDS = 600
START_SECONDS = 180
AT_ONCE = 2
"""Notebooks that run side by side."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One page: the notebook that it is made from, and its file.

    Parameters
    ----------
    notebook
        A notebook; one without code is not run.
    file
        Name of the HTML file.
    parameters
        Values that replace those of the cell tagged ``parameters``.
    language
        In which the page is said.
    title
        Title of the page; default that of the notebook.
    links
        Links to other pages: ``home``, ``previous``, ``next`` and ``other`` (the same in the other language), each with
        ``href`` and ``text``.
    """

    notebook: Path | Any
    file: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    title: str = ""
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def given(self, **values: Any) -> Job:
        """Return the same job with more parameters, if it takes any."""
        return replace(self, parameters={**self.parameters, **values}) if self.parameters else self


def run(jobs: Sequence[Job], folder: Path, finish: Callable[[Job, Any], None], tell: Progress) -> None:
    """Run the notebooks of some pages, and hand over each with its outputs as soon as it is done.

    Parameters
    ----------
    folder
        Scratch folder, in which each notebook works in a folder of its own.
    finish
        Called with a job and its executed notebook, in a thread.
    tell
        Called with one line before each section of a single notebook, or after each notebook of several.

    Raises
    ------
    UsageError
        If a notebook cannot be read or a cell fails: notebook, cell and what went wrong. The others are stopped.
    """
    _kernel_spec(folder)
    # A loop in a thread of its own: an interrupt then reaches this thread, which stops the kernels; and a caller with a
    # running loop, such as a notebook, is not disturbed.
    loop = asyncio.SelectorEventLoop()
    thread = threading.Thread(target=loop.run_forever, name="riskmodel-notebooks", daemon=True)
    thread.start()
    whole = asyncio.run_coroutine_threadsafe(_all(jobs, folder, finish, tell), loop)
    try:
        whole.result()
    except BaseException:
        whole.cancel()
        asyncio.run_coroutine_threadsafe(_ended(), loop).result(60)
        raise
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _ended() -> None:
    """Wait until every other task has cleaned up."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


async def _all(jobs: Sequence[Job], folder: Path, finish: Callable[[Job, Any], None], tell: Progress) -> None:
    """Run all jobs, so many at once; the first that fails stops the others."""
    gate, loop = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop()
    done: list[str] = []

    async def one(number: int, job: Job) -> None:
        async with gate:
            begun = loop.time()
            place = folder / str(number)
            place.mkdir()
            node = await _executed(job, folder, place, tell if len(jobs) == 1 else lambda line: None)
            await asyncio.to_thread(finish, job, node)
            done.append(job.file)
            if len(jobs) > 1:
                tell(f"{job.file}: {loop.time() - begun:.0f} s ({len(done)} of {len(jobs)})")

    tasks = [asyncio.ensure_future(one(number, job)) for number, job in enumerate(jobs)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _read(place: Path | Any) -> Any:
    """Return a notebook, read when it is a path."""
    import nbformat

    if not isinstance(place, Path):
        return place
    try:
        return nbformat.read(place, as_version=4)
    except (OSError, ValueError) as problem:
        raise UsageError(f"{place}: not a readable notebook ({problem})") from problem


async def _executed(job: Job, folder: Path, place: Path, tell: Progress) -> Any:
    """Run one notebook in a kernel of this interpreter and return it with its outputs."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    node = _read(job.notebook)
    sources = [cell.source for cell in node.cells]
    with speaking(job.language):
        for cell in node.cells:
            if cell.cell_type == "markdown":
                cell.source = translated_text(cell.source) if job.language != "en" else cell.source
            elif "parameters" in cell.metadata.get("tags", ()):
                cell.source += "".join(f"\n{name} = {value!r}" for name, value in job.parameters.items())
    if not any(cell.cell_type == "code" for cell in node.cells):
        return node
    name, at = _name(job), {"cell": 0}

    def started(cell: Any, cell_index: int) -> None:
        at["cell"] = cell_index + 1
        heading = re.match(r"## (.+)", sources[cell_index])
        if heading:
            tell(heading.group(1))

    client = NotebookClient(
        node, kernel_name="riskmodel", on_cell_start=started, timeout=CELL_SECONDS, startup_timeout=START_SECONDS
    )
    manager: Any = client.create_kernel_manager()
    manager.kernel_spec_manager.kernel_dirs = [str(folder / "kernels")]
    manager.connection_file = str(place / "connection.json")
    log = place / "kernel.log"
    with log.open("wb") as noise:
        try:
            await client.async_execute(env=_environment(place), cwd=str(place), stdout=noise, stderr=noise)
        except CellExecutionError as problem:
            said = f"{problem.ename}: {problem.evalue}".strip().splitlines()[-1]
            raise UsageError(f"{name}, cell {at['cell']}: {said}") from problem
        except CellTimeoutError as problem:
            raise UsageError(f"{name}, cell {at['cell']}: took more than {CELL_SECONDS} s") from problem
        except (DeadKernelError, RuntimeError) as problem:
            last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            said = last[-1] if last else str(problem)
            raise UsageError(f"{name}, cell {at['cell']}: the notebook's Python stopped ({said})") from problem
        finally:  # also of a kernel that was still starting when its notebook was stopped
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)
    for cell, source in zip(node.cells, sources, strict=True):
        if cell.cell_type == "code":
            cell.source = source
    return node


def _name(job: Job) -> str:
    """What a notebook is called in messages; a fiche also by its setup."""
    name = job.notebook.name if isinstance(job.notebook, Path) else job.file
    setup = job.parameters.get("setup")
    return f"{name} ({setup})" if setup else name


def _kernel_spec(folder: Path) -> None:
    """Describe a kernel of this interpreter, which no installed kernel shadows."""
    spec = folder / "kernels" / "riskmodel"
    spec.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    text = json.dumps({"argv": command, "language": "python", "display_name": "riskmodel"})
    (spec / "kernel.json").write_text(text, encoding="utf-8")


def _environment(place: Path) -> dict[str, str]:
    """Variables of a kernel: this package, no screen, no profile of the user."""
    here = str(Path(__file__).resolve().parents[2])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in (here, os.environ.get("PYTHONPATH", "")) if p),
        "MPLBACKEND": "Agg",
        "IPYTHONDIR": str(place / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
