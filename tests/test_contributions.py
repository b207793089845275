"""Contributions by factor: they add up, and each is zero where the setups agree."""

from __future__ import annotations

import doctest
import re
import sys

import numpy as np
import pytest

from riskmodel.decide.contributions import FACTORS, NO_EFFECT, contributions, times_text
from riskmodel.errors import UsageError
from riskmodel.exposure import exposure
from riskmodel.fit import Posterior
from riskmodel.nexus import equal_terms
from riskmodel.study import Study


@pytest.mark.parametrize(("a", "b"), [("HDH_AZURE", "HDH_SCALEWAY"), ("HDH_ALT_S3NS", "HDH_ALT_OUTSCALE")])
def test_contributions_multiply_to_the_ratio(study: Study, posterior: Posterior, a: str, b: str) -> None:
    found = contributions(posterior, study, a, b)
    x = exposure(posterior, study, setups=study["setups"].query("setup_id in [@a, @b]"), by_regime=False)
    for answer, name in (("likelihood", "probability"), ("reach", "reach_any")):
        mine = found.table[found.table["answer"] == answer].set_index("factor")
        mean = x[name].mean("sample")
        ratio = float(mean.sel(setup=a) / mean.sel(setup=b))
        assert mine.loc["all", "times"] == pytest.approx(ratio, rel=1e-8)
        assert mine["times"].drop("all").prod() == pytest.approx(ratio, rel=1e-8)
        assert set(mine.index) <= {*FACTORS, "all"}
    assert "keys" not in found.table.query("answer == 'reach' and contribution != 0")["factor"].tolist()


def test_the_other_way_round_is_the_inverse(study: Study, posterior: Posterior) -> None:
    forth, back = (
        contributions(posterior, study, *pair).table.query("answer == 'likelihood'").set_index("factor")["contribution"]
        for pair in (("HDH_AZURE", "HDH_ALT_OVH"), ("HDH_ALT_OVH", "HDH_AZURE"))
    )
    np.testing.assert_allclose(forth, -back[forth.index], atol=1e-9)


def test_a_change_of_keys_is_a_contribution_of_keys(study: Study, posterior: Posterior) -> None:
    base = study["setups"].query("setup_id == 'HDH_AZURE'")
    rows = base.loc[base.index.repeat(2)].assign(setup_id=["A", "B"], key_custody=["provider", "client_side"])
    found = contributions(posterior, study, "A", "B", setups=rows).table.query("answer == 'likelihood'")
    assert found["factor"].tolist() == ["keys", "all"]
    assert found["times"].iloc[0] > 1


def test_the_product_can_be_checked_from_the_text(study: Study, posterior: Posterior) -> None:
    found = contributions(posterior, study, "HDH_SCALEWAY", "HDH_AZURE")
    ratio, rest = re.findall(r"is ([\d.]+) times .* multiply to it: (.*)\.$", found.text)[0]
    factors = [float(number) for number in re.findall(r"\w ([\d.]+\d)", rest.split(";")[0])]
    assert len(factors) > 3 and np.prod(factors) == pytest.approx(float(ratio), rel=0.02)


def test_a_factor_that_rounds_to_one_has_no_effect(study: Study, posterior: Posterior) -> None:
    rows = study["setups"].query("setup_id in ['HDH_SCALEWAY', 'HDH_ALT_OVH']")
    found = contributions(posterior, study, "HDH_SCALEWAY", "HDH_ALT_OVH", setups=equal_terms(rows))
    still = found.table.query("answer == 'likelihood' and abs(times - 1) < 0.005")["factor"].tolist()
    assert still and f"without effect: {', '.join(still)}." in found.text
    assert times_text(1.0) == times_text(0.996) == NO_EFFECT and times_text(0.98) == "0.980"
    assert doctest.testmod(sys.modules[times_text.__module__]).failed == 0


def test_equal_setups_and_wrong_questions(study: Study, posterior: Posterior) -> None:
    assert "do not differ" in contributions(posterior, study, "HDH_AZURE", "HDH_AZURE").text
    with pytest.raises(UsageError, match=r"unknown setup HDH_AZUR \(did you mean HDH_AZURE"):
        contributions(posterior, study, "HDH_AZUR", "HDH_SCALEWAY")
    with pytest.raises(UsageError, match="horizon_years: -1"):
        contributions(posterior, study, "HDH_AZURE", "HDH_SCALEWAY", horizon_years=-1)
