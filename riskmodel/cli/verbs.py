"""The verbs; each is given the parsed arguments and returns whether all checks pass.

Question answered: *what does each command do?* Modules are imported when a verb runs, so that help is quick.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import fill
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from riskmodel import __version__
from riskmodel.cli.decisions import DECISIONS, Evidence
from riskmodel.cli.output import backtest_text, checks_text, compare_text, rows_of, say, score_text, write
from riskmodel.errors import Problem, StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from riskmodel.acceptance import Acceptability
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["VERBS"]

STDIN = "-"
WORDS = ("text", "table")
"""Formats for people."""
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
    say(f"{folder}: {_counted(len(problems), 'problem')}")
    return not problems


def _check_fit(arguments: argparse.Namespace) -> bool:
    """Print the verdict of every check of a posterior and of its validation."""
    from riskmodel.fit import load_posterior
    from riskmodel.report import validation_rows
    from riskmodel.study import read_study

    study = read_study(arguments.folder)
    posterior = load_posterior(arguments.posterior, study)
    validation, missing = validation_rows(posterior, _folder(arguments.validation))
    say(missing or f"posterior {posterior.posterior_id} and its validation")
    about = _about(study, posterior) | {"validation": missing or "belongs to this posterior"}
    return _verdicts([*posterior.checks, *validation], arguments, about)


def _verdicts(rows: Sequence[dict[str, Any]], arguments: argparse.Namespace, about: dict[str, Any]) -> bool:
    """Print a verdict table; return whether all pass."""
    import pandas as pd

    from riskmodel import checks

    table = pd.DataFrame(rows, columns=["check", "value", "threshold", "verdict", "meaning"])
    write(table, arguments, about, lambda: checks_text(table))
    failing = [row["check"] for row in rows if row["verdict"] != "pass"]
    say(f"{_counted(len(failing), 'check')} of {len(rows)} failing{': ' * bool(failing)}{'; '.join(failing)}")
    return checks.passed(rows)


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
    study = read_study(arguments.study)
    total = settings.chains * (settings.draws * settings.thin + settings.tune)
    say(f"compiling takes about a minute, then {total:,} draws in {settings.chains} chains another")
    if not arguments.verbose:  # it lists every parameter
        logging.getLogger("pymc.sampling.mcmc").setLevel(logging.WARNING)
    with _expected_failures():
        posterior = sample(study, settings)
    good = checks.passed(posterior.checks)
    for row in posterior.checks:
        say(f"{row['verdict']}: {_check_text(row)}: {row['meaning']}")
    file = out if good else out.with_suffix(".failed.nc")
    posterior.save(file)
    if not good:
        say(f"the checks fail: kept as {file}, {out} was not written; more draws or tuning may help")
    print(file)
    return good


@contextmanager
def _expected_failures() -> Iterator[None]:
    """Turn what judgement that does not fit the model, or data that defeat the sampler, raise into one message."""
    try:
        yield
    except RuntimeError as error:
        raise StudyError([Problem("fit", None, None, None, f"the sampler gave up: {error}")]) from error
    except KeyError as error:
        if "elicit" not in str(error):  # a fault of ours, to be seen whole
            raise
        raise StudyError([Problem("elicitation.csv", None, None, None, str(error.args[0]))]) from error


def validate(arguments: argparse.Namespace) -> bool:
    """Validate the model on the data of a study, and print the verdicts."""
    from riskmodel import validate as validation
    from riskmodel.study import read_study

    out = Path(arguments.out)
    _new_folder(out)
    study = read_study(arguments.study)
    number = arguments.simulations or validation.SIMULATIONS
    say(f"{number} simulated studies twice; finished parts stay in {out}, the same command goes on from there")
    with _expected_failures():
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

    folder = _folder(arguments.validation) or VALIDATION
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
    with _expected_failures():
        design = build_design(study)
        program = Program(build_model(design, Priors.from_study(study)))
        return backtest(program, design, SampleSettings(), progress=say)


def score(arguments: argparse.Namespace) -> bool:
    """Print reach and likelihood of setups."""
    from riskmodel.decide import summarise

    base, posterior, changes = _evidence(arguments)
    study = _own_setups(arguments.setups, base)
    many = _counted(len(study["setups"]), "setup")
    say(f"scoring {many} over {arguments.years:g} years with posterior {posterior.posterior_id}")
    setups, x, about = _exposure(arguments, study, posterior, study["setups"])
    about |= {"overrides": rows_of(changes)}
    table, facts = summarise(x).table, setups.set_index("setup_id")
    for place, name in enumerate(("provider_id", "key_custody"), start=2):
        table.insert(place, name, table["setup"].map(facts[name]).astype(object))
    write(table, arguments, about, lambda: score_text(table, about))
    return True


def compare(arguments: argparse.Namespace) -> bool:
    """Print which of two setups is less exposed, and how sure that is."""
    from riskmodel.acceptance import acceptability_of
    from riskmodel.decide import compare as compared
    from riskmodel.decide import unknown
    from riskmodel.suspension import suspension

    if not arguments.equal_factor >= 1:
        raise UsageError(f"--equal-factor {arguments.equal_factor:g}: must be 1 or more")
    base, posterior, changes = _evidence(arguments)
    study, wanted = _own_setups(arguments.setups, base), (arguments.a, arguments.b)
    setups = _beside(study, base)
    known = setups["setup_id"].tolist()
    if missing := [name for name in wanted if name not in known]:
        raise unknown("setup", missing, known)
    rows, x, about = _exposure(arguments, study, posterior, setups[setups["setup_id"].isin(wanted)], by_regime=True)
    about |= {"overrides": rows_of(changes)}
    asked = {"horizon_years": arguments.years, "setups": rows, "home": arguments.home}
    answers: dict[str, Any] = {"suspended": suspension(posterior, study, **asked)}
    if (rulings := _rulings(arguments, base)) is not None:
        answers["judged"] = acceptability_of(rulings, x, study, setups=rows)
    finding = compared(x, *wanted, equal_factor=arguments.equal_factor, **answers)
    write(finding.table, arguments, about, lambda: compare_text(finding, *wanted))
    return True


def report(arguments: argparse.Namespace) -> bool:
    """Write the comparison, fiches or the site, unless a check fails."""
    from riskmodel.report import fiches, refuse_failing, render, render_fiches, render_site, validation_rows

    out, language = Path(arguments.out), arguments.lang or "en"
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder")
    drawn: dict[str, Any] = {"pdf": arguments.pdf, "with_code": arguments.with_code, "progress": say}
    beside = {"data": arguments.data}
    if arguments.all:
        _shipped_only(arguments)
        _new_folder(out)
        print(render_site(out, setups=arguments.setup, horizon_years=arguments.years, **drawn))
        return True
    base, posterior, changes = _evidence(arguments, must_pass=False)
    study = _own_setups(arguments.setups, base)
    if study is not base:
        study = replace(study, tables=MappingProxyType({**study.tables, "setups": _beside(study, base)}))
    if arguments.only:
        fiches(study, arguments.only, arguments.years, language)  # names unknown setups
        setups = study["setups"]
        chosen: pd.DataFrame = setups[setups["setup_id"].isin([*arguments.only, *arguments.setup])]
        study = replace(study, tables=MappingProxyType({**study.tables, "setups": chosen.reset_index(drop=True)}))
    validation = _folder(arguments.validation)
    rows = [*posterior.checks, *validation_rows(posterior, validation)[0]]
    if not arguments.allow_failing:
        refuse_failing(rows, arguments.posterior or "posterior")
    fiches(study, arguments.setup, arguments.years, language)  # names an unknown setup before a folder is made
    _new_folder(out)
    given: dict[str, Any] = {"study": study, "posterior": posterior, "validation": validation, "changes": changes}
    given |= (
        {"horizon_years": arguments.years, "language": language, "allow_failing": arguments.allow_failing}
        | drawn
        | beside
    )
    files = render_fiches(out, arguments.setup, **given) if arguments.setup else [render(out, **given)]
    for file in files:
        print(file, *[file.with_suffix(".pdf")] * arguments.pdf, sep="\n")
    if any(row["verdict"] != "pass" for row in rows):
        say("checks fail; the report says so at its top")
    return True


def _shipped_only(arguments: argparse.Namespace) -> None:
    """Refuse what a site of the shipped study, in every language, cannot take into account."""
    names = (
        "study",
        "posterior",
        "override",
        "refit",
        "setups",
        "validation",
        "lang",
        "allow_failing",
        "data",
        "only",
    )
    if given := [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]:
        raise UsageError(f"--all is about the shipped study, in every language; it does not go with {', '.join(given)}")


def decide(arguments: argparse.Namespace) -> bool:
    """Answer one question of the decision layer."""
    from riskmodel.nexus import equal_terms

    base, posterior, changes = _evidence(arguments)
    study = _own_setups(arguments.setups, base)
    setups = _beside(study, base)
    if arguments.equal_terms:
        setups = equal_terms(setups)
    about = {"horizon_years": arguments.years, "start": study.as_of.isoformat(), "home": arguments.home or study.home}
    about |= _about(study, posterior) | {"notes": posterior.notes, "overrides": rows_of(changes)}
    evidence = Evidence(study, posterior, setups, arguments.years, arguments.home, about)
    return DECISIONS[arguments.verb].run(arguments, evidence)


VERBS = {verb.__name__: verb for verb in (check, fit, validate, backtest, score, compare, report)}
VERBS |= dict.fromkeys(DECISIONS, decide)


def _evidence(arguments: argparse.Namespace, *, must_pass: bool = True) -> tuple[Study, Posterior, pd.DataFrame]:
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
    with _expected_failures():
        return sample(study)


def _rulings(arguments: argparse.Namespace, study: Study) -> Acceptability | None:
    """The fitted rulings, if they belong to the study and its home; that an answer is missing is said."""
    from riskmodel.acceptance import load_acceptability

    if arguments.home not in (None, study.home):
        say("no predicted rulings: those known are of authorities of the European Union")
        return None
    try:
        return load_acceptability(study=study)
    except StudyError as error:
        say(f"no predicted rulings: {error}")
        return None


def _beside(study: Study, base: Study) -> pd.DataFrame:
    """An analyst's setups before those of the study."""
    import pandas as pd

    return pd.concat([study["setups"], base["setups"]], ignore_index=True).drop_duplicates("setup_id")


