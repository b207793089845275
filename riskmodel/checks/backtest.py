"""Back-test: fitted to the past alone, does the model predict the year that followed, better than a naive forecast?

Only what comes in dated series can be tested: demands, shares of them, national-security bands. Judgements are held,
and they are hindsight: the experts knew the later years. Extraterritorial disclosures cannot be back-tested with this
record: no half-year between 2020 and mid-2025 was published.

| likelihood | naive forecast |
|---|---|
| demands | Poisson around the last value of the same series |
| shares | binomial with the past share of the same series |
| bands | random walk from the last band with the spread of past moves |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.checks.predictive import BAND, limits, values_of
from riskmodel.checks.rows import Row, row
from riskmodel.checks.scoring import brier, compare_scores, crps, interval_coverage, log_score

if TYPE_CHECKING:
    from riskmodel.design import Design
    from riskmodel.fit import SampleSettings
    from riskmodel.program import Program

__all__ = ["YEARS", "backtest", "backtest_rows", "rulings_rows", "summarised"]

YEARS = (2021, 2022, 2023)
BASELINE_DRAWS = 4000
COVERAGE_AT_LEAST = 0.75
FAMILY = {"demand_count": "demands", "content_count": "shares", "some_data_count": "shares"}

Forecast = tuple[np.ndarray, np.ndarray]
"""Draws (draw, row) and log density (row,)."""


def backtest(
    program: Program,
    design: Design,
    settings: SampleSettings,
    years: Sequence[int] = YEARS,
    progress: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Predict every following year from the rows up to each year.

    Returns
    -------
    pandas.DataFrame
        One row a predicted figure: ``up_to``, ``likelihood``, ``kind`` (demands, shares, bands), ``row``, ``observed``,
        ``low_90``, ``low_50``, ``high_50``, ``high_90`` (ends of the predicted intervals), ``inside_50``,
        ``inside_90``, ``log_score``, ``crps``, ``brier`` (of the event that the figure exceeds the last one of its
        series), and those from ``inside_50`` on with ``naive_`` before them.
    """
    table = design.rows().reset_index(drop=True)
    rng = np.random.default_rng(settings.seed)
    parts = []
    for year in years:
        if progress:
            progress(f"back-test: fitting what ended by {year}, predicting {year + 1}")
        end = table["period_end"].dt.year
        known = ~(end > year).to_numpy()
        kept = program.sample(settings, keep=design.keep(known))["posterior"].to_dataset()
        drawn, density = program.simulate(kept, settings.seed), program.log_densities(kept)
        for name in sorted(set(table["likelihood"])):
            if name not in FAMILY and not name.startswith(BAND):
                continue
            mine = (table["likelihood"] == name).to_numpy()
            asked = table.loc[mine & (end == year + 1).to_numpy(), "row"].to_numpy()
            past = table.loc[mine & known, "row"].to_numpy()
            series = _series(design, name)
            asked = np.array([r for r in asked if (series[past] == series[r]).any()], dtype=int)
            if len(asked):
                lines = _scores(program, design, name, asked, past, series, drawn[name], density[name], rng)
                parts.append(lines.assign(up_to=year, likelihood=name, kind=FAMILY.get(name, "bands")))
    return pd.concat(parts, ignore_index=True)


def _series(design: Design, name: str) -> np.ndarray:
    """Label of the series that each row of a likelihood belongs to."""
    funnel = design.funnel
    if name == "demand_count":
        return np.array([f"{p}.{s}" for p, s in zip(funnel.demand_place, funnel.demand_stage, strict=True)])
    if name in FAMILY:
        return np.asarray(getattr(funnel, name.replace("_count", "_place"))).astype(str)
    return np.full((design.bands.reporter == name.removeprefix(BAND)).sum(), name)


def _scores(
    program: Program,
    design: Design,
    name: str,
    asked: np.ndarray,
    past: np.ndarray,
    series: np.ndarray,
    drawn: np.ndarray,
    density: np.ndarray,
    rng: np.random.Generator,
) -> pd.DataFrame:
    data = program.published[name]
    seen = values_of(name, data).astype(float)
    last = np.array([seen[past[series[past] == series[r]][-1]] for r in asked])
    ours = values_of(name, drawn)[:, asked].astype(float)
    theirs, theirs_density = _naive(design, name, data, asked, past, series, rng)
    result: dict[str, Any] = {"row": asked, "observed": seen[asked], **limits(ours)}
    for prefix, draws, score in (("", ours, log_score(density[:, asked])), ("naive_", theirs, theirs_density)):
        above = (draws > last).mean(axis=0)
        for share in (0.5, 0.9):
            result[f"{prefix}inside_{share * 100:.0f}"] = [
                interval_coverage(seen[asked][[k]], draws[:, [k]], share) for k in range(len(asked))
            ]
        result[f"{prefix}log_score"] = score
        result[f"{prefix}crps"] = crps(seen[asked], draws)
        result[f"{prefix}brier"] = brier(np.stack([1 - above, above], axis=1), (seen[asked] > last).astype(int))
    return pd.DataFrame(result)


