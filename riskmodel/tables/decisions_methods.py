"""Answers of other methods in words: published figures, factor chains, cards, clauses, duties, and all side by side.

Question answered: *how is what another method says put before a reader, without making it say more?*
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.frameworks.horizon import figure, in_years
from riskmodel.wording import SMALLEST, digits, factor, percent, share_text, years_text

if TYPE_CHECKING:
    import xarray as xr

    from riskmodel.decide.finding import Finding
    from riskmodel.study import Study

__all__ = ["bridge_words", "cap_words", "card_words", "chain_words", "clause_grid", "dependence_words"]
__all__ += [
    "mapping_words",
    "pair_words",
    "published_words",
    "reach_by_law",
    "seal_words",
    "sheet_words",
    "step_words",
    "weight_words",
]

DEPENDENCE = ("point", "independent", "fully dependent")
CLAUSES = {
    "19.6.a": "seat in the EU",
    "19.6.b.1": "cap for one holder",
    "19.6.b.2": "cap for all holders",
    "19.6.b.3": "no veto",
    "19.6.b.4": "no board majority",
    "19.6.c": "no third-party access",
    "19.6.d": "autonomy",
    "19.6.e": "rights and values",
    "19.6.f": "changes announced",
    "19.2.a": "places documented",
    "19.2.b": "data in the EU",
    "19.2.c": "run from the EU",
    "19.2.d": "logs in the EU",
    "19.2.e": "support supervised",
    "5.3.d": "foreign law listed",
}
"""Clause -> its requirement in a few words; in full in the table ``secnumcloud_196``.

What a qualification covers and what it says nothing about (``scope``, ``limits``) are rows of that table, not clauses.
"""
OBJECTIVES = {
    "SOV-1": "strategic",
    "SOV-2": "legal and jurisdictional",
    "SOV-3": "data and AI",
    "SOV-4": "operations",
    "SOV-5": "supply chain",
    "SOV-6": "technology",
    "SOV-7": "security and compliance",
    "SOV-8": "environment",
}
"""Objective of the Cloud Sovereignty Framework -> what it is about."""
CAPS = ("19.6.b.1", "19.6.b.2")
"""Clauses that cap holdings: one holder's, and all together."""


def published_words(table: pd.DataFrame) -> pd.DataFrame:
    """Published probabilities, by the year and as years, and whether a second statement agrees."""
    second = [
        "none given"
        if missing
        else f"{figure(q)} after {in_years(n)}: {'agrees' if ok else f'does not agree, {digits(r)} times as long'}"
        for missing, q, n, ok, r in zip(
            table["consistent"].isna(),
            table["quantile"],
            table["years_to_quantile"],
            table["consistent"].fillna(True),
            table["ratio"],
            strict=True,
        )
    ]
    return pd.DataFrame(
        {
            "What": table["name"],
            "Stated": [
                f"{figure(p)} within {years_text(t)}"
                for p, t in zip(table["probability"], table["horizon_years"], strict=True)
            ],
            "The same a year": table["annual_probability"].map(percent),
            "90 % after": table["years_to_90"].map(in_years),
            "Second statement": second,
        }
    )


