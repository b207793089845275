"""One small file replaces judgements and facts: same rules, changes listed, nothing refitted that need not be."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from riskmodel.errors import StudyError, UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.overrides import COLUMNS, read_overrides
from riskmodel.paths import Paths
from riskmodel.study import Study, read_setups
from riskmodel.suspension import suspension

HEADER = "table,row_id,column,value,reason\n"


def _problems(text: str, study: Study) -> list[str]:
    with pytest.raises(StudyError) as error:
        read_overrides(io.StringIO(HEADER + text), study)
    return str(error.value).split("\n")


def test_cells_are_replaced_and_listed(posterior: Posterior, study: Study, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_text(
        f"{HEADER}setups,HDH_SCALEWAY,key_custody,external_hyok,announced\nsetups,HDH_AZURE,key_custody,,\n"
        "providers,scaleway,staff_countries,FR;US,\n",
        encoding="utf-8",
    )
    found = read_overrides(file, study)
    setups = found.study["setups"].set_index("setup_id")
    assert setups.loc["HDH_SCALEWAY", "key_custody"] == "external_hyok"
    assert pd.isna(setups.loc["HDH_AZURE", "key_custody"])
    assert list(found.changes.columns) == ["table", "row_id", "column", "before", "after", "reason"]
    assert found.changes["before"].isna().tolist() == [True, False, True]
    assert found.changes["reason"].dropna().tolist() == ["announced"]
    assert str(found).startswith("3 cells were replaced. key_custody of HDH_SCALEWAY in setups: external_hyok instead")
    assert str(found).endswith("No refit is needed.")
    assert not found.refit
    assert found.study.design_hash == study.design_hash
    assert found.study.data_hash != study.data_hash
    names = ["HDH_SCALEWAY", "HDH_ALT_OVH"]
    new, old = (
        exposure(posterior, s, setups=s["setups"].set_index("setup_id", drop=False).loc[names], by_regime=False)
        for s in (found.study, study)
    )
    assert (new["probability"].sel(setup="HDH_ALT_OVH") == old["probability"].sel(setup="HDH_ALT_OVH")).all()
    assert not (new["probability"].sel(setup="HDH_SCALEWAY") == old["probability"].sel(setup="HDH_SCALEWAY")).all()


def test_the_study_itself_stays(study: Study) -> None:
    before = study["setups"]
    rows = pd.DataFrame([("setups", "HDH_AZURE", "key_custody", "provider")], columns=list(COLUMNS))
    assert not read_overrides(rows, study).study["setups"].equals(before)
    assert study["setups"].equals(before)


def test_evidence_and_priors_call_for_a_refit(posterior: Posterior, study: Study) -> None:
    item = study["elicitation"]["elicitation_id"].iloc[3]
    for line in (f"elicitation,{item},q50,0.5,\n", "priors,provider_spread,second,0.9,\n"):
        found = read_overrides(io.StringIO(HEADER + line), study)
        assert found.refit
        assert found.study.design_hash != posterior.design_hash
        assert str(found).endswith("The posterior must be fitted again.")


def test_a_key_of_several_columns_is_joined(study: Study) -> None:
    row = study["csf_weights"].iloc[0]
    text = f"csf_weights,{row['version']}|{row['objective']},weight_pct,11,\n"
    found = read_overrides(io.StringIO(HEADER + text), study)
    assert found.study["csf_weights"]["weight_pct"].iloc[0] == 11


def test_an_analysts_own_setups_can_be_overridden(study: Study) -> None:
    own = pd.DataFrame(
        [("MINE", "scaleway", "generic", "infrastructure")],
        columns=["setup_id", "provider_id", "data_class", "service_model"],
    )
    mine = read_setups(own, study)
    found = read_overrides(io.StringIO(f"{HEADER}setups,MINE,key_custody,client_side,\n"), mine)
    assert found.study["setups"]["key_custody"].tolist() == ["client_side"]


def test_every_problem_at_once_by_row_of_the_file(study: Study) -> None:
    said = _problems(
        "setup,HDH_SCALEWAY,key_custody,provider,\n"
        "setups,HDH_SCALEWA,key_custody,provider,\n"
        "setups,HDH_AZURE,key_custdy,provider,\n"
        "setups,HDH_AZURE,setup_id,X,\n"
        "setups,HDH_AZURE,key_custody,safe,\n"
        "setups,HDH_AZURE,data_class,,\n"
        "setups,HDH_AZURE,source_ids,NOPE,\n"
        "setups,HDH_AZURE,provider_id,msft_azur,\n"
        "ownership,OWN001,share_low_pct,90,\n"
        "setups,HDH_ALT_OVH,key_custody,provider,\n"
        "setups,HDH_ALT_OVH,key_custody,client_side,\n"
        "setups,HDH_AZURE,label\n",
        study,
    )
    wanted = [
        "overrides, row 2, column table: setup - is not a table of the study (did you mean setups?)",
        "overrides, row 3, column row_id: HDH_SCALEWA - is not a row of setups (did you mean HDH_SCALEWAY?)",
        "overrides, row 4, column column: key_custdy - is not a column of setups (did you mean key_custody?)",
        "overrides, row 5, column column: setup_id - is the key of setups and cannot be replaced",
        "overrides, row 6, column value: safe - key_custody of HDH_AZURE in setups must be one of: provider, ",
        "overrides, row 7, column value: data_class of HDH_AZURE in setups must not be empty",
        "overrides, row 8, column value: NOPE - source_ids of HDH_AZURE in setups must be in column source_id",
        "overrides, row 9, column value: msft_azur - provider_id of HDH_AZURE in setups must be in column",
        "overrides, row 10, column value: 90 - share_low_pct of OWN001 in ownership must not be above",
        "overrides, row 12, column column: key_custody - is replaced in row 11 already",
        "overrides, row 13: setups,HDH_AZURE,label - has 3 cells, must have 5 as the header",
    ]
    assert len(said) == len(wanted)
    for line, start in zip(said, wanted, strict=True):
        assert line.startswith(start)


def test_a_rule_broken_elsewhere_is_said_too(study: Study) -> None:
    """A count keeps its row in another table; shares of one owner list may not pass the whole."""
    row = study["ownership"].set_index("ownership_id")
    listed = row[(row["owned_id"] == "bleu") & (row["kind"] == "capital") & (row["share_low_pct"] == 50)].index
    said = _problems(f"ownership,{listed[0]},share_low_pct,60,\nownership,{listed[0]},share_high_pct,60,\n", study)
    assert len(said) == 1
    assert "the capital of bleu on 2026-01-01 must add up to at most 100 (percent)" in said[0]
    assert said[0].startswith("overrides")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must not be empty: the first line names the columns"),
        (HEADER, "has column names but no rows"),
        ("table,row,column,value\nsetups,a,b,c\n", "column row_id: is missing: the table must have this column"),
    ],
)
def test_a_file_without_overrides_is_refused(study: Study, text: str, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        read_overrides(io.StringIO(text), study)


def test_a_file_that_is_not_there(study: Study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        read_overrides(tmp_path / "none.csv", study)


def test_a_posterior_of_other_values_is_refused(study: Study, posterior: Posterior) -> None:
    """What was replaced in the likelihood cannot be scored by mistake with the posterior as it was."""
    rows = pd.DataFrame([("elicitation", "EL001", "q50", "0.9")], columns=list(COLUMNS))
    other = read_overrides(rows, study).study
    setups = other["setups"].head(1)
    leg = (setups["setup_id"].iloc[0], "2026-01-01", "2027-01-01")
    plan = pd.DataFrame([leg], columns=["setup_id", "from_date", "to_date"])
    for call in (
        lambda: exposure(posterior, other, setups=setups),
        lambda: suspension(posterior, other, setups=setups),
        lambda: Paths(posterior, other).exposure(plan),
    ):
        with pytest.raises(UsageError, match="fit again"):
            call()
    named = read_overrides(pd.DataFrame([("setups", "HDH_AZURE", "label", "Azure")], columns=list(COLUMNS)), study)
    exposure(posterior, named.study, setups=setups)