def _naive(
    design: Design,
    name: str,
    data: np.ndarray,
    asked: np.ndarray,
    past: np.ndarray,
    series: np.ndarray,
    rng: np.random.Generator,
) -> Forecast:
    """Last value for demands and bands, past share for shares."""
    mine = [past[series[past] == series[r]] for r in asked]
    size = (BASELINE_DRAWS, len(asked))
    if name == "demand_count":
        mean = np.array([max(float(data[rows[-1]]), 0.5) for rows in mine])
        return rng.poisson(mean, size).astype(float), data[asked] * np.log(mean) - mean - _log_factorial(data[asked])
    if name in FAMILY:
        trials = getattr(design.funnel, name.replace("_count", "_trials"))
        share = np.array([(data[rows].sum() + 0.5) / (trials[rows].sum() + 1.0) for rows in mine])
        count, n = data[asked], trials[asked]
        choose = _log_factorial(n) - _log_factorial(count) - _log_factorial(n - count)
        return rng.binomial(n, share, size).astype(float), (
            choose + count * np.log(share) + (n - count) * np.log1p(-share)
        )
    middle = np.log((data[:, 0] + data[:, 1] + 1.0) / 2.0)
    step = design.bands.step[design.bands.reporter == name.removeprefix(BAND)]
    moves = np.array([np.diff(middle[rows]).std() for rows in mine])
    ahead = np.array([step[r] - step[rows[-1]] for r, rows in zip(asked, mine, strict=True)])
    centre, spread = np.array([middle[rows[-1]] for rows in mine]), moves * np.sqrt(ahead)
    drawn = np.exp(rng.normal(centre, spread, size))
    width = data[asked, 1] - data[asked, 0] + 1.0
    log_density = -0.5 * ((middle[asked] - centre) / spread) ** 2 - np.log(spread * np.sqrt(2 * np.pi))
    return np.floor(drawn / width) * width, log_density + np.log(width / np.exp(middle[asked]))


def _log_factorial(value: np.ndarray) -> np.ndarray:
    return np.array([np.log(np.arange(1, v + 1)).sum() for v in np.asarray(value, dtype=int)])


def summarised(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage and mean scores of :func:`backtest` by kind, with ours minus naive log score and its standard error.

    The standard error takes predictions as independent; half-years of one series are not quite.
    """
    lines = []
    for kind, part in [*table.groupby("kind"), ("all", table)]:
        gain = compare_scores(part["log_score"].to_numpy(), part["naive_log_score"].to_numpy())
        mean = part.drop(columns=["likelihood", "kind", "row", "observed", "up_to"]).mean()
        line = {"kind": kind, "predictions": len(part), **mean.to_dict()}
        lines.append(line | {"gain": gain.mean, "gain_error": gain.standard_error})
    return pd.DataFrame(lines)


def backtest_rows(table: pd.DataFrame) -> list[Row]:
    """Checks of :func:`summarised`: coverage, and the log score against the naive forecast."""
    lines = {str(line["kind"]): line for line in summarised(table).to_dict("records")}
    covered = float(lines["all"]["inside_90"])
    return [
        row(
            "back-test, coverage of 90 % intervals",
            covered,
            f">= {COVERAGE_AT_LEAST}",
            covered >= COVERAGE_AT_LEAST,
            "share of the following year's figures inside the interval predicted from the past",
        ),
        *(
            row(
                f"back-test, log score against naive, {kind}",
                float(line["gain"]),
                "> -2 standard errors",
                bool(line["gain"] > -2 * line["gain_error"]),
                f"mean gain a prediction over the naive forecast, standard error {line['gain_error']:.2f}",
            )
            for kind, line in lines.items()
        ),
    ]


def rulings_rows(table: pd.DataFrame) -> list[Row]:
    """Check of the back-test of rulings: log score of the following year's rulings against base rates."""
    gain = table["log_score"] - table["log_score_base"]
    mean = float(np.average(gain, weights=table["rulings"]))
    error = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    return [
        row(
            "back-test, log score against base rates, rulings",
            mean,
            "> -2 standard errors",
            mean > -2 * error,
            f"mean gain a ruling over base rates up to then, standard error between years {error:.2f}",
        )
    ]
