"""Generated hosts: a provider, those behind it and a setup on it, as hypothesis strategies and as a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from riskmodel.study import Study

SPACES = {"EU/EEA": (("FR", "DE"), ("US", "CN", "CA", "GB")), "CH": (("CH",), ("US", "FR", "CA", "GB"))}
"""Legal space of the controller: countries inside, countries outside whose law is in the study."""
PROVIDER, BENEATH, LICENSOR = "gen_host", "gen_infrastructure", "gen_licensor"
HOLDERS = ("gen_a", "gen_b", "gen_c", "gen_d")
OWNED = (PROVIDER, BENEATH, LICENSOR, *HOLDERS)
PAIRS = tuple((owned, holder) for owned in OWNED for holder in HOLDERS if owned != holder)

# ladders: each step is more nexus, or less protection, than the one before
SHARES: tuple[tuple[float, float] | str, ...] = ("", (10, 10), (30, 30), (30, 60), (45, 80), (55, 60), "control")
ACCESS = ("none", "supervised", "unknown", "remote")
PRESENCE = ("doubtful", "not_looked_up", "seen")
SEPARATION = ("separated", "not_separated")  # "unknown" lies anywhere
CUSTODY = (
    "client_side",
    "confidential_computing_external",
    "external_hyok",
    "customer_managed",
    "provider",
    "first_party",
)
TERMS = ("challenge_demands", "eu_law_only_clause", "notify_customer")
SCHEMES = ("SecNumCloud", "HDS")
STATUS = ("qualified", "in_progress", "none")
ENDS = ("2040-01-01", "2030-06-30", "2028-02-01", "2026-01-31")  # of a certificate; the study is of the end of 2026
Places = frozenset[str]


@dataclass(frozen=True)
class Host:
    """One provider (with what it runs on and who stands behind it) and one setup on it."""

    home: str = "EU/EEA"
    seat: str = "FR"
    staff: Places = frozenset()
    establishments: Places = frozenset()
    presence: str = "seen"
    separation: str = "separated"
    licensor: str = ""  # its country
    access: str = "unknown"
    confidence: str = "high"  # of all these facts
    beneath: str = ""  # seat of the infrastructure it runs on
    countries: tuple[str, ...] = ("FR",) * len(HOLDERS)
    owners: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (owned, holder): step of SHARES
    certificates: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # scheme: status, end
    precision: str = "day"  # of the ends
    data: Places = frozenset({"FR"})
    operators: Places = frozenset()
    custody: str = "provider"  # "": not seen
    asked: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    terms: frozenset[str] | None = frozenset()  # None: not seen
    data_class: str = "generic"
    service_model: str = "infrastructure"


def joined(parts: frozenset[str]) -> str | None:
    return ";".join(sorted(parts)) or None


def added(table: pd.DataFrame, rows: list[dict[str, object]]) -> pd.DataFrame:
    """The table with further rows; columns that a row does not name are missing."""
    if not rows:
        return table
    more = pd.DataFrame(rows).reindex(columns=table.columns).astype(table.dtypes)
    return pd.concat([table, more], ignore_index=True) if len(table) else more


def with_tables(study: Study, **tables: pd.DataFrame) -> Study:
    return replace(study, tables=MappingProxyType({**study.tables, **tables}))


def study_of(study: Study, host: Host, *, beside: bool = False) -> Study:
    """The study with a host as its only provider and setup, or `beside` those it has."""
    provider = {
        "provider_id": PROVIDER,
        "name": PROVIDER,
        "seat_country": host.seat,
        "staff_countries": joined(host.staff),
        "establishment_countries": joined(host.establishments),
        "establishment_presence": host.presence if host.establishments else None,
        "establishment_separation": host.separation if host.establishments else None,
        "licensor_id": LICENSOR if host.licensor else None,
        "licensor_access": host.access if host.licensor else None,
        "runs_on": BENEATH if host.beneath else None,
        "is_pseudo": False,
        "confidence": host.confidence,
    }
    below = {"provider_id": BENEATH, "name": BENEATH, "seat_country": host.beneath}
    below |= {"is_pseudo": False, "confidence": host.confidence}
    places = dict(zip(HOLDERS, host.countries, strict=True)) | {PROVIDER: host.seat}
    places |= {LICENSOR: host.licensor} if host.licensor else {}
    places |= {BENEATH: host.beneath} if host.beneath else {}
    owners = []
    for (owned, holder), step in host.owners.items():
        share = SHARES[step]
        if share and owned in places:
            row = {"ownership_id": f"{owned}-{holder}", "owned_id": owned, "holder_id": holder, "status": "current"}
            row |= {"confidence": host.confidence, "as_of_meaning": "seen_true"}
            known = {} if isinstance(share, str) else dict(zip(("share_low_pct", "share_high_pct"), share, strict=True))
            owners.append(row | {"kind": "capital" if known else "control"} | known)
    certificates = [
        {
            "certification_id": f"{PROVIDER}-{scheme}",
            "provider_id": PROVIDER,
            "scheme": scheme,
            "status": status,
            "valid_to": pd.Timestamp(end),
            "valid_to_precision": host.precision,
            "confidence": host.confidence,
        }
        for scheme, (status, end) in host.certificates.items()
    ]
    setup = {
        "setup_id": "GENERATED",
        "name": "Generated",
        "label": "Generated",
        "provider_id": PROVIDER,
        "data_countries": joined(host.data),
        "operator_countries": joined(host.operators),
        "key_custody": host.custody or None,
        "certifications_required": joined(host.asked),
        "certifications_pending": joined(host.pending),
        "terms": None if host.terms is None else joined(host.terms) or "none",
        "data_class": host.data_class,
        "service_model": host.service_model,
        "kind": "generic",
        "confidence": "medium",
    }
    rows: dict[str, list[dict[str, object]]] = {
        "providers": [provider, below] if host.beneath else [provider],
        "entities": [{"entity_id": k, "name": k, "country": v, "kind": "company"} for k, v in places.items()],
        "ownership": owners,
        "certifications": certificates,
        "contract_terms": [],
        "setups": [setup],
    }
    keep = slice(None) if beside else slice(0)
    return with_tables(study, **{name: added(study[name].iloc[keep], more) for name, more in rows.items()})


@st.composite
def hosts(draw: DrawFn, *, home: str = "", foreign: bool = True) -> Host:
    """A host; without `foreign`, every country in it lies inside the controller's legal space."""
    home = home or draw(st.sampled_from(sorted(SPACES, reverse=True)))
    inside, outside = SPACES[home]
    anywhere = (*inside, *outside) if foreign else inside
    country, places = st.sampled_from(anywhere), st.frozensets(st.sampled_from(anywhere), max_size=2)
    chosen: SearchStrategy[frozenset[str]] = st.frozensets(st.sampled_from(SCHEMES))
    held = st.tuples(st.sampled_from(STATUS), st.sampled_from(ENDS))
    return Host(
        home=home,
        seat=draw(country),
        staff=draw(places),
        establishments=draw(places),
        presence=draw(st.sampled_from(PRESENCE)),
        separation=draw(st.sampled_from((*SEPARATION, "unknown"))),
        licensor=draw(st.just("") | country),
        access=draw(st.sampled_from(ACCESS)),
        confidence=draw(st.sampled_from(("high", "medium", "low"))),
        beneath=draw(st.just("") | country),
        countries=draw(st.tuples(*[country] * len(HOLDERS))),
        owners=draw(st.dictionaries(st.sampled_from(PAIRS), st.integers(1, len(SHARES) - 1), max_size=5)),
        certificates=draw(st.dictionaries(st.sampled_from(SCHEMES), held)),
        precision=draw(st.sampled_from(("day", "month", "year"))),
        data=draw(places),
        operators=draw(places),
        custody=draw(st.sampled_from((*CUSTODY, ""))),
        asked=draw(chosen),
        pending=draw(chosen),
        terms=draw(st.none() | st.frozensets(st.sampled_from(TERMS))),
        data_class=draw(st.sampled_from(("generic", "hospital_warehouse", "national_health_warehouse"))),
        service_model=draw(st.sampled_from(("infrastructure", "collaboration"))),
    )


