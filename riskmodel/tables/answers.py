"""The answers in words: reach, likelihood, comparisons, tolerance, influence.

Question answered: *how is each number said to a reader?*
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.tables.page import Markup
from riskmodel.tables.setups import CUSTODY
from riskmodel.wording import digits, factor, one_in, percent, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study
    from riskmodel.tables.evidence import References

__all__ = [
    "WHAT_IF",
    "between",
    "by_regime",
    "in_short",
    "influences",
    "likelihood_words",
    "order_against",
    "pairs",
    "rank_words",
    "reach_says",
    "reach_words",
    "readings",
    "readings_words",
    "tolerance_source",
    "tolerance_words",
    "what_if",
    "what_if_says",
]


def between(low: float, high: float) -> str:
    """Return an interval of probabilities."""
    return f"{percent(low)} to {percent(high)}"


def reach_words(summary: pd.DataFrame) -> pd.DataFrame:
    """Reach of each setup: predictive probability and 90 % interval over parameters."""
    return pd.DataFrame(
        {
            "Setup": summary["label"],
            "Group": summary["group"],
            "Probability of reach": summary["reach"].map(percent),
            "90 % interval over parameters": list(map(between, summary["reach_low"], summary["reach_high"])),
        }
    )


def likelihood_words(summary: pd.DataFrame) -> pd.DataFrame:
    """The three labelled numbers of each setup."""
    return pd.DataFrame(
        {
            "Setup": summary["label"],
            "1. Predictive probability": [f"{percent(p)} ({one_in(p)})" for p in summary["probability"]],
            "2. 90 % interval over parameters": list(
                map(between, summary["probability_low"], summary["probability_high"])
            ),
            "Median over parameters": summary["probability_median"].map(percent),
            "3. Worlds in which it is reached": summary["worlds_reached"].map(share_text),
            "… and probability if reached": summary["probability_if_reached"].map(percent),
        }
    )


def readings(x: xr.Dataset) -> pd.DataFrame:
    """Probability of each setup under each reading of its key custody, where custody is not known.

    Returns
    -------
    pandas.DataFrame
        ``setup``, ``label``, ``custody``, ``weight`` (stated), ``probability``, ``probability_low``,
        ``probability_high``; the mixture has custody ``"stated mixture"``.
    """
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    low, high = 0.05, 0.95
    rows = []
    for setup in x["setup"].values:
        mine = x.isel(reading=np.flatnonzero(x["reading_setup"].values == setup))
        custody = mine["reading_custody"].values
        if len(set(custody)) < 2:
            continue
        parts = {}
        for name in [c for c in CUSTODY if c in custody]:
            one = mine.isel(reading=np.flatnonzero(custody == name))
            weight = one["reading_weight"]
            parts[name] = (
                float(weight.sum()),
                (one["probability_reading"] * weight).sum("reading") / weight.sum(),
            )
        parts["stated mixture"] = (1.0, x["probability"].sel(setup=setup))
        for name, (share, p) in parts.items():
            bounds = p.quantile([low, high], "sample").values
            rows.append((setup, labels[setup], name, share, float(p.mean()), bounds[0], bounds[1]))
    columns = ["setup", "label", "custody", "weight", "probability", "probability_low", "probability_high"]
    return pd.DataFrame(rows, columns=columns)


def readings_words(found: pd.DataFrame) -> pd.DataFrame:
    """One row a setup, one column a reading."""
    wide = found.pivot_table(index="label", columns="custody", values="probability").loc[found["label"].unique()]
    out = pd.DataFrame({"Setup": wide.index})
    for name in [*CUSTODY, "stated mixture"]:
        if name in wide:
            out[CUSTODY.get(name, name).capitalize()] = wide[name].map(percent).to_numpy()
    return out


def order_against(x: xr.Dataset, reference: str) -> pd.DataFrame:
    """Each setup against one: probability of being lower, equal, higher, over parameters and over worlds."""
    from riskmodel.decide import compare

    parts = []
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    for setup in (str(s) for s in x["setup"].values if s != reference):
        found = compare(x, setup, reference).table
        found = found[(found["answer"] == "likelihood") & (found["comparison"] != "predictive")]
        parts.append(found.assign(setup=setup, label=labels[setup]))
    out = pd.concat(parts, ignore_index=True)
    over = out[out["comparison"] == "over parameters"].sort_values("ratio")["setup"].tolist()
    return out.iloc[np.argsort(out["setup"].map(over.index).to_numpy(), kind="stable")].reset_index(drop=True)


def pairs(found: Mapping[str, xr.Dataset], wanted: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Pairs of setups compared on several bases (as described, at equal terms), in words."""
    from riskmodel.decide import compare

    rows = []
    for a, b in wanted:
        for basis, x in found.items():
            scored = set(map(str, x["setup"].values))
            if not {a, b} <= scored:
                continue
            t = compare(x, a, b).table
            t = t[t["answer"] == "likelihood"].set_index("comparison")
            got = {str(k): v for k, v in t.to_dict("index").items()}
            label = dict(zip(x["setup"].values, x["label"].values, strict=True))
            shares = {
                where: " / ".join(share_text(float(got[where][k])) for k in ("lower", "equal", "higher"))
                for where in ("over parameters", "over worlds")
            }
            rows.append(
                {
                    "First against second": f"{label[a]} against {label[b]}",
                    "Basis": basis,
                    "Ratio of predictive probabilities": factor(float(got["predictive"]["ratio"])),
                    "90 % interval of the ratio over parameters": " to ".join(
                        factor(float(got["over parameters"][k])) for k in ("ratio_low", "ratio_high")
                    ),
                    "Over parameters: lower / equal / higher": shares["over parameters"],
                    "Over worlds: lower / tied / higher": shares["over worlds"],
                }
            )
    return pd.DataFrame(rows)


