"""The arguments of the command line and the texts of ``--help``.

Question answered: *what may be asked, and in which words?*
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from textwrap import fill
from typing import Any

from riskmodel import __version__
from riskmodel.cli.decisions import DECISIONS
from riskmodel.errors import UsageError

__all__ = ["parser"]

MOST_YEARS = 100.0

OVERVIEW = """\
Exposure of hosted data to foreign legal access: can a foreign law reach it, how likely is a
disclosure, and how have authorities judged such setups.

  riskmodel report --out reports/         the whole comparison as one HTML file
  riskmodel report --setup HDH_SCALEWAY --pdf    one setup on two pages
  riskmodel score                         reach and likelihood of every setup
  riskmodel compare HDH_AZURE HDH_SCALEWAY
  riskmodel calendar                      what did each promised date cost?
  riskmodel intervene HDH_AZURE           what should be negotiated first?
  riskmodel value HDH_SCALEWAY HDH_ALT_OVH HDH_ALT_S3NS   what should be found out first?
  riskmodel methods HDH_AZURE             what would other methods say, and why?
  riskmodel check my_study/               is a folder of facts in order?
  riskmodel check --fit                   does the posterior pass its checks?
  riskmodel backtest                      did the model predict years it had not seen?
  riskmodel fit --out posterior.nc        sample the model again (minutes)
  riskmodel validate                      does the posterior mean what it says? (an hour)

`riskmodel VERB --help` explains each."""

EXIT_CODES = "exit codes: 0 done; 1 the data or the fit fail their checks; 2 wrong usage"

CHECK_HELP = """\
Check the facts of a study: types, ranges, vocabularies, references between tables, dates in order,
shares, duplicates and SHA-256 sums. Every problem is printed at once, one a line on standard
output: file, row, column, value, rule.

DIR holds CSV tables with the names and columns of data/, with or without a datapackage.json of its
own. Without DIR the shipped data are checked.

With --fit the posterior of those data is checked instead: the verdict of every check that was made
when it was fitted, and of the validation when one is kept that belongs to the same data and model."""

CHECKS_COLUMNS = """\
columns of csv and json:
  check, value            what was measured, and the result
  threshold               what the value must be
  verdict                 pass or fail
  meaning                 why it matters"""

CHECK_END = f"""\
{CHECKS_COLUMNS}

examples:
  riskmodel check my_study/
  riskmodel check data/ --update-hashes     after a change that is meant
  riskmodel check --fit --format csv"""

FIT_HELP = """\
Sample the posterior of a study and keep it with its seed, versions and checks. Compiling takes
about a minute, sampling another. The file is written when all checks pass (R-hat, effective
sample sizes, divergences, E-BFMI); a fit that fails is kept beside it as FILE.failed.nc, an older
FILE stays, and the exit code is 1.

Needed only after the data or priors that enter the likelihood change: new setups, notes and typos
need no fit. The path of the file goes to standard output."""

FIT_END = "examples:\n  riskmodel fit --study my_study/ --out mine.nc --seed 7"

VALIDATE_HELP = """\
Validate the model on the data of a study: fit simulated studies whose truth is known, predict the
published rows, leave reporters out, predict past years, and see which judgement moves the answers.
Hours with the default number of simulated studies. Every finished part is kept in the folder: after
an interrupt the same command goes on where it stopped, and parts of other data are not used.

The verdict of every check goes to standard output; the exit code is 1 when one fails."""

VALIDATE_END = f"""\
{CHECKS_COLUMNS}

examples:
  riskmodel validate --simulations 100 --out validation/
  riskmodel check --fit --validation validation/"""

BACKTEST_HELP = """\
Did the model predict years that it had not seen? It is fitted to the figures up to a year and
predicts those of the next, beside a naive forecast: the last value for demands, the past share for
shares, a random walk for bands. The result that `riskmodel validate` kept is printed; --again
computes it anew (compiling takes about a minute, each year is a fit).

Judgement is not taken back in time: the experts knew the later years. Disclosures abroad cannot be
tested in this way, because no half-year between 2020 and mid-2025 was published."""

BACKTEST_END = """\
columns of csv and json (means over the predicted figures of each kind):
  kind, predictions       demands, shares, bands or all, and how many figures
  inside_50, inside_90    share inside the central predictive interval
  log_score               log predictive probability, larger is better
  crps, brier             losses, smaller is better; brier of exceeding the last figure
  naive_...               the same of the naive forecast
  gain, gain_error        log score above the naive forecast's, and its standard error

examples:
  riskmodel backtest
  riskmodel backtest --again --format csv > backtest.csv"""

SCORE_HELP = """\
Score setups: can a foreign law reach the data, and how likely is at least one disclosure of
intelligible content within so many years.

