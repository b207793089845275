"""The verbs that check: facts, a fit, its validation, and predictions of years that a fit had not seen.

Question answered: *are the data and the model's numbers fit for use?* Each verb is given the parsed arguments and
returns whether all checks pass. Modules are imported when a verb runs, so that help is quick.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskmodel import __version__
from riskmodel.cli.inputs import can_write, expected_failures, folder_of, identity, new_folder
from riskmodel.cli.output import backtest_text, checks_text, counted, say, write
from riskmodel.errors import Problem, StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.study import Study

__all__ = ["backtest", "check", "fit", "validate"]

HINDSIGHT = (
    "Judgement is held as the experts gave it at the date of the study, and is hindsight: they knew the later years.",
    "Disclosures abroad cannot be back-tested with this record: no half-year between 2020 and mid-2025 was published.",
)


def check(arguments: argparse.Namespace) -> bool:
    """Print every problem of a folder of facts, or the verdicts on the posterior that belongs to it."""
    from riskmodel.study import check_study, shipped_data_dir, update_hashes

    if arguments.fit:
        return _check_fit(arguments)
    if arguments.posterior or arguments.validation or arguments.format != "text":
        raise UsageError("--posterior, --validation and --format belong to `riskmodel check --fit`")
    folder = shipped_data_dir() if arguments.folder is None else Path(arguments.folder)
    if arguments.update_hashes:
        changed = update_hashes(folder)
        say(f"sums written for {', '.join(changed)}" if changed else "all sums were right already")
    problems = check_study(folder)
    for problem in problems:
        print(problem)
    say(f"{folder}: {counted(len(problems), 'problem')}")
    return not problems


def _check_fit(arguments: argparse.Namespace) -> bool:
    """Print the verdict of every check of a posterior and of its validation."""
    from riskmodel.fit import load_posterior
    from riskmodel.report import validation_rows
    from riskmodel.study import read_study

    study = read_study(arguments.folder)
    posterior = load_posterior(arguments.posterior, study)
    validation, missing = validation_rows(posterior, folder_of(arguments.validation))
    say(missing or f"posterior {posterior.posterior_id} and its validation")
    about = identity(study, posterior) | {"validation": missing or "belongs to this posterior"}
    return _verdicts([*posterior.checks, *validation], arguments, about)


def _verdicts(rows: Sequence[dict[str, Any]], arguments: argparse.Namespace, about: dict[str, Any]) -> bool:
    """Print a verdict table; return whether all pass."""
    import pandas as pd

    from riskmodel import checks

    table = pd.DataFrame(rows, columns=["check", "value", "threshold", "verdict", "meaning"])
    write(table, arguments, about, lambda: checks_text(table))
    failing = [row["check"] for row in rows if row["verdict"] != "pass"]
    say(f"{counted(len(failing), 'check')} of {len(rows)} failing{': ' * bool(failing)}{'; '.join(failing)}")
    return checks.passed(rows)


def fit(arguments: argparse.Namespace) -> bool:
    """Sample the posterior of a study and write it, beside its place when it fails its checks."""
    from riskmodel import checks
    from riskmodel.fit import SampleSettings
    from riskmodel.fit import fit as sample
    from riskmodel.study import read_study

    shipped = Path(__file__).resolve().parent.parent / "reference" / "posterior.nc"
    out = shipped if arguments.reference else Path(arguments.out)
    can_write(out)
    wanted = {name: getattr(arguments, name) for name in ("seed", "draws", "tune", "chains")}
    settings = SampleSettings(**{name: value for name, value in wanted.items() if value is not None})
    study = read_study(arguments.study)
    total = settings.chains * (settings.draws * settings.thin + settings.tune)
    say(f"compiling takes about a minute, then {total:,} draws in {settings.chains} chains another")
    if not arguments.verbose:  # it lists every parameter
        logging.getLogger("pymc.sampling.mcmc").setLevel(logging.WARNING)
    with expected_failures():
        posterior = sample(study, settings)
    good = checks.passed(posterior.checks)
    for row in posterior.checks:
        say(f"{row['verdict']}: {row['check']} {row['value']:.4g} (must be {row['threshold']}): {row['meaning']}")
    file = out if good else out.with_suffix(".failed.nc")
    posterior.save(file)
    if not good:
        say(f"the checks fail: kept as {file}, {out} was not written; more draws or tuning may help")
    print(file)
    return good


def validate(arguments: argparse.Namespace) -> bool:
    """Validate the model on the data of a study, and print the verdicts."""
    from riskmodel import validate as validation
    from riskmodel.study import read_study

    out = Path(arguments.out)
    new_folder(out)
    study = read_study(arguments.study)
    number = arguments.simulations or validation.SIMULATIONS
    say(f"{number} simulated studies twice; finished parts stay in {out}, the same command goes on from there")
    with expected_failures():
        rows = validation.validate(study, out, simulations=number, progress=say)
    return _verdicts(rows, arguments, {"simulations": number, "data_hash": study.data_hash, "riskmodel": __version__})


def backtest(arguments: argparse.Namespace) -> bool:
    """Print how well years that the model had not seen were predicted, kept or computed anew."""
    from riskmodel.checks.backtest import summarised
    from riskmodel.study import read_study

    study = read_study(arguments.study)
    table = summarised(_backtest_again(study) if arguments.again else _backtest_kept(arguments, study))
    about = {"data_hash": study.data_hash, "riskmodel": __version__, "notes": list(HINDSIGHT)}
    if arguments.format == "csv":
        for line in HINDSIGHT:
            say(line)
    write(table, arguments, about, lambda: backtest_text(table, HINDSIGHT))
    return True


def _backtest_kept(arguments: argparse.Namespace, study: Study) -> pd.DataFrame:
    """Read the kept back-test, which must belong to the study and to the model's code."""
    import pandas as pd

    from riskmodel.design import build_design
    from riskmodel.priors import Priors
    from riskmodel.report import VALIDATION
    from riskmodel.validate import stored

    folder = folder_of(arguments.validation) or VALIDATION
    file, advice = folder / "backtest.csv", "run `riskmodel backtest --again` or `make validate`"
    if not file.is_file():
        raise UsageError(f"{file}: no back-test is kept there: {advice}")
    if stored(folder, build_design(study).hash(Priors.from_study(study))) is None:
        raise StudyError([Problem(str(file), None, None, None, f"belongs to other data or model code: {advice}")])
    return pd.read_csv(file)


def _backtest_again(study: Study) -> pd.DataFrame:
    """Compute the back-test of a study."""
    from riskmodel.checks.backtest import backtest
    from riskmodel.design import build_design
    from riskmodel.fit import SampleSettings
    from riskmodel.model import build_model
    from riskmodel.priors import Priors
    from riskmodel.program import Program

    say("compiling takes about a minute, then each year is a fit")
    with expected_failures():
        design = build_design(study)
        program = Program(build_model(design, Priors.from_study(study)))
        return backtest(program, design, SampleSettings(), progress=say)
