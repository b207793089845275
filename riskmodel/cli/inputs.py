"""What a verb is given: a study, its posterior, own values and setups, small tables, folders to write to.

Question answered: *what does an answer rest on, and can it be had?* What is wrong is said before minutes of work.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from riskmodel import __version__
from riskmodel.cli.output import say
from riskmodel.errors import Problem, StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = [
    "Evidence",
    "beside",
    "can_write",
    "evidence_of",
    "expected_failures",
    "folder_of",
    "identity",
    "new_folder",
    "own_setups",
    "table_of",
]

STDIN = "-"
WORDS = ("text", "table")
"""Formats for people."""


@dataclass(frozen=True)
class Evidence:
    """What every decision rests on: a study, its posterior, setups to score, and how to score them."""

    study: Study
    posterior: Posterior
    setups: pd.DataFrame
    years: float
    home: str | None

    def scored(self, names: Sequence[str] = ()) -> xr.Dataset:
        """Exposure of some setups, or of all."""
        from riskmodel.exposure import exposure

        return exposure(self.posterior, self.study, by_regime=False, **{**self.asked, "setups": self.chosen(names)})

    def chosen(self, names: Sequence[str]) -> pd.DataFrame:
        """Rows of some setups, or of all where none is named."""
        return self.setups[self.setups["setup_id"].isin(self.named(names))] if names else self.setups

    def named(self, names: Sequence[str]) -> list[str]:
        """The same ids, once each; a UsageError with the nearest ones when some are unknown."""
        from riskmodel.decide import unknown

        known = [str(name) for name in self.setups["setup_id"]]
        if missing := [name for name in names if name not in known]:
            raise unknown("setup", missing, known)
        return list(dict.fromkeys(names))

    @property
    def asked(self) -> dict[str, Any]:
        """Keyword arguments of functions that score for themselves."""
        return {"horizon_years": self.years, "setups": self.setups, "home": self.home}


def evidence_of(arguments: argparse.Namespace, *, must_pass: bool = True) -> tuple[Study, Posterior, pd.DataFrame]:
    """Read study and posterior, which must belong together, and a reader's own values in the place of some cells.

    A posterior whose checks fail is refused; nothing is fitted unless that was asked for.
    """
    import pandas as pd

    from riskmodel.fit import load_posterior
    from riskmodel.report import refuse_failing
    from riskmodel.study import read_study

    study, changes = read_study(arguments.study), pd.DataFrame()
    posterior = load_posterior(arguments.posterior, study)
    if arguments.override is not None:
        from riskmodel.overrides import read_overrides

        overridden = read_overrides(arguments.override, study)
        study, changes = overridden.study, overridden.changes
        # part of the answer where people read it, beside it where machines do
        print(f"{fill(str(overridden), 96)}\n") if getattr(arguments, "format", "") in WORDS else say(str(overridden))
        if overridden.refit:
            posterior = _refitted(arguments, study)
    if must_pass:
        refuse_failing(posterior.checks, arguments.posterior or "posterior")
        for note in posterior.notes:
            say(f"the study lacks evidence, {note}")
    return study, posterior, changes


def _refitted(arguments: argparse.Namespace, study: Study) -> Posterior:
    """Fit again, if that was asked for."""
    from riskmodel.fit import fit as sample

    if not arguments.refit:
        raise UsageError(
            f"{arguments.override}: these values enter the likelihood or a prior, so that the posterior does not hold "
            "for them; add --refit to fit again (about two minutes)"
        )
    say("fitting again; this takes about two minutes")
    logging.getLogger("pymc.sampling.mcmc").setLevel(logging.WARNING)
    with expected_failures():
        return sample(study)


@contextmanager
def expected_failures() -> Iterator[None]:
    """Turn what judgement that does not fit the model, or data that defeat the sampler, raise into one message."""
    try:
        yield
    except RuntimeError as error:
        raise StudyError([Problem("fit", None, None, None, f"the sampler gave up: {error}")]) from error
    except KeyError as error:
        if "elicit" not in str(error):  # a fault of ours, to be seen whole
            raise
        raise StudyError([Problem("elicitation.csv", None, None, None, str(error.args[0]))]) from error


def identity(study: Study, posterior: Posterior) -> dict[str, Any]:
    """What identifies the evidence behind an answer."""
    known = {"posterior_id": posterior.posterior_id, "design_hash": posterior.design_hash}
    return known | {"data_hash": study.data_hash, "riskmodel": __version__}


def own_setups(source: str | None, study: Study) -> Study:
    """Return the study with an analyst's setups, or as it is when there are none."""
    from riskmodel.study import read_setups

    if source is None:
        return study
    if source != STDIN:
        return read_setups(source, study)
    if sys.stdin is None:
        raise UsageError("there is no standard input to read setups from")
    if sys.stdin.isatty():
        say("reading setups from standard input; end with Ctrl-D")
    return read_setups(getattr(sys.stdin, "buffer", sys.stdin), study)


def beside(study: Study, base: Study) -> pd.DataFrame:
    """An analyst's setups before those of the study."""
    import pandas as pd

    return pd.concat([study["setups"], base["setups"]], ignore_index=True).drop_duplicates("setup_id")


def table_of(file: str, needed: Sequence[str]) -> pd.DataFrame:
    """Read a small table of the analyst's, all columns as text where they are not numbers."""
    import pandas as pd

    if not Path(file).is_file():
        raise UsageError(f"{file}: no such file")
    try:
        table = pd.read_csv(file, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as problem:
        raise UsageError(f"{file}: not a table of comma-separated values ({problem})") from problem
    if missing := [name for name in needed if name not in table]:
        raise UsageError(f"{file}: lacks column {', '.join(missing)}; must have {', '.join(needed)}")
    return table


def folder_of(name: str | None) -> Path | None:
    """Return a folder that is given, which must be there."""
    if name is not None and not Path(name).is_dir():
        raise UsageError(f"{name}: no such folder")
    return None if name is None else Path(name)


def new_folder(path: Path) -> None:
    """Make a folder and make sure that files can be written to it."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, not a folder")
    path.mkdir(parents=True, exist_ok=True)
    can_write(path / "any")


def can_write(path: Path) -> None:
    """Raise a UsageError now rather than after minutes of work."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"{path.parent}: cannot write there ({error.strerror})") from error