SETUPS.csv holds your own rows (- reads standard input); the columns setup_id, provider_id,
data_class and service_model are enough, all others are those of data/setups.csv and may be left
out. Tables beside the file (providers.csv, entities.csv, ownership.csv, certifications.csv,
contract_terms.csv, sources.csv) add providers of your own. Without SETUPS.csv the setups of the
study are scored."""

SCORE_END = """\
columns of csv and json (shares and probabilities between 0 and 1, intervals 90 % equal-tailed):
  setup, label            id of the setup, and its short name
  provider_id             provider; empty: none named
  key_custody             who holds the keys; empty: not known, all readings weighed
  reach                   probability that some foreign law binds someone who can produce the data,
                          at some time within the horizon
  reach_low, reach_high   interval of reach over the parameters
  probability             predictive probability of at least one disclosure within the horizon
  probability_median      median over the parameters
  probability_low, probability_high
                          interval over the parameters; what is settled one way or the other but
                          unknown is averaged
  worlds_reached          share of worlds in which the setup is reached at all
  probability_if_reached  mean probability in those worlds
  horizon_years           the horizon, in years
json wraps the rows in {"horizon_years", "start", "home", "posterior_id", "design_hash",
"data_hash", "riskmodel", "notes", "setups": [...]}; notes say what the study lacks; a value that is
missing or not finite is null. In csv, text that a spreadsheet would take for a formula is preceded
by '.

examples:
  riskmodel score --years 10
  riskmodel score my_setups.csv --format csv > scores.csv
  riskmodel score - --format json < my_setups.csv"""

COMPARE_HELP = """\
Compare two setups: is A less exposed than B, and how sure is that? Three comparisons, each
labelled: predictive, over what the parameters may be, and over single worlds in which every open
question is settled one way, the same for both."""

COMPARE_END = """\
columns of csv and json:
  answer                  reach or likelihood (disclosure within the horizon)
  comparison              predictive, over parameters, over worlds
  ratio                   A divided by B (ratio of means, or median of ratios)
  ratio_low, ratio_high   90 % equal-tailed interval; empty for predictive
  lower, equal, higher    probability that A is below, practically equal to, above B

examples:
  riskmodel compare HDH_AZURE HDH_ALT_OVH --equal-terms --years 10
  riskmodel compare MINE HDH_SCALEWAY --setups my_setups.csv"""

REPORT_HELP = """\
Write reports that need no network, as HTML and if wanted as PDF. Without --setup the whole
comparison: the question, the setups, the three answers, what drives them, every source, and what
the model cannot see (under a minute). With --setup a fiche of two pages for each setup named, for
readers who know neither statistics nor cloud. With --all both in every language and the notebooks,
as a site that opens from disk (some minutes; needs a checkout). The paths of the files go to
standard output.

