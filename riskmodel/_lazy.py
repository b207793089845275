"""Public names that are imported when they are first used, so that importing a package stays cheap.

Question answered: *where does a public name live, and what keeps it when a module is called the same?*
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["lazily"]


def lazily(package: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package whose public names lie in its modules.

    Parameters
    ----------
    package
        ``__name__`` of the package that is being imported.
    home
        Public name -> module of the package in which it is.
    """
    module = sys.modules[package]

    class Package(types.ModuleType):
        """The package itself: a public function keeps its name although its module has the same."""

        def __setattr__(self, name: str, value: object) -> None:
            if not (name in home and isinstance(value, types.ModuleType)):
                super().__setattr__(name, value)

    def find(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        vars(module)[name] = value
        return value

    module.__class__ = Package
    return find
