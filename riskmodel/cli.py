"""The command line: check, fit, score, compare, report.

Question answered: *how is all this used without writing Python?* Data go to standard output and words to
standard error. The exit code is 0 when done, 1 when the data or the fit fail their checks, 2 for wrong usage.
Nothing numerical is imported before a verb needs it.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

from riskmodel import __version__
from riskmodel.errors import Problem, StudyError, UsageError, shown

if TYPE_CHECKING:
    import pandas as pd

    from riskmodel.decide import Finding
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["main"]

DONE, FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
MOST_YEARS = 100.0
STDIN = "-"

OVERVIEW = """\
Exposure of hosted data to foreign legal access: can a foreign law reach it, how
likely is a disclosure, and how have authorities judged such setups.

  riskmodel report --out reports/         the whole comparison as one HTML file
  riskmodel score                         reach and likelihood of every setup
  riskmodel compare HDH_AZURE HDH_SCALEWAY
  riskmodel check my_study/               is a folder of facts in order?
  riskmodel fit --out posterior.nc        sample the model again (minutes)

`riskmodel VERB --help` explains each."""

EXIT_CODES = "exit codes: 0 done; 1 the data or the fit fail their checks; 2 wrong usage"

CHECK_HELP = """\
Check the facts of a study: types, ranges, vocabularies, references between tables,
dates in order, shares, duplicates and SHA-256 sums. Every problem is printed at once,
one a line on standard output: file, row, column, value, rule.

DIR holds CSV tables with the names and columns of data/, with or without a
datapackage.json of its own. Without DIR the shipped data are checked."""

CHECK_END = """\
examples:
  riskmodel check
  riskmodel check my_study/
  riskmodel check data/ --update-hashes     after a change that is meant
"""

FIT_HELP = """\
Sample the posterior of a study and keep it with its seed, versions and checks.
Compiling takes about half a minute, sampling one or two. The file is written when all
checks pass (R-hat, effective sample sizes, divergences, E-BFMI); a fit that fails is
kept beside it as FILE.failed.nc, an older FILE stays, and the exit code is 1.

Needed only after the data or priors that enter the likelihood change: new setups,
notes and typos need no fit. The path of the file goes to standard output."""

FIT_END = """\
examples:
  riskmodel fit --out posterior.nc
  riskmodel fit --data my_study/ --out mine.nc --seed 7
"""

SCORE_HELP = """\
Score setups: can a foreign law reach the data, and how likely is at least one
disclosure of intelligible content within so many years.

SETUPS.csv holds your own rows (- reads standard input); the columns setup_id,
provider_id, data_class and service_model are enough, all others are those of
data/setups.csv and may be left out. Tables beside the file (providers.csv,
entities.csv, ownership.csv, certifications.csv, contract_terms.csv, sources.csv) add
providers of your own. Without SETUPS.csv the setups of the study are scored."""

SCORE_END = """\
columns of csv and json (shares and probabilities between 0 and 1, intervals 90 %
equal-tailed):
  setup                   id of the setup
  label                   its short name
  provider_id             provider; empty: none named
  key_custody             who holds the keys; empty: not known, all readings weighed
  reach                   probability that some foreign law binds someone who can
                          produce the data, at some time within the horizon
  reach_low, reach_high   interval of reach over the parameters
  probability             predictive probability of at least one disclosure within the
                          horizon
  probability_median      median over the parameters
  probability_low, probability_high
                          interval over the parameters; what is settled one way or the
                          other but unknown is averaged
  worlds_reached          share of worlds in which the setup is reached at all
  probability_if_reached  mean probability in those worlds
  horizon_years           the horizon, in years
json wraps the rows in {"horizon_years", "start", "home", "posterior_id",
"design_hash", "data_hash", "riskmodel", "setups": [...]}; a value that is missing or
not finite is null. In csv, text that a spreadsheet would take for a formula is
preceded by '.

examples:
  riskmodel score --years 10
  riskmodel score my_setups.csv --format csv > scores.csv
  riskmodel score - --format json < my_setups.csv
"""

COMPARE_HELP = """\
Compare two setups: is A less exposed than B, and how sure is that? Three comparisons,
each labelled: predictive, over what the parameters may be, and over single worlds in
which every open question is settled one way, the same for both."""

COMPARE_END = """\
columns of csv and json:
  answer                  reach or likelihood (disclosure within the horizon)
  comparison              predictive, over parameters, over worlds
  ratio                   A divided by B (ratio of means, or median of ratios)
  ratio_low, ratio_high   90 % equal-tailed interval; empty for predictive
  lower, equal, higher    probability that A is below, practically equal to, above B

