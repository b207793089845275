"""Studies whose truth is known: parameters drawn first, published data drawn from them, through the model itself.

Question answered: *what would the tables look like if these parameters were true?* Elicited data stay in the generator:
a truth is drawn from what the experts believe, so that simulated studies are sane; published rows are simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from riskmodel.design import Design

if TYPE_CHECKING:
    from riskmodel.fit import SampleSettings
    from riskmodel.program import Program

__all__ = ["believed", "doubled", "free", "spaced"]


def believed(program: Program, settings: SampleSettings) -> xr.Dataset:
    """Parameter draws given the experts alone: every published row is left out."""
    nothing = {name: np.zeros(rows) for name, rows in program.masks.items()}
    return program.sample(settings, keep=nothing)["posterior"].to_dataset()


def spaced(draws: xr.Dataset, number: int) -> xr.Dataset:
    """Take ``number`` draws spread evenly over all chains, as one chain."""
    chains, length = draws.sizes["chain"], draws.sizes["draw"]
    place = np.linspace(0, chains * length - 1, number).astype(int)
    picked = draws.isel(
        chain=xr.DataArray(place // length, dims="pick"), draw=xr.DataArray(place % length, dims="pick")
    )
    picked = picked.drop_vars(["chain", "draw"], errors="ignore").rename(pick="draw")
    return picked.expand_dims("chain").transpose("chain", "draw", ...).assign_coords(chain=[0], draw=np.arange(number))


def free(draws: xr.Dataset, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Every entry of the named parameters as a column: (sample, parameter) and labels."""
    columns, labels = [], []
    for name in names:
        value = draws[name].stack(sample=("chain", "draw")).transpose("sample", ...).values
        flat = value.reshape(len(value), -1)
        columns.append(flat)
        labels += [name] if flat.shape[1] == 1 and value.ndim == 1 else [f"{name}[{k}]" for k in range(flat.shape[1])]
    return np.concatenate(columns, axis=1), labels


GRID = {"counts": ("log_index", "age"), "bands": ("steps_to_now",)}
"""Arrays of the Design that are not rows, by part."""
LINKS = ("content_demand", "some_data_demand")
"""Rows of the funnel that point to other rows."""


def doubled(design: Design) -> Design:
    """The same Design with every published row twice: the study, and a second study to come from the same truth.

    Posterior calibration fits the shipped data together with data simulated from the shipped posterior.
    """
    again: dict[str, Any] = {}
    for name in ("counts", "statements", "bands", "funnel", "countries", "totals"):
        part = getattr(design, name)
        values = {f.name: getattr(part, f.name) for f in fields(part) if f.name not in GRID.get(name, ())}
        twice = {key: np.concatenate([value, value]) for key, value in values.items() if key not in LINKS}
        for key in set(values) & set(LINKS):
            moved = np.where(values[key] >= 0, values[key] + len(part.demand_count), -1)
            twice[key] = np.concatenate([values[key], moved])
        if name == "statements":
            zero = np.zeros_like(part.counted)
            twice["counted"] = np.block([[part.counted, zero], [zero, part.counted]])
        again[name] = replace(part, **twice)
    coords = dict(design.coords)
    for name in ("count", "statement", "demand", "content_row", "some_data_row", "country_cell", "total"):
        coords[name] = (*coords[name], *(f"{label}*" for label in coords[name]))
    coords["thinned"] = tuple(coords["count"][n] for n in np.flatnonzero(again["counts"].eu_known))
    return replace(design, coords=coords, **again)
