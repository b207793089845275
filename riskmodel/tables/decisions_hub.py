"""The Health Data Hub as a case: its events, its setups and its persons as a reader's tables.

Question answered: *what happened to which system, who runs it, and how many persons are in it?*
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskmodel.schema import split
from riskmodel.tables.page import NOT_SEEN
from riskmodel.tables.setups import CUSTODY, country, names
from riskmodel.wording import digits, one_in, percent

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["ABOUT", "WHO", "milestones", "persons_words", "rulings_words", "systems_words", "turning_points"]

WHO = {
    "French State": ("French", "Minist", "ANSSI", "UGAP", "Véran", "Chappaz", "Neuder", "Lecornu", "Cédric O"),
    "Courts": ("Conseil d'État", "CJEU", "Supreme Court", "FISC"),
    "CNIL": ("CNIL",),
    "Hub and health insurance": ("HDH", "CNAM"),
    "Hosts": ("Microsoft", "Scaleway", "Iliad"),
    "EU and United States": ("European", "EDPB", "United States", "US Congress"),
    "Challengers": ("CNLL", "Latombe"),
}
"""Who acted -> words of the column ``actor``; the last that fits, so that broad words come first."""
ABOUT = ("Health Data Hub", "EMC2 or DARWIN EU", "claims data, medical record", "law, label or host")
"""What an event is about, in the order of their colours."""
OF_SYSTEM = {"HDH": ABOUT[0], "EMC2": ABOUT[1], "DARWIN": ABOUT[1], "SNDS": ABOUT[2], "DMP": ABOUT[2]}
HOSTS = ("msft_azure", "scaleway", "generic_secnumcloud")
"""Providers (and label) whose events matter here although they name no setup."""
SINCE = pd.Timestamp("2019")
HYPHEN = "\N{NON-BREAKING HYPHEN}"


def _who(actor: str) -> str:
    return next((who for who in reversed(WHO) if any(word in actor for word in WHO[who])), "Others")


def milestones(study: Study) -> pd.DataFrame:
    """Events about the national systems, their hosts and the label asked for.

    Returns
    -------
    pandas.DataFrame
        Columns of the timeline and ``who`` (a key of :data:`WHO` or Others), ``about`` (one of :data:`ABOUT`) and
        ``ahead`` (promised or after the date of the study, so not a fact).
    """
    rows = study["timeline"]
    about = rows["setup_id"].map(study["setups"].set_index("setup_id")["system"]).map(OF_SYSTEM)
    kept = rows.assign(about=about.mask(about.isna() & rows["provider_id"].isin(HOSTS), ABOUT[3]))
    kept = kept[kept["about"].notna() & (kept["date"] >= SINCE)]
    ahead = (kept["date_meaning"] == "planned") | (kept["date"] > pd.Timestamp(study.as_of))
    return kept.assign(who=kept["actor"].map(_who), ahead=ahead).sort_values(["date", "event_id"], ignore_index=True)


def turning_points(study: Study, wanted: Sequence[str]) -> pd.DataFrame:
    """Chosen events of the timeline in words, in order of time, with what the sources disagree on."""
    rows = study["timeline"].set_index("event_id").loc[list(wanted)].sort_values("date", kind="stable")
    words = [_day(row) for row in rows.to_dict("records")]
    table = pd.DataFrame({"Date": words, "Who": rows["actor"].to_numpy(), "What": rows["event"].to_numpy()})
    return table.assign(Note=rows["remark"].fillna("").to_numpy())


def _day(row: Mapping[Hashable, Any]) -> str:
    shape = {"day": "%Y-%m-%d", "month": "%Y-%m"}.get(str(row["date_precision"]), "%Y")
    other = row["date_alternative"]
    said = f"{row['date'].strftime(shape)}{f' (or {other})' if isinstance(other, str) else ''}"
    return said.replace("-", HYPHEN)


def systems_words(study: Study, wanted: Sequence[str]) -> pd.DataFrame:
    """What is known of some setups: status, host, from where it is run, keys, confidence."""
    rows = study["setups"].set_index("setup_id").loc[list(wanted)]
    staff = [", ".join(map(country, split(codes))) or NOT_SEEN for codes in rows["operator_countries"]]
    return pd.DataFrame(
        {
            "Setup": rows["label"].to_numpy(),
            "Status": rows["kind"].to_numpy(),
            "Host": rows["provider_id"].map(names(study, "providers")).fillna("not chosen").to_numpy(),
            "Run from": staff,
            "Keys": [CUSTODY.get(str(custody), NOT_SEEN) for custody in rows["key_custody"]],
            "Confidence": rows["confidence"].to_numpy(),
        }
    )


def rulings_words(found: pd.DataFrame) -> pd.DataFrame:
    """Rulings of :func:`riskmodel.acceptability` in words."""
    return pd.DataFrame(
        {
            "Date": found["date"].dt.strftime("%Y-%m-%d").str.replace("-", HYPHEN),
            "Authority": found["authority"],
            "System": found["system_name"].str.split(r" \(| on the ", regex=True).str[0],
            "Issue": found["issue"],
            "Outcome": found["outcome"],
            "Speaks of": found["speaks_of"].replace("both", "reach and likelihood"),
        }
    )


def persons_words(found: pd.DataFrame) -> pd.DataFrame:
    """Table of :func:`riskmodel.severity` in words."""
    rows = found.to_dict("records")
    return pd.DataFrame(
        {
            "Setup": found["label"],
            "Persons in the data": [_people(r["base"]) for r in rows],
            "Any disclosure": [one_in(r["probability"]) for r in rows],
            "One with 1,000 persons or more": [one_in(r["probability_large"]) for r in rows],
            "One given person is concerned": [percent(r["probability_person"]) for r in rows],
            "Expected persons a year": [_people(r["persons_a_year"]) for r in rows],
        }
    )


def _people(number: float) -> str:
    return f"{digits(number / 1e6)} million" if number >= 1e6 else digits(number)
