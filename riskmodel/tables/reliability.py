"""How far the evidence carries: who says it and how sure, what contradicts what, what was not seen, how to misread it.

Question answered: *how much can be built on the published record and on the judgements?* Both readings of a
contradiction stand side by side, neither preferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN, plain
from riskmodel.tables.record import PLATFORM, WORKSPACE, counted, extraterritorial, requests, security_bands, shares
from riskmodel.tables.setups import CUSTODY, names
from riskmodel.wording import share_text

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["by_publisher", "contradictions", "coverage", "facts_seen", "readings", "sizes", "traps"]


def sizes(study: Study) -> pd.DataFrame:
    """How large is each table of evidence, and how sure was the compiler?

    Returns
    -------
    pandas.DataFrame
        ``table``, ``rows``, ``high``, ``medium``, ``low`` (rows by confidence; zeros where a table has no such column).
    """
    out = []
    for name, frame in study.tables.items():
        given = frame["confidence"].value_counts() if "confidence" in frame else pd.Series(dtype=int)
        out.append({"table": name, "rows": len(frame)} | {c: int(given.get(c, 0)) for c in ("high", "medium", "low")})
    return pd.DataFrame(out)


def by_publisher(study: Study) -> pd.DataFrame:
    """Who says it: on how many sources and rows of each publisher does the evidence rest?

    Returns
    -------
    pandas.DataFrame
        ``publisher``, ``sources`` and ``rows`` (a row that names several publishers counts for each), most rows first.
    """
    sources = study["sources"]
    who = sources["publisher"].fillna("publisher not recorded").str.replace("’", "'")
    publisher = who.str.split(r" \((?!repo)|; | data/", regex=True).str[0].set_axis(sources["source_id"])
    rows: dict[str, int] = {}
    for name, frame in study.tables.items():
        for cell in frame["source_ids"] if "source_ids" in frame and name != "sources" else ():
            for one in {publisher[i] for i in split(cell)}:
                rows[one] = rows.get(one, 0) + 1
    out = publisher.value_counts().rename_axis("publisher").reset_index(name="sources")
    out["rows"] = out["publisher"].map(rows).fillna(0).astype(int)
    return out.sort_values(["rows", "sources", "publisher"], ascending=[False, False, True], ignore_index=True)


def contradictions(study: Study) -> pd.DataFrame:
    """Which statements exclude one another? Both readings, neither preferred.

    Returns
    -------
    pandas.DataFrame
        ``about`` (setup, date, holding, customer number, count), ``fact``, ``reading``, ``rival``, ``rows`` and
        ``remark`` (what the compiler noted).
    """
    out: list[dict[str, str]] = []
    names_of = pd.concat([study["entities"].set_index("entity_id")["name"], names(study, "providers")]).to_dict()
    setups, when = study["setups"].set_index("setup_id"), study["timeline"]
    for key, row in setups[setups["variant_of"].notna()].iterrows():
        main = setups.loc[row["variant_of"]]
        custody = [CUSTODY.get(str(r["key_custody"]), f"keys {NOT_SEEN}") for r in (main, row)]
        said = [f"{r['label']}: {c}" for r, c in zip((main, row), custody, strict=True)]
        remark = f"{main['summary']} / {row['summary']}"
        out.append(_rival("setup", main["name"], said, f"{row['variant_of']}, {key}", remark))
    for (who, term), part in study["contract_terms"].groupby(["provider_id", "term"], sort=True):
        sides = [part[part["effect"] == e] for e in ("strengthens", "limits")]
        if all(map(len, sides)):
            said = ["; ".join(side["summary"].str.rstrip(".")) for side in sides]
            fact = f"{names(study, 'providers')[str(who)]}: {plain(term)}"
            out.append(_rival("contract term", fact, said, ", ".join(pd.concat(sides)["term_id"]), None))
    for event in when[when["date_alternative"].notna()].to_dict("records"):
        day = event["date"].strftime({"day": "%Y-%m-%d", "month": "%Y-%m"}.get(event["date_precision"], "%Y"))
        out.append(_rival("date", event["event"], [day, event["date_alternative"]], event["event_id"], event["remark"]))
    for (owned, holder, kind), part in study["ownership"].groupby(["owned_id", "holder_id", "kind"], sort=True):
        if len(part) > 1:
            part = part.sort_values("as_of")
            said = [f"{_range(r)} % ({r['as_of']:%Y}, {r['status']})" for r in part.to_dict("records")]
            ids = ", ".join(part["ownership_id"])
            remark = "Levels at different dates, not all rivals."
            fact = f"{plain(kind)} of {names_of[owned]} held by {names_of[holder]}"
            out.append(_rival("holding", fact, said, ids, remark))
    totals = study["customers"].set_index("customer_row_id")
    for key, row in totals[totals["contradicts"].notna()].iterrows():
        if totals["contradicts"].get(row["contradicts"]) == key and str(key) > row["contradicts"]:
            continue  # the other row says the same
        other = totals.loc[row["contradicts"]]
        said = [f"{r['value_low']:,.0f} ({r['as_of']:%Y})" for r in (row, other)]
        fact = f"{names_of[row['entity_id']]}, {row['scope']}: {plain(row['quantity'])}"
        out.append(_rival("customer number", fact, said, f"{key}, {row['contradicts']}", row["remark"]))
    key_columns = ["reporter", "metric", "requesting_country", "data_location", "segment", "regime_group"]
    for _, part in counted(study).groupby([*key_columns, "period_start", "period_end"], sort=True):
        if len(set(part["value_low"])) > 1:
            first = part.iloc[0]
            fact = f"{first['reporter']}, {plain(first['metric'])}, half-year from {first['period_start']:%Y-%m}"
            said = [f"{v:,.0f}" for v in part["value_low"]]
            out.append(_rival("count", fact, said, ", ".join(part["row_id"]), first["remark"]))
    return pd.DataFrame(out)


def _rival(about: str, fact: Any, readings: Sequence[str], rows: str, remark: Any) -> dict[str, str]:
    said = "" if pd.isna(remark) else str(remark)
    rest = "; ".join(readings[1:])
    return {"about": about, "fact": str(fact), "reading": readings[0], "rival": rest, "rows": rows, "remark": said}


def _range(row: dict[Any, Any]) -> str:
    low, high = row["share_low_pct"], row["share_high_pct"]
    return NOT_SEEN if pd.isna(low) else f"{low:g}" if low == high else f"{low:g} to {high:g}"


def readings(study: Study) -> pd.DataFrame:
    """What did each expert say of each quantity that several were asked about, and where do they differ most?

    Returns
    -------
    pandas.DataFrame
        ``item``, ``quantity``, ``who``, ``low``, ``mid``, ``high`` (10, 50 and 90 %), ``unit``, ``middle`` (geometric
        mean of the medians), ``fold`` (highest over lowest median), ``low_times``, ``mid_times``, ``high_times``
        (multiples of the middle), largest fold first. Probabilities and fractions are compared by their odds.
    """
    rows = study["elicitation"]
    rows = rows[rows["q90"] > rows["q10"]].rename(columns={"q10": "low", "q50": "mid", "q90": "high"})
    about = rows[["scheme", "condition"]].fillna("").replace("any", "")
    host = names(study, "providers")
    law = rows["regime_id"].map(study["regimes"].set_index("regime_id")["name"]).fillna("")
    law = law.where(rows["quantity"] == "reach", "").str.split(",").str[0]
    words = [
        ", ".join(str(host.get(p, plain(p))) for p in parts if p)
        for parts in zip(about["scheme"], about["condition"], law, strict=True)
    ]
    item = rows["quantity"].map(plain) + [f": {w}" if w else "" for w in words]
    rows = rows.assign(item=item, who=rows["expert_id"].map(names(study, "experts")))
    bounded = rows["unit"].str.startswith(("probability", "fraction"))
    scale = {
        c: rows[c] / (1 - rows[c].where(bounded, 0)) for c in ("low", "mid", "high")
    }  # odds, or the quantity itself
    middle = np.exp(scale["mid"].map(np.log).groupby(item).transform("mean"))
    times = {f"{c}_times": values / middle for c, values in scale.items()}
    rows = rows.assign(**times, middle=middle.where(~bounded, middle / (1 + middle)))
    every = rows.groupby("item")
    rows["fold"] = every["mid_times"].transform("max") / every["mid_times"].transform("min")
    rows = rows[every["who"].transform("nunique") > 1]
    columns = ["item", "quantity", "who", "low", "mid", "high", "unit", "middle", "fold", *times]
    return rows.sort_values(["fold", "item", "who"], ascending=[False, True, True], ignore_index=True)[columns]


def coverage(study: Study) -> pd.DataFrame:
    """For which half-years was a figure about enterprise customers or national security seen, and for which not?

    Returns
    -------
    pandas.DataFrame
        ``series``, ``half`` (first day of the half-year) and ``seen``, from the first half-year of any series to today.
    """
    outside, bands, asked = extraterritorial(study), security_bands(study), requests(study)
    counts = outside[outside["group"] == "counts, enterprise content"]
    frames = [
        asked.assign(series="Requests: " + asked["series"].str.split(",").str[0]),
        counts.assign(series="Enterprise content abroad, counts"),
        bands.assign(series="Bands: " + bands["reporter"].str.split(",").str[0]),
    ]
    seen = pd.concat(frames)
    starts = [
        pd.Timestamp(y, m, 1) for y in range(seen["period_start"].dt.year.min(), study.as_of.year + 1) for m in (1, 7)
    ]
    out = []
    for name, part in seen.groupby("series", sort=False):
        for half in (h for h in starts if h + pd.Timedelta(days=180) <= pd.Timestamp(study.as_of)):
            middle = half + pd.Timedelta(days=90)
            out.append((name, half, bool(((part["period_start"] <= middle) & (part["period_end"] >= middle)).any())))
    return pd.DataFrame(out, columns=["series", "half", "seen"])


def facts_seen(study: Study) -> pd.DataFrame:
    """Which facts that matter for an answer were seen, and for how many setups, providers or holdings not?

    Returns
    -------
    pandas.DataFrame
        ``fact``, ``seen``, ``rows``.
    """
    providers = study["providers"]
    providers = providers[~providers["is_pseudo"].astype(bool)]
    licensed = providers[providers["licensor_id"].notna()]
    facts = {
        "setups: who holds the keys": study["setups"]["key_custody"],
        "setups: states of the operators": study["setups"]["operator_countries"],
        "setups: start": study["setups"]["from_date"],
        "providers: establishments abroad": providers["establishment_countries"],
        "providers: separation of these": providers["establishment_separation"],
        "providers: states of the staff": providers["staff_countries"],
        "licensed offers: licensor's access": licensed["licensor_access"],
        "holdings: size of the share": study["ownership"]["share_low_pct"],
        "certificates: end of validity": study["certifications"]["valid_to"],
    }
    given = [
        (what, int((cells.notna() & (cells.astype("string") != "unknown")).sum()), len(cells))
        for what, cells in facts.items()
    ]
    return pd.DataFrame(given, columns=["fact", "seen", "rows"])


def traps(study: Study) -> pd.DataFrame:
    """What would a hasty reading of the tables give, and what do they say?

    Returns
    -------
    pandas.DataFrame
        ``trap``, ``hasty``, ``careful``, ``why``.
    """
    every, rows = study["transparency"], counted(study)
    microsoft = every[
        (every["reporter_id"] == "microsoft") & (every["segment"] == "enterprise") & (every["metric"] == "requests")
    ]
    late = microsoft[microsoft["period_start"] == "2020-07-01"]
    bands = security_bands(study)
    mine = bands[bands["reporter"] == names(study, "reporters")["microsoft"]]
    world = rows[
        (rows["reporter_id"] == PLATFORM)
        & rows["metric"].isin(["requests_non_us", "requests_other_legal", "requests_emergency"])
    ]
    foreign = world[world["requesting_country"] != "US"]
    abroad = extraterritorial(study)
    counts = abroad[(abroad["group"] == "counts, enterprise content") & (abroad["period_start"] >= "2025-07-01")]
    label = f"{names(study, 'reporters')[WORKSPACE]}: US search warrants"
    warrants = next(r for r in shares(study).to_dict("records") if r["label"] == label)
    out = [
        (
            "Second reports of one figure",
            f"{late['value_low'].sum():,.0f} requests to Microsoft in the second half of 2020",
            f"{late.loc[~late['is_duplicate'].astype(bool), 'value_low'].sum():,.0f}",
            "Rows marked as duplicates corroborate and are not counted.",
        ),
        (
            "Worldwide totals beside the rows of states",
            f"{foreign['value_low'].sum():,.0f} requests of other states to Google Cloud Platform",
            f"{foreign.loc[foreign['metric'] == 'requests_non_us', 'value_low'].sum():,.0f}",
            "The total is the sum of the rows; adding both doubles it.",
        ),
        (
            "Stock taken for flow",
            f"{mine['value_low'].sum():,.0f} accounts at Microsoft over {len(mine)} half-years, bands added up",
            f"{mine['value_low'].iloc[-1]:,.0f} to {mine['value_high'].iloc[-1]:,.0f} in the last one seen",
            "The same accounts are tasked half-year after half-year.",
        ),
        (
            "Parts taken for further events",
            f"{counts['value'].sum():,.0f} customers abroad in the second half of 2025",
            f"{counts['value'].max():,.0f}",
            "The European customer is one of those counted, not another.",
        ),
        (
            "Some data taken for content",
            f"content after {share_text(warrants['share'])} of US search warrants on Workspace",
            f"some data after {warrants['given']:,.0f} of {warrants['asked']:,.0f}",
            "A name and an address are some data.",
        ),
    ]
    return pd.DataFrame(out, columns=["trap", "hasty", "careful", "why"])