def dependence_words(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and tail of a chain by what is assumed of its cells, independent ones first."""
    table = table.sort_values("calculation", key=lambda c: c.map(DEPENDENCE.index), kind="stable")
    cells = [
        "points" if math.isinf(c) else f"{name}, concentration {c:g}"
        for name, c in zip(table["calculation"], table["concentration"], strict=True)
    ]
    spread = [
        "none" if math.isinf(c) else f"{percent(low)} to {percent(high)}"
        for c, low, high in zip(table["concentration"], table["q05"], table["q95"], strict=True)
    ]
    above = {str(name): str(name)[6:] for name in table if str(name).startswith("above_")}
    out = pd.DataFrame({"Cells": cells, "Mean": table["mean"].map(percent), "Median": table["q50"].map(percent)})
    out["5 to 95 %"] = spread
    for name, limit in above.items():
        shares = zip(table["concentration"], table[name], strict=True)
        out[f"Above {figure(float(limit))}"] = ["no" if math.isinf(c) else share_text(p) for c, p in shares]
    return out.assign(**{"Mean / point": table["ratio"].map(factor)})


def chain_words(found: Mapping[str, Finding]) -> pd.DataFrame:
    """The four calculations of a chain, one pair of columns a setup."""
    out = pd.DataFrame({"Calculation": next(iter(found.values())).table["calculation"]})
    for label, one in found.items():
        rows = one.table
        horizon, level = years_text(rows["horizon_years"].iloc[0]), percent(rows["quantile"].iloc[0])
        out[f"{label}, within {horizon}"] = rows["probability"].map(percent)
        out[f"{label}, restated as {level} after"] = [in_years(n, 2) for n in rows["years_method"]]
    return out


def sheet_words(found: Finding) -> pd.DataFrame:
    """The cells of the law that carries most."""
    assert found.detail is not None
    rows = found.detail[found.detail["regime"] == found.detail["regime"].iloc[0]]
    return pd.DataFrame(
        {
            "Step": rows["step"],
            "What it is": rows["meaning"],
            "Median": rows["median"].map(_number),
            "Mean": rows["mean"].map(_number),
            "90 % interval": [f"{_number(a)} to {_number(b)}" for a, b in zip(rows["q05"], rows["q95"], strict=True)],
            "Rests on the tables": rows["rests_on"].str.replace("_", " "),
        }
    )


def _number(value: float) -> str:
    return "under 0.000001" if value < SMALLEST else digits(value)


def weight_words(study: Study) -> pd.DataFrame:
    """Weights of each objective by version, and how they are known."""
    rows = study["csf_weights"]
    words = rows["weight_pct"].map("{:g} %".format) + rows["status"].map(" ({})".format)
    named = rows["objective"].map(lambda code: f"{code} {OBJECTIVES.get(code, '')}".rstrip())
    wide = rows.assign(words=words, objective=named).pivot_table(
        index="objective", columns="version", values="words", aggfunc="first"
    )
    return wide.add_prefix("Weights ").rename_axis("Objective", axis=0).rename_axis(None, axis=1).reset_index()


def card_words(table: pd.DataFrame) -> pd.DataFrame:
    """Cards: totals by each set of weights, the published one, and the gate."""

    def score(values: pd.Series) -> pd.Series:
        return values.map(lambda v: "no scores" if np.isnan(v) else f"{v:.1f}")

    sets = [c for c in table if str(c).startswith("score_") and c != "score_unweighted"]
    out = pd.DataFrame({"Card": table["provider_name"], "Published total": score(table["published_total"])})
    for column in sets:
        out[f"Weights {str(column).removeprefix('score_')}"] = score(table[column])
    fits = table["fits"].where(table["fits"] != "", "neither")
    out["Which weights give it"] = fits.where(table["published_total"].notna(), "")
    return out.assign(**{"Lowest level (gate)": table["gate"].map("SEAL-{:g}".format)})


def pair_words(unsure: pd.DataFrame, cards: pd.DataFrame) -> pd.DataFrame:
    """Pairs of cards whose order hangs on the weights, and what score and gate say of them."""
    gate = cards.set_index("card_id")["gate"]
    rows = unsure[unsure["higher"].between(0.005, 0.995)]
    a, b = rows["a"].map(gate), rows["b"].map(gate)
    by_gate = np.select([a > b, a < b], [rows["a_name"], rows["b_name"]], "both the same")
    return pd.DataFrame(
        {
            "First against second": rows["a_name"] + " against " + rows["b_name"],
            "First scores higher, weights unknown": rows["higher"].map(share_text),
            "Higher by gate": by_gate,
        }
    )


def mapping_words(bounds: pd.DataFrame) -> pd.DataFrame:
    """The bounds by which our reach is cut into levels."""
    limits = ["any" if p >= 1 else f"at most {percent(p)}" for p in bounds["reach_at_most"]]
    return pd.DataFrame({"Level": bounds["seal"].map("SEAL-{}".format), "Probability that any law reaches": limits})


def seal_words(table: pd.DataFrame) -> pd.DataFrame:
    """Levels of the legal objective by our reach, against the card."""
    card = table["published_seal"]
    return pd.DataFrame(
        {
            "Setup": table["label"],
            **{f"SEAL-{k} or more": table[f"at_least_{k}"].map(share_text) for k in (2, 3, 4)},
            "Median level": table["seal"].map("SEAL-{}".format),
            "Card of the provider": card.map("SEAL-{:g}".format).where(card.notna(), "no card"),
        }
    )


def reach_by_law(study: Study, x: xr.Dataset, setup: str, most: int = 6) -> pd.DataFrame:
    """The laws most likely to reach a setup."""
    states = study["regimes"].set_index("regime_id")["countries"].str.replace(";", "/")
    reach = x["reach"].sel(setup=setup).mean("sample").to_series().sort_values(ascending=False).head(most)
    names = dict(zip(x["regime"].values, x["regime_name"].values, strict=True))
    return pd.DataFrame(
        {
            "State": reach.index.map(states.to_dict()),
            "Law": reach.index.map(names),
            "Probability that it reaches": reach.map(percent).to_numpy(),
        }
    )


def clause_grid(found: Mapping[str, Finding]) -> pd.DataFrame:
    """Verdicts by clause and provider, the clauses in a few words."""
    grid = pd.DataFrame({name: one.table.set_index("clause")["verdict"] for name, one in found.items()})
    grid = grid.loc[[clause for clause in grid.index if clause in CLAUSES]]
    return grid.set_axis([f"{clause} {CLAUSES[clause]}" for clause in grid.index], axis=0)


def _bounded(low: float, high: float) -> str:
    return "any probability" if low == 0 and high == 1 else f"{share_text(low)} to {share_text(high)}"


def cap_words(found: Mapping[str, Finding]) -> pd.DataFrame:
    """Both caps as bounds, and what is seen of the holders."""
    rows = []
    for name, one in found.items():
        caps = one.table.set_index("clause").loc[[*CAPS]]
        said = [
            str(v) if high - low < 1e-9 else f"{v}: {_bounded(low, high)}"
            for v, low, high in caps[["verdict", "probability_low", "probability_high"]].to_numpy()
        ]
        seen = str(caps["evidence"].iloc[0]).split(" Weakest row")[0].split(" Direct holdings")[0]
        rows.append([name, *said, seen])
    columns = ["Setup", "Cap for one holder", "Cap for all together"]
    return pd.DataFrame(rows, columns=[*columns, "What is seen"])


def step_words(table: pd.DataFrame) -> pd.DataFrame:
    """Steps of the guides, and who serves them."""
    return pd.DataFrame(
        {
            "Step": table["framework"] + " " + table["step"].astype(str) + ": " + table["name"],
            "Served": table["serves"].replace({"not": "no"}),
            "Section of the report": table["section"].fillna("").str.replace(";", ", "),
            "Function": table["functions"].fillna("").str.replace(";", ", "),
            "Left to the reader": table["left"].fillna(""),
        }
    )


def bridge_words(found: Mapping[str, Finding]) -> pd.DataFrame:
    """All methods side by side, one column a setup, and why they differ."""
    first = next(iter(found.values())).table
    out = pd.DataFrame({"Method": first["method"] + ": " + first["question"]})
    for label, one in found.items():
        out[label] = one.table["answer"].to_numpy()
    return out.assign(**{"Why it differs": first["why_it_differs"]})
