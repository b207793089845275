"""What the numbers rest on: rows, counts, judgements, priors and sources.

Question answered: *on which row of which table, and on whose word, does an input of the model rest?*
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.checks import passed
from riskmodel.design import QUANTITIES
from riskmodel.nexus import SetupFacts
from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN, Markup, esc
from riskmodel.tables.setups import CUSTODY
from riskmodel.wording import digits, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = [
    "POOLED",
    "References",
    "bands",
    "checks_table",
    "counts_words",
    "decisions_words",
    "elicitation_words",
    "judgements",
    "ledger",
    "masthead",
    "priors_words",
    "relevant_rows",
]


class References:
    """Numbers the sources that a report uses, and links each mention to the list.

    Parameters
    ----------
    study
        The study; sources are numbered in the order of its table ``sources``.
    ids
        Ids that are used.
    """

    def __init__(self, study: Study, ids: Iterable[str]) -> None:
        rows = study["sources"]
        wanted = set(ids)
        self.rows = rows[rows["source_id"].isin(wanted)].reset_index(drop=True)
        self.number = {source: k + 1 for k, source in enumerate(self.rows["source_id"])}

    @classmethod
    def of(cls, study: Study, facts: Sequence[SetupFacts]) -> References:
        """Every source on which a setup, its providers, the law, a count, a prior or a decision rests."""
        ids: list[str] = []
        for name, rows in relevant_rows(study, facts).items():
            if "source_ids" in rows and name != "sources":
                ids += [i for cell in rows["source_ids"] for i in split(cell)]
        cited = study["sources"]["source_id"]
        ids += list(cited[cited.str.contains("ZH-RRB542")])
        return cls(study, ids)

    def cite(self, cell: object) -> Markup:
        """Links to the sources of a cell such as ``"SEED0;csf_azure"``."""
        numbers = sorted(self.number[i] for i in split(cell) if i in self.number)
        return Markup(" ".join(f'<a class="ref" href="#src-{n}">[{n}]</a>' for n in numbers))

    def listing(self) -> Markup:
        """The numbered list: title, publisher, date, address, a mark where the text was not found again."""
        items = []
        for k, row in enumerate(self.rows.to_dict("records"), start=1):
            url = str(row["url"]) if row["url"] == row["url"] and row["url"] else ""
            safe = url.lower().startswith(("http://", "https://"))
            link = f'<a class="url" href="{esc(url)}" rel="noreferrer">{esc(url)}</a>' if safe else esc(url)
            mark = "" if bool(row["located"]) else ' <strong class="mark">not located: unverified</strong>'
            said = ", ".join(esc(row[c]) for c in ("publisher", "published") if esc(row[c]))
            items.append(
                f'<li id="src-{k}" value="{k}"><cite>{esc(row["title"])}</cite>. {said}. {link}'
                f" <code>{esc(row['source_id'])}</code>{mark}</li>"
            )
        return Markup(f'<ol class="sources">{"".join(items)}</ol>')


def relevant_rows(study: Study, facts: Sequence[SetupFacts]) -> dict[str, pd.DataFrame]:
    """Rows of each table that something in the report rests on."""
    providers = study["providers"]
    used = {option.provider_id for fact in facts for option in fact.options}
    for _ in range(3):
        mine = providers[providers["provider_id"].isin(used)]
        used |= set(mine["runs_on"].dropna())
    holders, owned = set(used) | set(mine["licensor_id"].dropna()), study["ownership"]
    for _ in range(len(owned)):
        more = set(owned.loc[owned["owned_id"].isin(holders), "holder_id"]) - holders
        if not more:
            break
        holders |= more
    customers = study["customers"]
    counted = study["count_roles"].merge(study["transparency"], on="row_id", suffixes=("", "_row"))
    return {
        "setups": study["setups"],
        "providers": providers[providers["provider_id"].isin(used)],
        "ownership": owned[owned["owned_id"].isin(holders)],
        "certifications": study["certifications"][study["certifications"]["provider_id"].isin(used)],
        "contract_terms": study["contract_terms"][study["contract_terms"]["provider_id"].isin(used)],
        "regimes": study["regimes"],
        "count_roles": counted,
        "bands": bands(study),
        "customers": customers[
            (customers["entity_id"] == "microsoft")
            & (customers["use"] == "yes")
            & customers["quantity"].isin(["paid_seats", "paid_seats_estimate", "monthly_active_users"])
        ],
        "elicitation": study["elicitation"][study["elicitation"]["quantity"].isin(list(QUANTITIES))],
        "mixtures": study["mixtures"],
        "priors": study["priors"],
        "decisions": study["decisions"],
    }


def masthead(study: Study, posterior: Posterior, horizon_years: float, today: dt.date | None = None) -> Markup:
    """Title block: what this is, whether its checks pass, and all that is needed to make it again."""
    attrs = posterior.data.attrs
    rows = {
        "Facts as of": f"{study.as_of:%d %B %Y}",
        "Made on": f"{today or dt.datetime.now(dt.UTC).date():%d %B %Y}",
        "Horizon": f"{years_text(horizon_years)} from {study.as_of:%d %B %Y}",
        "Home legal space": "European Union and EEA" if study.home == "EU/EEA" else study.home,
        "Package": f"riskmodel {attrs['package_version']}",
        "Data": study.data_hash[:16],
        "Posterior": posterior.posterior_id,
        "Sampler": f"{attrs['sampler']}, {attrs['chains']} chains of {int(attrs['draws']):,} draws",
        "Seed": posterior.seed,
    }
    facts = "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(v)}</dd></div>" for k, v in rows.items())
    failing = [row for row in posterior.checks if row["verdict"] != "pass"]
    if passed(posterior.checks):
        badge = (
            f'<p class="badge good">✓ all {len(posterior.checks)} checks of the fit pass '
            '<a href="#checks">(see them)</a></p>'
        )
    else:
        said = "; ".join(
            f"{esc(r['check'])} is {digits(float(r['value']), 3)}, must be {esc(r['threshold'])}" for r in failing
        )
        badge = (
            '<div class="banner" role="alert"><strong>The fit behind this report fails its checks. Do not '
            "use its "
            f'numbers.</strong> <span>{said}. <a href="#checks">All checks</a></span></div>'
        )
    return Markup(f'{badge}<dl class="facts">{facts}</dl>')


def checks_table(posterior: Posterior) -> pd.DataFrame:
    """The checks of the fit in words."""
    rows = [
        {
            "Check": r["check"],
            "Value": digits(float(r["value"]), 4 if 0.9 < float(r["value"]) < 1.1 else 3),
            "Must be": r["threshold"],
            "Verdict": "✓ pass" if r["verdict"] == "pass" else Markup('<strong class="mark">✗ FAIL</strong>'),
            "Meaning": r["meaning"],
        }
        for r in posterior.checks
    ]
    return pd.DataFrame(rows)


POOLED: dict[str, tuple[str, dict[str, str]]] = {
    "reach": ("reach", {"regime": "US_SCA_CLOUD", "route": "*"}),
    "clear_text": ("clear_text", {"custody": "*"}),
    "demand_defeated": ("demand_defeated", {"term": "*"}),
    "certification_in_place": ("certification_in_place", {"status": "*"}),
    "attractiveness": ("attractiveness", {"data_class": "*"}),
}
"""Elicited quantity -> posterior quantity and the dimension that its condition names."""


def judgements(study: Study, posterior: Posterior, *quantities: str) -> pd.DataFrame:
    """Expert readings of some quantities side by side, with the pooled posterior where the file keeps it.

    Returns
    -------
    pandas.DataFrame
        ``item``, ``who``, ``low``, ``mid``, ``high`` (10, 50 and 90 %).
    """
    names = study["experts"].set_index("expert_id")["name"]
    out = []
    for quantity in quantities:
        rows = study["elicitation"]
        rows = rows[(rows["quantity"] == quantity) & (rows["q90"] > rows["q10"])]
        if quantity == "reach":
            rows = rows[rows["regime_id"].isna() | (rows["regime_id"] == "US_SCA_CLOUD")]
        for item in dict.fromkeys(rows["condition"]):
            words = CUSTODY.get(item, str(quantity if item == "any" else item).replace("_", " "))
            for r in rows[rows["condition"] == item].to_dict("records"):
                out.append((words, str(names[r["expert_id"]]), r["q10"], r["q50"], r["q90"]))
            value = _pooled(posterior, quantity, item)
            if value is not None:
                out.append((words, "pooled posterior", *np.quantile(value, [0.1, 0.5, 0.9])))
    return pd.DataFrame(out, columns=["item", "who", "low", "mid", "high"])


def _pooled(posterior: Posterior, quantity: str, item: str) -> np.ndarray | None:
    """Posterior draws of an elicited item, or None where the file does not keep it."""
    draws, coords = posterior.arrays(), posterior.coords()
    if (quantity, item) == ("reach", "no_nexus"):
        return draws["leak"]
    if quantity not in POOLED:
        return None
    name, where = POOLED[quantity]
    value = draws[name]
    for dim, label in where.items():
        chosen = item if label == "*" else label
        if chosen not in coords[dim]:
            return None
        value = value[coords[dim].index(chosen)]
    return np.sqrt(value[0] * value[1]) if quantity == "attractiveness" else value  # geometric mean of purposes


def bands(study: Study) -> pd.DataFrame:
    """Published bands of accounts tasked under section 702, by reporter and half-year."""
    rows = study["transparency"]
    rows = rows[(rows["regime_group"] == "us_fisa_content") & (rows["metric"] == "accounts")]
    rows = rows[rows["reporter_id"].isin(["microsoft", "google_all"]) & ~rows["is_duplicate"].astype(bool)]
    return rows.sort_values(["reporter_id", "period_start"]).reset_index(drop=True)


def _span(ids: Iterable[str]) -> str:
    """Return the ids of rows, runs shortened: EL001 to EL004, EL009."""
    runs: list[list[str]] = []
    for one in sorted(set(ids)):
        last = re.fullmatch(r"(\D*)(\d+)", runs[-1][-1]) if runs else None
        here = re.fullmatch(r"(\D*)(\d+)", one)
        if last and here and last[1] == here[1] and int(here[2]) == int(last[2]) + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def ledger(study: Study, facts: Sequence[SetupFacts], refs: References) -> pd.DataFrame:
    """What each input of the model rests on: table, rows, sources."""
    rows = relevant_rows(study, facts)
    experts = study["experts"].set_index("expert_id")["name"]
    out = []

    def add(name: str, what: str, frame: pd.DataFrame, key: str, said: object = None) -> None:
        cell = ";".join(dict.fromkeys(i for c in frame.get("source_ids", []) for i in split(c)))
        ids = frame[key] if len(frame) <= 400 else frame[key].head(0)
        out.append(
            {
                "Input of the model": what,
                "Table": f"data/{name}.csv",
                "Rows": f"{len(frame)}: {_span(map(str, ids))}",
                "Sources or judges": said or refs.cite(cell),
            }
        )

    add("setups", "Setups", rows["setups"], "setup_id")
    add("providers", "Seats, establishments, licensors, staff", rows["providers"], "provider_id")
    add("ownership", "Who holds and controls whom", rows["ownership"], "ownership_id")
    add("certifications", "Certificates", rows["certifications"], "certification_id")
    add("contract_terms", "Contract terms", rows["contract_terms"], "term_id")
    add("regimes", "Law: wording, purpose, dates", rows["regimes"], "regime_id")
    add(
        "route_map",
        "From wording and facts to routes",
        study["route_map"],
        "route_map_id",
        "authors of riskmodel",
    )
    add("count_roles", "Counts and zero statements of disclosures", rows["count_roles"], "row_id")
    add("transparency", "Bands of accounts under section 702", rows["bands"], "row_id")
    add("customers", "Growth of customer numbers", rows["customers"], "customer_row_id")
    add("mixtures", "Facts not seen", rows["mixtures"], "mixture_id", "authors of riskmodel")
    for quantity, part in rows["elicitation"].groupby("quantity", sort=True):
        judges = ", ".join(sorted(map(str, experts[part["expert_id"].unique()])))
        add("elicitation", f"Judgement: {str(quantity).replace('_', ' ')}", part, "elicitation_id", judges)
    add("priors", "Priors", rows["priors"], "prior_id")
    add("decisions", "Record of decisions", rows["decisions"], "decision_id")
    return pd.DataFrame(out)


def counts_words(study: Study, facts: Sequence[SetupFacts], refs: References) -> pd.DataFrame:
    """Counts and statements that inform the hazard, each with its role and source."""
    rows = relevant_rows(study, facts)["count_roles"]
    names = study["reporters"].set_index("reporter_id")["name"]
    return pd.DataFrame(
        {
            "Row": rows["row_id"],
            "Reporter": rows["reporter_id"].map(names),
            "From": rows["period_from"].dt.strftime("%Y-%m-%d"),
            "To": rows["period_to"].dt.strftime("%Y-%m-%d"),
            "Count": [f"{v:.0f}" if v == v else NOT_SEEN for v in rows["value_low"]],
            "Customers": [str(v).replace("_", " ") for v in rows["population"]],
            "Role": [str(v).replace("_", " ") for v in rows["role"]],
            "Why": rows["reason"],
            "Source": rows["source_ids"].map(refs.cite),
        }
    )


def elicitation_words(study: Study) -> pd.DataFrame:
    """All elicited quantiles with their basis."""
    rows = study["elicitation"]
    names = study["experts"].set_index("expert_id")["name"]
    number = {c: [f"{v:,.6g}" for v in rows[c]] for c in ("q10", "q50", "q90")}
    about = [
        ", ".join(p for p in (str(a).replace("_", " "), *(str(v) for v in (r, s) if v == v and v)) if p)
        for a, r, s in zip(rows["condition"], rows["regime_id"], rows["scheme"], strict=True)
    ]
    return pd.DataFrame(
        {
            "Row": rows["elicitation_id"],
            "Quantity": [q.replace("_", " ") for q in rows["quantity"]],
            "Of": about,
            **number,
            "Unit": rows["unit"],
            "Judge": rows["expert_id"].map(names),
            "Basis": rows["basis"],
        }
    ).rename(columns={"q10": "10 %", "q50": "50 %", "q90": "90 %"})


def priors_words(study: Study, refs: References) -> pd.DataFrame:
    """Priors with unit, reason and source."""
    rows = study["priors"]
    shape = [
        f"{d}({', '.join(f'{v:g}' for v in (a, b) if v == v)})"
        for d, a, b in zip(rows["distribution"], rows["first"], rows["second"], strict=True)
    ]
    return pd.DataFrame(
        {
            "Prior": [p.replace("_", " ") for p in rows["prior_id"]],
            "Distribution": shape,
            "Unit": rows["unit"],
            "Reason": rows["reason"],
            "Source": rows["source_ids"].map(refs.cite),
        }
    )


def decisions_words(found: pd.DataFrame, refs: References) -> pd.DataFrame:
    """Record of decisions in words."""
    return pd.DataFrame(
        {
            "Date": found["date"].dt.strftime("%Y-%m-%d"),
            "Authority": found["authority"],
            "System": found["system_name"],
            "Issue": found["issue"],
            "Outcome": found["outcome"],
            "Speaks of": ["reach and likelihood" if s == "both" else s for s in found["speaks_of"]],
            "Source": found["source_ids"].map(refs.cite),
        }
    )
