"""What is known of each setup, in words.

Question answered: *what is this setup, what connects it to foreign states, and where do sources differ?*
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.codes import legal_space
from riskmodel.nexus import Programme, SetupFacts, equal_terms, foreign_programmes, setup_facts
from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN, Markup, esc, lines
from riskmodel.wording import percent

if TYPE_CHECKING:
    from riskmodel.study import Study
    from riskmodel.tables.evidence import References

__all__ = [
    "CUSTODY",
    "DATA_CLASS",
    "GROUPS",
    "ROUTE_KINDS",
    "abroad",
    "by_provider",
    "certificates",
    "contested",
    "country",
    "dates_note",
    "facts_of",
    "grouped",
    "mixture_words",
    "nexus",
    "nexus_words",
    "present",
    "setups",
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
    system = study["setups"].set_index("setup_id")["system"]
    order = list(dict.fromkeys(GROUPS.values()))
    out = frame.assign(group=[GROUPS.get(str(system.get(s)), order[-1]) for s in frame["setup"]])
    by = "probability" if "probability" in out else "setup"
    out = out.sort_values([by, "setup"], ascending=[False, True])
    place = out["group"].map(order.index)
    return out.iloc[np.argsort(place.to_numpy(), kind="stable")].reset_index(drop=True)


def certificates(study: Study, row: Mapping[str, Any]) -> str:
    """Certificates a setup asks for or awaits, and the status of its provider for each."""
    rows = study["certifications"]
    rows = rows[rows["superseded_by"].isna() & (rows["provider_id"] == row["provider_id"])]
    said = []
    for how, column in (("asked", "certifications_required"), ("awaited", "certifications_pending")):
        for scheme in split(row[column]):
            mine = rows[rows["scheme"] == scheme]
            status = [s for s in ("qualified", "in_progress") if (mine["status"] == s).any()]
            held = status[0].replace("_", " ") if status else NOT_SEEN
            ends = mine.loc[mine["status"] == "qualified", "valid_to"].dropna()
            until = f" until {ends.max():%Y-%m-%d}" if held == "qualified" and len(ends) else ""
            named = f": {held}{until}" if isinstance(row["provider_id"], str) else ""
            said.append(f"{scheme.replace('_', ' ')} {how}{named}")
    return "; ".join(said) or "none asked"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _date(row: Mapping[str, Any], which: str) -> str:
    day, precision = row[f"{which}_date"], row[f"{which}_date_precision"]
    if pd.isna(day):
        return ""
    shape = {"day": "%Y-%m-%d", "month": "%Y-%m"}.get(str(precision), "%Y")
    meaning = {"seen_true": "seen", "milestone": "event", "derived": "computed"}.get(
        str(row[f"{which}_date_meaning"]), str(row[f"{which}_date_meaning"])
    )
    return f"{day.strftime(shape)} ({meaning})"


def setups(study: Study, refs: References) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each group of setups with a table of what is known of them."""
    rows = study["setups"].assign(setup=lambda f: f["setup_id"])
    names = study["providers"].set_index("provider_id")["name"]
    for group, part in grouped(study, rows).groupby("group", sort=False):
        out = []
        for r in _records(part):
            known = isinstance(r["provider_id"], str)
            host = str(names.get(r["provider_id"], r["provider_id"])) if known else "not chosen: any qualified host"
            staff = ", ".join(country(c) for c in split(r["operator_countries"]))
            place = ", ".join(country(c) for c in split(r["data_countries"]))
            dates = " to ".join(d for d in (_date(r, "from"), _date(r, "to")) if d)
            out.append(
                {
                    "Setup": lines(
                        Markup(f"<b>{esc(r['label'])}</b>"),
                        r["name"],
                        Markup(f"<code>{esc(r['setup_id'])}</code>"),
                    ),
                    "What it is": lines(r["summary"], f"{str(r['kind']).capitalize()}. {dates}".strip()),
                    "Host": lines(host, f"run from: {staff or NOT_SEEN}", f"data in: {place or NOT_SEEN}"),
                    "Keys": CUSTODY.get(str(r["key_custody"]), NOT_SEEN),
                    "Certificates": certificates(study, r),
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
    rows = []
    for fact in facts:
        for code, programmes in by_state.items():
            kinds: dict[str, bool] = {}
            for option in fact.options:
                sure = len(fact.options) == 1
                for certain, found in [
                    (sure, option.facts),
                    *((False, way.facts) for u in option.unknowns for way in u.alternatives),
                ]:
                    here = frozenset(f for f in found if f[1] == code)
                    for route in {r for p in programmes for r in p.routes(here)}:
                        kind = ROUTE_KINDS.get(route, route.replace("_", " "))
                        kinds[kind] = kinds.get(kind, False) or certain
            for u in (u for option in fact.options for u in option.unknowns if len(fact.options) == 1):
                ways = [w for w in u.alternatives if w.probability > 0]
                for kind in {"establishment", "licensor"}:
                    have = [
                        any(
                            ROUTE_KINDS.get(r) == kind
                            for p in programmes
                            for r in p.routes(frozenset(f for f in w.facts if f[1] == code))
                        )
                        for w in ways
                    ]
                    if have and all(have):
                        kinds[kind] = True  # there in every reading; only how separate it is stays open
            rows += [(fact.setup_id, fact.label, code, k, c) for k, c in kinds.items()]
    return pd.DataFrame(rows, columns=["setup", "label", "country", "kind", "certain"])


def nexus_words(found: pd.DataFrame, order: pd.DataFrame) -> pd.DataFrame:
    """One row a setup: foreign states and the kinds of nexus with each, unknown ones with a question mark."""
    out = []
    for row in order.itertuples():
        mine = found[found["setup"] == row.setup]
        said = [
            f"{country(str(code))}: "
            + ", ".join(k if c else f"{k} (?)" for k, c in zip(part["kind"], part["certain"], strict=True))
            for code, part in mine.groupby("country", sort=True)
        ]
        out.append({"Setup": row.label, "Nexus with foreign states": "; ".join(said) or "none seen"})
    return pd.DataFrame(out)


def by_provider(study: Study, wanted: Sequence[str]) -> pd.DataFrame:
    """Setups at one workload, custody and terms, labelled by their provider alone."""
    rows = study["setups"]
    rows = rows[rows["setup_id"].isin(wanted)]
    names = study["providers"].set_index("provider_id")["name"]
    label = [re.split(r",| \(", str(names.get(p, "Any qualified host")))[0] for p in rows["provider_id"]]
    return equal_terms(rows.assign(label=label))


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
        f"Of {len(known)} setups, {int(known.isna().sum())} have no seen start and {loose} are dated only to "
        "the month or the "
        "year; the horizon is the same for all, so that dates of the past do not enter the numbers above."
    )


def abroad(study: Study) -> str:
    """Name the foreign states whose law is in the model."""
    codes = sorted({c for p in foreign_programmes(study, study.home) for c in p.countries} - legal_space(study.home))
    return ", ".join(country(c) for c in codes)


def facts_of(study: Study, horizon_years: float) -> tuple[SetupFacts, ...]:
    """Facts of the study's own setups over the horizon."""
    return setup_facts(study, horizon_years=horizon_years)


def status_words(study: Study, setup: str, refs: References) -> pd.DataFrame:
    """What each source says of the certificates of a setup's host, latest last."""
    provider = study["setups"].set_index("setup_id")["provider_id"][setup]
    rows = study["certifications"]
    rows = rows[(rows["provider_id"] == provider) & rows["scheme"].isin(["SecNumCloud", "HDS"])]
    rows = rows.sort_values(["scheme", "date", "certification_id"])
    return pd.DataFrame(
        {
            "Scheme": rows["scheme"],
            "Status": [s.replace("_", " ") for s in rows["status"]],
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
    names = study["experts"].set_index("expert_id")["name"]
    return pd.DataFrame(
        {
            "Value": [CUSTODY.get(v, v.replace("_", " ")) for v in rows["value"]],
            "When observed": [o.replace("_", " ") for o in rows["observed"]],
            "Probability": rows["probability"].map(percent).to_numpy(),
            "Judged by": rows["expert_id"].map(names).to_numpy(),
            "Because": rows["basis"].to_numpy(),
        }
    )
