"""The picture of the fiche: possible worlds as an array of squares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from riskmodel.language import localised, tr
from riskmodel.plots import house
from riskmodel.wording import years_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["icons"]

ARRAYS = {1_000: 64, 10_000: 200}
"""Number of squares -> how many stand in a row."""
PALE = "#ccd2d9"


def icons(reach: float, probability: float, horizon_years: float, ax: Axes | None = None) -> house.Drawn:
    """In how many of 1,000 (10,000) possible worlds does a law reach the data, in how many are data disclosed?

    Parameters
    ----------
    reach, probability
        Predictive probabilities that a foreign law reaches the setup, and of at least one disclosure.
    horizon_years
        Horizon of the second one.
    ax
        Where to draw.

    Returns
    -------
    axes and caption
        A thousand squares, so that pages compare, or ten thousand where none of these would show a disclosure; pale
        squares are out of reach, crosses are disclosures.
    """
    number = next((n for n in ARRAYS if n * probability >= 0.5), max(ARRAYS))
    disclosed = round(number * probability)
    reached = max(round(number * reach) - disclosed, 0)
    spared = number - reached - disclosed
    columns = ARRAYS[number]
    if ax is None:
        ax = plt.subplots(figsize=(house.WIDTH, house.WIDTH * number / columns**2 + 0.7), layout="constrained")[1]
    size = house.WIDTH * 72 / columns  # points
    place = np.arange(number)
    x, y = place % columns, place // columns
    kinds = np.repeat([0, 1, 2], [disclosed, reached, spared])
    for kind, colour, marker in ((2, PALE, "s"), (1, house.BLUE, "s"), (0, house.RED, "X")):
        mine = kinds == kind
        ax.scatter(x[mine], y[mine], s=(size * (0.62 if kind else 0.8)) ** 2, c=colour, marker=marker, lw=0)
    ax.set_xlim(-0.7, columns - 0.3)
    ax.set_ylim(number / columns - 0.3, -0.7)
    ax.axis("off")
    counts = [localised(f"{n:,}") for n in (disclosed, reached, spared)]
    legend = {
        tr("{count} disclosed", count=counts[0]): (house.RED, "X"),
        tr("{count} within reach, not disclosed", count=counts[1]): (house.BLUE, "s"),
        tr("{count} out of reach", count=counts[2]): (PALE, "s"),
    }
    for label, (colour, marker) in legend.items():
        ax.scatter([], [], c=colour, marker=marker, s=36, lw=0, label=label)
    ax.legend(loc="upper left", bbox_to_anchor=(0.0, 0.0), ncols=2, frameon=False, columnspacing=1, handletextpad=0.2)
    caption = tr(
        "{number} possible worlds, as likely as one another by what is known. In {spared} no foreign law reaches the "
        "data (pale squares); in {reached} one does, and nothing is disclosed within {years} (dark squares); in "
        "{disclosed} readable data are disclosed at least once (crosses).",
        number=localised(f"{number:,}"),
        spared=counts[2],
        reached=counts[1],
        disclosed=counts[0],
        years=years_text(horizon_years),
    )
    return ax, caption
