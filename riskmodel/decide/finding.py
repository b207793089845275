"""A result: a table, and the sentence that the table permits."""

from __future__ import annotations

import html
from dataclasses import dataclass

import pandas as pd

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """A tidy table and what may be said of it; shows itself in a notebook.

    Attributes
    ----------
    table
        One row per thing compared; columns carry their unit in the name or in the function's docstring.
    text
        One or a few sentences, computed from the table.
    detail
        The longer tidy table behind ``table``, where there is one.
    """

    table: pd.DataFrame
    text: str
    detail: pd.DataFrame | None = None

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.text)}</p>{self.table.to_html(escape=True, border=0, index=False)}"
