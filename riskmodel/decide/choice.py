"""Choose under uncertainty: what may be regretted, what is better whatever one's taste, and what other criteria say.

Question answered: *which setup can be chosen without regretting it, and which is never a bad compromise?* Losses are
probabilities of a disclosure within the horizon, plus what the analyst adds. Nothing is added up to a score: results
are probabilities of being best or of not being beaten.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.decide._shared import known_setups, unknown
from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError
from riskmodel.wording import digits, share_text, years_text

__all__ = ["EXPOSURE", "regret", "tradeoff"]

EXPOSURE = "exposure"
"""Name of the criterion that the model adds: probability of a disclosure within the horizon, lower is better."""
WORST = 0.1
"""Share of samples that the worst decile is the mean of."""
NEAR = 0.05
"""Probabilities of being best that differ by less are practically equal."""
COLUMNS = ("setup", "criterion", "low", "high", "better")


def regret(x: xr.Dataset, setups: Sequence[str] | None = None, costs: Mapping[str, float] | None = None) -> Finding:
    """How much may each choice be regretted, and is one better than another whatever the attitude to risk?

    Regret is the loss of a choice beyond that of the setup that turns out best.

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`.
    setups
        Ids to choose among; default all.
    costs
        What a setup costs beside its exposure, by id, in units of probability of a disclosure within the horizon.

    Returns
    -------
    Finding
        ``table``, one row a setup, the least expected regret first: ``setup``, ``label``, ``expected_loss``,
        ``regret`` (mean over parameters), ``regret_worst_decile`` (mean over the worst tenth of samples),
        ``regret_error`` (standard error of Monte Carlo), ``best`` (probability of having the least loss; ties are
        shared), the same over worlds (with ``_in_worlds`` behind the name), ``dominated_by`` and
        ``dominated_in_worlds_by`` (ids that are better at first order, in the samples at hand: a lower chance of
        exceeding any loss; separated by "; "), ``horizon_years``.
        ``detail``, one row an ordered pair and view: ``setup``, ``other``, ``over`` (``parameters`` or ``worlds``),
        ``dominates``, ``largest_violation`` (by how much ``setup`` is at most likelier than ``other`` to exceed one
        and the same loss; 0 where it dominates), ``never_worse`` (share of samples in which it is at most equal).

    Raises
    ------
    UsageError
        If a setup was not scored, fewer than two are given, or a cost is not finite.
    """
    names = [str(name) for name in (x["setup"].values if setups is None else dict.fromkeys(setups))]
    known_setups(x, *names, *(costs or {}))
    if len(names) < 2:
        raise UsageError(f"setups: {', '.join(names) or 'none'} - must be two or more to choose among")
    for name, value in (costs or {}).items():
        if not math.isfinite(value):
            raise UsageError(f"costs, {name}: {value} - must be a finite number")
    cost = np.array([float((costs or {}).get(name, 0.0)) for name in names])
    chosen = x[["probability", "world_probability"]].sel(setup=names).transpose("sample", "setup")
    views = {"": chosen["probability"].values + cost, "_in_worlds": chosen["world_probability"].values + cost}
    table = pd.DataFrame({"setup": names, "label": chosen["label"].values, "expected_loss": views[""].mean(axis=0)})
    pairs = []
    for view, loss in views.items():
        least = loss.min(axis=1, keepdims=True)
        lost, first = loss - least, loss == least
        worst = np.sort(lost, axis=0)[-max(1, round(WORST * len(lost))) :]
        table[f"regret{view}"], table[f"regret_worst_decile{view}"] = lost.mean(axis=0), worst.mean(axis=0)
        table[f"regret_error{view}"] = lost.std(axis=0) / math.sqrt(len(lost))
        table[f"best{view}"] = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
        found = _dominance(names, loss)
        beaten = found[found["dominates"]].groupby("other")["setup"].agg("; ".join)
        table[f"dominated{view}_by"] = [beaten.get(name, "") for name in names]
        pairs.append(found.assign(over="worlds" if view else "parameters"))
    table["horizon_years"] = x.attrs["horizon_years"]
    table = table.sort_values("regret", ignore_index=True)
    return Finding(table, _regretted(table), pd.concat(pairs, ignore_index=True))


def _dominance(names: Sequence[str], loss: np.ndarray) -> pd.DataFrame:
    """First-order stochastic dominance of every ordered pair, from the sorted losses (sample, option)."""
    order = np.sort(loss, axis=0)
    rows: list[dict[str, Any]] = []
    for a, name in enumerate(names):
        lower, strictly = order[:, [a]] <= order, (order[:, [a]] < order).any(axis=0)
        for b, other in enumerate(names):
            if a != b:
                holds = bool(lower[:, b].all() and strictly[b])
                # chance of exceeding each loss that occurs, of one and of the other
                excess = 0.0 if lower[:, b].all() else _excess(order[:, a], order[:, b])
                never = float((loss[:, a] <= loss[:, b]).mean())
                rows.append(
                    {
                        "setup": name,
                        "other": other,
                        "dominates": holds,
                        "largest_violation": excess,
                        "never_worse": never,
                    }
                )
    return pd.DataFrame(rows)


def _excess(mine: np.ndarray, theirs: np.ndarray) -> float:
    """Largest amount by which the first is likelier than the second to exceed a loss; both sorted."""
    over = [1.0 - np.searchsorted(s, theirs, side="right") / len(s) for s in (mine, theirs)]
    return float((over[0] - over[1]).max(initial=0.0))


def _regretted(table: pd.DataFrame) -> str:
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    first, years = rows[0], years_text(rows[0]["horizon_years"])
    worlds: dict[str, Any] = table.sort_values("regret_in_worlds").to_dict("records")[0]  # type: ignore[assignment]
    often = [row for row in rows if row["best"] > table["best"].max() - NEAR]
    often.sort(key=lambda row: -row["best"])
    named = " and ".join(f"{row['label']} ({share_text(row['best'])})" for row in often)
    text = (
        f"By mean regret {first['label']} comes first: it is regretted by {digits(100 * first['regret'])} percentage "
        f"points of probability over {years} on average over parameters, by "
        f"{digits(100 * first['regret_worst_decile'])} in the worst tenth. "
        f"Most often the best choice {'is' if len(often) == 1 else 'are, practically equal,'} {named}."
    )
    same = worlds["setup"] == first["setup"]
    text += (
        f" Over single worlds {'it too' if same else worlds['label']} is regretted least, by "
        f"{digits(100 * worlds['regret_in_worlds'])} percentage points on average and "
        f"{digits(100 * worlds['regret_worst_decile_in_worlds'])} in the worst tenth."
    )
    beaten, both = table["dominated_by"] != "", (table["dominated_by"] != "") & (table["dominated_in_worlds_by"] != "")
    return (
        f"{text} {int(beaten.sum())} of {len(table)} setups are dominated over parameters, {int(both.sum())} of them "
        f"over worlds too: whatever the attitude to risk, another is better."
    )


def tradeoff(
    x: xr.Dataset,
    criteria: pd.DataFrame,
    *,
    weights: Mapping[str, float] | None = None,
    concentration: float = 1.0,
    draws: int = 4000,
    seed: int = 0,
) -> Finding:
    """Which setups are not beaten when exposure is set against other criteria, and which is best for which taste?

    Parameters
    ----------
    x
        From :func:`riskmodel.exposure`; ``probability`` over parameters joins as the criterion ``exposure``.
    criteria
        One row a setup and criterion: ``setup``, ``criterion``, ``low``, ``high`` (between which the value lies for
        certain; equal when it is known), ``better`` (``"lower"`` or ``"higher"``), optionally ``mid`` (most likely
        value). Values are drawn uniformly, or from a triangle where ``mid`` is given, each cell on its own. Every setup
        needs every criterion.
    weights
        Weight by criterion, ``exposure`` included, 0 or more, adding up to 1. A weight is what it is worth to go from
        the worst to the best setup's mean value in a criterion. None: all weights are possible.
    concentration
        Of the Dirichlet distribution of unknown weights; 1: every mix is as likely as every other, more: near equal
        weights.
    draws, seed
        Number of joint draws of values, weights and posterior samples, and where they start.

    Returns
    -------
    Finding
        ``table``, one row a setup: ``setup``, ``label``, ``on_front`` (probability that no other setup is at least as
        good in everything and better in something), ``best`` (share of weights for which the setup is the best choice
        by mean values), ``best_in_draws`` (the same with values drawn too: how often it turns out best, which says
        little of rare large losses), ``error`` (largest Monte-Carlo standard error of the three), the most likely on
        the front first. No score is shown: it would be made of the weights. ``detail``: ``setup``, ``criterion``,
        ``mean``, ``low``, ``high`` (90 % equal-tailed), ``better``, ``weight_when_best`` (mean weight of the criterion
        where the setup is best: the taste that speaks for it; missing where it never is).

    Raises
    ------
    UsageError
        If columns, setups or cells are missing or contradict each other, or weights do not add up to 1.

    Examples
    --------
    >>> import riskmodel as rm
    >>> x = rm.exposure(rm.load_posterior(), rm.read_study(), by_regime=False)
    >>> rows = [("HDH_AZURE", "cost", 1, 2, "lower"), ("HDH_SCALEWAY", "cost", 3, 4, "lower")]
    >>> table = pd.DataFrame(rows, columns=["setup", "criterion", "low", "high", "better"])
    >>> bool(tradeoff(x, table).table["on_front"].min() > 0.9)
    True
    """
    names, kinds = _checked(x, criteria)
    if not draws >= 1:
        raise UsageError(f"draws: {draws} - must be 1 or more")
    everything = [EXPOSURE, *kinds]
    rng = np.random.default_rng(seed)
    values = _values(x, criteria, names, list(kinds), draws, rng)
    sign = np.array([1.0, *(1.0 if better == "lower" else -1.0 for better in kinds.values())])
    loss = values * sign  # (draw, setup, criterion), less is better
    chosen = _weights(weights, everything, concentration, draws, rng)
    means = loss.mean(axis=0)
    swing = means.max(axis=0) - means.min(axis=0)
    scaled = loss / np.where(swing > 0, swing, np.inf)
    places = np.arange(len(names))
    drawn = (scaled * chosen[:, None]).sum(axis=2).argmin(axis=1)[:, None] == places
    won = (chosen @ scaled.mean(axis=0).T).argmin(axis=1)[:, None] == places
    shares = np.stack([_front(loss).mean(axis=0), won.mean(axis=0), drawn.mean(axis=0)])
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    table = pd.DataFrame(
        {
            "setup": names,
            "label": [labels[name] for name in names],
            "on_front": shares[0],
            "best": shares[1],
            "best_in_draws": shares[2],
            "error": np.sqrt(shares * (1 - shares) / draws).max(axis=0),
        }
    ).sort_values(["on_front", "best"], ascending=False, ignore_index=True)
    low, high = np.quantile(values, [0.05, 0.95], axis=0)
    detail = pd.DataFrame(
        {
            "setup": name,
            "criterion": criterion,
            "mean": values[:, k, c].mean(),
            "low": low[k, c],
            "high": high[k, c],
            "better": "lower" if sign[c] > 0 else "higher",
            "weight_when_best": chosen[won[:, k], c].mean() if won[:, k].any() else np.nan,
        }
        for k, name in enumerate(names)
        for c, criterion in enumerate(everything)
    )
    return Finding(table, _traded(table, everything, weights, x.attrs["horizon_years"]), detail)


def _checked(x: xr.Dataset, criteria: pd.DataFrame) -> tuple[list[str], dict[str, str]]:
    """Setups, and criteria with their direction, of a table that is complete and makes sense."""
    if missing := [name for name in COLUMNS if name not in criteria.columns]:
        raise UsageError(f"criteria: lacks the column {', '.join(missing)}")
    names = [str(name) for name in dict.fromkeys(criteria["setup"])]
    known_setups(x, *names)
    kinds = {str(k): str(b) for k, b in zip(criteria["criterion"], criteria["better"], strict=True)}
    if len(names) < 2:
        raise UsageError(f"criteria: {', '.join(names) or 'no setup'} - must have two setups or more")
    if EXPOSURE in kinds:
        raise UsageError(f"criteria: {EXPOSURE} - is added from the model and must not be in the table")
    for kind, group in criteria.groupby("criterion"):
        if set(group["better"]) not in ({"lower"}, {"higher"}):
            said = ", ".join(sorted(map(str, set(group["better"]))))
            raise UsageError(f"criteria, {kind}, better: {said} - must be lower or higher, the same in every row")
        if sorted(group["setup"]) != sorted(names):
            odd = sorted(set(names) ^ set(group["setup"])) or sorted(group["setup"][group["setup"].duplicated()])
            raise UsageError(f"criteria, {kind}: {', '.join(odd)} - every setup must have the criterion once")
    numbers = [pd.to_numeric(criteria[c], "coerce") for c in ("low", "high", "mid") if c in criteria.columns]
    for row, low, high, *mid in zip(criteria.index, *numbers, strict=True):
        between = not mid or pd.isna(mid[0]) or low <= mid[0] <= high
        if not (math.isfinite(low) and math.isfinite(high) and low <= high and between):
            said = f"{criteria['low'][row]} to {criteria['high'][row]}"
            raise UsageError(f"criteria, row {row}: {said} - must be numbers, low not above high, mid between them")
    return names, kinds


def _values(
    x: xr.Dataset, criteria: pd.DataFrame, names: list[str], kinds: list[str], draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Joint draws: (draw, setup, criterion), exposure first."""
    p = x["probability"].sel(setup=names).transpose("sample", "setup").values
    order = np.concatenate([rng.permutation(len(p)) for _ in range(-(-draws // len(p)))])[:draws]
    values = np.empty((draws, len(names), 1 + len(kinds)))
    values[:, :, 0] = p[order]
    mids = criteria["mid"] if "mid" in criteria.columns else [np.nan] * len(criteria)
    cells = zip(criteria["setup"], criteria["criterion"], criteria["low"], mids, criteria["high"], strict=True)
    for name, kind, low, mid, high in sorted(cells, key=lambda cell: (names.index(str(cell[0])), str(cell[1]))):
        where = (slice(None), names.index(str(name)), 1 + kinds.index(str(kind)))
        if low == high:
            values[where] = low
        else:
            values[where] = rng.uniform(low, high, draws) if pd.isna(mid) else rng.triangular(low, mid, high, draws)
    return values


def _weights(
    weights: Mapping[str, float] | None, names: list[str], concentration: float, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Weights of the criteria: (draw, criterion)."""
    if weights is None:
        if not 0 < concentration < np.inf:
            raise UsageError(f"concentration: {concentration} - must be more than 0")
        return rng.dirichlet(np.full(len(names), concentration), draws)
    if odd := [name for name in weights if name not in names]:
        raise unknown("criterion", odd, names)
    if missing := [name for name in names if name not in weights]:
        raise UsageError(f"weights: {', '.join(missing)} - every criterion must have a weight, 0 if it does not matter")
    given = np.array([float(weights[name]) for name in names])
    if not (np.isfinite(given) & (given >= 0)).all() or abs(given.sum() - 1.0) > 1e-6:
        said = ", ".join(f"{name} {value:g}" for name, value in zip(names, given, strict=True))
        raise UsageError(f"weights: {said} - must be 0 or more and add up to 1")
    return np.broadcast_to(given, (draws, len(names)))


def _front(loss: np.ndarray) -> np.ndarray:
    """Whether no other option is at least as good in everything and better in something: (draw, option)."""
    front = np.ones(loss.shape[:2], dtype=bool)
    for k in range(loss.shape[1]):
        mine = loss[:, [k]]
        front &= ~((mine <= loss).all(axis=2) & (mine < loss).any(axis=2))
    return front


def _traded(table: pd.DataFrame, names: list[str], weights: Mapping[str, float] | None, horizon_years: float) -> str:
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    often = [row for row in rows if row["on_front"] >= 0.5]
    best = max(rows, key=lambda row: row["best"])
    said = ", ".join(f"{row['label']} ({share_text(row['on_front'])})" for row in often) or "no setup"
    taste = "with the weights given" if weights is not None else f"for {share_text(best['best'])} of weights"
    return (
        f"With exposure over {years_text(horizon_years)} set against {', '.join(names[1:])}, these are more likely "
        f"than not beaten by no other in everything: {said}. {best['label']} is the best choice by mean values {taste}."
    )
