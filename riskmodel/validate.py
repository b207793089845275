"""Validation: everything that needs many fits, done once and kept, so that reports can show it.

Question answered: *does the posterior mean what it says?* One compiled program is fitted to simulated studies, to the
past, without each reporter; results are small tables in ``reference/validation/``, marked with the Design and the model
code they belong to. Finished work is kept after an interrupt and taken up again.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel._files import atomic_write
from riskmodel.acceptance import backtest_rulings, leave_one_system_out
from riskmodel.checks import backtest as past
from riskmodel.checks import predictive, sensitivity
from riskmodel.checks.calibration import calibrated, calibration_rows, ranks
from riskmodel.checks.convergence import convergence
from riskmodel.checks.rows import Row
from riskmodel.design import Design, build_design
from riskmodel.fit import SCORING, Posterior, SampleSettings, posterior_of
from riskmodel.priors import Priors
from riskmodel.simulate import believed, doubled, free, spaced

if TYPE_CHECKING:
    from riskmodel.program import Program
    from riskmodel.study import Study

__all__ = ["SIMULATIONS", "calibration", "stored", "validate"]

SIMULATIONS = 200
RANKED_AMONG = 99
"""Posterior draws among which a truth is ranked."""
SETTINGS = SampleSettings(draws=100, tune=400, chains=2, thin=2, target_accept=0.9)
"""Of one simulated study: enough for ranks, not for a published number."""
REFIT = SampleSettings(draws=500, tune=600, chains=2, thin=2, target_accept=0.95)
"""Of a fit without some rows."""
RULINGS = SampleSettings(draws=500, tune=500, chains=2, thin=1, target_accept=0.95)
IMPUTATIONS = 2
"""Of reach, where rulings are left out."""
BETWEEN = ("HDH_AZURE", "HDH_SCALEWAY", "HDH_ALT_OVH")
"""Setups whose probabilities, and orders against the first, stand for the answers in the sensitivity tables."""

Progress = Callable[[str], None]


def model_code() -> str:
    """SHA-256 of the model's source without its comments and docstrings: results belong to the code that made them."""
    here = Path(__file__).resolve().parent
    parts = [file for file in (here / "model").glob("*.py") if file.stem != "acceptability"]  # a posterior of its own
    digest = hashlib.sha256()
    for file in sorted([*parts, here / "simulate.py", here / "program.py"]):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [line for line in body if not _is_text(line)] or [ast.Pass()]  # type: ignore[attr-defined]
        digest.update(file.stem.encode() + ast.unparse(tree).encode())
    return digest.hexdigest()


