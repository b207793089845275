"""The five verbs; each is given the parsed arguments and returns whether all checks pass.

Question answered: *what does each command do?* Modules are imported when a verb runs, so that help is quick.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel import __version__
from riskmodel.cli.output import compare_text, say, score_text, write
from riskmodel.errors import Problem, StudyError, UsageError, shown

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["VERBS"]

STDIN = "-"


def check(arguments: argparse.Namespace) -> bool:
    """Print every problem of a folder of facts."""
    from riskmodel.study import check_study, shipped_data_dir, update_hashes

    folder = shipped_data_dir() if arguments.folder is None else Path(arguments.folder)
    if arguments.update_hashes:
        changed = update_hashes(folder)
        say(f"sums written for {', '.join(changed)}" if changed else "all sums were right already")
    problems = check_study(folder)
    for problem in problems:
        print(problem)
    say(f"{folder}: {_counted(len(problems), 'problem')}")
    return not problems


def fit(arguments: argparse.Namespace) -> bool:
    """Sample the posterior of a study and write it, beside its place when it fails its checks."""
    from riskmodel import checks
    from riskmodel.fit import SampleSettings
    from riskmodel.fit import fit as sample
    from riskmodel.study import read_study

    shipped = Path(__file__).resolve().parent.parent / "reference" / "posterior.nc"
    out = shipped if arguments.reference else Path(arguments.out)
    _can_write(out)
    wanted = {name: getattr(arguments, name) for name in ("seed", "draws", "tune", "chains")}
    settings = SampleSettings(**{name: value for name, value in wanted.items() if value is not None})
    study = read_study(arguments.data)
    total = settings.chains * (settings.draws + settings.tune)
    say(f"compiling takes about half a minute, {total:,} draws in {settings.chains} chains a minute or two")
    if not arguments.verbose:  # it lists every parameter
        logging.getLogger("pymc.sampling.mcmc").setLevel(logging.WARNING)
    try:
        posterior = sample(study, settings)
    except RuntimeError as error:
        raise StudyError([Problem("fit", None, None, None, f"the sampler gave up: {error}")]) from error
    good = checks.passed(posterior.checks)
    for row in posterior.checks:
        say(f"{row['verdict']}: {_check_text(row)}: {row['meaning']}")
    file = out if good else out.with_suffix(".failed.nc")
    posterior.save(file)
    if not good:
        say(f"the checks fail: kept as {file}, {out} was not written; more draws or tuning may help")
    print(file)
    return good


def score(arguments: argparse.Namespace) -> bool:
    """Print reach and likelihood of setups."""
    from riskmodel.decide import summarise

    base, posterior = _evidence(arguments)
    study = _own_setups(arguments.setups, base)
    many = _counted(len(study["setups"]), "setup")
    say(f"scoring {many} over {arguments.years:g} years with posterior {posterior.posterior_id}")
    setups, x, about = _exposure(arguments, study, posterior, study["setups"])
    table, facts = summarise(x).table, setups.set_index("setup_id")
    for place, name in enumerate(("provider_id", "key_custody"), start=2):
        table.insert(place, name, table["setup"].map(facts[name]).astype(object))
    write(table, arguments, about, lambda: score_text(table, about))
    return True


def compare(arguments: argparse.Namespace) -> bool:
    """Print which of two setups is less exposed, and how sure that is."""
    import pandas as pd

    from riskmodel.decide import compare as compared

    if not arguments.equal_factor >= 1:
        raise UsageError(f"--equal-factor {arguments.equal_factor:g}: must be 1 or more")
    base, posterior = _evidence(arguments)
    study, wanted = _own_setups(arguments.setups, base), (arguments.a, arguments.b)
    setups = pd.concat([study["setups"], base["setups"]], ignore_index=True).drop_duplicates("setup_id")
    known = setups["setup_id"].tolist()
    if missing := [shown(name) for name in dict.fromkeys(wanted) if name not in known]:
        raise UsageError(f"unknown setup {', '.join(missing)}; known: {', '.join(known)}")
    _, x, about = _exposure(arguments, study, posterior, setups[setups["setup_id"].isin(wanted)])
    finding = compared(x, *wanted, equal_factor=arguments.equal_factor)
    write(finding.table, arguments, about, lambda: compare_text(finding, *wanted))
    return True


def report(arguments: argparse.Namespace) -> bool:
    """Write the comparison as one HTML file."""
    from riskmodel import checks

    out = Path(arguments.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder")
    study, posterior = _evidence(arguments, must_pass=False)
    out.mkdir(parents=True, exist_ok=True)
    _can_write(out / "report.html")
    from riskmodel.report import render  # only now: it imports everything

    print(render(out, study=study, posterior=posterior, horizon_years=arguments.years, progress=say))
    good = checks.passed(posterior.checks)
    if not good:
        say("the checks of this posterior fail; the report says so at its top")
    return good


VERBS = {verb.__name__: verb for verb in (check, fit, score, compare, report)}


def _evidence(arguments: argparse.Namespace, *, must_pass: bool = True) -> tuple[Study, Posterior]:
    """Read study and posterior, which must belong together; refuse a posterior whose checks fail."""
    from riskmodel import checks
    from riskmodel.fit import load_posterior
    from riskmodel.study import read_study

    study = read_study(arguments.data)
    posterior = load_posterior(arguments.posterior, study)
    if must_pass and not checks.passed(posterior.checks):
        said = "; ".join(_check_text(row) for row in posterior.checks if row["verdict"] != "pass")
        rule = f"its checks fail, so that nothing is scored with it: {said}. Fit again with `riskmodel fit`"
        raise StudyError([Problem(arguments.posterior or "posterior", None, None, None, rule)])
    return study, posterior


def _exposure(
    arguments: argparse.Namespace, study: Study, posterior: Posterior, setups: pd.DataFrame
) -> tuple[pd.DataFrame, xr.Dataset, dict[str, Any]]:
    """Return setups, at equal terms when asked, their exposure, and what identifies the answer."""
    from riskmodel.exposure import exposure
    from riskmodel.nexus import EQUAL_TERMS, equal_terms

    if arguments.equal_terms:
        said = ", ".join(f"{name} {value}" for name, value in EQUAL_TERMS.items())
        say(f"at equal terms ({said}): only the providers differ")
        setups = equal_terms(setups)
    asked = {"horizon_years": arguments.years, "home": arguments.home}
    x = exposure(posterior, study, setups=setups, by_regime=False, **asked)
    about = {name: x.attrs[name] for name in ("horizon_years", "start", "home")}
    about |= {"posterior_id": posterior.posterior_id, "design_hash": posterior.design_hash}
    return setups, x, about | {"data_hash": study.data_hash, "riskmodel": __version__}


def _own_setups(source: str | None, study: Study) -> Study:
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


def _can_write(path: Path) -> None:
    """Raise a UsageError now rather than after minutes of work."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"{path.parent}: cannot write there ({error.strerror})") from error


def _check_text(row: dict[str, Any]) -> str:
    return f"{row['check']} {row['value']:.4g} (must be {row['threshold']})"


def _counted(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'s' * (number != 1)}"