def _exposure(
    arguments: argparse.Namespace, study: Study, posterior: Posterior, setups: pd.DataFrame, *, by_regime: bool = False
) -> tuple[pd.DataFrame, xr.Dataset, dict[str, Any]]:
    """Return setups, at equal terms when asked, their exposure, and what identifies the answer."""
    from riskmodel.exposure import exposure
    from riskmodel.nexus import EQUAL_TERMS, equal_terms

    if arguments.equal_terms:
        said = ", ".join(f"{name} {value}" for name, value in EQUAL_TERMS.items())
        say(f"at equal terms ({said}): only the providers differ")
        setups = equal_terms(setups)
    asked = {"horizon_years": arguments.years, "home": arguments.home}
    x = exposure(posterior, study, setups=setups, by_regime=by_regime, **asked)
    about = {name: x.attrs[name] for name in ("horizon_years", "start", "home")}
    return setups, x, about | _about(study, posterior) | {"notes": posterior.notes}


def _about(study: Study, posterior: Posterior) -> dict[str, Any]:
    """What identifies the evidence behind an answer."""
    known = {"posterior_id": posterior.posterior_id, "design_hash": posterior.design_hash}
    return known | {"data_hash": study.data_hash, "riskmodel": __version__}


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


def _folder(name: str | None) -> Path | None:
    """Return a folder that is given, which must be there."""
    if name is not None and not Path(name).is_dir():
        raise UsageError(f"{name}: no such folder")
    return None if name is None else Path(name)


def _new_folder(path: Path) -> None:
    """Make a folder and make sure that files can be written to it."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, not a folder")
    path.mkdir(parents=True, exist_ok=True)
    _can_write(path / "any")


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
