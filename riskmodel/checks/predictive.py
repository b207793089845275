"""Predictive checks: would the fitted model have produced the data it was fitted to, or data it did not see?

Rows of every likelihood are compared with draws from the posterior predictive distribution; what one row tells the
model is judged by leave-one-out cross-validation with Pareto-smoothed importance sampling (Vehtari, Gelman & Gabry
2017), and what one reporter tells it by fitting again without that reporter.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.checks.rows import Row, row
from riskmodel.checks.scoring import interval_coverage, log_score, pit

if TYPE_CHECKING:
    from riskmodel.design import Design
    from riskmodel.fit import Posterior, SampleSettings
    from riskmodel.program import Program
    from riskmodel.study import Study

__all__ = ["documented_cases", "leave_one_out", "leave_reporters_out", "limits", "predicted_rows", "predictive_rows"]
__all__ += ["predictive_table", "values_of"]

COVERAGE_AT_LEAST = 0.75
BAND = "band_"


def values_of(name: str, data: np.ndarray) -> np.ndarray:
    """One number a row: bands are represented by their lower end."""
    return data[..., 0] if name.startswith(BAND) else data


def limits(drawn: np.ndarray) -> dict[str, np.ndarray]:
    """Ends of the central 50 and 90 % intervals of draws (draw, row), from one draw to another: name -> (row,)."""
    tails = {"low_90": 0.05, "low_50": 0.25, "high_50": 0.75, "high_90": 0.95}
    return dict(zip(tails, np.quantile(drawn, list(tails.values()), axis=0, method="inverted_cdf"), strict=True))


def predicted_rows(
    published: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray], rng: np.random.Generator
) -> pd.DataFrame:
    """Where does each published row lie among its own predictive draws?

    Parameters
    ----------
    published, drawn, rng
        As of :func:`predictive_table`.

    Returns
    -------
    pandas.DataFrame
        ``likelihood``, ``row``, ``observed``, ``low_90``, ``low_50``, ``high_50``, ``high_90``, ``pit``.
    """
    parts = []
    for name, data in published.items():
        seen, draws = values_of(name, data).astype(float), values_of(name, drawn[name]).astype(float)
        if len(seen):
            columns = {"observed": seen, **limits(draws), "pit": pit(seen, draws, rng)}
            parts.append(pd.DataFrame({"likelihood": name, "row": np.arange(len(seen)), **columns}))
    return pd.concat(parts, ignore_index=True)


def predictive_table(
    published: Mapping[str, np.ndarray], drawn: Mapping[str, np.ndarray], rng: np.random.Generator
) -> pd.DataFrame:
    """How do published rows sit among their own predictive draws?

    Parameters
    ----------
    published, drawn
        Name of likelihood -> values (row, ...) and draws (sample, row, ...).
    rng
        Breaks ties of the probability integral transform of counts.

    Returns
    -------
    pandas.DataFrame
        ``likelihood``, ``rows``, ``inside_50``, ``inside_90`` (shares of rows inside central predictive intervals),
        ``pit_mean``, and for bands ``probability_of_band``: mean predictive probability of exactly the published band.
    """
    lines = []
    for name, data in published.items():
        if not len(data):
            continue
        seen, draws = values_of(name, data).astype(float), values_of(name, drawn[name]).astype(float)
        exact = float((draws == seen).mean()) if name.startswith(BAND) else np.nan
        lines.append(
            {
                "likelihood": name,
                "rows": len(seen),
                "inside_50": interval_coverage(seen, draws, 0.5),
                "inside_90": interval_coverage(seen, draws, 0.9),
                "pit_mean": float(pit(seen, draws, rng).mean()),
                "probability_of_band": exact,
            }
        )
    return pd.DataFrame(lines)


def predictive_rows(table: pd.DataFrame) -> list[Row]:
    """Checks of :func:`predictive_table`, one for each likelihood with at least ten rows."""
    return [
        row(
            f"predictive check, {line['likelihood']}",
            float(line["inside_90"]),
            f">= {COVERAGE_AT_LEAST}",
            bool(line["inside_90"] >= COVERAGE_AT_LEAST),
            "share of published rows inside the 90 % interval that the fitted model predicts for them",
        )
        for line in table[table["rows"] >= 10].to_dict("records")
    ]


def leave_one_out(log_density: Mapping[str, np.ndarray], chains: int) -> pd.DataFrame:
    """What would the model expect of each row without that row (PSIS-LOO), and is that estimate to be trusted?

    Parameters
    ----------
    log_density
        Name of likelihood -> (sample, row), chains joined in order.
    chains
        Number of chains.

    Returns
    -------
    pandas.DataFrame
        ``likelihood``, ``row``, ``elpd``, ``pareto_k`` of every row; k above 0.7 asks for a fit without it.
    """
    import arviz as az

    parts = []
    for name, density in log_density.items():
        shaped = density.reshape(chains, -1, density.shape[1])
        tree = xr.DataTree.from_dict(
            {
                "posterior": xr.Dataset({"unused": (("chain", "draw"), shaped[:, :, 0])}),
                "log_likelihood": xr.Dataset({name: (("chain", "draw", "row"), shaped)}),
            }
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # k is reported row by row
            result = az.loo(tree, var_name=name, pointwise=True, reff=1.0)
        parts.append(
            pd.DataFrame(
                {
                    "likelihood": name,
                    "row": np.arange(density.shape[1]),
                    "elpd": np.asarray(result.elpd_i),
                    "pareto_k": np.asarray(result.pareto_k),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def leave_reporters_out(
    program: Program, design: Design, settings: SampleSettings, progress: Callable[[str], None] | None = None
) -> pd.DataFrame:
    """Fit without each reporter in turn, and predict what it published.

    Returns
    -------
    pandas.DataFrame
        ``reporter``, ``rows``, ``inside_50``, ``inside_90``, ``log_score`` (mean log predictive density of its rows).
    """
    table = design.rows()
    lines = []
    for reporter in sorted(table["reporter"].unique()):
        if progress:
            progress(f"fitting without {reporter}")
        gone = (table["reporter"] == reporter).to_numpy()
        kept = program.sample(settings, keep=design.keep(~gone))["posterior"].to_dataset()
        drawn = program.simulate(kept, settings.seed)
        density = program.log_densities(kept)
        seen, draws, score = [], [], []
        for name, part in table[gone].groupby("likelihood"):
            rows = part["row"].to_numpy()
            seen.append(values_of(str(name), program.published[str(name)])[rows].astype(float))
            draws.append(values_of(str(name), drawn[str(name)])[:, rows].astype(float))
            score.append(log_score(density[str(name)][:, rows]))
        observed, predicted = np.concatenate(seen), np.concatenate(draws, axis=1)
        lines.append(
            {
                "reporter": reporter,
                "rows": len(observed),
                "inside_50": interval_coverage(observed, predicted, 0.5),
                "inside_90": interval_coverage(observed, predicted, 0.9),
                "log_score": float(np.concatenate(score).mean()),
            }
        )
    return pd.DataFrame(lines)


def documented_cases(study: Study, posterior: Posterior) -> pd.DataFrame:
    """Does the model give a fair chance to the reach that authorities are known to have asserted?

    Documented cases inform nothing: the experts had read them, and only public ones are known. They are set beside the
    reach that the model gives today to the same law at the same provider, for cases whose provider and law it has.

    Returns
    -------
    pandas.DataFrame
        ``case_id``, ``regime_id``, ``provider_id``, ``outcome`` (served, disclosed, pending, withdrawn, blocked),
        ``reach`` (mean) with ``reach_low`` and ``reach_high`` (90 % equal-tailed over parameters).
    """
    from riskmodel.design import content_programmes
    from riskmodel.exposure import exposure

    cases = study["cases"]
    cases = cases[cases["regime_id"].isin(content_programmes(study).index) & cases["provider_id"].notna()]
    named = cases[["case_id", "provider_id"]].rename(columns={"case_id": "setup_id"})
    x = exposure(posterior, study, setups=named.assign(data_class="generic", service_model="collaboration"))
    lines = []
    for case in cases[["case_id", "regime_id", "provider_id", "outcome"]].to_dict("records"):
        if case["regime_id"] not in x["regime"].values:
            continue  # law of the home legal space
        reach = x["reach"].sel(setup=case["case_id"], regime=case["regime_id"]).values
        low, high = np.quantile(reach, [0.05, 0.95])
        lines.append({**case, "reach": float(reach.mean()), "reach_low": float(low), "reach_high": float(high)})
    return pd.DataFrame(lines)
