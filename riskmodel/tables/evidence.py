"""What the numbers rest on: rows, counts, judgements, priors and sources.

Question answered: *on which row of which table, and on whose word, does an input of the model rest?*
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskmodel.checks import Row, passed
from riskmodel.checks.rows import said
from riskmodel.design.countries import country_rows
from riskmodel.design.judgements import QUANTITIES
from riskmodel.design.totals import DEFINITIONS
from riskmodel.language import current, date_text, localised, mark, own_words, tr
from riskmodel.nexus import SetupFacts
from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN, Markup, dated, esc, plain, table
from riskmodel.tables.setups import CUSTODY, names
from riskmodel.wording import digits, exact, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = [
    "References",
    "bands",
    "checks_table",
    "counts_words",
    "decisions_words",
    "elicitation_words",
    "judgements",
    "masthead",
    "priors_words",
]


class References:
    """Numbers the sources that a report uses, and links each mention to the list.

    Parameters
    ----------
    study
        The study; sources are numbered in the order of its table ``sources``.
    facts
        Facts of the setups: every source on which a setup, its providers, the law, a count, a prior or a decision
        rests is used.
    """

    def __init__(self, study: Study, facts: Sequence[SetupFacts]) -> None:
        used = {i for rows in inputs(study, facts).values() for i in cited(rows)}
        ids = study["sources"]["source_id"]
        self.rows = study["sources"][ids.isin(used) | ids.str.contains("ZH-RRB542")]
        self.number = {source: k for k, source in enumerate(self.rows["source_id"], start=1)}
        self.precision = study["decisions"].set_index("decision_id")["date_precision"]
        self._every = self.rows.drop_duplicates("source_id").set_index("source_id", drop=False)

    def cite(self, cell: object) -> Markup:
        """Links to the sources of a cell such as ``"SEED0;csf_azure"``; a question mark where the text is not found."""
        numbers = sorted((self.number[i], bool(self._every["located"][i])) for i in split(cell) if i in self.number)
        lost = f' title="{esc(tr("not located: unverified"))}"'
        return Markup(
            " ".join(
                f'<a class="ref" href="#src-{n}"{"" if located else lost}>[{n}{"" if located else "?"}]</a>'
                for n, located in numbers
            )
        )

    def listing(self, after: int = 0, *, addresses: bool = True) -> Markup:
        """The numbered list: title, publisher, date, address, a mark where the text was not found again.

        Parameters
        ----------
        after
            List only sources with a higher number.
        addresses
            Print them; otherwise the title is the link.
        """
        items = []
        for k, row in enumerate(self.rows.iloc[after:].to_dict("records"), start=after + 1):
            title, url = esc(row["title"]), esc(row["url"])
            title, where = (title, f" {_linked(url, url)}") if addresses else (_linked(url, title), "")
            lost = "" if row["located"] else f' <strong class="mark">{esc(tr("not located: unverified"))}</strong>'
            publisher = "" if pd.isna(row["publisher"]) else own_words(row["publisher"])
            about = ", ".join(filter(None, (esc(publisher), esc(_published(row)))))
            items.append(
                f'<li id="src-{k}" value="{k}"><cite>{title}</cite>. {about}.{where}'
                f" <code>{esc(row['source_id'])}</code>{lost}</li>"
            )
        return Markup(f'<ol class="sources">{"".join(items)}</ol>')


REMARK = re.compile(r"\((approximate|week of|after [^)]*)\)$")
"""What a date of publication says beyond its day, month or year."""
ISO = re.compile(r"\b(\d{4}-\d\d)(-\d\d)?\b")


def _published(row: Mapping[Hashable, Any]) -> str:
    """When a source was published, as exactly as is known; for statistics without a date the period they cover."""
    said = "" if pd.isna(row["published"]) else str(row["published"])
    day = dated(row["published_from"], row["published_precision"])
    if day and not REMARK.search(said):
        return day
    if said in ("", "unknown", "undated"):
        return tr("undated")
    days = ISO.sub(lambda m: dated(pd.Timestamp(m.group()), "day" if m[2] else "month"), said)
    return own_words(days)


def _linked(url: str, text: str) -> str:
    """Text that leads to an address of the web; both are HTML already."""
    safe = url.lower().startswith(("http://", "https://"))
    return f'<a class="url" href="{url}" rel="noreferrer">{text}</a>' if safe else text


def cited(rows: pd.DataFrame) -> list[str]:
    """Ids of the sources of some rows, each once."""
    return list(dict.fromkeys(i for cell in rows.get("source_ids", []) for i in split(cell)))


def inputs(study: Study, facts: Sequence[SetupFacts]) -> dict[str, pd.DataFrame]:
    """Rows of each table that the answers for these setups rest on; bands and demands apart."""
    setups, terms, law = study["setups"], study["contract_terms"], study["regimes"]
    asked, classes, judged = {f.setup_id for f in facts}, {f.data_class for f in facts}, study["elicitation"]
    providers, owned, customers = study["providers"], study["ownership"], study["customers"]
    used = {option.provider_id for fact in facts for option in fact.options}
    for _ in range(3):
        used |= set(providers.loc[providers["provider_id"].isin(used), "runs_on"].dropna())
    mine = providers[providers["provider_id"].isin(used)]
    holders, size = used | set(mine["licensor_id"].dropna()), 0
    while size < len(holders):
        size = len(holders)
        holders |= set(owned.loc[owned["owned_id"].isin(holders), "holder_id"])
    growth = ["paid_seats", "paid_seats_estimate", "monthly_active_users"]
    seats = (customers["entity_id"] == "microsoft") & customers["quantity"].isin(growth)
    counted = pd.Series(
        [pair in DEFINITIONS for pair in zip(customers["entity_id"], customers["quantity"], strict=True)],
        index=customers.index,
        dtype=bool,
    )
    whole = ("route_map", "mixtures", "priors", "decisions", "decision_covariates", "adequacy")
    return {name: study[name] for name in whole} | {
        "setups": setups[setups["setup_id"].isin(asked)],
        "providers": mine,
        "ownership": owned[owned["owned_id"].isin(holders)],
        "certifications": study["certifications"][study["certifications"]["provider_id"].isin(used)],
        "contract_terms": terms[
            terms["provider_id"].isin(used) & (terms["setup_id"].isna() | terms["setup_id"].isin(asked))
        ],
        "count_roles": study["count_roles"].merge(study["transparency"], on="row_id", suffixes=("", "_row")),
        "funnel_cells": study["funnel_cells"].merge(
            study["transparency"][["row_id", "source_ids"]], left_on="count_row_id", right_on="row_id"
        ),
        "regimes": law[law["model_scope"] == "content"],
        "lapsing": law[law[["in_force_to", "certified_to"]].notna().any(axis=1)],
        "sanctions": law[law["model_scope"] == "suspension"],
        "covert": law[law["model_scope"] == "covert"],
        "bands": bands(study),
        "demands": country_rows(study),
        "customers": customers[(customers["use"] == "yes") & (seats | counted)],
        "elicitation": judged[
            judged["quantity"].isin(list(QUANTITIES))
            & ((judged["quantity"] != "attractiveness") | judged["condition"].isin(classes))
        ],
    }


def masthead(
    study: Study,
    posterior: Posterior,
    horizon_years: float,
    validation: Sequence[Row] = (),
    changes: pd.DataFrame | None = None,
) -> Markup:
    """Title block: what this is, whether its checks pass, what it lacks, and all that is needed to make it again.

    ``validation`` are the check rows of a stored validation that belongs to the posterior; none: it is missing.
    ``changes`` are the cells of the study that a reader replaced, as :func:`riskmodel.read_overrides` lists them.
    """
    attrs, checks = posterior.data.attrs, [*posterior.checks, *validation]
    rows = {
        tr("Facts as of"): date_text(study.as_of),
        tr("Made on"): date_text(dt.datetime.now(dt.UTC).date()),
        tr("Horizon"): tr("{years} from {day}", years=years_text(horizon_years), day=date_text(study.as_of)),
        tr("Home legal space"): tr("European Union and EEA") if study.home == "EU/EEA" else study.home,
        tr("Package"): f"riskmodel {attrs['package_version']}",
        tr("Data"): study.data_hash[:16],
        tr("Posterior"): posterior.posterior_id,
        tr("Sampler"): tr(
            "{sampler}, {chains} chains of {draws} draws",
            sampler=attrs["sampler"],
            chains=attrs["chains"],
            draws=localised(f"{int(attrs['draws']):,}"),
        ),
        tr("Seed"): posterior.seed,
    }
    facts = "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(v)}</dd></div>" for k, v in rows.items())
    failing = tr("; ").join(
        tr(
            "{check} is {value}, must be {threshold}",
            check=esc(said(r["check"])),
            value=_check_value(r),
            threshold=esc(_threshold(r)),
        )
        for r in checks
        if r["verdict"] != "pass"
    )
    good = (
        tr(
            "✓ calculation: all {count} checks of the fit and its validation pass; they do not test the judgements",
            count=len(checks),
        )
        if validation
        else tr("✓ all {count} checks of the fit pass; no validation of it is kept", count=len(checks))
    )
    bad = tr("The fit behind this report fails its checks. Do not use its numbers.")
    badge = (
        f'<p class="badge good">{good} <a href="#checks">{tr("(see them)")}</a></p>'
        if passed(checks)
        else f'<div class="banner" role="alert"><strong>{bad}</strong> <span>{failing}. <a href="#checks">'
        f"{tr('All checks')}</a></span></div>"
    )
    lacking = "".join(f"<li>{esc(tr(note))}</li>" for note in posterior.notes)
    if lacking:
        head = tr("What the study lacks; there the posterior follows priors:")
        lacking = f"<p><strong>{head}</strong></p><ul>{lacking}</ul>"
    return Markup(f'{badge}{_replaced(changes)}{lacking}<dl class="facts">{facts}</dl>')


CHANGED = {
    "table": mark("table"),
    "row_id": mark("row"),
    "column": mark("column"),
    "before": mark("before"),
    "after": mark("after"),
    "reason": mark("reason"),
}
"""Column of the list of replaced cells -> its heading."""


def _replaced(changes: pd.DataFrame | None) -> str:
    """What a reader put in the place of cells of the study."""
    if changes is None or changes.empty:
        return ""
    rows = changes.fillna("").astype(str)
    shown = rows.assign(**{name: rows[name].where(rows[name] != "", tr("(empty)")) for name in ("before", "after")})
    shown = shown.rename(columns={name: plain(CHANGED.get(str(name), name)) for name in shown})
    cells = table(shown, tr("Values that were replaced"))
    head = tr("Values of a reader stand in the place of those of the study; every number of this page follows them.")
    return f'<div class="changed" role="note"><p><strong>{head}</strong></p>{cells}</div>'


def _is_share(row: Row) -> bool:
    """Whether the value of a check is a share of rows, figures or intervals."""
    return "predictive check" in row["check"] or "coverage" in row["check"]


def _check_value(row: Row) -> str:
    value = float(row["value"])
    if _is_share(row):
        return tr("{number} %", number=digits(100 * value, 3))
    return digits(value, 4 if 0.9 < value < 1.1 else 3)


def _threshold(row: Row) -> str:
    """What a check must be, in per cent where it is a share."""
    if not _is_share(row):
        return said(row["threshold"])
    return said(re.sub(r"\d+\.\d+", lambda m: f"{digits(100 * float(m.group()))} %", row["threshold"]))


def checks_table(posterior: Posterior, validation: Sequence[Row] = ()) -> pd.DataFrame:
    """The checks of the fit, and of a stored validation that belongs to it, in words."""
    checks = [*posterior.checks, *validation]
    rows = pd.DataFrame(checks)
    failed = Markup(f'<strong class="mark">{tr("✗ FAIL")}</strong>')
    return pd.DataFrame(
        {
            tr("Check"): rows["check"].map(said),
            tr("Value"): [_check_value(row) for row in checks],
            tr("Must be"): [_threshold(row) for row in checks],
            tr("Verdict"): [tr("✓ pass") if v == "pass" else failed for v in rows["verdict"]],
            tr("Meaning"): rows["meaning"].map(said),
        }
    )


POOLED = {
    "reach": "route",
    "clear_text": "custody",
    "demand_defeated": "term",
    "certification_in_place": "status",
    "attractiveness": "data_class",
}
"""Elicited quantity that the posterior file keeps -> the dimension that its condition names."""
LAW = "US_SCA_CLOUD"
"""The law whose reach the experts were asked about."""


def judgements(study: Study, posterior: Posterior, *quantities: str) -> pd.DataFrame:
    """Expert readings of some quantities side by side, with the pooled posterior where the file keeps it.

    Returns
    -------
    pandas.DataFrame
        ``item``, ``who``, ``low``, ``mid``, ``high`` (10, 50 and 90 %).
    """
    rows = study["elicitation"]
    rows = rows[(rows["q90"] > rows["q10"]) & ((rows["quantity"] != "reach") | (rows["regime_id"].fillna(LAW) == LAW))]
    rows = rows.assign(who=rows["expert_id"].map(names(study, "experts")))
    out: list[tuple[str, ...]] = []
    for quantity in quantities:
        for item, mine in rows[rows["quantity"] == quantity].groupby("condition", sort=False):
            words = tr(CUSTODY.get(str(item), plain(quantity if item == "any" else item)))
            out += [(words, *row) for row in mine[["who", "q10", "q50", "q90"]].itertuples(index=False)]
            value = _pooled(posterior, quantity, str(item))
            if value is not None:
                out.append((words, "pooled posterior", *np.quantile(value, [0.1, 0.5, 0.9])))
    return pd.DataFrame(out, columns=["item", "who", "low", "mid", "high"])


def _pooled(posterior: Posterior, quantity: str, item: str) -> np.ndarray | None:
    """Posterior draws of an elicited item, or None where the file does not keep it."""
    draws, coords = posterior.arrays(), posterior.coords()
    if (quantity, item) == ("reach", "no_nexus"):
        return draws["leak"]
    if quantity not in POOLED or item not in coords[POOLED[quantity]] or LAW not in coords["regime"]:
        return None
    value = draws[quantity]
    if quantity == "reach":
        value = value[coords["regime"].index(LAW)]
    value = value[coords[POOLED[quantity]].index(item)]
    return np.sqrt(value[0] * value[1]) if quantity == "attractiveness" else value  # geometric mean of purposes


def bands(study: Study) -> pd.DataFrame:
    """Published bands of accounts tasked under section 702, by reporter and half-year."""
    rows = study["transparency"]
    rows = rows[(rows["regime_group"] == "us_fisa_content") & (rows["metric"] == "accounts")]
    rows = rows[rows["reporter_id"].isin(["microsoft", "google_all"]) & ~rows["is_duplicate"].astype(bool)]
    return rows.sort_values(["reporter_id", "period_start"], ignore_index=True)


def _anchored(ids: pd.Series, words: pd.Series) -> list[Markup]:
    """The first cells of rows to which the ledger leads."""
    return [Markup(f'<span id="row-{esc(i)}">{esc(word)}</span>') for i, word in zip(ids, words, strict=True)]


def counts_words(study: Study, facts: Sequence[SetupFacts], refs: References) -> pd.DataFrame:
    """Counts and statements that inform the hazard, each with its role and source."""
    rows = inputs(study, facts)["count_roles"]
    ends = zip(rows["period_from"], rows["period_to"], rows["period_assumed"], strict=True)
    periods = [(tr("{low} to {high}", low=dated(low), high=dated(high)), assumed) for low, high, assumed in ends]
    return pd.DataFrame(
        {
            tr("Row"): _anchored(rows["cell_id"], rows["cell_id"] + ", " + rows["row_id"]),
            tr("Reporter"): rows["reporter_id"].map(names(study, "reporters")),
            tr("Period"): [tr("{said} (assumed)", said=said) if assumed else said for said, assumed in periods],
            tr("Count"): [f"{v:.0f}" if v == v else tr(NOT_SEEN) for v in rows["value_low"]],
            tr("Customers"): rows["population"].map(plain),
            tr("Role"): rows["role"].map(plain),
            tr("Why"): rows["reason"],
            tr("Source"): rows["source_ids"].map(refs.cite),
        }
    )


def elicitation_words(study: Study, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Elicited quantiles with their basis; default all."""
    rows = study["elicitation"] if rows is None else rows
    about = zip(rows["condition"].map(plain), rows["regime_id"].map(esc), rows["scheme"].map(esc), strict=True)
    number = {f"{p} %": rows[f"q{p}"].map(exact) for p in (10, 50, 90)}
    return pd.DataFrame(
        {
            tr("Row"): _anchored(rows["elicitation_id"], rows["elicitation_id"]),
            tr("Quantity"): rows["quantity"].map(plain),
            tr("Of"): [", ".join(part for part in parts if part) for parts in about],
            **number,
            tr("Unit"): rows["unit"],
            tr("Judge"): rows["expert_id"].map(names(study, "experts")),
            tr("Basis"): rows["basis"],
        }
    )