def _is_text(line: ast.AST) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def calibration(
    program: Program,
    truths: xr.Dataset,
    simulated: Mapping[str, np.ndarray],
    *,
    beside: Mapping[str, np.ndarray] | None = None,
    settings: SampleSettings = SETTINGS,
    store: Path | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Rank true parameters among the posterior draws of the studies simulated from them.

    Parameters
    ----------
    program
        Compiled model that is fitted to each study.
    truths
        Parameter draws, dims ``chain`` (1) and ``draw`` (simulation).
    simulated
        Name of likelihood -> (simulation, row, ...) data drawn from the truths.
    beside
        Published data that stand before the simulated ones in a doubled Design (posterior calibration).
    store
        Folder where every finished simulation is kept; one that is there already is not done again.
    progress
        Called with one line now and then.

    Returns
    -------
    (simulation, parameter) ranks 0..99, and the labels of the parameters; the log density of the published data is the
    last one: it exposes a posterior that ignores the data.
    """
    names = [variable.name for variable in program.model.free_RVs]
    truth, labels = free(truths, names)
    number = len(truth)
    found = np.zeros((number, truth.shape[1] + 1), dtype=int)
    for k in range(number):
        file = store / f"{k:04d}.json" if store else None
        if file is not None and file.is_file():
            found[k] = json.loads(file.read_text(encoding="utf-8"))
            continue
        data = {name: value[k] for name, value in simulated.items()}
        if beside is not None:
            data = {name: np.concatenate([beside[name], value]) for name, value in data.items()}
        tree = program.sample(replace(settings, seed=settings.seed + k), data=data)
        drawn = spaced(tree["posterior"].to_dataset()[names], RANKED_AMONG)
        here = truths.isel(draw=[k])
        density = (
            _total(program.log_densities(drawn, data), program),
            _total(program.log_densities(here, data), program),
        )
        among = np.concatenate([free(drawn, names)[0], density[0][:, None]], axis=1)
        true = np.append(truth[k], density[1])
        found[k] = ranks(true[None], among[None], np.random.default_rng([settings.seed, k]))[0]
        if file is not None:
            atomic_write(file, json.dumps(found[k].tolist()))
        if progress and (k + 1) % 10 == 0:
            progress(f"calibration: {k + 1} of {number} simulated studies")
    return found, [*labels, "log density of the published data"]


def _total(density: Mapping[str, np.ndarray], program: Program) -> np.ndarray:
    """Log density of all published rows: (sample,)."""
    return np.sum([density[name].sum(axis=1) for name in program.published], axis=0)


def validate(
    study: Study,
    folder: Path,
    *,
    simulations: int = SIMULATIONS,
    settings: SampleSettings | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Do the whole validation, keeping each finished part in ``folder``; return the check rows.

    Parts: calibration around the judgements and around the shipped posterior, predictive checks, leave-one-out and
    leave-one-reporter-out, back-test, sensitivity.
    """
    from riskmodel.model import build_model
    from riskmodel.program import Program

    tell = progress or (lambda line: None)
    settings = settings or SampleSettings()
    priors, design = Priors.from_study(study), build_design(study)
    mark = {"design_hash": design.hash(priors), "model_code": model_code(), "simulations": simulations}
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / ".work" / hashlib.sha256(json.dumps(mark).encode()).hexdigest()[:12]
    work.mkdir(parents=True, exist_ok=True)
    tell("compiling the model (about a minute)")
    program = Program(build_model(design, priors))
    tell("sampling the posterior")
    tree = program.sample(settings)
    draws = tree["posterior"].to_dataset()
    converged = convergence(tree, SCORING)
    posterior = posterior_of(tree, design, priors, study, settings, converged)
    rows: list[Row] = []

    def table(name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        kept = work / f"{name}.csv"
        if not kept.is_file():
            tell(name.replace("_", " "))
            atomic_write(kept, make().to_csv(index=False))
        return pd.read_csv(kept)

    rng = np.random.default_rng(settings.seed)
    density = program.log_densities(draws)
    pointwise = {name: density[name] for name in program.published if density[name].shape[1]}
    fitted = table(
        "predictive",
        lambda: predictive.predictive_table(program.published, program.simulate(draws, settings.seed), rng),
    )
    table(
        "predictive_rows",
        lambda: predictive.predicted_rows(program.published, program.simulate(draws, settings.seed), rng),
    )
    rows += predictive.predictive_rows(fitted)
    table("leave_one_out", lambda: predictive.leave_one_out(pointwise, settings.chains))
    table("leave_reporter_out", lambda: predictive.leave_reporters_out(program, design, REFIT, tell))
    tested = table("backtest", lambda: past.backtest(program, design, REFIT, progress=tell))
    rows += past.backtest_rows(tested)
    table("rulings_leave_one_out", lambda: leave_one_system_out(study, posterior, RULINGS, IMPUTATIONS))
    judged = table("rulings_backtest", lambda: backtest_rulings(study, posterior, settings=RULINGS))
    rows += past.rulings_rows(judged)
    moved = _sensitivity(posterior, study, design, draws, density, program)
    for name, part in moved.items():
        table(name, lambda part=part: part)  # type: ignore[misc]

    tell(f"calibration around the judgements: {simulations} simulated studies")
    truths = spaced(believed(program, settings), simulations)
    around = calibration(
        program, truths, program.simulate(truths, settings.seed), store=_made(work / "prior"), progress=tell
    )
    tell("calibration around the posterior: compiling the doubled model")
    twice = Program(build_model(doubled(design), priors))
    truths = spaced(draws, max(simulations // 2, 2))
    within = calibration(
        twice,
        truths,
        program.simulate(truths, settings.seed),
        beside=program.published,
        store=_made(work / "posterior"),
        progress=tell,
    )
    for name, (found, labels) in (("judgements", around), ("posterior", within)):
        rows += [
            {**line, "check": f"{line['check']}, around the {name}"} for line in calibration_rows(found, RANKED_AMONG)
        ]
        ranked = pd.DataFrame(found, columns=labels)
        atomic_write(folder / f"calibration_{name}.csv", ranked.to_csv(index=False))
        verdict = calibrated(found, RANKED_AMONG, names=labels)
        atomic_write(folder / f"calibration_{name}_verdict.csv", verdict.to_csv(index=False))
    for file in work.glob("*.csv"):
        atomic_write(folder / file.name, file.read_text(encoding="utf-8"))
    atomic_write(folder / "checks.json", json.dumps({**mark, "checks": rows}, indent=1))
    return [*converged, *rows]


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _sensitivity(
    posterior: Posterior,
    study: Study,
    design: Design,
    draws: xr.Dataset,
    density: Mapping[str, np.ndarray],
    program: Program,
) -> dict[str, pd.DataFrame]:
    """Power-scaling of answers and decisions, and the judgements that move them."""
    from riskmodel.exposure import exposure

    setups = study["setups"].set_index("setup_id", drop=False)
    chosen = [name for name in BETWEEN if name in setups.index] or list(setups.index[:3])
    x = exposure(posterior, study, setups=setups.loc[chosen], by_regime=False)
    chance = {name: x["probability"].sel(setup=name).values for name in chosen}
    quantities: dict[str, Any] = {f"log probability, {name}": np.log(value) for name, value in chance.items()}
    for name in list(chance)[1:]:
        first = next(iter(chance))
        quantities[f"{name} below {first}"] = (chance[name] < chance[first]).astype(float)
    for name in ("log_rate_criminal", "log_rate_intelligence"):
        for service in draws["service"].values if "service" in draws.coords else posterior.coords()["service"]:
            quantities[f"{name}, {service}"] = posterior.data[name].sel(service=service).values.ravel().astype(float)
    components = {
        "published data": _total(density, program),
        "judgement": density["expert_reading"].sum(axis=1),
        "priors": density["prior"].sum(axis=1),
    }
    location = draws["item_location"].stack(sample=("chain", "draw")).transpose("sample", "item").values
    shifts = sensitivity.judgement_shifts(quantities, location, list(design.coords["item"]), design.judgements.spread)
    return {
        "power_scaling": sensitivity.power_scaling(quantities, components, draws.sizes["chain"]),
        "judgement_shifts": shifts.groupby("quantity", sort=False).head(10),
    }


def stored(folder: Path, design_hash: str) -> dict[str, Any] | None:
    """Kept check rows of a validation that belongs to this Design and this model code, else None."""
    file = folder / "checks.json"
    if not file.is_file():
        return None
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    same = found["design_hash"] == design_hash and found["model_code"] == model_code()
    return found if same else None
