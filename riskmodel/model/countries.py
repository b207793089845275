"""Other states: how often do they ask, against the United States?

    demands_rc  ~ NegBinomial(exp(level_r + effect_c) years, dispersion)     mostly demands about customers at home
    log transfer_j = centre + loading (effect_j - mean of counted states) + sd offset_j

The extraterritorial hazard of a regime other than the American ones is the American rate times the transfer. Published
demands say how active a state is; how far that carries over to content abroad is the loading, which hardly any data
informs. A state without counts takes its own, wider, elicited centre.

| parameter | meaning | unit | dims | prior |
|---|---|---|---|---|
| country_level | demands of a reporter's average country | log per year | country_reporter | `country_level` |
| country_effect_sd | how far states differ in how often they ask | log | - | `country_effect` |
| country_offset | how often a state asks | sd | country | standard Normal, times its spread |
| country_dispersion | variation around level and state | coefficient of variation | - | `country_dispersion` |
| transfer_loading | carry-over from demands at home to demands abroad | share | - | `transfer_loading` |
| transfer_sd | spread of what neither says of a regime | log | - | `transfer_spread` |
| transfer_offset | what neither says of a regime | sd | regime | standard Normal, times its spread |
| hazard_transfer_counted_states_location | centre for states with counts | log | - | `expert_location_log` |
| hazard_transfer_uncounted_states_location | centre for states without | log | - | `expert_location_log` |

| deterministic | meaning | unit | dims |
|---|---|---|---|
| log_transfer | hazard of a regime over that of the United States | log | regime |
"""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from riskmodel.model.judgement import Pool
from riskmodel.model.likelihood import expected, kept, published

__all__ = ["countries"]

HOME_OF_RATES = "US"
"""State whose rate the transfers multiply; its own demands do not enter the mean of the other states."""


def countries(pool: Pool) -> None:
    """Add demands by country, and the deterministic ``log_transfer`` (regime)."""
    design, priors, rows = pool.design, pool.priors, pool.design.countries
    counted = pool.single("hazard_transfer", "counted_states", kind="log")
    uncounted = pool.single("hazard_transfer", "uncounted_states", kind="log")
    offset = priors["transfer_spread"].create("transfer_sd") * pm.Normal("transfer_offset", 0, 1, dims="regime")
    centre = pt.where(design.regime_uncounted, uncounted, counted)
    states = design.coords["country"]
    if states:
        effect = priors["country_effect"].create("country_effect_sd") * pm.Normal(
            "country_offset", 0, 1, dims="country"
        )
        # sampled as the mean log rate of a reporter's own countries, which is well known
        own = np.array([rows.reporter_idx == k for k in range(rows.reporter_idx.max() + 1)])
        typical_effect = pt.dot(own / own.sum(axis=1, keepdims=True), effect[rows.country_idx])
        prior = priors["country_level"]
        level = pm.Normal("country_level", prior.first + typical_effect, prior.second, dims="country_reporter")
        mean = pt.exp((level - typical_effect)[rows.reporter_idx] + effect[rows.country_idx]) * rows.years
        pm.NegativeBinomial(
            "country_demands",
            mu=expected(mean, kept("country_demands", len(rows.demands), "country_cell")),
            alpha=1.0 / priors["country_dispersion"].create("country_dispersion") ** 2,
            observed=published("country_demands", rows.demands, "country_cell"),
            dims="country_cell",
        )
        known = design.regime_country.any(axis=1)
        abroad = design.regime_country * (np.array(states) != HOME_OF_RATES)
        typical = abroad.sum(axis=0) / max(abroad.sum(), 1.0)
        centred = pt.dot(design.regime_country, effect) - known * pt.dot(typical, effect)
        centre = centre + priors["transfer_loading"].create("transfer_loading") * centred
    pm.Deterministic("log_transfer", centre + offset, dims="regime")
