"""The fiche: two pages on one setup for a reader who knows neither statistics nor hosting.

Question answered: *what is this setup, and what are its three answers?* Every sentence stands for itself when it is
read aloud, and a calibrated word never stands without its number. What drives and would change the answers, and what is
not known, is in :mod:`riskmodel.tables.fiche_reasons`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any

import pandas as pd
import xarray as xr

from riskmodel.acceptance import acceptability_of, load_acceptability
from riskmodel.decide import acceptability, intervene, summarise, worlds
from riskmodel.decide._shared import unknown
from riskmodel.decide.rulings import OUTCOMES
from riskmodel.errors import StudyError
from riskmodel.exposure import exposure
from riskmodel.language import current, date_text, mark, tr, trn
from riskmodel.nexus import SetupFacts, setup_facts
from riskmodel.schema import split
from riskmodel.tables.evidence import References, masthead
from riskmodel.tables.ledger import LIKELY, trail
from riskmodel.tables.page import Markup, esc, table
from riskmodel.tables.setups import country, nexus, status_dated
from riskmodel.wording import ends_of, in_words, one_in, percent, words_table, years_text

if TYPE_CHECKING:
    from riskmodel.fit import Posterior
    from riskmodel.report import Inputs
    from riskmodel.study import Study

__all__ = ["Case", "Cited", "answers", "foot", "head", "links", "places", "what", "words"]

CUSTODY = {
    "provider": mark("The host holds the keys."),
    "customer_managed": mark("The customer makes and manages the keys, but they are used inside the host's service."),
    "external_hyok": mark("The keys are kept outside the host; while the service runs, they act in clear."),
    "confidential_computing_external": mark(
        "The data stay encrypted even in use; keys come from outside, for machines that have proved what they run."
    ),
    "client_side": mark("The data are encrypted before they reach the host, which never has the keys."),
    "first_party": mark("The organisation runs the machines itself and holds its own keys."),
}
"""Key custody as a sentence."""
STATUS = {"qualified": "", "in_progress": "", "none": mark("{scheme}: not held on {day}")}
"""Status of a certificate, the best first -> its words, where :func:`riskmodel.tables.status_dated` has none."""
SCHEMES = ("HDS", "SecNumCloud")
"""Certificates that a fiche names."""


@dataclass(frozen=True)
class Case:
    """One setup and all that its fiche says of it; each part is worked out once, when it is first used.

    Raises
    ------
    UsageError
        If the study has no such setup; the nearest names are given.
    """

    study: Study
    posterior: Posterior
    setup: str
    horizon_years: float

    def __post_init__(self) -> None:
        known = list(self.study["setups"]["setup_id"])
        if self.setup not in known:
            raise unknown("setup", [self.setup], known)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The row of the table of setups."""
        rows = self.study["setups"]
        return rows[rows["setup_id"] == self.setup]

    @cached_property
    def row(self) -> dict[str, Any]:
        """The same as a mapping, empty text for what was not seen."""
        return _filled(self.rows)

    @cached_property
    def host(self) -> dict[str, Any]:
        """The row of the host; nothing where none was chosen."""
        rows = self.study["providers"]
        return _filled(rows[rows["provider_id"] == self.row["provider_id"]])

    @cached_property
    def facts(self) -> SetupFacts:
        """Facts of the setup over the horizon."""
        return setup_facts(self.study, self.rows, horizon_years=self.horizon_years)[0]

    @cached_property
    def x(self) -> xr.Dataset:
        """Exposure of the setup."""
        return exposure(self.posterior, self.study, setups=self.rows, horizon_years=self.horizon_years)

    @cached_property
    def unlinked(self) -> int:
        """How many setups of the study have no link with a foreign state that was seen."""
        whole = setup_facts(self.study, horizon_years=self.horizon_years)
        return len(whole) - nexus(self.study, whole)["setup"].nunique()

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The row of :func:`riskmodel.summarise`."""
        return {str(k): v for k, v in summarise(self.x).table.iloc[0].items()}

    @cached_property
    def interventions(self) -> pd.DataFrame:
        """The table of :func:`riskmodel.intervene`."""
        return intervene(self.posterior, self.study, self.setup, horizon_years=self.horizon_years).table

    @cached_property
    def questions(self) -> pd.DataFrame:
        """Legal questions that the setup raises, by key: ``chance`` of yes, probability if ``yes`` and if ``no``."""
        found = worlds(self.posterior, self.study, setups=self.rows, horizon_years=self.horizon_years)
        detail: Any = found.detail
        either = {a: detail[detail["settled"] == a].set_index("question")["probability"] for a in (True, False)}
        chance = found.table.set_index("question")["probability_yes"]
        return pd.DataFrame({"chance": chance, "yes": either[True], "no": either[False]})


def _filled(rows: pd.DataFrame) -> dict[str, Any]:
    """The first row as a mapping, empty text for what is missing; nothing if there is none."""
    return {str(k): "" if pd.isna(v) else v for k, v in rows.iloc[0].items()} if len(rows) else {}


class Cited(References):
    """Numbers sources in the order in which a page first cites them, and lists no others."""

    def __init__(self, study: Study) -> None:
        self._every = study["sources"].drop_duplicates("source_id").set_index("source_id", drop=False)
        self.number: dict[str, int] = {}
        self.rows = self._every.iloc[:0]

    def cite(self, cell: object) -> Markup:
        """Links to the sources of a cell; those not cited before get the next numbers."""
        ids = [source for source in dict.fromkeys(split(cell)) if source in self._every.index]
        for source in ids:
            self.number.setdefault(source, len(self.number) + 1)
        return super().cite(";".join(ids))

    def listing(self, after: int = 0, *, addresses: bool = True) -> Markup:
        """The numbered list of the sources cited so far."""
        self.rows = self._every.loc[list(self.number)]
        return super().listing(after, addresses=addresses)

    def first(self, cells: Iterable[object]) -> Markup:
        """Links to the first source of each cell."""
        return self.cite(";".join(split(cell)[0] for cell in cells if split(cell)))

    def last(self, cells: Iterable[object]) -> Markup:
        """Link to the last source of some cells, one whose text was located before any other."""
        found = [source for cell in cells for source in split(cell)]
        located = [source for source in found if source in self._every.index and self._every.loc[source, "located"]]
        return self.cite(";".join((located or found)[-1:]))


def head(case: Case, given: Inputs) -> Markup:
    """Title, what the page is, whether its checks pass, and what is needed to make it again."""
    title = tr("{label}: how exposed to foreign legal access?", label=case.row["label"])
    purpose = tr(
        "Two pages on one way of hosting data: can a foreign law reach them, how likely is it that they are disclosed, "
        "and how do authorities judge it? The three answers are kept apart. This is not legal advice, and no finding "
        "about any company: it says what follows from the facts and judgements named below."
    )
    foreign = (
        tr("Foreign means: of a state outside the European Union and the European Economic Area.")
        if case.study.home == "EU/EEA"
        else tr("Foreign means: of a state outside the legal space {home}.", home=case.study.home)
    )
    style = (resources.files("riskmodel") / "tables" / "fiche.css").read_text(encoding="utf-8")
    block = masthead(case.study, case.posterior, case.horizon_years, given.validation, given.changes)
    return Markup(f"<style>{style}</style><h1>{esc(title)}</h1><p>{esc(purpose)} {esc(foreign)}</p>{block}")


# -- what it is --------------------------------------------------------------------------------------------------------


def places(cell: object) -> str:
    """Countries of a cell in words, the Union among them."""
    return ", ".join(tr("European Union") if code == "EU" else country(code) for code in split(cell))


def links(case: Case) -> str:
    """Foreign states that the setup is linked with and how, those for certain first; nothing if none was seen."""
    found = nexus(case.study, [case.facts])
    said = []
    for certain in (True, False):
        part = found[found["certain"] == certain].groupby("country", sort=False)["kind"]
        states = ", ".join(f"{country(str(code))} ({', '.join(map(tr, kinds))})" for code, kinds in part)
        if states:
            said.append(tr("known: {states}", states=states) if certain else tr("possible: {states}", states=states))
    return tr("; ").join(said)


def _host(case: Case, refs: Cited) -> str:
    """Host, the company that runs it, and who controls that."""
    host, owned, entities = case.host, case.study["ownership"], case.study["entities"]
    if not host:
        return esc(tr("Not one host: any that has the certificates asked for."))
    control = owned[(owned["owned_id"] == host["provider_id"]) & (owned["kind"] == "control")]
    control = control[control["status"] == "current"]
    owners = entities[entities["entity_id"].isin(control["holder_id"])]["name"]
    said = [str(host["name"])]
    if host["operating_entity"]:
        said.append(tr("run by {company}", company=host["operating_entity"]))
    if len(owners):
        said.append(tr("controlled by {owners}", owners=", ".join(owners)))
    cited = refs.cite(";".join([*split(host["source_ids"])[:2], *split(";".join(control["source_ids"].dropna()))[:1]]))
    return f"{esc(', '.join(said))} {cited}"


def _certificates(case: Case, refs: Cited) -> str:
    """Which of the certificates the host holds, and until when, or is applying for."""
    rows = case.study["certifications"]
    rows = rows[(rows["provider_id"] == case.row["provider_id"]) & rows["superseded_by"].isna()]
    said = []
    for scheme in SCHEMES if case.host else ():
        mine = rows[rows["scheme"] == scheme].sort_values("date")
        best = next((s for s in STATUS if (mine["status"] == s).any()), None)
        text = tr("{scheme}: not seen", scheme=scheme)
        if best == "none":
            text = tr(STATUS[best], scheme=scheme, day=date_text(mine["date"].max().date()))
        elif best:
            text = tr("{what}: {said}", what=scheme, said=status_dated(mine, case.study.as_of, spelled=True))
        said.append(f"{esc(text)} {refs.last(mine.loc[mine['status'] == best, 'source_ids'])}".strip())
    asked = ", ".join(split(case.row["certifications_required"]))
    return tr("; ").join(said) or esc(tr("asked for: {schemes}", schemes=asked) if asked else tr("none seen"))


def what(case: Case, refs: Cited) -> Markup:
    """What the setup is: a paragraph, and the facts that matter, each with why it does."""
    row = case.row
    about = f"<strong>{esc(row['name'])}.</strong> {esc(row['summary'])} {refs.cite(row['source_ids'])}"
    text = f'<p id="row-{esc(case.setup)}">{about}</p>'
    custody, unseen = row["key_custody"], tr("not published")
    operators = places(row["operator_countries"] or case.host.get("staff_countries"))
    facts = {
        tr("Host"): (_host(case, refs), tr("A law can act through whoever runs the machines, and through its owners.")),
        tr("Links with foreign states"): (
            esc(links(case) or tr("none seen")),
            tr("A law can also act through branches, suppliers and staff."),
        ),
        tr("Data kept in"): (
            esc(places(row["data_countries"]) or unseen),
            tr("A state can act on its own territory."),
        ),
        tr("Run from"): (
            esc(operators or unseen),
            tr("Whoever administers the machines can be ordered to hand data over."),
        ),
        tr("Keys"): (
            esc(tr(CUSTODY[custody]) if custody else tr("Who holds the keys has not been published.")),
            tr("Encrypted data can be read only with their keys."),
        ),
        tr("Certificates"): (
            _certificates(case, refs),
            tr(
                "HDS is required of those who host health data for others; SecNumCloud also asks for protection "
                "against foreign law."
            ),
        ),
    }
    frame = pd.DataFrame(
        [(name, Markup(said), why) for name, (said, why) in facts.items()],
        columns=[tr("Fact"), tr("As far as known"), tr("Why it matters")],
    )
    return Markup(
        text + table(frame, tr("What is known. A line without a number comes from the sources just above")).html
    )


# -- the three answers -------------------------------------------------------------------------------------------------


def _card(title: str, nodes: Iterable[str], answer: str, *sentences: object) -> str:
    body = "".join(f"<p>{esc(s)}</p>" for s in sentences if esc(s)) + trail(nodes).html
    said = answer[:1].upper() + answer[1:]
    return f'<div class="card"><h3>{esc(title)}</h3><p class="answer">{esc(said)}</p>{body}</div>'


def answers(case: Case, refs: Cited) -> Markup:
    """The three answers, each with its question, a word and a number, an interval, and what they mean."""
    n, years = case.numbers, years_text(case.horizon_years)
    reached, disclosed = ((n[f"{name}_low"], n[f"{name}_high"]) for name in ("reach", "probability"))
    reach = _card(
        tr("1. Can a foreign law reach the data?"),
        ("reach", "unseen", "experts"),
        tr("{word}: {chance}", word=in_words(n["reach"]), chance=percent(n["reach"], reached)),
        tr(
            "This is the probability that the law of a foreign state binds somebody who can produce the data. The "
            "inputs are uncertain: nine tenths of the possible values lie between {low} and {high} (90 % interval).",
            low=ends_of(*reached)[0],
            high=ends_of(*reached)[1],
        ),
        ""
        if links(case)
        else tr(
            "No link was found: the model gives about this value to every setup of which none is known ({count} of "
            "{total} here).",
            count=case.unlinked,
            total=len(case.study["setups"]),
        ),
        tr("To be within reach is not yet to be asked."),
    )
    likely = _card(
        tr("2. How likely is a disclosure within {years}?", years=years),
        LIKELY,
        tr(
            "{word}: {chance}, {odds}",
            word=in_words(n["probability"]),
            chance=percent(n["probability"], disclosed),
            odds=one_in(n["probability"]),
        ),
        tr(
            "This is the probability that, at least once, readable data of this setup are handed to a foreign "
            "authority, if they stay there that long. The inputs are uncertain: nine tenths of the possible values "
            "lie between {low} and {high} (90 % interval).",
            low=ends_of(*disclosed)[0],
            high=ends_of(*disclosed)[1],
        ),
        tr(
            "{chance} is the average of these values, and the number to quote, with its interval. It is far above the "
            "value in the middle ({median}), because a few possible cases with frequent disclosures pull it up.",
            chance=percent(n["probability"], disclosed),
            median=percent(n["probability_median"], disclosed),
        )
        if n["probability_median"] < n["probability"] / 2
        else "",
    )
    return Markup(f'<div class="cards">{reach}{likely}{_judged(case, refs)}</div>')


def _judged(case: Case, refs: Cited) -> str:
    """How a regulator might rule on a setup like this, and how authorities have ruled on the system."""
    title, ruled, nodes = (
        tr("3. How might a regulator judge it?"),
        _record(case, refs),
        ("acceptability", "reach", "unseen"),
    )
    try:
        found = acceptability_of(load_acceptability(study=case.study), case.x, case.study, setups=case.rows).table
    except StudyError:
        return _card(title, nodes, tr("not predicted"), ruled)
    best = found.iloc[int(found["probability"].to_numpy().argmax())]
    ends = best["probability_low"], best["probability_high"]
    rest = found[found["outcome"] != best["outcome"]][["outcome", "probability", "probability_low", "probability_high"]]
    others = [f"{tr(name)} {percent(p, (low, high))}" for name, p, low, high in rest.itertuples(index=False)]
    foreseen = tr(
        "This would be the most probable ruling of a regulator that judged it today as a new system (90 % interval "
        "{low} to {high}). The others: {others}.",
        low=ends_of(*ends)[0],
        high=ends_of(*ends)[1],
        others=", ".join(others),
    )
    far = tr("No case that was decided is like this one: the model reaches beyond what it has seen.")
    outcome = tr(str(best["outcome"]))
    answer = tr("Most probable: {outcome}, {chance}", outcome=outcome, chance=percent(best["probability"], ends))
    return _card(title, nodes, answer, foreseen, far if best["extrapolation"] else "", ruled)


def _record(case: Case, refs: Cited) -> Markup:
    """Rulings on the system, by outcome, each with its first source."""
    found = acceptability(case.study, case.setup).table
    found = found[found["same_system"].astype(bool)]
    if found.empty:
        return Markup(esc(tr("No regulator or court is known to have ruled on this system.")))
    counts = found["outcome"].value_counts()
    outcomes = ", ".join(f"{tr(name)} ({counts[name]})" for name in OUTCOMES if name in counts)
    said = trn(
        "On this system {count} ruling of a regulator or court is on record: {outcomes}.",
        "On this system {count} rulings of regulators and courts are on record: {outcomes}.",
        len(found),
        outcomes=outcomes,
    )
    coded = case.study["decision_covariates"].set_index("decision_id")["judged_role"]
    aside = int((coded.reindex(found["decision_id"]) == "excluded").sum())
    merits = (
        trn(
            "One of them did not examine access under foreign law.",
            "{count} of them did not examine access under foreign law.",
            aside,
        )
        if aside
        else ""
    )
    hosts = case.study["decisions"].set_index("decision_id")["provider_id"].reindex(found["decision_id"])
    other = "" if (hosts == case.row["provider_id"]).any() else tr("They were about another host.")
    return Markup(" ".join(filter(None, (esc(said), esc(merits), esc(other), refs.first(found["source_ids"]).html))))


# -- foot --------------------------------------------------------------------------------------------------------------


def words() -> Markup:
    """The published scale from probabilities to words."""
    scale = tr("; ").join(f"{word}, {span}" for word, span in words_table())
    return Markup(f'<p class="scale">{esc(tr("Words for probabilities: {scale}.", scale=scale))}</p>')


def foot(case: Case) -> Markup:
    """The rows behind the page, how to cite it, and the two commands that make it again."""
    rows = [
        f"data/setups.csv {case.setup}",
        *(f"data/providers.csv {case.host[k]}" for k in case.host if k == "provider_id"),
    ]
    behind = tr(
        "Facts of this setup: {rows}, and the tables that name this host. From each number to its rows and sources: on "
        "screen at the end of this page, on paper in the ledger of the comparison report.",
        rows=", ".join(rows),
    )
    cite = tr(
        "To cite: riskmodel {version}, fiche {setup}, data {data}, posterior {posterior}, {day}.",
        version=case.posterior.data.attrs["package_version"],
        setup=case.setup,
        data=case.study.data_hash[:16],
        posterior=case.posterior.posterior_id,
        day=date_text(dt.datetime.now(dt.UTC).date()),
    )
    commands = f"riskmodel report --setup {case.setup} --lang {current()} --out reports/"
    made = tr("To make this page again in a copy of the project, two commands:")
    return Markup(
        f"<p>{esc(behind)}</p><p>{esc(cite)}</p>"
        f"<p>{esc(made)} <code>make report</code> · <code>.venv/bin/{esc(commands)}</code></p>"
    )
