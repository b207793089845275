"""Measure what the project promises and print a table: limit, measured, kept or not.

    python benchmarks/run.py            the speeds (about two minutes); exit 1 when a limit is broken
    python benchmarks/run.py --decide   only the decision functions, on 50 setups
    python benchmarks/run.py --fit      the fit too, and effective draws of an answer per second (minutes more)
    python benchmarks/run.py --fit --against-pymc        the latter beside PyMC's own sampler (many minutes more)
    python benchmarks/run.py --size     only the lines of code of the package, module by module

Speeds are wall-clock times of whole commands, the median of a few runs after one that warms the disk cache.
The limits are for 2 cores with nothing else running; some are multiples of the time to import pandas here.
"""

import argparse
import ast
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tokenize
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_PACKAGE_LINES = 4000
MAX_MODULE_LINES = 400
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
LAYOUT |= {tokenize.ENCODING, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Row:
    """One promise: what was run, how long it may take, how long it took."""

    what: str
    limit_s: float | None
    measured_s: float
    failed: bool = False

    @property
    def ok(self) -> bool:
        """True when the command succeeded within its limit, if it has one."""
        return not self.failed and (self.limit_s is None or self.measured_s <= self.limit_s)

    def __str__(self) -> str:
        limit = "-" if self.limit_s is None else f"{self.limit_s:.2f}"
        verdict = "failed" if self.failed else "" if self.limit_s is None else "yes" if self.ok else "NO"
        return f"{self.what:<52} {limit:>9} {self.measured_s:>11.2f}  {verdict}".rstrip()


def measure(what: str, command: list[str], limit_s: float | None = None, runs: int = 3, warm: bool = True) -> Row:
    """Run a command `runs` times and keep the median; print the row and, after a failure, its last words."""
    times, failed, words = [], False, ""
    for _ in range(runs + warm):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, stdin=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
        if done.returncode:
            failed, words = True, done.stderr.strip()
            break
    row = Row(what, limit_s, statistics.median(times[1:] if warm and len(times) > 1 else times), failed)
    print(row, flush=True)
    if failed:
        print("\n".join(f"    {line}" for line in words.splitlines()[-3:]), flush=True)
    return row


def speeds(fit: bool) -> list[Row]:
    """Measure every promised speed."""

    def python(code: str) -> list[str]:
        return [sys.executable, "-c", code]

    beside = Path(sys.executable).with_name("riskmodel")
    riskmodel = [str(beside)] if beside.exists() else [sys.executable, "-m", "riskmodel"]

    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    print(f"{'what':<52} {'limit, s':>9} {'measured, s':>11}  ok")
    pandas = measure("python -c 'import pandas'", python("import pandas"))
    both = measure("python -c 'import pandas, xarray'", python("import pandas, xarray"))
    rows = [
        measure("python -c 'import riskmodel'", python("import riskmodel"), 0.3),
        measure("riskmodel --help", [*riskmodel, "--help"], 0.5),
        measure("riskmodel check (2 x pandas + 1 s)", [*riskmodel, "check"], 2 * pandas.measured_s + 1),
        measure(
            "riskmodel score (2 x pandas and xarray)",
            [*riskmodel, "score", "--format", "csv"],
            2 * both.measured_s,
        ),
    ]
    with tempfile.TemporaryDirectory() as folder:
        report = [*riskmodel, "report", "--out", f"{folder}/reports"]
        rows.append(measure("riskmodel report (make report)", report, 60, runs=1, warm=False))
        if fit:
            command = [*riskmodel, "fit", "--out", f"{folder}/posterior.nc"]
            rows.append(measure("riskmodel fit, compilation included", command, 180, runs=1, warm=False))
    return rows


MANY = 50
"""Setups that a decision function is measured on."""
MAX_MEMORY_GIB = 1.0


def decisions() -> list[Row]:
    """Measure each decision function on the shipped posterior, and the memory that all of them took."""
    import resource

    import numpy as np
    import pandas as pd

    import riskmodel as rm
    from riskmodel.frameworks import bridge

    study, posterior = rm.read_study(), rm.load_posterior()
    own = study["setups"]
    setups = pd.concat([own, own.head(MANY - len(own)).assign(setup_id=lambda t: "COPY_" + t["setup_id"])])
    asked = {"setups": setups}
    x = rm.exposure(posterior, study, by_regime=False, **asked)
    hub = ["HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_OVH", "HDH_ALT_S3NS", "HDH_ALT_OUTSCALE", "HDH_ALT_BLEU"]
    names = [str(name) for name in x["setup"].values]
    criteria = pd.DataFrame({"setup": names, "criterion": "cost", "low": 1.0, "high": np.arange(2.0, MANY + 2)})
    calls = {
        "compare": (1, lambda: rm.compare(x, hub[0], hub[1])),
        "contributions": (1, lambda: rm.contributions(posterior, study, hub[0], hub[1], **asked)),
        "rank": (1, lambda: rm.rank(x)),
        "tolerance": (1, lambda: rm.tolerance(x, "zurich")),
        "calendar, one plan": (
            1,
            lambda: rm.calendar(posterior, study, study["plans"].query("plan == 'hub_end_2026'")),
        ),
        "calendar, five plans": (None, lambda: rm.calendar(posterior, study)),
        "delay, six dates": (
            1,
            lambda: rm.delay(posterior, study, "hub_end_2022", [f"{y}-12-31" for y in range(2022, 2028)]),
        ),
        "intervene": (1, lambda: rm.intervene(posterior, study, hub[0], **asked)),
        "intervene, below a tolerance": (1, lambda: rm.intervene(posterior, study, hub[0], tolerance=0.01, **asked)),
        "worlds": (1, lambda: rm.worlds(posterior, study, **asked)),
        "value of information, 6 options": (10, lambda: rm.value_of_information(posterior, study, choose=hub, **asked)),
        "value of information, all": (10, lambda: rm.value_of_information(posterior, study, **asked)),
        "regret": (1, lambda: rm.regret(x)),
        "tradeoff": (1, lambda: rm.tradeoff(x, criteria.assign(better="lower"))),
        "aggregate": (1, lambda: rm.aggregate(x, {"all": dict.fromkeys(names, 2)})),
        "severity": (1, lambda: rm.severity(posterior, study, **asked)),
        "bridge": (1, lambda: bridge(posterior, study, hub[0])),
    }
    print(f"\n{f'decisions on {MANY} setups':<52} {'limit, s':>9} {'measured, s':>11}  ok")
    rows = []
    for name, (limit, call) in calls.items():
        times = []
        for _ in range(3):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        rows.append(Row(name, limit, statistics.median(times)))
        print(rows[-1], flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'peak memory, GiB':<52} {MAX_MEMORY_GIB:>9.2f} {peak:>11.2f}  {'yes' if peak <= MAX_MEMORY_GIB else 'NO'}")
    return [*rows, Row("peak memory, GiB", MAX_MEMORY_GIB, peak)]


PYMC_DRAWS, PYMC_TUNE, PYMC_CHAINS = 150, 300, 2
"""PyMC's own sampler is slow here: few draws, and effective draws per second all the same."""
ANSWER = "HDH_AZURE"


def sampling(against_pymc: bool) -> None:
    """Print effective draws per second of an answer, the log probability of one setup; compiling is told apart."""
    import arviz as az
    import numpy as np
    import pymc as pm

    from riskmodel.design import build_design
    from riskmodel.exposure import exposure
    from riskmodel.fit import SampleSettings, posterior_of
    from riskmodel.model import build_model
    from riskmodel.priors import Priors
    from riskmodel.program import Program
    from riskmodel.study import read_study

    study, settings = read_study(), SampleSettings()
    priors, design = Priors.from_study(study), build_design(study)
    setups = study["setups"]
    asked = setups[setups["setup_id"] == ANSWER]

    def report(name: str, tree: object, seconds: float) -> None:
        posterior = posterior_of(tree, design, priors, study, settings, [])
        x = exposure(posterior, study, setups=asked, by_regime=False)["probability"].squeeze("setup")
        chains = posterior.data.sizes["chain"]
        ess = float(az.ess(np.log(x.values).reshape(chains, -1)))
        print(f"{name:<52} {ess:>9.0f} {seconds:>11.1f}  {ess / seconds:.2f} a second", flush=True)

    print(f"\n{f'log probability of {ANSWER}':<52} {'ESS':>9} {'sampling, s':>11}")
    start = time.perf_counter()
    program = Program(build_model(design, priors))
    print(f"{'compiling':<52} {'-':>9} {time.perf_counter() - start:>11.1f}", flush=True)
    start = time.perf_counter()
    tree = program.sample(settings)
    taken = f"{settings.chains} x ({settings.tune} + {settings.draws} of {settings.draws * settings.thin})"
    report(f"nutpie, {taken}, {settings.cores} cores", tree, time.perf_counter() - start)
    if against_pymc:
        few = {"draws": PYMC_DRAWS, "tune": PYMC_TUNE, "chains": PYMC_CHAINS, "cores": 1}
        few |= {"target_accept": settings.target_accept, "random_seed": settings.seed}
        start = time.perf_counter()
        tree = pm.sample(
            model=program.model, nuts_sampler="pymc", progressbar=False, compute_convergence_checks=False, **few
        )
        taken = f"{PYMC_CHAINS} x ({PYMC_TUNE} + {PYMC_DRAWS}), compiling included"
        report(f"PyMC, {taken}, 1 core", tree, time.perf_counter() - start)


def code_lines(path: Path) -> int:
    """Count the lines of a module that hold code: no blanks, comments or docstrings."""
    source = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None:
                lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


def size() -> None:
    """Print the lines of code of each module and of the package; a hint, never a failure."""
    counts = {path.relative_to(ROOT).as_posix(): code_lines(path) for path in (ROOT / "riskmodel").rglob("*.py")}
    for name, count in sorted(counts.items()):
        print(f"{count:>6}  {name}{f'  (over {MAX_MODULE_LINES})' if count > MAX_MODULE_LINES else ''}")
    total = sum(counts.values())
    over = f"  (over about {MAX_PACKAGE_LINES})" if total > MAX_PACKAGE_LINES else ""
    print(f"{total:>6}  lines of code in riskmodel/, without blanks, comments and docstrings{over}")


def main() -> int:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Measure what the project promises and print a table.")
    parser.add_argument("--fit", action="store_true", help="measure `riskmodel fit` and its sampler too")
    words = "beside --fit: effective draws per second of PyMC's own sampler too"
    parser.add_argument("--against-pymc", action="store_true", help=words)
    parser.add_argument("--size", action="store_true", help="only count the lines of code of the package")
    parser.add_argument("--decide", action="store_true", help="measure only the decision functions")
    arguments = parser.parse_args()
    if arguments.decide:
        return 0 if all(row.ok for row in decisions()) else 1
    if arguments.size:
        size()
        return 0
    rows = [*speeds(arguments.fit), *decisions()]
    if arguments.fit:
        sampling(arguments.against_pymc)
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
