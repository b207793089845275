"""Tables of the report: data to words, and words to HTML in which no text from the data can act.

Question answered: *how is each row said to a reader, and on which source does it rest?* Every cell is escaped
unless it is :class:`Markup`, which only this module makes.
"""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from riskmodel.checks import passed
from riskmodel.codes import legal_space
from riskmodel.design import QUANTITIES
from riskmodel.nexus import Programme, SetupFacts, equal_terms, foreign_programmes, setup_facts
from riskmodel.schema import split
from riskmodel.wording import digits, factor, one_in, percent, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.study import Study

__all__ = [
    "CUSTODY",
    "Markup",
    "References",
    "certificates",
    "checks_table",
    "country",
    "grouped",
    "judgements",
    "masthead",
    "nexus",
    "pairs",
    "present",
    "put",
    "readings",
    "say",
    "table",
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
NOT_SEEN = "not seen"


@dataclass(frozen=True)
class Markup:
    """HTML made by this package; anything else is escaped. No text, so that a frame keeps it as it is."""

    html: str

    def __str__(self) -> str:
        return self.html


def esc(value: object) -> str:
    """Return a value as HTML text: :class:`Markup` as it is, missing as nothing, all else escaped."""
    if isinstance(value, Markup):
        return value.html
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT:
        return ""
    return html.escape(str(value), quote=True).replace(" %", "\N{NO-BREAK SPACE}%")


def lines(*parts: object) -> Markup:
    """Join the parts that say something, one a line; the first stands out less than a heading does."""
    return Markup("<br>".join(esc(part) for part in parts if esc(part)))


def _cell_class(cell: object) -> str:
    """Short numbers stay on one line, long texts get room."""
    text = re.sub(r"<[^>]+>", "", esc(cell))
    return " class=w" if len(text) > 70 else " class=n" if text[:1].isdigit() and len(text) < 24 else ""


def table(frame: pd.DataFrame, caption: str, *, fold: str = "") -> Markup:
    """Return a frame as an HTML table with a caption, scoped headers and a box of its own to scroll in.

    Parameters
    ----------
    frame
        Cells as they are to be read; the first column names the row.
    caption
        What the table says; also the name of the box for those who cannot see it.
    fold
        When given, the words of a line that opens the table.
    """
    head = "".join(f'<th scope="col">{esc(name)}</th>' for name in frame.columns)
    body = []
    for row in frame.itertuples(index=False, name=None):
        first, *rest = row
        cells = "".join(f"<td{_cell_class(c)}>{esc(c)}</td>" for c in rest)
        body.append(f'<tr><th scope="row">{esc(first)}</th>{cells}</tr>')
    label = html.escape(caption, quote=True)
    out = (
        '<div class="table" role="region" tabindex="0" '
        f'aria-label="{label}"><table><caption>{esc(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )
    return Markup(f"<details><summary>{esc(fold)}</summary>{out}</details>" if fold else out)


def put(*parts: str | Markup) -> None:
    """Display HTML in a notebook."""
    from IPython.display import HTML, display

    display(HTML("\n".join(esc(part) for part in parts)))


def say(*sentences: str | Markup, mark: str = "p") -> None:
    """Display computed sentences as text: one paragraph, or with ``mark="li"`` a list."""
    body = "".join(f"<li>{esc(s)}</li>" for s in sentences) if mark == "li" else ""
    put(Markup(f"<ul>{body}</ul>") if mark == "li" else Markup(f"<p>{' '.join(map(esc, sentences))}</p>"))


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


# -- head and foot


def masthead(
    study: Study, posterior: Posterior, horizon_years: float, today: dt.date | None = None
) -> Markup:
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
            f"{esc(r['check'])} is {digits(float(r['value']), 3)}, must be {esc(r['threshold'])}"
            for r in failing
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


# -- setups


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
        for r in part.to_dict("records"):
            known = isinstance(r["provider_id"], str)
            host = (
                str(names.get(r["provider_id"], r["provider_id"]))
                if known
                else "not chosen: any qualified host"
            )
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
        ``setup``, ``label``, ``country``, ``kind``, ``certain`` (False where the fact, or the provider, is not
        known).
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


# -- answers in words


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
    wide = found.pivot_table(index="label", columns="custody", values="probability").loc[
        found["label"].unique()
    ]
    out = pd.DataFrame({"Setup": wide.index})
    for name in [*CUSTODY, "stated mixture"]:
        if name in wide:
            out[CUSTODY.get(name, name).capitalize()] = wide[name].map(percent).to_numpy()
    return out


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


def by_provider(study: Study, wanted: Sequence[str]) -> pd.DataFrame:
    """Setups at one workload, custody and terms, labelled by their provider alone."""
    rows = study["setups"]
    rows = rows[rows["setup_id"].isin(wanted)]
    names = study["providers"].set_index("provider_id")["name"]
    label = [re.split(r",| \(", str(names.get(p, "Any qualified host")))[0] for p in rows["provider_id"]]
    return equal_terms(rows.assign(label=label))


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
            label = dict(zip(x["setup"].values, x["label"].values, strict=True))
            shares = {
                where: " / ".join(share_text(float(t.loc[where, k])) for k in ("lower", "equal", "higher"))
                for where in ("over parameters", "over worlds")
            }
            rows.append(
                {
                    "First against second": f"{label[a]} against {label[b]}",
                    "Basis": basis,
                    "Ratio of predictive probabilities": factor(float(t.loc["predictive", "ratio"])),
                    "90 % interval of the ratio over parameters": " to ".join(
                        factor(float(t.loc["over parameters", k])) for k in ("ratio_low", "ratio_high")
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
    names = {
        r: f"{states[r]}: {name}" for r, name in zip(x["regime"].values, x["regime_name"].values, strict=True)
    }
    labels = dict(zip(x["setup"].values, x["label"].values, strict=True))
    rows = []
    for s in wanted:
        column = part.sel(setup=s)
        for r in part["regime"].values:
            value = float(column.sel(regime=r))
            rows.append((s, labels[s], str(r), str(names[r]), value, value / float(column.sum())))
    return pd.DataFrame(rows, columns=["setup", "label", "regime", "name", "probability", "share"])


# -- evidence

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
    return (
        np.sqrt(value[0] * value[1]) if quantity == "attractiveness" else value
    )  # geometric mean of purposes


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
        base.assign(setup_id=f"{setup}:{k}", label=name, **change)
        for k, (name, change) in enumerate(WHAT_IF.items())
    ]
    scored = exposure(
        posterior, study, setups=pd.concat(variants, ignore_index=True), horizon_years=horizon_years
    )
    return summarise(scored).table


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
    codes = sorted(
        {c for p in foreign_programmes(study, study.home) for c in p.countries} - legal_space(study.home)
    )
    return ", ".join(country(c) for c in codes)


def facts_of(study: Study, horizon_years: float) -> tuple[SetupFacts, ...]:
    """Facts of the study's own setups over the horizon."""
    return setup_facts(study, horizon_years=horizon_years)


def provenance(posterior: Posterior) -> str:
    """Attributes of the posterior as one JSON line, for the foot of a report."""
    skip = {"checks"}
    return json.dumps({k: str(v) for k, v in posterior.data.attrs.items() if k not in skip})


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


# -- sentences


def in_short(study: Study, x: xr.Dataset, posterior: Posterior, focus: Sequence[str]) -> list[str]:
    """Return the main results in sentences: setup in use against the selected one, levels, judgement."""
    from riskmodel.decide import compare, drivers, summarise

    s = summarise(x).table.set_index("setup")
    years = years_text(x.attrs["horizon_years"])
    old, new = focus[0], "HDH_SCALEWAY" if "HDH_SCALEWAY" in focus else focus[-1]
    a, b = s.loc[old], s.loc[new]
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
        row = compare(x, new, old).table
        row = row[(row["answer"] == "likelihood") & (row["comparison"] == "over parameters")].iloc[0]
        out.append(
            f"Read comparisons with more trust than levels: the interval of {a['label']} spans a factor of "
            "about "
            f"{digits(a['probability_high'] / a['probability_low'], 1)}, that of the ratio between the two a "
            "factor of about "
            f"{factor(row['ratio_high'] / row['ratio_low'])}."
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
    note = (
        "" if horizon_years == 5.0 else " The threshold was set for 5 years, another horizon is shown here."
    )
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
    base, most = found.iloc[0], found.loc[found["probability"].idxmax()]
    times = factor(most["probability"] / base["probability"])
    return (
        f"Facts that a source could settle would move the answer. For {label} the predictive probability "
        "within "
        f"{years_text(horizon_years)} is {percent(base['probability'])}; the change that would raise it most "
        "of those tried "
        f"({most['label']}) would make it {percent(most['probability'])}, {times} times as much."
    )