MORE = (
    "an owner, or a larger share",
    "an establishment",
    "an establishment less separated",
    "a licensor",
    "a licensor with more access",
    "remote staff",
    "operators",
    "data location",
    "seat abroad",
    "infrastructure of another",
)


@st.composite
def with_more_nexus(draw: DrawFn, kind: str) -> tuple[Host, Host]:
    """A host, and the same host with one connection more or one that binds more."""
    host = draw(hosts())
    inside, outside = SPACES[host.home]
    abroad = draw(st.sampled_from(outside))

    def step(ladder: tuple[str, ...]) -> tuple[str, str]:
        low = draw(st.integers(0, len(ladder) - 2))
        return ladder[low], ladder[draw(st.integers(low + 1, len(ladder) - 1))]

    less, more = {}, {}
    if kind == MORE[0]:
        pair = draw(st.sampled_from(PAIRS))
        low = host.owners.get(pair, 0)
        more["owners"] = dict(host.owners) | {pair: draw(st.integers(min(low + 1, len(SHARES) - 1), len(SHARES) - 1))}
    elif kind == MORE[1]:
        more["establishments"] = host.establishments | {abroad}
    elif kind == MORE[2]:
        name, ladder = draw(st.sampled_from([("presence", PRESENCE), ("separation", SEPARATION)]))
        less[name], more[name] = step(ladder)
        less["establishments"] = more["establishments"] = host.establishments | {abroad}
        if less[name] == "not_looked_up":  # a weak source that sees one may say less than a judgement without
            host = replace(host, confidence="high")
    elif kind == MORE[3]:
        less["licensor"], more["licensor"] = "", abroad
    elif kind == MORE[4]:
        less["access"], more["access"] = step(ACCESS)
        less["licensor"] = more["licensor"] = abroad
    elif kind in MORE[5:8]:
        name = {"remote staff": "staff", "operators": "operators", "data location": "data"}[kind]
        more[name] = getattr(host, name) | {abroad}
    elif kind == MORE[8]:
        less["seat"], more["seat"] = inside[0], abroad
    else:
        less["beneath"], more["beneath"] = "", abroad
    return replace(host, **less), replace(host, **more)


