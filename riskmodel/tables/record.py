"""The published record as frames ready to draw: what was counted or stated, of whom and for when, nothing twice.

Question answered: *what was published?* Second reports, worldwide totals, rounded shares and bands are handled here,
once; how far the record carries is in :mod:`riskmodel.tables.reliability`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.tables.page import plain
from riskmodel.tables.setups import country, names

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["by_country", "counted", "extraterritorial", "requests", "security_bands", "shares"]

GOOGLE = PLATFORM, WORKSPACE = ("google_cloud_platform", "google_workspace")
DEMANDS = "requests_(subpoenas|search_warrants|court_orders|pen_register|wiretap_orders|emergency|other_legal)$"
"""Google's kinds of process, without requests to preserve data; together they are all requests of a state."""
WHAT = {
    "content_disclosures_enterprise_outside_us": "content stored abroad",
    "content_disclosures_nonus_customer_outside_us": "customers abroad, content abroad",
    "content_disclosures_eu_efta_customer_outside_us": "of these in EU or EFTA",
    "azure_content_disclosures": "Azure content, any state",
    "content_disclosures_eu_enterprise_or_public_body_testimony": "European bodies, under oath",
    "disclosures_eu_public_sector_statement": "European public sector",
    "requests_european_client_content": "one request, refused",
    "warrants_consumer_content_outside_us": "warrants on consumers",
    "orders_known_extraterritorial": "one order on metadata",
    "cloud_act_agreement_requests_us_to_uk_providers": "US requests to the UK",
}
"""Metric of a figure about data or customers abroad -> its words."""


def counted(study: Study) -> pd.DataFrame:
    """Published figures that may be counted: second reports of a figure are left out.

    Returns
    -------
    pandas.DataFrame
        Rows of ``transparency`` with ``reporter``, the name of who published the figure.
    """
    rows = study["transparency"]
    rows = rows[~rows["is_duplicate"].astype(bool)]
    return rows.assign(reporter=rows["reporter_id"].map(names(study, "reporters")))


def security_bands(study: Study) -> pd.DataFrame:
    """Published bands of accounts under American national-security process, by reporter and period.

    Returns
    -------
    pandas.DataFrame
        ``reporter``, ``instrument``, ``period_start``, ``period_end``, ``value_low``, ``value_high`` (accounts).
    """
    rows = counted(study)
    content = (rows["regime_group"] == "us_fisa_content") & (rows["metric"] == "accounts")
    combined = rows["combined_instruments"] & rows["metric"].isin(["accounts", "accounts_nsl_fisa_combined"])
    rows = rows[content | combined].assign(
        instrument=np.where(combined[content | combined], "NSL and FISA in one band", "FISA, content")
    )
    columns = ["reporter", "instrument", "period_start", "period_end", "value_low", "value_high"]
    return rows[columns].sort_values(["reporter", "period_start"], ignore_index=True)


def requests(study: Study) -> pd.DataFrame:
    """Requests about enterprise customers by service and period.

    Returns
    -------
    pandas.DataFrame
        ``series`` (service and whose requests), ``reporter_id``, ``period_start``, ``period_end``, ``requests``,
        ``per_half_year`` and ``contested`` (two figures for one period; both are kept).
    """
    rows = counted(study)
    rows = rows[rows["segment"] == "enterprise"]
    who, metric, state = rows["reporter_id"], rows["metric"], rows["requesting_country"]
    total, parts = metric == "requests", metric.str.fullmatch(DEMANDS)
    series = {
        "Microsoft, all states": (who == "microsoft") & total,
        "AWS, all states": (who == "aws") & total,
        "Google Cloud Platform, US": (who == PLATFORM) & total,
        "Google Cloud Platform, other states": (who == PLATFORM) & (metric == "requests_non_us"),
        "Google Workspace, US": (who == WORKSPACE) & parts & (state == "US"),
        "Slack, US": (who == "slack") & (total | parts) & (state == "US"),
    }
    frames = []
    for name, chosen in series.items():
        keys = ["reporter_id", "period_start", "period_end"]
        if parts[chosen].any():  # some periods have a total, others the kinds of process, which add up to it
            part = rows[chosen].groupby(keys, as_index=False).agg(value_low=("value_low", "sum"))
        else:
            part = rows.loc[chosen, [*keys, "value_low"]]
        frames.append(part.assign(series=name))
    out = pd.concat(frames).rename(columns={"value_low": "requests"})
    days = (out["period_end"] - out["period_start"]).dt.days + 1
    out["per_half_year"] = out["requests"] / np.maximum(np.round(days / 182.6), 1)
    out["contested"] = out.duplicated(["series", "period_start"], keep=False)
    return out.sort_values(["series", "period_start"], kind="stable", ignore_index=True)


