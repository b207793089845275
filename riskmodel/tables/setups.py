"""What is known of each setup, in words.

Question answered: *what is this setup, what connects it to foreign states, and where do sources differ?*
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.codes import legal_space
from riskmodel.nexus import Fact, Programme, SetupFacts, equal_terms, foreign_programmes
from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN, Markup, esc, lines, plain
from riskmodel.wording import percent

if TYPE_CHECKING:
    from riskmodel.study import Study
    from riskmodel.tables.evidence import References

__all__ = [
    "CUSTODY",
    "abroad",
    "by_provider",
    "contested",
    "country",
    "dates_note",
    "grouped",
    "mixture_words",
    "nexus",
    "nexus_words",
    "present",
    "setups",
    "silent",
    "status_words",
]

CUSTODY = {
    "provider": "keys with the provider",
    "customer_managed": "customer-managed keys",
    "external_hyok": "keys held elsewhere",
    "confidential_computing_external": "confidential computing",
    "client_side": "encrypted by the client",
    "first_party": "own hosting",
}
"""Key custody in words, from most to least exposing (own hosting apart)."""

DATA_CLASS = {
    "national_health_warehouse": "national health warehouse",
    "national_patient_record": "national patient records",
    "hospital_warehouse": "hospital warehouse",
    "generic": "ordinary enterprise data",
}

GROUPS = {
    "HDH": "Health Data Hub",
    "EMC2": "Health Data Hub",
    "DARWIN": "Health Data Hub",
    "DMP": "Other national systems",
    "SNDS": "Other national systems",
    "EDS": "Hospitals",
    "GENERIC": "For comparison",
}
"""System of a setup -> heading under which it stands."""

ROUTE_KINDS = {
    "parent_control": "owner or seat",
    "minority_holding": "minority holding",
    "establishment_separated": "establishment",
    "establishment_not_separated": "establishment",
    "remote_provider": "establishment",
    "licensor_with_access": "licensor",
    "licensor_without_access": "licensor",
    "data_location": "place of data",
    "remote_staff": "staff",
}
"""Route -> kind of nexus as a reader would call it."""


def names(study: Study, table: str) -> pd.Series:
    """Names in one of the tables of experts, providers and reporters, by id."""
    return study[table].set_index(f"{table[:-1]}_id")["name"]


def country(code: str) -> str:
    """Return the usual English name of a country code, or the code."""
    import pycountry

    found = pycountry.countries.get(alpha_2=code)
    return str(getattr(found, "common_name", found.name)) if found else code


def present(x: xr.Dataset, wanted: Iterable[str]) -> list[str]:
    """Those of the wanted setups that were scored; the first four scored ones when none was."""
    scored = [str(s) for s in x["setup"].values]
    return [s for s in wanted if s in scored] or scored[:4]


def grouped(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``group`` and sort by it, then by predictive probability, highest first."""
    group = frame["setup"].map(study["setups"].set_index("setup_id")["system"]).map(GROUPS).fillna("For comparison")
    out = frame.assign(group=group, place=group.map(list(GROUPS.values()).index))
    by = ["place", "probability" if "probability" in out else "setup", "setup"]
    return out.sort_values(by, ascending=[True, False, True], ignore_index=True).drop(columns="place")


def _certificates(study: Study, row: Mapping[Hashable, Any]) -> str:
    """Certificates a setup asks for or awaits, and the status of its provider for each."""
    rows = study["certifications"]
    rows = rows[rows["superseded_by"].isna() & (rows["provider_id"] == row["provider_id"])]
    said = []
    for how, column in (("asked", "certifications_required"), ("awaited", "certifications_pending")):
        for scheme in split(row[column]):
            mine = rows[rows["scheme"] == scheme]
            held = next((s for s in ("qualified", "in_progress") if (mine["status"] == s).any()), NOT_SEEN)
            ends = mine.loc[mine["status"] == "qualified", "valid_to"].dropna()
            until = f" until {ends.max():%Y-%m-%d}" if len(ends) else ""
            named = f": {plain(held)}{until}" if isinstance(row["provider_id"], str) else ""
            said.append(f"{plain(scheme)} {how}{named}")
    return "; ".join(said) or "none asked"