def rank_words(ranked: pd.DataFrame) -> pd.DataFrame:
    """Rank table in words."""
    return pd.DataFrame(
        {
            "Host": ranked["label"],
            "Expected rank (1 = least exposed)": ranked["expected_rank"].map(lambda v: f"{v:.1f}"),
            "90 % of ranks": [
                f"{a:.0f} to {b:.0f}" for a, b in zip(ranked["rank_low"], ranked["rank_high"], strict=True)
            ],
            "Lowest or tied, over parameters": ranked["lowest"].map(share_text),
            "Lowest or tied, over worlds": ranked["lowest_in_worlds"].map(share_text),
            "Predictive probability": ranked["probability"].map(percent),
        }
    )


def tolerance_words(found: pd.DataFrame) -> pd.DataFrame:
    """Tolerance table in words, most doubtful first."""
    rows = found.sort_values("exceeds", ascending=False)
    return pd.DataFrame(
        {
            "Setup": rows["label"],
            "Predictive probability above it": ["yes" if b else "no" for b in rows["predictive_exceeds"]],
            "Probability, over parameters, of being above": rows["exceeds"].map(share_text),
            "Share of worlds above": rows["exceeds_in_worlds"].map(share_text),
        }
    )


def by_regime(study: Study, x: xr.Dataset, wanted: Sequence[str]) -> pd.DataFrame:
    """Predictive probability of each setup through one regime alone, and its share of the sum."""
    part = x["probability_regime"].sel(setup=list(wanted)).mean("sample")
    states = study["regimes"].set_index("regime_id")["countries"].str.replace(";", "/")
    names = {r: f"{states[r]}: {name}" for r, name in zip(x["regime"].values, x["regime_name"].values, strict=True)}
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    rows = []
    for s in wanted:
        column = part.sel(setup=s)
        for r in part["regime"].values:
            value = float(column.sel(regime=r))
            rows.append((s, labels[s], str(r), str(names[r]), value, value / float(column.sum())))
    return pd.DataFrame(rows, columns=["setup", "label", "regime", "name", "probability", "share"])


WHAT_IF = {
    "as described": {},
    "keys with the provider": {"key_custody": "provider"},
    "customer-managed keys": {"key_custody": "customer_managed"},
    "keys held elsewhere": {"key_custody": "external_hyok"},
    "encrypted by the client": {"key_custody": "client_side"},
    "administered from the United States too": {"operator_countries": "FR;US"},
    "a copy in the United States": {"data_countries": "FR;US"},
}
"""Changes to one setup whose effect is shown; keys as a reader would say them."""


def what_if(study: Study, posterior: Posterior, setup: str, horizon_years: float) -> pd.DataFrame:
    """Score variants of one setup: what a fact would change if it were known to be so."""
    from riskmodel.decide import summarise
    from riskmodel.exposure import exposure

    base = study["setups"]
    base = base[base["setup_id"] == setup]
    variants = [
        base.assign(setup_id=f"{setup}:{k}", label=name, **change) for k, (name, change) in enumerate(WHAT_IF.items())
    ]
    scored = exposure(posterior, study, setups=pd.concat(variants, ignore_index=True), horizon_years=horizon_years)
    return summarise(scored).table


