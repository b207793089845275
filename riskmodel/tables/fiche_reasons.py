"""The second half of the fiche: reasons, changes, open questions, what is not known, checks, the ledger.

Question answered: *what drives the answers of this setup, what would change them, and how far may they be trusted?*
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskmodel.decide import drivers
from riskmodel.draws import ROUTE_GROUPS
from riskmodel.language import date_text, mark, tr, trn
from riskmodel.tables.answers import what_if
from riskmodel.tables.evidence import counts_words, elicitation_words, inputs, priors_words
from riskmodel.tables.fiche import Case, Cited, links, places
from riskmodel.tables.ledger import LIKELY, NODES, ledger, rows_shown
from riskmodel.tables.page import Markup, esc, table
from riskmodel.tables.setups import country, mixture_words
from riskmodel.wording import between, factor, one_in, percent, share_text, years_text

if TYPE_CHECKING:
    from riskmodel.checks import Row

__all__ = ["changes", "changes_says", "checked", "driving", "limits", "questions", "rests", "unknowns"]

KEYS = {
    "provider": mark("Does the host hold the keys?"),
    "customer_managed": mark("Does the customer manage the keys, inside the host's service?"),
    "external_hyok": mark("Are the keys kept outside the host?"),
    "confidential_computing_external": mark("Do the data stay encrypted in use?"),
    "client_side": mark("Are the data encrypted before they reach the host?"),
}
"""Key custody -> the question whether it is so."""
ROUTES = {
    "minority_holding": mark("{state}: does its law reach the data through a minority shareholder?"),
    "parent_control": mark("{state}: does its law reach the data through whoever controls the host?"),
    "establishment_separated": mark("{state}: does its law reach the data through a separate branch there?"),
    "establishment_not_separated": mark("{state}: does its law reach the data through a branch there?"),
    "licensor_without_access": mark("{state}: does its law reach the data through a supplier without access?"),
    "licensor_with_access": mark("{state}: does its law reach the data through a supplier with access?"),
    "data_location": mark("{state}: does its law reach the data because they are kept there?"),
    "remote_staff": mark("{state}: does its law reach the data through staff there?"),
    "remote_provider": mark("{state}: does its law reach the data because the service is offered there?"),
    "subprocessor": mark("{state}: does its law reach the data through a subcontractor there?"),
}
"""Route -> the legal question behind it, in the order of the posterior's routes within each group."""
INPUTS = {
    "unseen nexus": mark("links with foreign states that nobody has seen"),
    "key custody": mark("how well the way the keys are kept protects"),
    "contract terms": mark("how often a clause of the contract defeats a demand"),
    "attractiveness of the data": mark("how much these data attract authorities"),
    "rate of criminal demands": mark("how often criminal investigations obtain a customer's content"),
    "accounts in the published bands": mark("how many accounts are watched for national security"),
    "customers affected per tasked account": mark("how many cloud customers each watched account affects"),
    "rates of other states": mark("how often other states ask"),
    "what certificates remove": mark("how much a certificate protects"),
    "whether certified controls hold": mark("whether certified controls are really in place"),
    "use of a lapsed authority": mark("whether a power that has lapsed is still used"),
    "reach of the law": mark("whether the law reaches that far"),
    "bias all experts may share": mark("an error that all experts may share"),
}
"""Input of :func:`riskmodel.decide.drivers` -> what it is in plain words."""
TOLD = {
    "judgement": mark("judged by experts"),
    "counts and judgement": mark("partly counted, partly judged"),
    "bands": mark("published within bounds"),
    "bias all experts may share": mark("assumed"),
    "modeller": mark("judged by the authors of the model alone"),
}
"""What informs an input, the input itself, or the only expert who judged it -> its words."""
ACTORS = {
    "customer": mark("the customer"),
    "provider": mark("the host"),
    "authority": mark("an authority"),
    "owner": mark("the owner"),
}
"""Who can make a change -> its words."""
CHECKS = {
    "": (mark("The fit"), mark("Has the calculation settled, so that running it again gives the same?")),
    "predictive": (mark("Published figures"), mark("Does the model give back the figures that were published?")),
    "back-test": (
        mark("The following year"),
        mark("Shown the past only, does it foresee what came next not clearly worse than a naive forecast?"),
    ),
    "SBC": (
        mark("Invented data"),
        mark("Where the truth is known because the data were invented, do intervals hold it as often as they say?"),
    ),
}
"""Beginning of a check's name -> its family, and what the family asks; the first one takes all others."""
CHANGES, RAISING, QUESTIONS, DRIVERS = 5, 2, 3, 3
"""How many rows are shown of what is ordered by effect: protective changes, harmful ones, open questions, drivers."""
HARMFUL = ("administered from the United States too", "a copy in the United States")
"""Changes of :data:`riskmodel.tables.answers.WHAT_IF` that would open a way."""
SAME = 0.05
"""A change of the probability by less than this share is left out."""


