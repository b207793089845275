"""What is known of each setup, in words.

Question answered: *what is this setup, what connects it to foreign states, and where do sources differ?*
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.codes import legal_space
from riskmodel.decide import summarise
from riskmodel.language import current, mark, tr
from riskmodel.nexus import Fact, Programme, SetupFacts, equal_terms, foreign_programmes
from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN, Markup, dated, esc, lines, plain
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
    "not_looked_up",
    "present",
    "setups",
    "silent",
    "status_dated",
    "status_words",
    "unplaced_licensors",
]

CUSTODY = {
    "provider": mark("keys with the provider"),
    "customer_managed": mark("customer-managed keys"),
    "external_hyok": mark("keys held elsewhere"),
    "confidential_computing_external": mark("confidential computing"),
    "client_side": mark("encrypted by the client"),
    "first_party": mark("own hosting"),
}
"""Key custody in words, from most to least exposing (own hosting apart)."""

DATA_CLASS = {
    "national_health_warehouse": mark("national health warehouse"),
    "national_patient_record": mark("national patient records"),
    "hospital_warehouse": mark("hospital warehouse"),
    "generic": mark("ordinary enterprise data"),
}

GROUPS = {
    "HDH": mark("Health Data Hub"),
    "EMC2": mark("Health Data Hub"),
    "DARWIN": mark("Health Data Hub"),
    "DMP": mark("Other national systems"),
    "SNDS": mark("Other national systems"),
    "EDS": mark("Hospitals"),
    "GENERIC": mark("For comparison"),
}
"""System of a setup -> heading under which it stands."""

ROUTE_KINDS = {
    "parent_control": mark("owner or seat"),
    "minority_holding": mark("minority holding"),
    "establishment_separated": mark("establishment"),
    "establishment_not_separated": mark("establishment"),
    "remote_provider": mark("establishment"),
    "licensor_with_access": mark("licensor"),
    "licensor_without_access": mark("licensor"),
    "data_location": mark("place of data"),
    "remote_staff": mark("staff"),
}
"""Route -> kind of nexus as a reader would call it."""


def names(study: Study, table: str) -> pd.Series:
    """Names in one of the tables of experts, providers and reporters, by id."""
    return study[table].set_index(f"{table[:-1]}_id")["name"]


def country(code: str) -> str:
    """Return the usual name of a country code in the current language, or the code."""
    import pycountry

    if current() != "en":
        from babel import Locale

        return str(Locale.parse(current()).territories.get(code, code))

    found = pycountry.countries.get(alpha_2=code)
    return str(getattr(found, "common_name", found.name)) if found else code


def present(x: xr.Dataset, wanted: Iterable[str]) -> list[str]:
    """Those of the wanted setups that were scored; the first four scored ones when none was."""
    scored = [str(s) for s in x["setup"].values]
    return [s for s in wanted if s in scored] or scored[:4]


def grouped(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``group`` and sort by it, then by predictive probability, highest first."""
    group = frame["setup"].map(study["setups"].set_index("setup_id")["system"]).map(GROUPS).fillna("For comparison")
    out = frame.assign(group=group.map(tr), place=group.map(list(GROUPS.values()).index))
    by = ["place", "probability" if "probability" in out else "setup", "setup"]
    return out.sort_values(by, ascending=[True, False, True], ignore_index=True).drop(columns="place")


def status_dated(rows: pd.DataFrame, as_of: dt.date, *, spelled: bool = False) -> str:
    """Say the best status of a certificate in its rows, with its end, or with the date at which it was last seen.

    Parameters
    ----------
    rows
        Rows of the table of certifications on one provider and scheme.
    as_of
        Day of the study: an end before it is said to be past, sightings announced for later are left out.
    spelled
        Write months as words.
    """
    best = next((s for s in ("qualified", "in_progress") if (rows["status"] == s).any()), "")
    if not best:
        return tr(NOT_SEEN)
    mine, now, status = rows[rows["status"] == best], pd.Timestamp(as_of), plain(best)
    seen = mine[(mine["date"] <= now) & (mine["date_meaning"] != "planned")].sort_values("date").to_dict("records")
    ends = mine[mine["valid_to"].notna()].sort_values("valid_to").to_dict("records")
    last = seen[-1]["date"] if seen else pd.NaT
    if ends and not (ends[-1]["valid_to"] < now and last > ends[-1]["valid_to"]):
        end, meaning = ends[-1]["valid_to"], ends[-1]["valid_to_meaning"]
        day = dated(end, ends[-1]["valid_to_precision"], spelled=spelled)
        said = tr("{status} until {day}", status=status, day=day)
        said = tr("{said} (computed)", said=said) if meaning == "derived" else said
        return tr("{said}, renewal not seen", said=said) if end < now else said
    if not seen:
        return tr("{status}, date not seen", status=status)
    day = dated(seen[-1]["date"], seen[-1]["date_precision"], spelled=spelled)
    return tr("{status}, last seen {day}", status=status, day=day)