examples:
  riskmodel compare HDH_AZURE HDH_SCALEWAY
  riskmodel compare HDH_AZURE HDH_ALT_OVH --equal-terms --years 10
  riskmodel compare MINE HDH_SCALEWAY --setups my_setups.csv
"""

REPORT_HELP = """\
Write the whole comparison as one HTML file that needs no network: the question, the
setups, the three answers, what drives them, every source, and what the model cannot
see. About a minute. The path of the file goes to standard output."""

REPORT_END = """\
examples:
  riskmodel report --out reports/
  riskmodel report --years 10 --out reports/
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv
        Arguments without the program's name; None for those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 1 data or fit fail their checks, 2 wrong usage, 130 interrupted, 141 reader gone.
    """
    _safe_streams()
    try:
        code = _run(argv)
        sys.stdout.flush()
    except BrokenPipeError:  # `riskmodel score | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _run(argv: Sequence[str] | None) -> int:
    """Run one command and turn what was to be expected into a message and a code."""
    try:
        arguments = _parser().parse_args(argv)
        with _log_to_stderr(arguments.verbose):
            code: int = arguments.run(arguments)
        return code
    except SystemExit as stop:  # argparse has said what is wrong, or printed its help
        return stop.code if isinstance(stop.code, int) else USAGE
    except StudyError as error:
        count = len(error.problems)
        _say(str(error) if count == 1 else f"{count} problems\n{error}")
        return FAILED
    except UsageError as error:
        _say(str(error))
        return USAGE
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except OSError as error:
        _say(f"{error.filename or 'file'}: {error.strerror or error}")
        return USAGE


# ── the verbs ──────────────────────────────────────────────────────────────────────────────────────────────


def _check(arguments: argparse.Namespace) -> int:
    from riskmodel.study import check_study, shipped_data_dir, update_hashes

    folder = Path(arguments.folder) if arguments.folder is not None else shipped_data_dir()
    if arguments.update_hashes:
        changed = update_hashes(folder)
        _say(f"sums written for {', '.join(changed)}" if changed else "all sums were right already")
    problems = check_study(folder)
    for problem in problems:
        print(problem)
    count = f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "no problems"
    _say(f"{folder}: {count}")
    return FAILED if problems else DONE


def _fit(arguments: argparse.Namespace) -> int:
    from riskmodel import checks
    from riskmodel.fit import SampleSettings, fit
    from riskmodel.study import read_study

    if arguments.reference:
        out = Path(__file__).resolve().parent / "reference" / "posterior.nc"
    else:
        out = Path(arguments.out)
    _can_write(out)
    names = ("seed", "draws", "tune", "chains")
    settings = SampleSettings(**{n: getattr(arguments, n) for n in names if getattr(arguments, n) is not None})
    study = read_study(arguments.data)
    total = settings.chains * (settings.draws + settings.tune)
    _say(f"compiling takes about half a minute, {total:,} draws in {settings.chains} chains a minute or two")
    if not arguments.verbose:  # it lists every parameter
        logging.getLogger("pymc.sampling.mcmc").setLevel(logging.WARNING)
    try:
        posterior = fit(study, settings)
    except RuntimeError as error:
        raise StudyError([Problem("fit", None, None, None, f"the sampler gave up: {error}")]) from error
    good = checks.passed(posterior.checks)
    for row in posterior.checks:
        _say(f"{row['verdict']}: {_check_text(row)}: {row['meaning']}")
    file = out if good else out.with_suffix(".failed.nc")
    posterior.save(file)
    if not good:
        _say(f"the checks fail: kept as {file}, {out} was not written; more draws or tuning may help")
    print(file)
    return DONE if good else FAILED


def _score(arguments: argparse.Namespace) -> int:
    from riskmodel.decide import summarise
    from riskmodel.exposure import exposure

    base, posterior = _evidence(arguments)
    study = _own_setups(arguments.setups, base)
    setups = _at_equal_terms(study["setups"], arguments)
    many = f"{len(setups)} setup{'s' * (len(setups) > 1)}"
    _say(f"scoring {many} over {arguments.years:g} years with posterior {posterior.posterior_id}")
    x = exposure(
        posterior, study, horizon_years=arguments.years, setups=setups, home=arguments.home, by_regime=False
    )
    table = summarise(x).table
    facts = setups.set_index("setup_id")[["provider_id", "key_custody"]]
    for place, name in enumerate(facts.columns, start=2):
        table.insert(place, name, table["setup"].map(facts[name]).astype(object))
    _write(table, arguments, x.attrs, posterior, study, lambda: _score_text(table, arguments, x.attrs))
    return DONE


def _compare(arguments: argparse.Namespace) -> int:
    import pandas as pd

    from riskmodel.decide import compare
    from riskmodel.exposure import exposure

    if arguments.equal_factor < 1:
        raise UsageError(f"--equal-factor {arguments.equal_factor:g}: must be 1 or more")
    base, posterior = _evidence(arguments)
    study, setups = base, base["setups"]
    if arguments.setups is not None:
        study = _own_setups(arguments.setups, base)
        own = study["setups"]
        setups = pd.concat([own, setups[~setups["setup_id"].isin(own["setup_id"])]], ignore_index=True)
    wanted = (arguments.a, arguments.b)
    known = setups["setup_id"].tolist()
    if missing := [shown(name) for name in dict.fromkeys(wanted) if name not in known]:
        raise UsageError(f"unknown setup {', '.join(missing)}; known: {', '.join(known)}")
    setups = _at_equal_terms(setups[setups["setup_id"].isin(wanted)], arguments)
    x = exposure(
        posterior, study, horizon_years=arguments.years, setups=setups, home=arguments.home, by_regime=False
    )
    finding = compare(x, arguments.a, arguments.b, equal_factor=arguments.equal_factor)
    _write(finding.table, arguments, x.attrs, posterior, study, lambda: _compare_text(finding, arguments))
    return DONE


def _report(arguments: argparse.Namespace) -> int:
    from riskmodel import checks

    out = Path(arguments.out)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file, not a folder")
    study, posterior = _evidence(arguments, must_pass=False)
    out.mkdir(parents=True, exist_ok=True)
    _can_write(out / "report.html")
    from riskmodel.report import render  # only now: it imports everything

    file = render(out, study=study, posterior=posterior, horizon_years=arguments.years, progress=_say)
    print(file)
    if not checks.passed(posterior.checks):
        _say("the checks of this posterior fail; the report says so at its top")
        return FAILED
    return DONE


# ── what verbs share ───────────────────────────────────────────────────────────────────────────────────────


def _evidence(arguments: argparse.Namespace, *, must_pass: bool = True) -> tuple[Study, Posterior]:
    """Read study and posterior, which must belong together; refuse a posterior whose checks fail."""
    from riskmodel import checks
    from riskmodel.fit import load_posterior
    from riskmodel.study import read_study

    study = read_study(arguments.data)
    posterior = load_posterior(arguments.posterior, study)
    failed = [row for row in posterior.checks if row["verdict"] != "pass"]
    if must_pass and not checks.passed(posterior.checks):
        said = "; ".join(_check_text(row) for row in failed)
        rule = f"its checks fail, so that nothing is scored with it: {said}. Fit again with `riskmodel fit`"
        raise StudyError([Problem(arguments.posterior or "posterior", None, None, None, rule)])
    return study, posterior


def _check_text(row: dict[str, Any]) -> str:
    return f"{row['check']} {row['value']:.4g} (must be {row['threshold']})"


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
        _say("reading setups from standard input; end with Ctrl-D")
    stream: IO[str] | IO[bytes] = getattr(sys.stdin, "buffer", sys.stdin)
    return read_setups(stream, study)


def _at_equal_terms(setups: pd.DataFrame, arguments: argparse.Namespace) -> pd.DataFrame:
    if not arguments.equal_terms:
        return setups
    from riskmodel.nexus import EQUAL_TERMS, equal_terms

    said = ", ".join(f"{name} {value}" for name, value in EQUAL_TERMS.items())
    _say(f"at equal terms ({said}): only the providers differ")
    return equal_terms(setups)


def _can_write(path: Path) -> None:
    """Raise a UsageError now rather than after minutes of work."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder, not a file")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UsageError(f"{path.parent}: cannot write there ({error.strerror})") from error


