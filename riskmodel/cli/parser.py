"""The arguments of the command line and the texts of ``--help``.

Question answered: *what may be asked, and in which words?*
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from riskmodel import __version__

__all__ = ["parser"]

MOST_YEARS = 100.0

OVERVIEW = """\
Exposure of hosted data to foreign legal access: can a foreign law reach it, how likely is a
disclosure, and how have authorities judged such setups.

  riskmodel report --out reports/         the whole comparison as one HTML file
  riskmodel score                         reach and likelihood of every setup
  riskmodel compare HDH_AZURE HDH_SCALEWAY
  riskmodel check my_study/               is a folder of facts in order?
  riskmodel fit --out posterior.nc        sample the model again (minutes)

`riskmodel VERB --help` explains each."""

EXIT_CODES = "exit codes: 0 done; 1 the data or the fit fail their checks; 2 wrong usage"

CHECK_HELP = """\
Check the facts of a study: types, ranges, vocabularies, references between tables, dates in order,
shares, duplicates and SHA-256 sums. Every problem is printed at once, one a line on standard
output: file, row, column, value, rule.

DIR holds CSV tables with the names and columns of data/, with or without a datapackage.json of its
own. Without DIR the shipped data are checked."""

CHECK_END = """\
examples:
  riskmodel check my_study/
  riskmodel check data/ --update-hashes     after a change that is meant"""

FIT_HELP = """\
Sample the posterior of a study and keep it with its seed, versions and checks. Compiling takes
about half a minute, sampling one or two. The file is written when all checks pass (R-hat, effective
sample sizes, divergences, E-BFMI); a fit that fails is kept beside it as FILE.failed.nc, an older
FILE stays, and the exit code is 1.

Needed only after the data or priors that enter the likelihood change: new setups, notes and typos
need no fit. The path of the file goes to standard output."""

FIT_END = "examples:\n  riskmodel fit --data my_study/ --out mine.nc --seed 7"

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
"data_hash", "riskmodel", "setups": [...]}; a value that is missing or not finite is null. In csv,
text that a spreadsheet would take for a formula is preceded by '.

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
Write the whole comparison as one HTML file that needs no network: the question, the setups, the
three answers, what drives them, every source, and what the model cannot see. About a minute. The
path of the file goes to standard output."""

REPORT_END = "examples:\n  riskmodel report --years 10 --out reports/"


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


def parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    layout: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    shipped, more = "folder of a study (default: the shipped data)", "say more on standard error"
    data, evidence, answers, common = (argparse.ArgumentParser(add_help=False) for _ in range(4))
    data.add_argument("--data", metavar="DIR", help=shipped)
    add = evidence.add_argument
    add("--posterior", metavar="FILE", help="posterior of `riskmodel fit` (default: the shipped one)")
    add("--years", type=_years, default=5.0, metavar="T", help="horizon in years (default: 5); same for all setups")
    add = answers.add_argument
    add("--home", type=_home, metavar="SPACE", help="what is not foreign: EU/EEA or a country (default: the study's)")
    add("--equal-terms", action="store_true", help="same workload, keys and contract: only the providers differ")
    common.add_argument("-v", "--verbose", action="count", default=argparse.SUPPRESS, help=more)

    made = argparse.ArgumentParser("riskmodel", description=OVERVIEW, epilog=EXIT_CODES, **layout)
    made.add_argument("--version", action="version", version=f"riskmodel {__version__}")
    made.add_argument("-v", "--verbose", action="count", default=0, help=more)
    verbs = made.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(name: str, short: str, about: str, end: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        texts: dict[str, Any] = {"help": short, "description": about, "epilog": f"{end}\n\n{EXIT_CODES}"}
        return verbs.add_parser(name, parents=[*parents, common], **texts, **layout)

    add = verb("check", "check a folder of facts", CHECK_HELP, CHECK_END).add_argument
    add("folder", nargs="?", metavar="DIR", help=shipped)
    add("--update-hashes", action="store_true", help="first write the SHA-256 sums into datapackage.json")

    fit = verb("fit", "sample the posterior", FIT_HELP, FIT_END, data)
    add = fit.add_mutually_exclusive_group().add_argument
    add("--out", metavar="FILE", default="posterior.nc", help="file to write (default: posterior.nc here)")
    add("--reference", action="store_true", help="write the posterior that ships with the package")
    add = fit.add_argument
    add("--seed", type=_count(0), metavar="N", help="seed of the sampler (default: the shipped posterior's)")
    add("--draws", type=_count(100), metavar="N", help="kept draws of each chain (default: 1000)")
    add("--tune", type=_count(100), metavar="N", help="discarded draws of each chain (default: 1000)")
    add("--chains", type=_count(2), metavar="N", help="chains (default: 4)")

    both = (data, evidence, answers)
    score = verb("score", "reach and likelihood of setups", SCORE_HELP, SCORE_END, *both)
    score.add_argument("setups", nargs="?", metavar="SETUPS.csv", help="your own setups; - for standard input")
    compare = verb("compare", "is one setup less exposed than another?", COMPARE_HELP, COMPARE_END, *both)
    add = compare.add_argument
    add("a", metavar="A", help="id of a setup")
    add("b", metavar="B", help="id of another")
    add("--setups", metavar="SETUPS.csv", help="your own setups beside those of the study; - for standard input")
    near = "within this factor counts as practically equal (default: 1.25)"
    add("--equal-factor", type=float, default=1.25, metavar="F", help=near)
    for chosen, words in ((score, "table"), (compare, "text")):
        precision = f"{words}: rounded, for people (default); csv, json: full precision"
        chosen.add_argument("--format", choices=(words, "csv", "json"), default=words, help=precision)

    report = verb("report", "the whole comparison as one HTML file", REPORT_HELP, REPORT_END, data, evidence)
    folder = "folder to write to, made when absent (default: reports)"
    report.add_argument("--out", metavar="DIR", default="reports", help=folder)
    return made
