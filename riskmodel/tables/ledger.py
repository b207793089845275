"""The ledger: from a part of the model to tables, rows, and sources with date and confidence.

Question answered: *on which rows, and on whose word, does this number rest?* Each part of the model is a node with an
anchor (``#ledger-reach``). Figures and tables name their nodes, a node links to its rows and sources, so that a number
is two clicks from its source.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from riskmodel.language import mark, tr
from riskmodel.nexus import SetupFacts
from riskmodel.tables.evidence import References, cited, inputs
from riskmodel.tables.page import Markup, esc, lines, plain, table
from riskmodel.tables.setups import names

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["LIKELY", "NODES", "ledger", "ledger_rows", "rows_shown", "trail"]


class Input(NamedTuple):
    """What the model takes from a table: in words, the column that names its rows, and the columns that date them."""

    what: str
    key: str
    dated: tuple[str, ...] = ()
    table: str = ""
    judged: bool = False


INPUTS = {
    "setups": Input(mark("Setups"), "setup_id", ("from_date", "to_date")),
    "providers": Input(mark("Seats, establishments, licensors, staff"), "provider_id"),
    "ownership": Input(mark("Who holds and controls whom"), "ownership_id", ("as_of",)),
    "certifications": Input(mark("Certificates"), "certification_id", ("date",)),
    "contract_terms": Input(mark("Contract terms"), "term_id"),
    "regimes": Input(mark("Law: wording, purpose, dates"), "regime_id", ("adopted", "in_force_from", "in_force_to")),
    "lapsing": Input(mark("Law that ends or has ended"), "regime_id", ("in_force_to", "certified_to"), "regimes"),
    "sanctions": Input(mark("Law on sanctions"), "regime_id", ("in_force_from", "in_force_to"), "regimes"),
    "covert": Input(mark("Law on covert collection"), "regime_id", ("adopted", "in_force_from"), "regimes"),
    "route_map": Input(mark("From wording and facts to routes"), "route_map_id", judged=True),
    "count_roles": Input(mark("Counts and zero statements of disclosures"), "cell_id", ("period_from", "period_to")),
    "funnel_cells": Input(
        mark("Demands about enterprise customers, and what they led to"), "cell_id", ("period_from", "period_to")
    ),
    "bands": Input(
        mark("Bands of accounts under section 702"), "row_id", ("period_start", "period_end"), "transparency"
    ),
    "demands": Input(mark("Demands by state"), "row_id", ("period_start", "period_end"), "transparency"),
    "customers": Input(mark("Growth of customer numbers, and published totals"), "customer_row_id", ("as_of",)),
    "mixtures": Input(mark("Stated probabilities"), "mixture_id", judged=True),
    "decisions": Input(mark("Record of decisions"), "decision_id", ("date",)),
    "decision_covariates": Input(mark("Facts of decisions, as coded"), "decision_id", judged=True),
    "adequacy": Input(mark("Adequacy decisions"), "adequacy_id", ("valid_from", "valid_to")),
}
"""What the ledger has of tables other than judgements and priors; :func:`riskmodel.tables.evidence.inputs` has rows."""
JUDGEMENT, PRIOR = (
    Input(mark("Judgement"), "elicitation_id", table="elicitation", judged=True),
    Input(mark("Priors"), "prior_id", table="priors", judged=True),
)


class Node(NamedTuple):
    """A part of the model: heading, what it is, and the inputs, elicited quantities and priors that it uses."""

    title: str
    says: str
    inputs: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    priors: tuple[str, ...] = ()


_CUSTOMERS = ("enterprise_customers", "customer_growth_elasticity", "published_total_ratio")
NODES = {
    "reach": Node(
        mark("Reach"),
        mark("Whether a law binds someone who can produce the data: law, links with states, routes, certificates."),
        ("setups", "providers", "ownership", "certifications", "regimes", "route_map"),
        (
            *("reach", "certification_removes", "certification_in_place"),
            *("same_law_across_setups", "same_answer_within_state"),
        ),
        (
            *("order_gap", "establishment_unknown_weight", "certification_with_access_share"),
            *("reach_pooling", "family_pooling", "unelicited_spread"),
        ),
    ),
    "unseen": Node(
        mark("Facts not seen"),
        mark("Stated probabilities for what nobody has published, and for recorded facts that may be wrong."),
        ("mixtures",),
        ("fact_true",),
    ),
    "criminal": Node(
        mark("Criminal process"),
        mark(
            "How often criminal investigations obtain a customer's content: counts, statements that there was none, "
            "demands and what they led to, per customer."
        ),
        ("count_roles", "funnel_cells", "customers"),
        (
            *("unreported_share", "foreign_customer_share", "eu_share_of_foreign_customers", "statement_error"),
            *("infrastructure_use", "content_share_of_warrant_disclosures", *_CUSTOMERS),
        ),
        (
            *("log_rate_collaboration", "service_contrast", "provider_spread", "rate_drift", "content_share"),
            *("content_contrast", "content_spread", "content_clustering", "some_data_share", "abroad_share"),
            *("abroad_spread", "request_dispersion", "total_noise"),
        ),
    ),
    "security": Node(
        mark("National-security orders"),
        mark(
            "How often such orders obtain a customer's content: published bands of accounts, what share of them is a "
            "cloud customer's and new, and whether a lapsed authority is used."
        ),
        ("lapsing", "bands", "customers"),
        (
            *("newly_tasked_fraction", "accounts_per_customer", "enterprise_share_of_tasked_accounts"),
            *("infrastructure_share_of_tasked_accounts", "authority_used", *_CUSTOMERS),
        ),
        (
            *("provider_spread", "composition_spread", "band_start", "band_drift", "band_spread", "band_noise"),
            "total_noise",
        ),
    ),
    "states": Node(
        mark("Other states"),
        mark("How often other states ask, as a multiple of the American rates above."),
        ("demands",),
        ("hazard_transfer",),
        ("transfer_spread", "country_level", "country_effect", "country_dispersion", "transfer_loading"),
    ),
    "keys": Node(
        mark("Keys and contract"),
        mark("How often a demand yields readable data, given who holds the keys and what the contract says."),
        ("setups", "contract_terms"),
        ("clear_text", "demand_defeated", "fleet_customer_managed_keys"),
        ("order_gap", "custody_spread"),
    ),
    "attractiveness": Node(
        mark("Attractiveness"),
        mark("How much such data attract authorities, against those of an average enterprise customer."),
        ("setups", "regimes"),
        ("attractiveness", "attractiveness_purpose"),
    ),
    "suspension": Node(
        mark("Suspension"),
        mark("How often sanctions end a service; what law reaches is above."),
        ("sanctions",),
        ("suspension_rate", "degradation_given_cutoff"),
        ("suspension_common", "suspension_hit"),
    ),
    "covert": Node(
        mark("Covert collection"),
        mark("Collection without the host's help: a line of its own, in no number unless it is asked for."),
        ("covert",),
        ("covert_collection",),
    ),
    "acceptability": Node(
        mark("Rulings"),
        mark("How authorities have ruled, and the model of how they might."),
        ("decisions", "decision_covariates", "adequacy"),
        (),
        tuple(
            f"acceptability_{name}"
            for name in (
                *("first_cutpoint", "cutpoint_gap", "reach", "keys", "adequacy", "sensitive", "court"),
                *("system_sd", "keys_share", "adequacy_share", "sensitive_share", "comparable"),
            )
        ),
    ),
    "experts": Node(
        mark("Experts"),
        mark("Who judged, how judgements are pooled, and the error that all may share."),
        (),
        (),
        (
            *("expert_location_logit", "expert_location_log", "expert_dependence", "expert_overconfidence"),
            *("common_bias", "calibration_strength"),
        ),
    ),
}
"""Anchor of a node, without ``ledger-`` -> the node."""
LIKELY = ("reach", "unseen", "criminal", "security", "states", "keys", "attractiveness", "experts")
"""Nodes on which the probability of a disclosure rests."""
KINDS = {
    "desk_reading": mark("read the same evidence as the other desks, apart from them"),
    "modeller": mark("judgements that no desk was asked for; one voice, to be challenged first"),
}
"""Kind of an expert -> what it means."""
LEVELS = ("high", "medium", "low")


def trail(nodes: Iterable[str], titles: Mapping[str, str] | None = None) -> Markup:
    """Links from a figure or table to the nodes of the ledger that it rests on; without nodes to the whole ledger.

    Parameters
    ----------
    titles
        Heading of each node; default those of :data:`NODES` in the current language.

    Raises
    ------
    KeyError
        If there is no such node.
    """
    said, named = titles or {name: tr(node.title) for name, node in NODES.items()}, list(nodes)
    parts = [f'<a href="#ledger-{name}">{esc(said[name])}</a>' for name in named]
    if set(LIKELY) <= set(named):  # a list that long tells a reader nothing
        parts = [f'<a href="#ledger">{esc(tr("every part of the model of disclosures"))}</a>']
        parts += [f'<a href="#ledger-{name}">{esc(said[name])}</a>' for name in named if name not in LIKELY]
    words, links = esc(tr("What this rests on")), "\N{NO-BREAK SPACE}· ".join(parts)
    whole = tr("{what}: {said}", what=words, said=links) if links else f'<a href="#ledger">{words}</a>'
    return Markup(f'<p class="trail">{whole}</p>')


def ledger(
    study: Study,
    facts: Sequence[SetupFacts],
    refs: References,
    *,
    nodes: Collection[str] = tuple(NODES),
    shown: Collection[str] | None = None,
    level: int = 4,
) -> Markup:
    """Each node of the model with its tables, rows, dates, confidence, and sources or judges.

    Parameters
    ----------
    study, facts, refs
        The study, the setups that the page is about, and the list of sources that the page has.
    nodes
        Nodes that the page uses; default all.
    shown
        Ids of rows that the page shows under the anchor ``row-ID``; default those that the comparison shows.
    level
        Of the headings.
    """
    rows = inputs(study, facts)
    ids = rows_shown(study, "elicitation", "priors", "count_roles", "decisions", "setups") if shown is None else shown
    parts = []
    for name in nodes:
        title, says, *_ = NODES[name]
        lead = f'<h{level} id="ledger-{name}">{esc(tr(title))}</h{level}><p>{esc(tr(says))}</p>'
        found = pd.DataFrame([_entry(study, refs, ids, *item) for item in _inputs_of(NODES[name], rows)])
        parts += [lead, table(found, tr("{title}: tables, rows and sources", title=tr(title))).html]
    return Markup(f'<div id="ledger">{"".join(parts)}{_experts(study, rows["elicitation"]).html}</div>')


def ledger_rows(study: Study, facts: Sequence[SetupFacts]) -> pd.DataFrame:
    """The ledger as a plain table, for those who count on: one line a row of the data under each node.

    Returns
    -------
    pandas.DataFrame
        ``node``, ``table``, ``row`` (its id), ``source_ids`` and ``judge`` (id of the expert); empty: there is none.
    """
    found, whole = [], inputs(study, facts)
    for name, node in NODES.items():
        for spec, place, rows in _inputs_of(node, whole):
            none = pd.Series("", index=rows.index)
            judge = rows.get("expert_id", none + "modeller") if spec.judged else none
            values = {"row": rows[spec.key], "source_ids": rows.get("source_ids", none).fillna(""), "judge": judge}
            found.append(pd.DataFrame({"node": name, "table": place, **values}))
    return pd.concat(found, ignore_index=True).drop_duplicates(ignore_index=True)


def rows_shown(study: Study, *tables: str) -> frozenset[str]:
    """Ids of the rows of some tables, of decisions those of regulators and courts."""
    keys = {spec.table or name: spec.key for name, spec in INPUTS.items()} | {
        spec.table: spec.key for spec in (JUDGEMENT, PRIOR)
    }
    found: set[str] = set()
    for name in tables:
        rows = study[name]
        rows = rows[rows["is_binding_authority"].astype(bool)] if name == "decisions" else rows
        found |= set(rows[keys[name]])
    return frozenset(found)


def _inputs_of(node: Node, rows: Mapping[str, pd.DataFrame]) -> Iterable[tuple[Input, str, pd.DataFrame]]:
    """Inputs of a node: what, its table, its rows; those without rows are left out."""
    found = [(INPUTS[name], INPUTS[name].table or name, rows[name]) for name in node.inputs]
    for quantity in node.quantities:
        part = rows["elicitation"]
        what = JUDGEMENT._replace(what=tr("{what}: {said}", what=tr(JUDGEMENT.what), said=plain(quantity)))
        found.append((what, JUDGEMENT.table, part[part["quantity"] == quantity]))
    if node.priors:
        found.append((PRIOR, PRIOR.table, rows["priors"][rows["priors"]["prior_id"].isin(node.priors)]))
    return [item for item in found if len(item[2])]


def _entry(
    study: Study, refs: References, shown: Collection[str], spec: Input, name: str, rows: pd.DataFrame
) -> dict[str, object]:
    """One line of the ledger: an input with its rows, each run of them with its sources or judges."""
    sources = cited(rows)
    told = spec.judged and not sources
    judges = rows["expert_id"] if "expert_id" in rows else pd.Series("modeller", index=rows.index)
    own = [study["experts"].set_index("expert_id")["date"].reindex(judges)] if told else [rows[c] for c in spec.dated]
    published = [study["sources"].set_index("source_id")["published_from"].reindex(sources)]
    spans = [(mark("rows: {years}"), _years(own)), (mark("sources: {years}"), _years(published))]
    origin = _judges(study, judges) if told else rows["source_ids"].map(refs.cite)
    dates = [tr(words, years=years) for words, years in spans if years]
    runs = _runs(rows[spec.key], origin, shown)
    return {
        tr("Input of the model"): lines(tr(spec.what), Markup(f"<code>data/{name}.csv</code>")),
        tr("Rows, with their sources or judges"): Markup(tr("{what}: {said}", what=len(rows), said=runs)),
        tr("Confidence and dates"): lines(tr("judgement") if spec.judged else _confidence(rows), *dates),
    }


def _confidence(rows: pd.DataFrame) -> str:
    """How many rows have which confidence."""
    if "confidence" not in rows:
        return tr("not rated")
    counts = rows["confidence"].value_counts()
    return tr(", ").join(tr("{what}: {said}", what=plain(c), said=counts[c]) for c in LEVELS if c in counts)


def _years(columns: Sequence[pd.Series]) -> str:
    """First and last year of some dates."""
    days = pd.concat(columns).dropna() if columns else pd.Series(dtype="datetime64[us]")
    if days.empty:
        return ""
    first, last = (str(pd.Timestamp(day).year) for day in (days.min(), days.max()))
    return first if first == last else tr("{low} to {high}", low=first, high=last)


def _judges(study: Study, judges: pd.Series) -> pd.Series:
    """Links to those whose word rows are; the authors of the package where the table of experts lacks them."""
    known = names(study, "experts")
    return judges.map(
        lambda judge: (
            Markup(f'<a href="#expert-{esc(judge)}">{esc(known[judge])}</a>')
            if judge in known.index
            else Markup(esc(tr("authors of riskmodel")))
        )
    )


def _experts(study: Study, judged: pd.DataFrame) -> Markup:
    """Those whose judgements the model uses, with what they are and when they judged."""
    rows = study["experts"]
    numbers = judged["expert_id"].value_counts().reindex(rows["expert_id"], fill_value=0)
    frame = pd.DataFrame(
        {
            tr("Judge"): [
                Markup(f'<span id="expert-{esc(expert)}">{esc(name)}</span>')
                for expert, name in zip(rows["expert_id"], rows["name"], strict=True)
            ],
            tr("What they are"): [tr(KINDS.get(kind, plain(kind))) for kind in rows["kind"]],
            tr("Date"): rows["date"].dt.strftime(tr("%Y-%m-%d")),
            tr("Rows"): [f"{number}" for number in numbers],
        }
    )
    return table(frame, tr("Judges: none is a witness, all are readers of the evidence"))


def _runs(ids: pd.Series, origin: pd.Series, shown: Collection[str]) -> str:
    """Ids of rows with their origin, runs shortened (EL001 to EL004, EL009); those that the page shows are links."""
    whence = sorted(dict(zip(ids, map(esc, origin), strict=True)).items())
    parts = []
    for said, same in itertools.groupby(whence, key=lambda item: item[1]):
        runs: list[list[str]] = []
        for one, _ in same:
            here = re.fullmatch(r"(\D*)(\d+)", one)
            last = re.fullmatch(r"(\D*)(\d+)", runs[-1][-1]) if runs else None
            if last and here and (last[1], int(last[2]) + 1) == (here[1], int(here[2])):
                runs[-1].append(one)
            else:
                runs.append([one])
        spans = [[_row(one, shown) for one in dict.fromkeys((run[0], run[-1]))] for run in runs]
        words = [tr("{low} to {high}", low=ends[0], high=ends[1]) if len(ends) == 2 else ends[0] for ends in spans]
        parts.append(f"{', '.join(words)} {said}".strip())
    return tr("; ").join(parts)


def _row(one: str, shown: Collection[str]) -> str:
    return f'<a href="#row-{esc(one)}">{esc(one)}</a>' if one in shown else esc(one)