def priors_words(study: Study, refs: References) -> pd.DataFrame:
    """Priors with unit, reason and source."""
    rows = study["priors"]
    shape = [
        f"{d}({tr(', ').join(exact(v) for v in (a, b) if v == v)})"
        for d, a, b in zip(rows["distribution"], rows["first"], rows["second"], strict=True)
    ]
    return pd.DataFrame(
        {
            tr("Prior"): _anchored(
                rows["prior_id"], rows["prior_id"].map(plain) if current() == "en" else rows["prior_id"]
            ),
            tr("Distribution"): shape,
            tr("Unit"): rows["unit"],
            tr("Reason"): rows["reason"],
            tr("Source"): rows["source_ids"].map(refs.cite),
        }
    )


def decisions_words(found: pd.DataFrame, refs: References) -> pd.DataFrame:
    """Record of decisions in words."""
    precisions = found["decision_id"].map(refs.precision)
    days = pd.Series([dated(day, how) for day, how in zip(found["date"], precisions, strict=True)], dtype=object)
    return pd.DataFrame(
        {
            tr("Date"): _anchored(found["decision_id"], days),
            tr("Authority"): found["authority"],
            tr("System"): found["system_name"],
            tr("Issue"): found["issue"],
            tr("Outcome"): found["outcome"].map(tr),
            tr("Speaks of"): found["speaks_of"].replace("both", "reach and likelihood").map(plain),
            tr("Source"): found["source_ids"].map(refs.cite),
        }
    )
