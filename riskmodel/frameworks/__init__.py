"""The same setup through the methods that people already use, each kept to its own rules.

Names below are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskmodel._lazy import lazily

_HOME = {
    **dict.fromkeys(
        ("hazard_rate", "annual_probability", "years_until", "horizon_consistency", "published"), "horizon"
    ),
    **dict.fromkeys(("dependence", "lawful_access"), "chain"),
    **dict.fromkeys(("total_score", "overall_seal", "criterion_points", "objective_score"), "csf_rules"),
    **dict.fromkeys(("cards", "weights", "csf", "reversals", "weight_uncertainty", "seal_of"), "csf"),
    **dict.fromkeys(("secnumcloud", "caps"), "secnumcloud"),
    **dict.fromkeys(("sren", "sren_of"), "sren"),
    **{name: name for name in ("rosenthal", "steps", "bridge")},
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from riskmodel.frameworks.bridge import bridge as bridge
    from riskmodel.frameworks.chain import dependence as dependence
    from riskmodel.frameworks.chain import lawful_access as lawful_access
    from riskmodel.frameworks.csf import cards as cards
    from riskmodel.frameworks.csf import csf as csf
    from riskmodel.frameworks.csf import reversals as reversals
    from riskmodel.frameworks.csf import seal_of as seal_of
    from riskmodel.frameworks.csf import weight_uncertainty as weight_uncertainty
    from riskmodel.frameworks.csf import weights as weights
    from riskmodel.frameworks.csf_rules import criterion_points as criterion_points
    from riskmodel.frameworks.csf_rules import objective_score as objective_score
    from riskmodel.frameworks.csf_rules import overall_seal as overall_seal
    from riskmodel.frameworks.csf_rules import total_score as total_score
    from riskmodel.frameworks.horizon import annual_probability as annual_probability
    from riskmodel.frameworks.horizon import hazard_rate as hazard_rate
    from riskmodel.frameworks.horizon import horizon_consistency as horizon_consistency
    from riskmodel.frameworks.horizon import published as published
    from riskmodel.frameworks.horizon import years_until as years_until
    from riskmodel.frameworks.rosenthal import rosenthal as rosenthal
    from riskmodel.frameworks.secnumcloud import caps as caps
    from riskmodel.frameworks.secnumcloud import secnumcloud as secnumcloud
    from riskmodel.frameworks.sren import sren as sren
    from riskmodel.frameworks.sren import sren_of as sren_of
    from riskmodel.frameworks.steps import steps as steps


__getattr__ = lazily(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
