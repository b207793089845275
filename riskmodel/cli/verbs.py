"""The verbs that answer, and the list of all verbs.

Question answered: *what does each command do?* Each verb is given the parsed arguments and returns whether all checks
pass. Modules are imported when a verb runs, so that help is quick.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from riskmodel.cli.checking import backtest, check, fit, validate
from riskmodel.cli.decisions import DECISIONS
from riskmodel.cli.inputs import Evidence, beside, evidence_of, folder_of, identity, new_folder, own_setups
from riskmodel.cli.output import compare_text, counted, rows_of, say, score_text, write, write_finding
from riskmodel.errors import StudyError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from riskmodel.acceptance import Acceptability
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["VERBS"]


def score(arguments: argparse.Namespace) -> bool:
    """Print reach and likelihood of setups."""
    from riskmodel.decide import summarise

    base, posterior, changes = evidence_of(arguments)
    study = own_setups(arguments.setups, base)
    many = counted(len(study["setups"]), "setup")
    say(f"scoring {many} over {arguments.years:g} years with posterior {posterior.posterior_id}")
    setups, x, about = _exposure(arguments, study, posterior, study["setups"], changes)
    table, facts = summarise(x).table, setups.set_index("setup_id")
    for place, name in enumerate(("provider_id", "key_custody"), start=2):
        table.insert(place, name, table["setup"].map(facts[name]).astype(object))
    write(table, arguments, about, lambda: score_text(table, about))
    return True


def compare(arguments: argparse.Namespace) -> bool:
    """Print which of two setups is less exposed, and how sure that is."""
    from riskmodel.acceptance import acceptability_of
    from riskmodel.decide import compare as compared
    from riskmodel.suspension import suspension

    if not arguments.equal_factor >= 1:
        raise UsageError(f"--equal-factor {arguments.equal_factor:g}: must be 1 or more")
    base, posterior, changes = evidence_of(arguments)
    study, wanted = own_setups(arguments.setups, base), (arguments.a, arguments.b)
    setups = Evidence(study, posterior, beside(study, base), arguments.years, arguments.home).chosen(wanted)
    rows, x, about = _exposure(arguments, study, posterior, setups, changes, by_regime=True)
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
    if arguments.all:
        _shipped_only(arguments)
        new_folder(out)
        print(render_site(out, setups=arguments.setup, horizon_years=arguments.years, **drawn))
        return True
    base, posterior, changes = evidence_of(arguments, must_pass=False)
    study = own_setups(arguments.setups, base)
    if study is not base:
        study = _of_setups(study, beside(study, base))
    if arguments.only:
        fiches(study, arguments.only, arguments.years, language)  # names unknown setups
        setups = study["setups"]
        chosen: pd.DataFrame = setups[setups["setup_id"].isin([*arguments.only, *arguments.setup])]
        study = _of_setups(study, chosen.reset_index(drop=True))
    validation = folder_of(arguments.validation)
    rows = [*posterior.checks, *validation_rows(posterior, validation)[0]]
    if not arguments.allow_failing:
        refuse_failing(rows, arguments.posterior or "posterior")
    fiches(study, arguments.setup, arguments.years, language)  # names an unknown setup before a folder is made
    new_folder(out)
    given: dict[str, Any] = {"study": study, "posterior": posterior, "validation": validation, "changes": changes}
    given |= {"horizon_years": arguments.years, "language": language, "data": arguments.data, **drawn}
    given["allow_failing"] = arguments.allow_failing
    files = render_fiches(out, arguments.setup, **given) if arguments.setup else [render(out, **given)]
    for file in files:
        print(file, *[file.with_suffix(".pdf")] * arguments.pdf, sep="\n")
    if any(row["verdict"] != "pass" for row in rows):
        say("checks fail; the report says so at its top")
    return True


def _of_setups(study: Study, setups: pd.DataFrame) -> Study:
    """The same study with other setups."""
    return replace(study, tables=MappingProxyType({**study.tables, "setups": setups}))


def _shipped_only(arguments: argparse.Namespace) -> None:
    """Refuse what a site of the shipped study, in every language, cannot take into account."""
    names = ("study", "posterior", "override", "refit", "setups", "validation", "lang", "allow_failing", "data", "only")
    if given := [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]:
        raise UsageError(f"--all is about the shipped study, in every language; it does not go with {', '.join(given)}")


def decide(arguments: argparse.Namespace) -> bool:
    """Answer one question of the decision layer."""
    from riskmodel.nexus import equal_terms

    base, posterior, changes = evidence_of(arguments)
    study = own_setups(arguments.setups, base)
    setups = beside(study, base)
    if arguments.equal_terms:
        setups = equal_terms(setups)
    about = {"horizon_years": arguments.years, "start": study.as_of.isoformat(), "home": arguments.home or study.home}
    about |= _rests_on(study, posterior, changes)
    decision = DECISIONS[arguments.verb]
    finding = decision.answer(arguments, Evidence(study, posterior, setups, arguments.years, arguments.home))
    write_finding(finding, arguments, about, decision.columns, decision.worth_showing)
    return True


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


def _exposure(
    arguments: argparse.Namespace,
    study: Study,
    posterior: Posterior,
    setups: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    by_regime: bool = False,
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
    return setups, x, about | _rests_on(study, posterior, changes)


def _rests_on(study: Study, posterior: Posterior, changes: pd.DataFrame) -> dict[str, Any]:
    """What identifies the evidence behind an answer, what it lacks, and what a reader changed in it."""
    return identity(study, posterior) | {"notes": posterior.notes, "overrides": rows_of(changes)}


VERBS = {verb.__name__: verb for verb in (check, fit, validate, backtest, score, compare, report)}
VERBS |= dict.fromkeys(DECISIONS, decide)
