"""Steps of the usual guides to transfer assessments, and what serves each of them here.

Question answered: *I have to file an assessment by the CNIL's or the EDPB's steps: which parts can I take from here?*
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from riskmodel.decide.finding import Finding
from riskmodel.errors import UsageError

if TYPE_CHECKING:
    from riskmodel.study import Study

__all__ = ["steps"]


def steps(study: Study, framework: str | None = None) -> Finding:
    """Which parts of the report serve which step of a transfer assessment?

    Parameters
    ----------
    study
        Its table ``framework_steps``.
    framework
        One guide of that table; None for all.

    Returns
    -------
    Finding
        One row a step, in the order of each guide: ``framework``, ``step``, ``name``, ``asks``, ``serves`` (largely,
        partly, not), ``section`` (of the report), ``functions``, ``left`` (to the reader), ``source_ids``.

    Raises
    ------
    UsageError
        If there is no such guide.

    Examples
    --------
    >>> import riskmodel as rm
    >>> steps(rm.read_study(), "EDPB 01/2020").table["step"].tolist()
    [1, 2, 3, 4, 5, 6]
    """
    table = study["framework_steps"].sort_values(["framework", "step"]).drop(columns="step_id")
    known = table["framework"].unique()
    if framework is not None:
        if framework not in known:
            raise UsageError(f"framework {framework} - must be one of {', '.join(known)}")
        table = table[table["framework"] == framework]
    table = table.reset_index(drop=True)
    counts = table["serves"].value_counts()
    said = ", ".join(f"{counts.get(word, 0)} {word}" for word in ("largely", "partly", "not"))
    open_steps = "; ".join(
        f"{guide} {step}" for guide, step in table.loc[table["serves"] == "not", ["framework", "step"]].to_numpy()
    )
    text = (
        f"Of {len(table)} steps of {' and '.join(table['framework'].unique())}, this report serves {said}. Steps left "
        f"to the reader: {open_steps or 'none'}. Both guides ask whether protection is equivalent, which no "
        "probability answers."
    )
    return Finding(table, text)