def in_short(study: Study, x: xr.Dataset, posterior: Posterior, focus: Sequence[str]) -> list[str]:
    """Return the main results in sentences: setup in use against the selected one, levels, judgement."""
    from riskmodel.decide import compare, drivers, summarise

    s = summarise(x).table.set_index("setup")
    said = {str(k): v for k, v in s.to_dict("index").items()}
    years = years_text(x.attrs["horizon_years"])
    old, new = focus[0], "HDH_SCALEWAY" if "HDH_SCALEWAY" in focus else focus[-1]
    a, b = said[old], said[new]
    out = []
    for r in (a, b):
        out.append(
            f"{r['label']}: a foreign law reaches it with a probability of {percent(r['reach'])}; the "
            "predictive probability of at "
            f"least one disclosure within {years} is {percent(r['probability'])} "
            f"({one_in(r['probability'])}), with a 90 % "
            f"interval over parameters from {percent(r['probability_low'])} to "
            f"{percent(r['probability_high'])}."
        )
    if old != new:
        out.append(compare(x, new, old).text)
        t = compare(x, new, old).table
        t = t[(t["answer"] == "likelihood") & (t["comparison"] == "over parameters")]
        spans = float(t["ratio_high"].iloc[0] / t["ratio_low"].iloc[0])
        out.append(
            f"Read comparisons with more trust than levels: the interval of {a['label']} spans a factor of "
            "about "
            f"{digits(a['probability_high'] / a['probability_low'], 1)}, that of the ratio between the two a "
            "factor of about "
            f"{factor(spans)}."
        )
    found = drivers(x, posterior, old)
    out.append(f"The level is mostly judgement. For {a['label']}: {found.text}")
    above = s[s["probability"] > 0.10]
    named = ", ".join(above["label"])
    out.append(
        f"{'No setup has' if above.empty else f'{named}: the only ones to have'} a predictive probability "
        f"above {percent(0.10)} "
        f"within {years}; none of the {len(s)} has a probability of zero."
    )
    return out


def reach_says(summary: pd.DataFrame) -> list[str]:
    """Return how the setups divide by reach."""
    high, low = summary[summary["reach"] > 0.5], summary[summary["reach"] < 0.05]
    least = percent(float(summary["reach"].min()))
    return [
        f"{len(high)} of {len(summary)} setups are more likely than not within the reach of some foreign "
        f"law; {len(low)} have no "
        f"foreign connection that was seen, and keep the probability of an unseen one, {least}.",
        f"The {len(summary) - len(high) - len(low)} between them turn on a fact that was not seen, such as "
        "the separation of a "
        "foreign subsidiary, the access of a licensor or the choice of the host.",
    ]


def tolerance_source(refs: References, horizon_years: float) -> Markup:
    """Return where the tolerated probability of 10 % in 5 years comes from."""
    known = [i for i in refs.number if "ZH-RRB542" in i]
    note = "" if horizon_years == 5.0 else " The threshold was set for 5 years, another horizon is shown here."
    return Markup(
        "The threshold is that of the canton of Zurich, which in decision RRB 542 of 2022 held foreign "
        "access to its cloud "
        f"data tolerable below this probability over five years {refs.cite(';'.join(known))}; it is an "
        f"example, not a norm.{note}"
    )


def influences(x: xr.Dataset, moved: Mapping[str, Any]) -> pd.DataFrame:
    """Join the influence of inputs on several setups, largest for the first one on top."""
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    first = next(iter(moved.values())).table[["input", "informed_by"]]
    for setup, found in moved.items():
        part = found.table[["input", "influence"]].rename(columns={"influence": labels[setup]})
        first = first.merge(part, on="input")
    return first


def what_if_says(found: pd.DataFrame, label: str, horizon_years: float) -> str:
    """Return what the largest change would be."""
    base, most = found.iloc[0], found.iloc[int(found["probability"].to_numpy().argmax())]
    times = factor(most["probability"] / base["probability"])
    return (
        f"Facts that a source could settle would move the answer. For {label} the predictive probability "
        "within "
        f"{years_text(horizon_years)} is {percent(base['probability'])}; the change that would raise it most "
        "of those tried "
        f"({most['label']}) would make it {percent(most['probability'])}, {times} times as much."
    )