def driving(case: Case) -> list[Markup]:
    """Which laws carry the probability, which inputs move it, and how much of that is judgement; one item each."""
    alone = case.x["probability_regime"].sel(setup=case.setup).mean("sample").to_series()
    found = pd.DataFrame({"regime_id": alone.index, "share": alone.to_numpy() / alone.sum()})
    found = found.merge(case.study["regimes"], on="regime_id").sort_values("share", ascending=False).head(DRIVERS)
    laws = tr("; ").join(
        tr("{law} ({states}), {share}", law=law, states=places(states), share=share_text(share)) + _ended(status, end)
        for law, states, share, status, end in found[
            ["name", "countries", "share", "status", "in_force_to"]
        ].itertuples(index=False)
    )
    through = (
        tr("Laws through which most disclosures would be expected, with the share of each: {laws}.", laws=laws)
        if links(case)
        else tr(
            "No link with a foreign state is known. What is left is the chance of one that nobody has seen. The model "
            "opens it to every state at once, so that how it divides between states is a convention of the calculation "
            "and points to none."
        )
    )
    moved = drivers(case.x, case.posterior, case.setup).table
    top = moved.head(DRIVERS)
    inputs = tr("; ").join(
        tr(
            "{input} ({share}, {told})",
            input=tr(INPUTS[name]),
            share=share_text(share),
            told=tr(TOLD[_told(case, name, told, where)]),
        )
        for name, share, told, where in top[["input", "influence", "informed_by", "where"]].itertuples(index=False)
    )
    said = tr(
        "What one would have to know better, with how much of the uncertainty goes with it: {inputs}.", inputs=inputs
    )
    judged = float(moved.loc[moved["informed_by"] == "judgement", "influence"].sum() / moved["influence"].sum())
    desks = int((case.study["experts"]["kind"] == "desk_reading").sum())
    rests = tr(
        "Of all such influence, {share} is on inputs that only experts inform: {count} readings of the same file, and "
        "the authors of the model. None of them is a witness.",
        share=share_text(judged),
        count=desks,
    )
    return [Markup(esc(text)) for text in (through, said, rests)]


def _ended(status: str, end: pd.Timestamp) -> str:
    """That a law has lapsed, and that the model goes on counting it by a judgement; nothing of other laws."""
    if status != "lapsed" or pd.isna(end):
        return ""
    return " " + tr(
        "(lapsed on {day}; that it is used or renewed all the same is a judgement)", day=date_text(end.date())
    )


def _told(case: Case, name: str, informed: str, where: str) -> str:
    """What informs an input: itself where it is assumed, the only expert where there is one, else its kind."""
    rows = case.study["elicitation"]
    judges = rows[rows["quantity"] == where.removeprefix("elicitation: ").partition(",")[0]]["expert_id"].unique()
    return name if name in TOLD else "modeller" if list(judges) == ["modeller"] else informed


def _shown(case: Case) -> pd.DataFrame:
    """The changes that make a difference: the strongest protective ones, then the most harmful."""
    found = pd.concat([case.interventions, _harmful(case)], ignore_index=True)
    lower = found[found["ratio"] < 1 - SAME].sort_values("probability_after").head(CHANGES)
    higher = found[found["ratio"] > 1 + SAME].sort_values("probability_after", ascending=False).head(RAISING)
    return pd.concat([lower, higher], ignore_index=True)


def _harmful(case: Case) -> pd.DataFrame:
    """The same of facts that would open a way for a foreign state, columns as in ``case.interventions``."""
    made = what_if(case.study, case.posterior, case.setup, case.horizon_years, HARMFUL)
    ratio = made["probability"] / case.numbers["probability"]
    names = {str(c): str(c).replace("probability", "probability_after") for c in made}
    return made.rename(columns=names).assign(ratio=ratio, actor="provider")


