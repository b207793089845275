"""An analyst's own setups: read from a file, a stream or a data frame, with what was left out filled in.

Question answered: *what must an analyst write down, and what may stay unsaid?*
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import IO

import pandas as pd

from riskmodel._descriptor import label_of
from riskmodel._load import add_rows
from riskmodel.errors import UsageError
from riskmodel.schema import RawTable, Resource, fields_of

__all__ = ["SETUP_COLUMNS", "folder_of", "override", "relaxed", "setups_bytes", "with_defaults"]

SETUP_COLUMNS = ("setup_id", "provider_id", "data_class", "service_model")
"""The columns that an analyst's own list of setups must have."""

SETUP_DEFAULTS = {"kind": "generic", "confidence": "low"}
_LABEL_LENGTH = 32


def relaxed(resource: Resource) -> Resource:
    """Return the description of setups with no more columns required than an analyst must fill."""
    free = {"required": False}
    fields = [
        column if column["name"] in SETUP_COLUMNS else {**column, "constraints": column.get("constraints", {}) | free}
        for column in fields_of(resource)
    ]
    return {**resource, "schema": {**resource["schema"], "fields": fields}}


def with_defaults(setups: RawTable) -> RawTable:
    """Return setups whose empty name, label, kind and confidence say what that means."""
    frame = setups.frame.copy()
    if "setup_id" in frame:
        frame["name"] = frame["name"].fillna(frame["setup_id"])
        frame["label"] = frame["label"].fillna(frame["setup_id"].str.slice(0, _LABEL_LENGTH))
    for column, value in SETUP_DEFAULTS.items():
        frame[column] = frame[column].fillna(value)
    return replace(setups, frame=frame)


def override(shipped: RawTable, own: RawTable) -> RawTable:
    """Return own setups after those shipped ones that they may refer to."""
    if "setup_id" not in own.frame:
        return own
    kept = ~shipped.frame["setup_id"].isin(own.frame["setup_id"])
    origin = [place for place, keep in zip(shipped.origin, kept, strict=True) if keep]
    rest = RawTable(shipped.resource, shipped.frame[kept].reset_index(drop=True), origin, shipped.digest)
    return add_rows(rest, own)


def folder_of(source: object) -> Path | None:
    return Path(source).resolve().parent if isinstance(source, str | Path) else None


def setups_bytes(source: Path | str | IO[str] | IO[bytes] | pd.DataFrame) -> tuple[bytes, str]:
    """Return what an analyst's setups hold as CSV, and their name in messages."""
    if isinstance(source, pd.DataFrame):
        frame = source.reset_index() if source.index.name == "setup_id" else source
        frame = frame.map(lambda cell: ";".join(map(str, cell)) if isinstance(cell, list | tuple | set) else cell)
        return frame.to_csv(index=False, date_format="%Y-%m-%d").encode(), "setups (data frame)"
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise UsageError(f"{path} is {'a folder, not a file' if path.is_dir() else 'not there'}")
        return path.read_bytes(), label_of(path.parent, path.name)
    content = source.read()
    name = str(getattr(source, "name", ""))
    file = "standard input" if name in {"<stdin>", "0"} else name or "setups"
    return content.encode("utf-8") if isinstance(content, str) else content, file
