"""The other endpoints in words: suspension, predicted acceptability, and the back-test; used by the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmodel.acceptance import acceptability_of, load_acceptability
from riskmodel.checks.backtest import summarised
from riskmodel.errors import StudyError
from riskmodel.language import localised, tr
from riskmodel.suspension import suspension
from riskmodel.tables.page import plain
from riskmodel.tables.setups import licensors, unplaced
from riskmodel.wording import between, percent, share_text

if TYPE_CHECKING:
    import xarray as xr

    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = ["acceptability_says", "acceptability_words", "backtest_says", "backtest_words", "suspension_words"]


def suspension_words(posterior: Posterior, study: Study, x: xr.Dataset, wanted: Sequence[str]) -> pd.DataFrame:
    """Suspension by sanctions, and degradation through a licensor, of the wanted setups over the horizon of ``x``."""
    table = study["setups"]
    rows = table.set_index("setup_id", drop=False).loc[list(wanted)]
    found = suspension(posterior, study, horizon_years=x.attrs["horizon_years"], setups=rows, home=x.attrs["home"])
    low, high = (found["probability"].quantile(q, "sample").values for q in (0.05, 0.95))
    ends = list(zip(low, high, strict=True))
    return pd.DataFrame(
        {
            tr("Setup"): found["label"].values,
            tr("Reach of sanctions law"): [percent(p) for p in found["reach_any"].mean("sample").values],
            tr("Probability of suspension"): [
                percent(p, span) for p, span in zip(found["probability"].mean("sample").values, ends, strict=True)
            ],
            tr("90 % interval over parameters"): [between(*span) for span in ends],
            tr("Probability of degradation through a licensor"): [
                _degradation(study, provider, float(p))
                for provider, p in zip(rows["provider_id"], found["degraded"].mean("sample").values, strict=True)
            ],
        }
    )


def _degradation(study: Study, provider: object, probability: float) -> str:
    """The probability, or why there is none: no licensor is recorded, or not to which state it belongs."""
    behind = licensors(study, provider)
    if probability or (behind and not all(unplaced(study, licensor) for licensor in behind)):
        return percent(probability)
    return tr("state of the licensor not recorded") if behind else tr("no licensor recorded")


def _predicted(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> tuple[pd.DataFrame, str]:
    rows = study["setups"].set_index("setup_id", drop=False).loc[list(wanted)]
    finding = acceptability_of(load_acceptability(study=study), x.sel(setup=list(wanted)), study, setups=rows)
    return finding.table, finding.text


def likely_ruling(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> list[str]:
    """The most probable ruling of a regulator on each setup; none when the shipped fit is of other rulings."""
    try:
        table, _ = _predicted(study, x, wanted)
    except StudyError:
        return []
    best = table.loc[table.groupby("setup", sort=False)["probability"].idxmax()].set_index("setup").loc[list(wanted)]
    said = []
    for row in best.to_dict("records"):
        ends = row["probability_low"], row["probability_high"]
        chance, outcome = percent(row["probability"], ends), str(row["outcome"])
        word = tr(outcome)
        word = word[:1].upper() + word[1:]
        said.append(tr("{word}: {chance} ({ends})", word=word, chance=chance, ends=between(*ends)))
        said[-1] += f"{tr('; ')}{tr('extrapolation')}" * bool(row["extrapolation"])
    return said


def acceptability_words(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> pd.DataFrame:
    """Predicted outcomes of a regulator's ruling on each setup; empty when the shipped fit is of other rulings."""
    try:
        table, _ = _predicted(study, x, wanted)
    except StudyError:
        return pd.DataFrame()
    table = table.assign(
        outcome=table["outcome"].map(tr),
        words=[
            tr("{chance} ({ends})", chance=percent(p, (low, high)), ends=between(low, high))
            for p, low, high in zip(
                table["probability"], table["probability_low"], table["probability_high"], strict=True
            )
        ],
    )
    wide = table.set_index(["label", "outcome"])["words"].unstack("outcome").reindex(table["label"].unique())  # noqa: PD010
    wide = wide[list(dict.fromkeys(table["outcome"]))]
    first = table.drop_duplicates("label").set_index("label")
    wide[tr("Comparable rulings")] = [
        tr("none: extrapolation") if far else str(n)
        for far, n in zip(first["extrapolation"], first["comparable"], strict=True)
    ]
    return (
        wide.rename(columns=lambda c: c[:1].upper() + c[1:])
        .rename_axis(tr("Setup"))
        .reset_index()
        .rename_axis(None, axis=1)
    )


def acceptability_says(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> str:
    """What the prediction rests on, or that there is none."""
    try:
        return _predicted(study, x, wanted)[1]
    except StudyError:
        return tr(
            "The shipped model of rulings belongs to other rulings than those of this study: nothing is predicted."
        )


def _hundredths(value: float) -> str:
    return localised(f"{value:.2f}")


def backtest_says(table: pd.DataFrame) -> str:
    """Whether the model beats the naive forecast, on average, on most figures, and in direction."""
    gain = table["log_score"] - table["naive_log_score"]
    whole: Any = summarised(table).set_index("kind").loc["all"]
    clear = abs(whole["gain"]) > 2 * whole["gain_error"]
    worse = [plain(k) for k, part in table.groupby("kind") if part["brier"].mean() > part["naive_brier"].mean()]
    numbers = {
        "count": len(table),
        "better": int((gain > 0).sum()),
        "mean": localised(f"{whole['gain']:+.2f}"),
        "error": _hundredths(whole["gain_error"]),
        "median": localised(f"{gain.median():+.2f}"),
    }
    score = (
        tr(
            "Of {count} figures the model gives {better} a better log score than the naive forecast; its mean gain is "
            "{mean} (standard error {error}), its median gain {median}.",
            **numbers,
        )
        if clear
        else tr(
            "Of {count} figures the model gives {better} a better log score than the naive forecast; its mean gain is "
            "{mean} (standard error {error}, no more than chance could make), its median gain {median}.",
            **numbers,
        )
    )
    direction = (
        tr("In direction (Brier score) it is worse for {kinds}.", kinds=f" {tr('and')} ".join(worse))
        if worse
        else tr("In direction (Brier score) it is worse for no kind of figure.")
    )
    return f"{score} {direction}"


def backtest_words(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage and scores of the back-test by kind of figure, ours beside the naive forecast."""
    found = summarised(table)
    return pd.DataFrame(
        {
            tr("Figures"): found["kind"].map(plain),
            tr("Predictions"): found["predictions"].astype(str),
            tr("Inside 50 %"): found["inside_50"].map(share_text),
            tr("Inside 90 %"): found["inside_90"].map(share_text),
            tr("Log score"): found["log_score"].map(_hundredths),
            tr("Log score, naive"): found["naive_log_score"].map(_hundredths),
            tr("Gain (standard error)"): [
                f"{_hundredths(gain)} ({_hundredths(error)})"
                for gain, error in zip(found["gain"], found["gain_error"], strict=True)
            ],
            tr("Brier score"): found["brier"].map(_hundredths),
            tr("Brier score, naive"): found["naive_brier"].map(_hundredths),
        }
    )