def _date(row: Mapping[Hashable, Any], which: str) -> str:
    day, meaning = row[f"{which}_date"], str(row[f"{which}_date_meaning"])
    if pd.isna(day):
        return ""
    shape = {"day": "%Y-%m-%d", "month": "%Y-%m"}.get(str(row[f"{which}_date_precision"]), "%Y")
    words = {"seen_true": "seen", "milestone": "event", "derived": "computed"}
    return f"{day.strftime(shape)} ({words.get(meaning, meaning)})"


def setups(study: Study, refs: References) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each group of setups with a table of what is known of them."""
    host = names(study, "providers")
    rows = study["setups"].assign(setup=lambda f: f["setup_id"])
    for group, part in grouped(study, rows).groupby("group", sort=False):
        out = []
        for r in part.to_dict("records"):
            staff, place = (
                ", ".join(map(country, split(r[c]))) or NOT_SEEN for c in ("operator_countries", "data_countries")
            )
            dates = " to ".join(d for d in (_date(r, "from"), _date(r, "to")) if d)
            name = host.get(r["provider_id"], "not chosen: any qualified host")
            out.append(
                {
                    "Setup": lines(
                        Markup(f"<b>{esc(r['label'])}</b>"), r["name"], Markup(f"<code>{esc(r['setup_id'])}</code>")
                    ),
                    "What it is": lines(r["summary"], f"{str(r['kind']).capitalize()}. {dates}".strip()),
                    "Host": lines(name, f"run from: {staff}", f"data in: {place}"),
                    "Keys": CUSTODY.get(str(r["key_custody"]), NOT_SEEN),
                    "Certificates": _certificates(study, r),
                    "Data": lines(DATA_CLASS.get(str(r["data_class"]), r["data_class"]), r["service_model"]),
                    "Confidence, sources": lines(r["confidence"], refs.cite(r["source_ids"])),
                }
            )
        yield str(group), pd.DataFrame(out)


def nexus(study: Study, facts: Sequence[SetupFacts]) -> pd.DataFrame:
    """What connects each setup to each foreign state whose law is in the model.

    Returns
    -------
    pandas.DataFrame
        ``setup``, ``label``, ``country``, ``kind``, ``certain`` (False where fact or provider is not known).
    """
    by_state: dict[str, list[Programme]] = {}
    for programme in foreign_programmes(study, study.home):
        for code in programme.countries:
            by_state.setdefault(code, []).append(programme)

    def kinds(found: Iterable[Fact], code: str) -> set[str]:
        here = frozenset(f for f in found if f[1] == code)
        return {ROUTE_KINDS.get(r, plain(r)) for programme in by_state[code] for r in programme.routes(here)}

    rows = []
    for fact, code in itertools.product(facts, by_state):
        seen, possible = set(), set()
        for option in fact.options:
            seen |= kinds(option.facts, code)
            for unknown in option.unknowns:
                possible |= kinds({f for way in unknown.alternatives for f in way.facts}, code)
                ways = [kinds(way.facts, code) for way in unknown.alternatives if way.probability > 0]
                seen |= set.intersection(*ways) if ways else set()  # there in every way; how separate stays open
        certain = seen if len(fact.options) == 1 else set()
        every = sorted(seen | possible, key=[*ROUTE_KINDS.values(), *seen, *possible].index)
        rows += [(fact.setup_id, fact.label, code, kind, kind in certain) for kind in every]
    return pd.DataFrame(rows, columns=["setup", "label", "country", "kind", "certain"])


def nexus_words(found: pd.DataFrame, order: pd.DataFrame) -> pd.DataFrame:
    """One row a setup: foreign states and the kinds of nexus with each, unknown ones with a question mark."""
    said = found["kind"] + np.where(found["certain"], "", " (?)")
    states = said.groupby([found["setup"], found["country"]]).agg(", ".join).reset_index(name="said")
    words = (states["country"].map(country) + ": " + states["said"]).groupby(states["setup"]).agg("; ".join)
    text = order["setup"].map(words).fillna("none seen")
    return pd.DataFrame({"Setup": order["label"], "Nexus with foreign states": text})


def by_provider(study: Study, wanted: Sequence[str]) -> pd.DataFrame:
    """Setups at one workload, custody and terms, labelled by their provider alone."""
    rows = study["setups"]
    rows = rows[rows["setup_id"].isin(wanted)]
    label = rows["provider_id"].map(names(study, "providers")).fillna("Any qualified host")
    return equal_terms(rows.assign(label=label.str.split(r",| \(", regex=True).str[0]))


def contested(study: Study, x: xr.Dataset, refs: References) -> pd.DataFrame:
    """Facts on which sources differ: each reading with its sources and what follows from it."""
    rows = study["setups"].set_index("setup_id")
    p = x["probability"].mean("sample")
    out = []
    for main, variants in rows[rows["variant_of"].notna()].groupby("variant_of", sort=True):
        for one in (str(main), *map(str, variants.index)):
            if one not in rows.index or one not in p["setup"].values:
                continue
            r = rows.loc[one]
            role = "main reading" if one == main else "other reading"
            out.append(
                {
                    "Setup": r["label"],
                    "Reading": f"{role} ({r['confidence']} confidence)",
                    "What is said": r["summary"],
                    "Predictive probability": percent(float(p.sel(setup=one))),
                    "Sources": refs.cite(r["source_ids"]),
                }
            )
    return pd.DataFrame(out)


def dates_note(study: Study) -> str:
    """One sentence on how exactly the setups are dated."""
    known = study["setups"]["from_date_precision"]
    loose = int(known.isin(["month", "quarter", "half", "year"]).sum())
    return (
        f"Of {len(known)} setups, {int(known.isna().sum())} have no seen start and {loose} are dated only to the month "
        "or the year; the horizon is the same for all, so that dates of the past do not enter the numbers above."
    )


def abroad(study: Study) -> str:
    """Name the foreign states whose law is in the model."""
    codes = sorted({c for p in foreign_programmes(study, study.home) for c in p.countries} - legal_space(study.home))
    return ", ".join(country(c) for c in codes)


def silent(study: Study, x: xr.Dataset) -> str:
    """Name the foreign laws of which no published demand and no expert speaks."""
    names_of = study["regimes"].set_index("regime_id")["name"]
    unseen = [str(names_of[name]) for name in x.attrs["without_evidence"]]
    if not unseen:
        return "Of each of these laws a published demand or an expert speaks."
    listed = ", ".join(unseen)
    return f"No published demand and no expert speaks of: {listed}. What is said of other laws stands in for it."


def status_words(study: Study, setup: str, refs: References) -> pd.DataFrame:
    """What each source says of the certificates of a setup's host, latest last."""
    provider = study["setups"].set_index("setup_id")["provider_id"][setup]
    rows = study["certifications"]
    rows = rows[(rows["provider_id"] == provider) & rows["scheme"].isin(["SecNumCloud", "HDS"])]
    rows = rows.sort_values(["scheme", "date", "certification_id"])
    return pd.DataFrame(
        {
            "Scheme": rows["scheme"],
            "Status": rows["status"].map(plain),
            "As of": rows["date"].dt.strftime("%Y-%m-%d").fillna(NOT_SEEN),
            "Remark": rows["remark"],
            "Confidence": rows["confidence"],
            "Source": rows["source_ids"].map(refs.cite),
        }
    )


def mixture_words(study: Study, fact: str) -> pd.DataFrame:
    """Stated probabilities of what was not seen, with who judged them and why."""
    rows = study["mixtures"]
    rows = rows[rows["fact"] == fact] if fact else rows
    return pd.DataFrame(
        {
            "Value": [CUSTODY.get(v, plain(v)) for v in rows["value"]],
            "When observed": rows["observed"].map(plain),
            "Probability": rows["probability"].map(percent),
            "Judged by": rows["expert_id"].map(names(study, "experts")),
            "Because": rows["basis"],
        }
    )