def shares(study: Study) -> pd.DataFrame:
    """What share of requests about enterprise customers led to data, with the counts behind it?

    Google publishes the number of requests and the share rounded to one per cent: the count is their product, summed
    over half-years and kept within the whole numbers that fit. "Some data" may be a name and an address; "content" is
    what the customer stored.

    Returns
    -------
    pandas.DataFrame
        ``kind`` (some data, content), ``label``, ``given``, ``given_low`` and ``given_high`` (what rounding allows),
        ``asked``, ``share`` and ``periods``.
    """
    rows = counted(study)
    rows = rows[rows["segment"] == "enterprise"]
    keys = ["reporter", "requesting_country", "period_start", "period_end"]
    asked = rows[rows["metric"].str.match(DEMANDS) & rows["reporter_id"].isin(GOOGLE)]
    asked = asked.assign(process=asked["metric"].str.removeprefix("requests_"))
    given = rows[rows["metric"].str.startswith("pct_some_data_disclosed_")]
    given = given.assign(process=given["metric"].str.removeprefix("pct_some_data_disclosed_"))
    both = asked.merge(given, on=[*keys, "process"], suffixes=("", "_pct"))
    us = both["requesting_country"] == "US"
    both["label"] = both["reporter"] + ": " + np.where(us, "US " + both["process"].map(plain), "other states")
    both = both.rename(columns={"value_low": "asked"}).assign(kind="some data disclosed, content or not")
    asked_of, percent = (both[c].to_numpy(dtype=float) for c in ("asked", "value_low_pct"))
    nearest = np.round(asked_of * percent / 100)  # low and high: whole numbers of requests that fit the rounded share
    both = both.assign(
        given=asked_of * percent / 100,
        given_low=np.minimum(np.ceil(asked_of * np.maximum(percent - 0.5, 0) / 100), nearest),
        given_high=np.maximum(np.floor(asked_of * np.minimum(percent + 0.5, 100) / 100), nearest),
    )
    main = ["US search warrants", "US subpoenas", "US court orders", "other states"]
    both = both[both["label"].str.split(": ").str[1].isin(main)]
    content = rows[(rows["metric"] == "content_disclosures") & ~rows["reporter_id"].isin(GOOGLE)]
    keys = ["reporter_id", "period_start", "period_end"]
    content = content.groupby(keys, as_index=False).agg(value_low=("value_low", "max"))  # worldwide where there are two
    total = requests(study).merge(content, on=keys).rename(columns={"requests": "asked", "value_low": "given"})
    total = total.assign(kind="content disclosed", given_low=total["given"], given_high=total["given"])
    both = pd.concat([both, total.assign(label=total["series"].str.replace(", ", ": "))])
    sums = {c: (c, "sum") for c in ("given", "given_low", "given_high", "asked")}
    out = both.groupby(["kind", "label"], as_index=False).agg(**sums, periods=("period_start", "nunique"))
    out["given"] = out["given"].round().clip(out["given_low"], out["given_high"])
    out["share"] = out["given"] / out["asked"]
    return out.sort_values(["kind", "share", "label"], ascending=[False, False, True], ignore_index=True)


def extraterritorial(study: Study) -> pd.DataFrame:
    """Which figures and statements speak of data stored abroad or of customers abroad?

    Returns
    -------
    pandas.DataFrame
        ``group`` (enterprise content, statement of zero, for scale), ``label``, ``value``, ``period_start``,
        ``period_end``, ``assumed`` (an end of the period is not stated), ``row_id``.
    """
    rows = counted(study)
    zero_azure = rows["metric"] == "azure_content_disclosures"
    statement = rows["metric"].str.contains("statement|testimony")
    rows = rows[(rows["data_location"] == "outside_us") | zero_azure | statement]
    long = (rows["period_end"] - rows["period_start"]).dt.days > 200
    enterprise = (rows["segment"] == "enterprise") & rows["metric"].str.contains("content_disclosures|statement")
    zero = enterprise & (rows["value_low"] == 0) & (long | rows["remark"].str.contains("never so far"))
    group = np.select([zero, enterprise], ["statements of zero", "counts, enterprise content"], "for scale")
    out = rows.assign(group=group)
    return (
        out.assign(label=out["reporter"].str.split(" and ").str[0] + ": " + out["metric"].map(WHAT))
        .rename(columns={"value_low": "value", "period_assumed": "assumed"})
        .sort_values(["group", "label", "period_start"], ignore_index=True)
    )[["group", "label", "value", "period_start", "period_end", "assumed", "row_id"]]


def by_country(study: Study) -> pd.DataFrame:
    """How many requests about enterprise customers of Google's two services came from each state?

    Returns
    -------
    pandas.DataFrame
        ``state``, and one column a service; empty where no row was seen. Worldwide totals are left out.
    """
    rows = counted(study)
    rows = rows[rows["reporter_id"].isin(GOOGLE) & rows["metric"].str.fullmatch(DEMANDS)]
    rows = rows[rows["requesting_country"] != "all"]
    out = rows.pivot_table(index="requesting_country", columns="reporter", values="value_low", aggfunc="sum")
    out = out.loc[out.max(axis=1).sort_values(ascending=False, kind="stable").index]
    return out.reset_index(names="state").assign(state=lambda f: f["state"].map(country)).rename_axis(None, axis=1)
