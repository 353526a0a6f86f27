"""Packages that are there by name and path, and run their `__init__` when somebody asks them for more.

Importing any part of a package runs its `__init__`, and some bring along what a server never uses: a client's HTTP and
retry libraries, a command line. It stands apart from the layers, and whoever needs it may import it.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


class PutOff(ModuleType):
    """A package whose `__init__` has not run yet."""

    __spec__: ModuleSpec

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(name)
        if find_spec(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def put_off(package: str) -> None:
    """Have `package` imported by name only, unless it was imported in earnest before."""
    if package in sys.modules:
        return
    spec = find_spec(package)
    assert spec is not None
    module = module_from_spec(spec)
    module.__class__ = PutOff
    sys.modules[package] = module
    parent, _, name = package.rpartition(".")
    if parent:
        setattr(importlib.import_module(parent), name, module)