def _certificates(study: Study, row: Mapping[Hashable, Any]) -> str:
    """Certificates a setup asks for or awaits, and the status of its provider for each."""
    rows = study["certifications"]
    rows = rows[rows["superseded_by"].isna() & (rows["provider_id"] == row["provider_id"])]
    said = []
    for how, column in (
        (mark("{scheme} asked"), "certifications_required"),
        (mark("{scheme} awaited"), "certifications_pending"),
    ):
        for scheme in split(row[column]):
            mine = rows[rows["scheme"] == scheme]
            status = status_dated(mine, study.as_of)
            wish = tr(how, scheme=plain(scheme))
            named = isinstance(row["provider_id"], str)
            said.append(tr("{what}: {said}", what=wish, said=status) if named else wish)
    return tr("; ").join(said) or tr("none asked")


def _date(row: Mapping[Hashable, Any], which: str) -> str:
    day, meaning = row[f"{which}_date"], str(row[f"{which}_date_meaning"])
    if pd.isna(day):
        return ""
    words = {"seen_true": mark("seen"), "milestone": mark("event"), "derived": mark("computed")}
    return f"{dated(day, row[f'{which}_date_precision'])} ({plain(words.get(meaning, meaning))})"


def setups(study: Study, refs: References) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each group of setups with a table of what is known of them."""
    host = names(study, "providers")
    rows = study["setups"].assign(setup=lambda f: f["setup_id"])
    for group, part in grouped(study, rows).groupby("group", sort=False):
        out = []
        for r in part.to_dict("records"):
            staff, place = (
                ", ".join(map(country, split(r[c]))) or tr(NOT_SEEN) for c in ("operator_countries", "data_countries")
            )
            since, until = _date(r, "from"), _date(r, "to")
            dates = tr("{since} to {until}", since=since, until=until) if since and until else since or until
            name = host.get(r["provider_id"], tr("not chosen: any qualified host"))
            out.append(
                {
                    tr("Setup"): lines(
                        Markup(f'<b id="row-{esc(r["setup_id"])}">{esc(r["label"])}</b>'),
                        r["name"],
                        Markup(f"<code>{esc(r['setup_id'])}</code>"),
                    ),
                    tr("What it is"): lines(r["summary"], f"{plain(r['kind']).capitalize()}. {dates}".strip()),
                    tr("Host"): lines(
                        name, tr("run from: {places}", places=staff), tr("data in: {places}", places=place)
                    ),
                    tr("Keys"): tr(CUSTODY.get(str(r["key_custody"]), NOT_SEEN)),
                    tr("Certificates"): _certificates(study, r),
                    tr("Data"): lines(
                        tr(DATA_CLASS.get(str(r["data_class"]), str(r["data_class"]))), plain(r["service_model"])
                    ),
                    tr("Confidence, sources"): lines(plain(r["confidence"]), refs.cite(r["source_ids"])),
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
    said = found["kind"].map(tr) + np.where(found["certain"], "", " (?)")
    states = said.groupby([found["setup"], found["country"]]).agg(", ".join).reset_index(name="said")
    each = [
        tr("{what}: {said}", what=country(code), said=kinds)
        for code, kinds in zip(states["country"], states["said"], strict=True)
    ]
    words = pd.Series(each, states.index, dtype=object).groupby(states["setup"]).agg(tr("; ").join)
    text = order["setup"].map(words).fillna(tr("none seen"))
    return pd.DataFrame({tr("Setup"): order["label"], tr("Nexus with foreign states"): text})


def by_provider(study: Study, wanted: Sequence[str]) -> pd.DataFrame:
    """Setups at one workload, custody and terms, labelled by their provider alone."""
    rows = study["setups"]
    rows = rows[rows["setup_id"].isin(wanted)]
    label = rows["provider_id"].map(names(study, "providers")).fillna(tr("Any qualified host"))
    return equal_terms(rows.assign(label=label.str.split(r",| \(", regex=True).str[0]))


def contested(study: Study, x: xr.Dataset, refs: References) -> pd.DataFrame:
    """Facts on which sources differ: each reading with its sources and what follows from it."""
    rows = study["setups"].set_index("setup_id")
    level: Any = summarise(x).table.set_index("setup")
    out = []
    for main, variants in rows[rows["variant_of"].notna()].groupby("variant_of", sort=True):
        for one in (str(main), *map(str, variants.index)):
            if one not in rows.index or one not in level.index:
                continue
            r, p = rows.loc[one], level.loc[one]
            sure = plain(r["confidence"])
            out.append(
                {
                    tr("Setup"): r["label"],
                    tr("Reading"): tr("main reading ({confidence} confidence)", confidence=sure)
                    if one == main
                    else tr("other reading ({confidence} confidence)", confidence=sure),
                    tr("What is said"): r["summary"],
                    tr("Predictive probability"): percent(
                        p["probability"], (p["probability_low"], p["probability_high"])
                    ),
                    tr("Sources"): refs.cite(r["source_ids"]),
                }
            )
    return pd.DataFrame(out)


def dates_note(study: Study) -> str:
    """One sentence on how exactly the setups are dated."""
    known = study["setups"]["from_date_precision"]
    loose = int(known.isin(["month", "quarter", "half", "year"]).sum())
    return tr(
        "Of {count} setups, {undated} have no seen start and {loose} are dated only to the month or the year; the "
        "horizon is the same for all, so that dates of the past do not enter the numbers above.",
        count=len(known),
        undated=int(known.isna().sum()),
        loose=loose,
    )


def abroad(study: Study) -> str:
    """Name the foreign states whose law is in the model."""
    codes = sorted({c for p in foreign_programmes(study, study.home) for c in p.countries} - legal_space(study.home))
    return ", ".join(country(c) for c in codes)


def silent(study: Study, x: xr.Dataset) -> str:
    """Name the foreign laws of which no source gives a demand and no expert speaks."""
    names_of = study["regimes"].set_index("regime_id")["name"]
    unseen = [str(names_of[name]) for name in x.attrs["without_evidence"]]
    if not unseen:
        return tr("Of each of these laws a published demand or an expert speaks.")
    return tr(
        "None of the sources read gives a demand, and no expert speaks, of: {laws}. What is said of other laws stands "
        "in for it.",
        laws=", ".join(unseen),
    )


def _hosts(study: Study, x: xr.Dataset) -> list[str]:
    """Hosts of the scored setups, each once, in the order of the setups."""
    chosen = study["setups"].set_index("setup_id")["provider_id"].reindex(x["setup"].values).dropna()
    return [str(host) for host in chosen.unique()]


def not_looked_up(study: Study, x: xr.Dataset) -> str:
    """Name the hosts of scored setups of whose shareholders and establishments the study has no row; or nothing."""
    providers, owned = study["providers"].set_index("provider_id"), set(study["ownership"]["owned_id"])
    bare = providers[["establishment_countries", "establishment_presence"]].isna().all(axis=1)
    hosts = [str(providers["name"][host]) for host in _hosts(study, x) if host not in owned and bare[host]]
    if not hosts:
        return ""
    return tr(
        "The tables hold neither shareholders nor establishments of {hosts}. For such a host, none seen means that "
        "nobody looked or that nothing was found; what the model allows for links that nobody has seen stands in for "
        "it.",
        hosts=", ".join(hosts),
    )


def licensors(study: Study, provider: object) -> list[str]:
    """Ids of the licensors of a provider and of the infrastructure that it runs on."""
    rows, found = study["providers"].set_index("provider_id"), []
    while isinstance(provider, str):
        found += [rows["licensor_id"][provider]]
        provider = rows["runs_on"][provider]
    return [str(licensor) for licensor in found if isinstance(licensor, str)]


def unplaced(study: Study, licensor: str) -> bool:
    """Whether neither the state of a licensor nor anybody behind it is recorded."""
    country_of = study["entities"].set_index("entity_id")["country"]
    return bool(pd.isna(country_of[licensor])) and licensor not in set(study["ownership"]["owned_id"])


def unplaced_licensors(study: Study, x: xr.Dataset) -> str:
    """Name the licensors of scored setups whose state is not recorded, so that no route leads through them."""
    host, entity = names(study, "providers"), study["entities"].set_index("entity_id")["name"]
    found = [
        f"{entity[licensor]} ({host[one]})"
        for one in _hosts(study, x)
        for licensor in licensors(study, one)
        if unplaced(study, licensor)
    ]
    if not found:
        return ""
    return tr(
        "The sources read do not say to which state a licensor belongs, and no route through it is counted: {found}.",
        found=", ".join(found),
    )


def status_words(study: Study, setup: str, refs: References) -> pd.DataFrame:
    """What each source says of the certificates of a setup's host, latest last."""
    provider = study["setups"].set_index("setup_id")["provider_id"][setup]
    rows = study["certifications"]
    rows = rows[(rows["provider_id"] == provider) & rows["scheme"].isin(["SecNumCloud", "HDS"])]
    rows = rows.sort_values(["scheme", "date", "certification_id"])
    return pd.DataFrame(
        {
            tr("Scheme"): rows["scheme"],
            tr("Status"): rows["status"].map(plain),
            tr("As of"): [
                dated(day, precision) or tr(NOT_SEEN)
                for day, precision in zip(rows["date"], rows["date_precision"], strict=True)
            ],
            tr("Remark"): rows["remark"],
            tr("Confidence"): rows["confidence"].map(plain),
            tr("Source"): rows["source_ids"].map(refs.cite),
        }
    )


def mixture_words(study: Study, fact: str) -> pd.DataFrame:
    """Stated probabilities of what was not seen, with who judged them and why."""
    rows = study["mixtures"]
    rows = rows[rows["fact"] == fact] if fact else rows
    return pd.DataFrame(
        {
            tr("Value"): [tr(CUSTODY.get(v, plain(v))) for v in rows["value"]],
            tr("When observed"): rows["observed"].map(plain),
            tr("Probability"): rows["probability"].map(percent),
            tr("Judged by"): rows["expert_id"].map(names(study, "experts")),
            tr("Because"): rows["basis"],
        }
    )