def changes(case: Case) -> Markup:
    """The setup as it is, and after each change alone: who can make it, and what it leaves, with 90 % intervals.

    Empty where no change makes a difference.
    """
    found, n = _shown(case), case.numbers
    if found.empty:
        return Markup("")
    spans = [("probability_low", "probability_high"), ("probability_after_low", "probability_after_high")]
    ends = [(n[spans[0][0]], n[spans[0][1]]), *zip(found[spans[1][0]], found[spans[1][1]], strict=True)]
    chances = [n["probability"], *found["probability_after"]]
    frame = pd.DataFrame(
        {
            tr("Change"): [tr("none, as it is"), *found["label"]],
            tr("Who can make it"): ["", *(tr(ACTORS[actor]) for actor in found["actor"])],
            tr("Probability of a disclosure"): [
                tr("{chance} ({odds})", chance=percent(p, span), odds=one_in(p))
                for p, span in zip(chances, ends, strict=True)
            ],
            tr("90 % interval"): [between(*span) for span in ends],
            tr("Times what it is now"): [factor(v) for v in (1.0, *found["ratio"])],
        }
    )
    beyond = any(chance > span[1] for chance, span in zip(chances, ends, strict=True))
    why = tr(
        "A probability above its interval is no error: a small chance of frequent disclosures weighs more in it than "
        "the nine tenths of possible values that the interval spans."
    )
    caption = tr("What each change alone would leave, over {years}", years=years_text(case.horizon_years))
    return table(frame, caption, note=why if beyond else "")


def changes_says(case: Case) -> str:
    """How many changes were tried, how many make a difference, and what is not modelled of them."""
    tried, shown = len(case.interventions) + len(HARMFUL), len(_shown(case))
    return " ".join(
        [
            trn(
                "{count} change that is possible here was tried, as if in force from the first day.",
                "{count} changes that are possible here were tried, each alone and as if in force from the first day.",
                tried,
            ),
            trn(
                "{count} that matters is shown.",
                "The {count} that matter most are shown.",
                shown,
            )
            if shown
            else tr("None of them makes a difference that matters."),
            tr("What a change costs is not part of this."),
        ]
    )


def questions(case: Case) -> Markup:
    """Open questions of fact and law: how likely is yes, and what would a disclosure's probability be either way?

    Empty where no question is open.
    """
    rows = sorted([*_readings(case), *_legal(case)], key=lambda row: -abs(row[2] - row[3]))[:QUESTIONS]
    if not rows:
        return Markup("")
    years = years_text(case.horizon_years)
    frame = pd.DataFrame(
        {
            tr("Open question"): [row[0] for row in rows],
            tr("Probability of yes"): [percent(row[1]) for row in rows],
            tr("Disclosure within {years} if yes", years=years): [percent(row[2]) for row in rows],
            tr("Disclosure within {years} if no", years=years): [percent(row[3]) for row in rows],
        }
    )
    note = tr(
        "Each question is asked alone, of one route; over all states and routes together the probability of reach is "
        "{reach}.",
        reach=percent(case.numbers["reach"]),
    )
    return table(frame, tr("Open questions, and what the answer to each would mean"), note=note)


def _legal(case: Case) -> list[tuple[str, float, float, float]]:
    """Legal questions: words, chance of yes, probability if yes, if no; routes that are one question come once."""
    routes, found = list(ROUTES), {}
    for key, q in case.questions.sort_values("chance").iterrows():
        state, _, route = str(key).partition(":")
        group = next(name for name, members in ROUTE_GROUPS.items() if routes.index(route) in members)
        words = tr(ROUTES[route], state=", ".join(map(country, state.split("-"))))
        found[state, group] = (words, float(q["chance"]), float(q["yes"]), float(q["no"]))
    return list(found.values())


def _readings(case: Case) -> list[tuple[str, float, float, float]]:
    """The same of each way in which the keys may be held, where it was not published."""
    held, weight = case.x["reading_custody"].values, case.x["reading_weight"].values
    p = case.x["probability_reading"].mean("sample").values
    chances = case.facts.custody if len(case.facts.custody) > 1 else {}
    out = []
    for name, chance in chances.items():
        mine = held == name
        yes, no = (float(np.average(p[part], weights=weight[part])) for part in (mine, ~mine))
        out.append((tr(KEYS[name]), chance, yes, no))
    return out


