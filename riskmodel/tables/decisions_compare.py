"""Comparisons of setups in words: four answers side by side, factors, settled questions, regret, criteria, portfolios.

Question answered: *how is a decision finding said to a reader?* Frames come from :mod:`riskmodel.decide`.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from riskmodel.decide import Finding, compare, summarise
from riskmodel.decide.contributions import times_text
from riskmodel.wording import digits, factor, in_words, percent, ratios_between, share_text, years_text

__all__ = [
    "answers_words",
    "criteria_words",
    "factors_words",
    "levels_and_order",
    "portfolio_words",
    "questions_words",
    "regret_words",
    "severity_words",
]

ANSWERS = {
    "reach": "Reach of a foreign law",
    "likelihood": "Likelihood of a disclosure",
    "suspension": "Suspension by sanctions",
    "acceptability": "Tolerated or accepted (here more is better)",
}
NOT_KNOWN = "not in the model"
QUESTIONS, NAMED = 8, 2
"""Legal questions that are shown, and setups that are named in a cell."""


def levels_and_order(x: xr.Dataset, a: str, b: str) -> str:
    """How wide are the levels of two setups, and how wide is their ratio, in a sentence?"""
    level: Any = summarise(x).table.set_index("setup")
    found: Any = compare(x, a, b).table.set_index(["answer", "comparison"])
    over = found.loc[("likelihood", "over parameters")]
    ends = over["ratio_low"], over["ratio_high"]
    wide = [digits(level.loc[s, "probability_high"] / level.loc[s, "probability_low"], 1) for s in (a, b)]
    names = [str(level.loc[s, "label"]) for s in (a, b)]
    return (
        f"The 90 % interval of the level spans a factor of about {wide[0]} for {names[0]} and {wide[1]} for "
        f"{names[1]}; that of the ratio between the two spans about "
        f"{digits(ends[1] / ends[0], 1)}, from {ratios_between(*ends)}, and it is {in_words(over['lower'])} that "
        f"{names[0]} is the lower one ({share_text(over['lower'])}). The size of the difference stays uncertain, its "
        "direction much less so."
    )


def answers_words(found: pd.DataFrame, a: str, b: str) -> pd.DataFrame:
    """One row an answer of :func:`riskmodel.compare`; ``a`` and ``b`` are the labels."""
    rows = []
    for answer, part in found.groupby("answer", sort=False):
        by: Any = part.set_index("comparison")
        mean = by.loc["predictive"]
        rows.append(
            {
                "Answer": ANSWERS[str(answer)],
                a: percent(mean["value_a"]),
                b: percent(mean["value_b"]),
                "Ratio": factor(mean["ratio"]),
                **{
                    f"{name[0].upper()}{name[1:]}: lower / equal / higher": " / ".join(
                        share_text(by.loc[name, side]) for side in ("lower", "equal", "higher")
                    )
                    if name in by.index
                    else NOT_KNOWN
                    for name in ("over parameters", "over worlds")
                },
            }
        )
    return pd.DataFrame(rows)


def factors_words(found: pd.DataFrame) -> pd.DataFrame:
    """Factors of :func:`riskmodel.contributions`, the largest first, the whole last."""
    rows = found[found["answer"] == "likelihood"]
    return pd.DataFrame(
        {
            "Factor": rows["factor"],
            "What it covers": rows["covers"],
            "Multiplies by": rows["times"].map(times_text),
            "90 % interval over parameters": rows["times_low"].map(factor) + " to " + rows["times_high"].map(factor),
        }
    )


def questions_words(found: Finding) -> pd.DataFrame:
    """Legal questions of :func:`riskmodel.worlds` that divide the setups most."""
    assert found.detail is not None
    label = found.detail.drop_duplicates("setup").set_index("setup")["label"]
    rows = found.table.head(QUESTIONS)
    return pd.DataFrame(
        {
            "If it were settled whether the": rows["label"],
            "Probability of yes": rows["probability_yes"].map(percent),
            "Setups touched": rows["setups_touched"],
            "Pairs whose order it changes": rows["pairs_reordered"].map(share_text),
            "Largest effect, yes against no": rows["largest_factor"].map(factor)
            + " times, "
            + rows["largest_setup"].map(label),
        }
    )


def regret_words(found: pd.DataFrame) -> pd.DataFrame:
    """Regret of each choice in percentage points, and what is better whatever the attitude to risk."""
    label = found.set_index("setup")["label"]
    beaten = [_named(cell, label) for cell in found["dominated_by"]]
    both = ["none" if not cell else _named(cell, label) for cell in found["dominated_in_worlds_by"]]
    return pd.DataFrame(
        {
            "Choice": found["label"],
            "Regret on average (points)": [digits(100 * v) for v in found["regret"]],
            "… in the worst tenth (points)": [digits(100 * v) for v in found["regret_worst_decile"]],
            "Is the best choice": found["best"].map(share_text),
            "Dominated by, over parameters": [cell or "none" for cell in beaten],
            "Dominated by, over worlds": both,
        }
    )


def _named(ids: str, label: pd.Series) -> str:
    names = [str(label[one]) for one in ids.split("; ") if one]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def criteria_words(found: Finding) -> pd.DataFrame:
    """Criteria of :func:`riskmodel.tradeoff`, one row a setup, exposure in per cent."""
    assert found.detail is not None
    rows = found.detail.assign(label=found.detail["setup"].map(found.table.set_index("setup")["label"]))
    exposed = rows["criterion"] == "exposure"
    rows["said"] = [
        percent(mean) if p else factor(low) if low == high else f"{digits(low)} to {digits(high)}"
        for p, mean, low, high in zip(exposed, rows["mean"], rows["low"], rows["high"], strict=True)
    ]
    rows["named"] = rows["criterion"] + " (" + rows["better"] + " is better)"
    wide = rows.pivot_table("said", "label", "named", aggfunc="first", sort=False).rename_axis(columns=None)
    shares = found.table.set_index("label")[["on_front", "best"]].map(share_text)
    wide = wide.join(shares.set_axis(["On the front", "Best, weights unknown"], axis=1)).loc[found.table["label"]]
    return wide.rename_axis("Host").reset_index()


def portfolio_words(found: pd.DataFrame) -> pd.DataFrame:
    """Portfolios of :func:`riskmodel.aggregate`."""
    years = years_text(found["horizon_years"].iloc[0])
    return pd.DataFrame(
        {
            "Portfolio": found["portfolio"],
            f"At least one disclosure in {years}": found["probability_any"].map(percent),
            "… if nothing were shared": found["any_if_independent"].map(percent),
            "Institutions expected": found["expected"].map(digits),
            "… given at least one": found["number_if_any"].map(digits),
            "… in the worst tenth of worlds": found["worst_decile"].map(digits),
        }
    )


def severity_words(found: pd.DataFrame) -> pd.DataFrame:
    """Persons of :func:`riskmodel.severity`; behind ±, the Monte-Carlo standard error."""
    years = years_text(found["horizon_years"].iloc[0])
    return pd.DataFrame(
        {
            "Host": found["label"],
            f"At least one disclosure in {years}": found["probability"].map(percent),
            "… with 1,000 persons or more": found["probability_large"].map(percent),
            "… with the data of a given person": found["probability_person"].map(percent),
            "Persons expected in a year": [
                f"{digits(mean)} ± {digits(error / by, 1)}"
                for mean, error, by in zip(
                    found["persons_a_year"], found["persons_error"], found["horizon_years"], strict=True
                )
            ],
            "… of them taken in bulk": found["bulk_share"].map(share_text),
        }
    )