@st.composite
def with_fewer_certificates(draw: DrawFn) -> tuple[Host, Host]:
    """A host, and the same host with a label not asked for, held to a lesser degree, or for a shorter time."""
    host = draw(hosts())
    scheme = draw(st.sampled_from(SCHEMES))
    status, end = draw(st.integers(0, len(STATUS) - 1)), draw(st.integers(0, len(ENDS) - 1))
    better = dict(host.certificates) | {scheme: (STATUS[status], ENDS[end])}
    worse = draw(st.integers(status, len(STATUS) - 1)), draw(st.integers(end, len(ENDS) - 1))
    lesser = dict(host.certificates) | {scheme: (STATUS[worse[0]], ENDS[worse[1]])}
    if draw(st.booleans()):
        del lesser[scheme]
    more = replace(host, certificates=better, asked=host.asked | {scheme})
    less = replace(
        host,
        certificates=lesser,
        asked=draw(st.sampled_from([host.asked - {scheme}, host.asked | {scheme}])),
        pending=draw(st.sampled_from([host.pending, host.pending - {scheme}])),
    )
    return more, less


@st.composite
def with_weaker_custody(draw: DrawFn) -> tuple[Host, Host]:
    """A host, and the same host with keys less far from it; custody not seen lies between the two ends."""
    host = draw(hosts())
    ladders = [CUSTODY, ("client_side", "", "provider")]
    ladder = draw(st.sampled_from(ladders))
    low = draw(st.integers(0, len(ladder) - 2))
    return replace(host, custody=ladder[low]), replace(
        host, custody=ladder[draw(st.integers(low + 1, len(ladder) - 1))]
    )


@st.composite
def with_fewer_terms(draw: DrawFn) -> tuple[Host, Host]:
    """A host, and the same host with fewer protective clauses; clauses not seen lie between all and none."""
    host = draw(hosts())
    some = draw(st.frozensets(st.sampled_from(TERMS), min_size=1))
    fewer = some - {draw(st.sampled_from(sorted(some)))}
    pairs = [(some, fewer), (frozenset(TERMS), None), (None, frozenset())]
    more, less = draw(st.sampled_from(pairs))
    return replace(host, terms=more), replace(host, terms=less)


def ids_in(study: Study) -> pd.Index:
    """Everything that is named in the study's tables of providers, entities and setups."""
    columns = [("providers", "provider_id"), ("entities", "entity_id"), ("setups", "setup_id")]
    return pd.Index(np.unique(np.concatenate([study[table][column].to_numpy() for table, column in columns])))


def renamed(study: Study, names: Mapping[str, str]) -> Study:
    """The study with other ids for providers, entities and setups, wherever they are named."""
    columns = {
        "providers": ("provider_id", "licensor_id", "runs_on"),
        "entities": ("entity_id",),
        "ownership": ("owned_id", "holder_id"),
        "certifications": ("provider_id",),
        "contract_terms": ("provider_id", "setup_id"),
        "setups": ("setup_id", "provider_id", "variant_of"),
    }
    tables = {}
    for name, places in columns.items():
        table = study[name].copy()
        for column in places:
            table[column] = table[column].map(lambda cell: names.get(cell, cell), na_action="ignore")
        tables[name] = table
    return with_tables(study, **tables)