def unknowns(case: Case) -> list[str]:
    """What nobody has published of this setup, how wide that leaves the answer, and what the model does not see."""
    row, rows = case.row, case.study["setups"]
    asked = {question.name.partition(":")[0] for option in case.facts.options for question in option.unknowns}
    unseen = {
        tr("which host it is"): len(case.facts.options) > 1,
        tr("who holds the keys"): not row["key_custody"],
        tr("from which countries it is run"): not (row["operator_countries"] or case.host.get("staff_countries")),
        tr("whether clauses of the contract protect the data"): bool(case.facts.terms_unseen),
        tr("whether branches abroad exist and are separate"): "establishment" in asked,
        tr("what access the supplier of the technology has"): "licensor" in asked,
        tr("to which state's law the supplier of the technology is subject"): _unplaced(case),
    }
    said = []
    others = rows[(rows["variant_of"] == case.setup) | (rows["setup_id"] == row["variant_of"])]
    for other in others.to_dict("records"):
        level = Case(case.study, case.posterior, str(other["setup_id"]), case.horizon_years).numbers["probability"]
        said.append(
            tr(
                "Sources differ: {summary} If that reading is right, the second answer becomes {chance}.",
                summary=other["summary"],
                chance=percent(level),
            )
        )
    if any(unseen.values()):
        missing = tr("; ").join(name for name, gone in unseen.items() if gone)
        said.append(
            tr("Not known for this setup: {missing}. Each is carried as a stated probability.", missing=missing)
        )
    return [
        *said,
        tr(
            "How often such disclosures happen is hardly published, which is why the second interval is so wide. "
            "Trust a comparison of two setups more than the level of either, for most of what is unknown is the same "
            "for both."
        ),
        tr(
            "Some orders may never be published; how many is a judgement. Collection without the host's help, data "
            "about communications, and future laws are outside."
        ),
    ]


def _unplaced(case: Case) -> bool:
    """Whether the host licenses its technology from somebody whose state no source gives."""
    entities, licensor = case.study["entities"], case.host.get("licensor_id")
    seat = entities.loc[entities["entity_id"] == licensor, "country"]
    return bool(licensor) and not bool(seat.notna().any())


def checked(case: Case, validation: Sequence[Row]) -> Markup:
    """Families of checks: what each asks, and how many of its checks pass."""
    families: dict[str, list[bool]] = {name: [] for name in CHECKS}
    for check in (*case.posterior.checks, *validation):
        family = next((name for name in CHECKS if name and str(check["check"]).startswith(name)), "")
        families[family].append(check["verdict"] == "pass")
    made = {name: verdicts for name, verdicts in families.items() if verdicts}
    frame = pd.DataFrame(
        {
            tr("Check"): [tr(CHECKS[name][0]) for name in made],
            tr("What it asks"): [tr(CHECKS[name][1]) for name in made],
            tr("Passed"): [tr("{passed} of {total}", passed=sum(v), total=len(v)) for v in made.values()],
        }
    )
    return table(frame, tr("Checks of the model behind this page"))


def limits() -> list[str]:
    """What the page is not."""
    return [
        tr(
            "This is not legal advice. It judges no company and no person, and it does not say which host to choose: "
            "price, quality and protection against other dangers are not part of it."
        ),
        tr(
            "A disclosure may be lawful in the state that orders it and not here: article 48 of the GDPR recognises "
            "such an order only where an international agreement provides for it. French law on public cloud (article "
            "31 of the SREN act of 2024) may require a host qualified against foreign law; whether it applies here is "
            "not examined. How many persons a disclosure would concern is not said."
        ),
    ]


def rests(case: Case, refs: Cited) -> Markup:
    """What the numbers rest on, for the screen: the ledger of this setup, the rows, and sources not cited above."""
    study, facts, before = case.study, [case.facts], len(refs.number)
    nodes = (*LIKELY[:-1], "acceptability", "experts")
    used = {quantity for name in nodes for quantity in NODES[name].quantities}
    judged = inputs(study, facts)["elicitation"]
    judged = judged[judged["quantity"].isin(used)]
    ids = rows_shown(study, "elicitation", "priors", "count_roles") | {case.setup}
    parts = [
        ledger(study, facts, refs, nodes=nodes, shown=ids, level=3),
        table(
            counts_words(study, facts, refs),
            tr("Counts and statements of disclosure that inform the rates"),
            fold=tr("All counts and statements"),
        ),
        table(
            elicitation_words(study, judged),
            tr("Elicited quantiles: 10, 50 and 90 %"),
            fold=tr("All elicited quantiles"),
        ),
        table(mixture_words(study, ""), tr("Stated probabilities for what was not seen"), fold=tr("All of them")),
        table(
            priors_words(study, refs),
            tr("Priors: what the model assumes before any expert or count speaks"),
            fold=tr("All priors"),
        ),
        Markup(f"<h3>{esc(tr('Sources of the rows above'))}</h3>"),
        refs.listing(after=before, addresses=False),
    ]
    head = esc(tr("What the numbers rest on: each part of the model, its rows and their sources"))
    return Markup(f'<details class="screen"><summary>{head}</summary>{"".join(map(esc, parts))}</details>')