# ── output ─────────────────────────────────────────────────────────────────────────────────────────────────


def _write(
    table: pd.DataFrame,
    arguments: argparse.Namespace,
    attrs: dict[str, Any],
    posterior: Posterior,
    study: Study,
    text: Callable[[], str],
) -> None:
    """Print a table as csv, json or words."""
    columns = [str(name) for name in table.columns]
    rows = [[_plain(cell) for cell in row] for row in table.itertuples(index=False)]
    if arguments.format == "csv":
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(columns)
        out.writerows([_harmless(cell) for cell in row] for row in rows)
    elif arguments.format == "json":
        about = {name: attrs[name] for name in ("horizon_years", "start", "home")}
        about |= {"posterior_id": posterior.posterior_id, "design_hash": posterior.design_hash}
        about |= {"data_hash": study.data_hash, "riskmodel": __version__}
        finite = [[None if isinstance(c, float) and not math.isfinite(c) else c for c in row] for row in rows]
        records = [dict(zip(columns, row, strict=True)) for row in finite]
        name = "setups" if arguments.verb == "score" else "comparisons"
        json.dump({**about, name: records}, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
        print()
    else:
        print(text())


def _plain(cell: Any) -> Any:
    """Return a cell as a number or text of Python; None when it is missing."""
    import pandas as pd

    if cell is None or pd.isna(cell):
        return None
    return cell.item() if hasattr(cell, "item") else cell


def _harmless(cell: Any) -> Any:
    """Return a csv cell that no spreadsheet takes for a formula.

    >>> _harmless("=1+1"), _harmless(-0.5), _harmless(None)
    ("'=1+1", -0.5, '')
    """
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _score_text(table: pd.DataFrame, arguments: argparse.Namespace, attrs: dict[str, Any]) -> str:
    from riskmodel.wording import one_in, percent, years_text

    horizon = years_text(arguments.years)
    lines = [("setup", "provider", "keys", "reach", f"over {horizon}", "as a frequency", "90 % interval")]
    for row in table.to_dict("records"):
        provider, keys = _plain(row["provider_id"]) or "none named", _plain(row["key_custody"]) or "not known"
        interval = f"{percent(row['probability_low'])} to {percent(row['probability_high'])}"
        chance = row["probability"]
        lines.append(
            (
                row["setup"],
                provider,
                keys,
                percent(row["reach"]),
                percent(chance),
                one_in(chance),
                interval,
            )
        )
    head = (
        f"Reach, and probability of at least one disclosure of intelligible content to a foreign authority\n"
        f"over {horizon} from {attrs['start']}; foreign is what lies outside {attrs['home']}.\n"
    )
    foot = (
        "\nreach: probability that some foreign law binds someone who can produce the data. The levels\n"
        "rest on judgement and are wide; `riskmodel compare A B` is firmer. Not legal advice."
    )
    return f"{head}\n{_aligned(lines, right={3, 4})}\n{foot}"


def _compare_text(finding: Finding, arguments: argparse.Namespace) -> str:
    from textwrap import fill

    from riskmodel.wording import factor, share_text

    def ratio(value: float) -> str:
        return factor(value) if math.isfinite(value) else "unbounded"

    lines = [("answer", "comparison", "ratio A/B", "90 % interval", "A lower", "equal", "A higher")]
    for row in finding.table.to_dict("records"):
        interval, shares = "", ("", "", "")
        if _plain(row["lower"]) is not None:
            interval = f"{ratio(row['ratio_low'])} to {ratio(row['ratio_high'])}"
            shares = (share_text(row["lower"]), share_text(row["equal"]), share_text(row["higher"]))
        lines.append((row["answer"], row["comparison"], ratio(row["ratio"]), interval, *shares))
    table = _aligned(lines, right={2, 4, 5, 6})
    return f"A = {arguments.a}, B = {arguments.b}\n\n{fill(finding.text, 96)}\n\n{table}"


def _aligned(rows: Sequence[Sequence[str]], right: Iterable[int]) -> str:
    """Return rows of text in columns, a rule under the first row."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def _say(words: str) -> None:
    """Put words on standard error, at once."""
    print(f"riskmodel: {words}", file=sys.stderr, flush=True)


def _safe_streams() -> None:
    """Never fail over a character: a terminal shows "?", a file or pipe gets UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            plain: TextIO = stream
            plain.reconfigure(errors="replace", **({} if plain.isatty() else {"encoding": "utf-8"}))  # type: ignore[attr-defined]


@contextmanager
def _log_to_stderr(verbose: int) -> Iterator[None]:
    """Let the package's log reach standard error: warnings, and more with -v."""
    log, handler = logging.getLogger("riskmodel"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("riskmodel: %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if verbose > 1 else logging.INFO if verbose else logging.WARNING)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


# ── arguments ──────────────────────────────────────────────────────────────────────────────────────────────


def _years(text: str) -> float:
    try:
        years = float(text)
    except ValueError:
        years = math.nan
    if not 0 < years <= MOST_YEARS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of years above 0 and up to {MOST_YEARS:g}")
    return years


def _count(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")
        return int(text)

    return number


def _home(text: str) -> str:
    from riskmodel.codes import legal_space

    try:
        legal_space(text)
    except (KeyError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither EU/EEA nor an ISO code of a country, such as CH"
        ) from error
    return text


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    raw = argparse.RawDescriptionHelpFormatter
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-v", "--verbose", action="count", default=argparse.SUPPRESS, help="say more on standard error")
    evidence = argparse.ArgumentParser(add_help=False)
    evidence.add_argument("--data", metavar="DIR", help="folder of a study (default: the shipped data)")
    evidence.add_argument("--posterior", metavar="FILE", help="posterior of `riskmodel fit` (default: the shipped one)")
    evidence.add_argument(
        "--years",
        type=_years,
        default=5.0,
        metavar="T",
        help="horizon in years (default: 5); same for all setups",
    )
    answers = argparse.ArgumentParser(add_help=False)
    answers.add_argument(
        "--home",
        type=_home,
        metavar="SPACE",
        help="legal space that is not foreign: EU/EEA or a country (default: the study's)",
    )
    answers.add_argument(
        "--equal-terms", action="store_true",
        help="set workload, key custody and contract alike, so that only the providers differ",
    )  # fmt: skip

    parser = argparse.ArgumentParser(
        "riskmodel", description=OVERVIEW, epilog=EXIT_CODES, formatter_class=raw, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"riskmodel {__version__}")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="say more on standard error")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    def verb(
        name: str,
        run: Callable[[argparse.Namespace], int],
        short: str,
        about: str,
        end: str,
        *parents: argparse.ArgumentParser,
    ) -> argparse.ArgumentParser:
        made = verbs.add_parser(
            name, help=short, description=about, epilog=f"{end}\n{EXIT_CODES}", parents=[*parents, common],
            formatter_class=raw, allow_abbrev=False,
        )  # fmt: skip
        made.set_defaults(run=run)
        return made

    check = verb("check", _check, "check a folder of facts", CHECK_HELP, CHECK_END)
    check.add_argument("folder", nargs="?", metavar="DIR", help="folder of a study (default: the shipped data)")
    check.add_argument(
        "--update-hashes",
        action="store_true",
        help="first write the SHA-256 sums of changed tables into datapackage.json",
    )

    fit = verb("fit", _fit, "sample the posterior", FIT_HELP, FIT_END)
    place = fit.add_mutually_exclusive_group()
    place.add_argument(
        "--out", metavar="FILE", default="posterior.nc", help="file to write (default: posterior.nc here)"
    )
    place.add_argument("--reference", action="store_true", help="write the posterior that ships with the package")
    fit.add_argument("--data", metavar="DIR", help="folder of a study (default: the shipped data)")
    fit.add_argument(
        "--seed", type=_count(0), metavar="N", help="seed of the sampler (default: the shipped posterior's)"
    )
    fit.add_argument("--draws", type=_count(100), metavar="N", help="kept draws of each chain (default: 1000)")
    fit.add_argument("--tune", type=_count(100), metavar="N", help="discarded draws of each chain (default: 1000)")
    fit.add_argument("--chains", type=_count(2), metavar="N", help="chains (default: 4)")

    score = verb("score", _score, "reach and likelihood of setups", SCORE_HELP, SCORE_END, evidence, answers)
    score.add_argument("setups", nargs="?", metavar="SETUPS.csv", help="your own setups; - for standard input")
    score.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        default="table",
        help="table: rounded, for people (default); csv, json: full precision",
    )

    compare = verb(
        "compare",
        _compare,
        "is one setup less exposed than another?",
        COMPARE_HELP,
        COMPARE_END,
        evidence,
        answers,
    )
    compare.add_argument("a", metavar="A", help="id of a setup")
    compare.add_argument("b", metavar="B", help="id of another")
    compare.add_argument(
        "--setups",
        metavar="SETUPS.csv",
        help="your own setups beside those of the study; - for standard input",
    )
    compare.add_argument(
        "--equal-factor",
        type=float,
        default=1.25,
        metavar="F",
        help="within this factor counts as practically equal (default: 1.25)",
    )
    compare.add_argument(
        "--format",
        choices=("text", "csv", "json"),
        default="text",
        help="text: rounded, for people (default); csv, json: full precision",
    )

    report = verb("report", _report, "the whole comparison as one HTML file", REPORT_HELP, REPORT_END, evidence)
    report.add_argument(
        "--out",
        metavar="DIR",
        default="reports",
        help="folder to write to, made when absent (default: reports)",
    )
    return parser
