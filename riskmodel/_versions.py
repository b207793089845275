"""Versions of what a result depends on."""

from __future__ import annotations

import platform
from importlib import metadata

__all__ = ["show_versions"]

PACKAGES = (
    "riskmodel",
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "pymc",
    "nutpie",
    "arviz",
    "pandera",
    "nbconvert",
)


def show_versions() -> str:
    """Return one line per package that a result depends on, with Python and the platform.

    >>> show_versions().splitlines()[0].startswith("Python")
    True
    """
    lines = [f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"]
    for name in PACKAGES:
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{name} not installed")
    return "\n".join(lines)