A posterior whose checks fail, or whose kept validation does, makes no report: nothing is written.
--allow-failing renders it nevertheless, under a red banner that names the failing checks. When
anything fails, no file is written and older ones stay."""

REPORT_END = """\
examples:
  riskmodel report --years 10 --out reports/
  riskmodel report --setup HDH_SCALEWAY --lang fr --pdf
  riskmodel report --setup MINE --setups my_setups.csv
  riskmodel report --only HDH_AZURE HDH_SCALEWAY MINE --setups my_setups.csv
  riskmodel report --all --out site/"""


DECISION_END = """\
--format csv prints every column of the table, json also the text and the longer table behind it
(\"detail\"); the docstring of the function of the same name in riskmodel.decide says what each column
is. Probabilities are over the horizon; intervals are 90 % equal-tailed over parameters; pp are
percentage points."""


def _years(text: str) -> float:
    with suppress(ValueError):
        if 0 < (years := float(text)) <= MOST_YEARS:
            return years
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of years above 0 and up to {MOST_YEARS:g}")


def _count(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
        return int(text)

    return number


def _home(text: str) -> str:
    from riskmodel.codes import legal_space

    with suppress(ValueError):
        legal_space(text)
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is neither EU/EEA nor an ISO code of a country, such as CH")


def _language(text: str) -> str:
    from riskmodel.language import speaking

    try:
        with speaking(text):
            return text
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    shipped, more = "folder of a study (default: the shipped data)", "say more on standard error"
    study, source, evidence, kept, answers, changed, common = (
        argparse.ArgumentParser(add_help=False) for _ in range(7)
    )
    study.add_argument("--study", metavar="DIR", help=shipped)
    posterior = "posterior of `riskmodel fit` (default: the shipped one)"
    source.add_argument("--posterior", metavar="FILE", help=posterior)
    validation = "folder of `riskmodel validate` (default: the shipped one)"
    kept.add_argument("--validation", metavar="DIR", help=validation)
    add = evidence.add_argument
    add("--years", type=_years, default=5.0, metavar="T", help="horizon in years (default: 5); same for all setups")
    add = answers.add_argument
    add("--home", type=_home, metavar="SPACE", help="what is not foreign: EU/EEA or a country (default: the study's)")
    add("--equal-terms", action="store_true", help="same workload, keys and contract: only the providers differ")
    add = changed.add_argument
    add("--override", metavar="FILE", help="your own values: table, row_id, column, value and, if wanted, reason")
    add("--refit", action="store_true", help="fit again (minutes) when --override touches what the posterior rests on")
    common.add_argument("-v", "--verbose", action="count", default=argparse.SUPPRESS, help=more)

    made = argparse.ArgumentParser("riskmodel", description=OVERVIEW, epilog=EXIT_CODES, **layout)
    made.add_argument("--version", action="version", version=f"riskmodel {__version__}")
    made.add_argument("-v", "--verbose", action="count", default=0, help=more)
    verbs = made.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, short: str, about: str, end: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        texts: dict[str, Any] = {"help": short, "description": about, "epilog": f"{end}\n\n{EXIT_CODES}"}
        return verbs.add_parser(name, parents=[*parents, common], **texts, **layout)

    check = verb("check", "check a folder of facts, or a posterior", CHECK_HELP, CHECK_END, source, kept)
    check.add_argument("folder", nargs="?", metavar="DIR", help=shipped)
    add = check.add_mutually_exclusive_group().add_argument
    add("--update-hashes", action="store_true", help="first write the SHA-256 sums into datapackage.json")
    add("--fit", action="store_true", help="check the posterior of these data instead")

    fit = verb("fit", "sample the posterior", FIT_HELP, FIT_END, study)
    add = fit.add_mutually_exclusive_group().add_argument
    add("--out", metavar="FILE", default="posterior.nc", help="file to write (default: posterior.nc here)")
    add("--reference", action="store_true", help="write the posterior that ships with the package")
    add = fit.add_argument
    add("--seed", type=_count(0), metavar="N", help="seed of the sampler (default: the shipped posterior's)")
    add("--draws", type=_count(100), metavar="N", help="kept draws of each chain (default: 1000)")
    add("--tune", type=_count(100), metavar="N", help="discarded draws of each chain (default: 1000)")
    add("--chains", type=_count(2), metavar="N", help="chains (default: 4)")

    validate = verb("validate", "fits to simulated and past data (about an hour)", VALIDATE_HELP, VALIDATE_END, study)
    add = validate.add_argument
    add("--simulations", type=_count(10), metavar="N", help="simulated studies of each kind (default: 200)")
    add("--out", metavar="DIR", default="validation", help="folder of the results (default: validation here)")

    backtest = verb("backtest", "predictions of past years", BACKTEST_HELP, BACKTEST_END, study, kept)
    backtest.add_argument("--again", action="store_true", help="compute it anew; nothing is kept")

    both = (study, source, evidence, answers, changed)
    score = verb("score", "reach and likelihood of setups", SCORE_HELP, SCORE_END, *both)
    score.add_argument("setups", nargs="?", metavar="SETUPS.csv", help="your own setups; - for standard input")
    compare = verb("compare", "is one setup less exposed than another?", COMPARE_HELP, COMPARE_END, *both)
    add = compare.add_argument
    add("a", metavar="A", help="id of a setup")
    add("b", metavar="B", help="id of another")
    add("--setups", metavar="SETUPS.csv", help="your own setups beside those of the study; - for standard input")
    near = "within this factor counts as practically equal (default: 1.25)"
    add("--equal-factor", type=float, default=1.25, metavar="F", help=near)
    formats = {score: "table", compare: "text", check: "text", validate: "text", backtest: "text"}
    for name, decision in DECISIONS.items():
        end = f"{DECISION_END}\n\nexamples:\n  {decision.example}"
        about = fill(" ".join(decision.about.split()), 98)
        made_verb = verb(name, decision.short, about, end, *both)
        decision.arguments(made_verb)
        made_verb.add_argument("--setups", metavar="SETUPS.csv", help="your own setups beside those of the study")
        made_verb.add_argument("--detail", action="store_true", help="the longer table behind the answer")
        formats[made_verb] = "text"
    for chosen, words in formats.items():
        precision = f"{words}: rounded, for people (default); csv, json: full precision"
        chosen.add_argument("--format", choices=(words, "csv", "json"), default=words, help=precision)

    report = verb(
        "report",
        "the comparison, a fiche of one setup, or a site",
        REPORT_HELP,
        REPORT_END,
        *(study, source, evidence, kept, changed),
    )
    folder = "folder to write to, made when absent (default: reports)"
    add = report.add_argument
    add("--out", metavar="DIR", default="reports", help=folder)
    add("--setup", metavar="ID", nargs="+", action="extend", default=[], help="a fiche for each of these setups")
    add("--setups", metavar="SETUPS.csv", help="your own setups beside those of the study")
    add("--only", metavar="ID", nargs="+", action="extend", default=[], help="compare these setups and no others")
    add("--lang", type=_language, metavar="LANG", help="en or fr (default: en)")
    add("--pdf", action="store_true", help="also print it as a tagged PDF (needs Chromium or Chrome)")
    add("--data", action="store_true", help="also write the data behind every figure: CSV files and a workbook")
    add("--all", action="store_true", help="report, fiches and notebooks as a site, in every language")
    add("--with-code", action="store_true", help="show the code of the notebooks")
    add("--allow-failing", action="store_true", help="render in spite of failing checks, under a red banner")
    return made
