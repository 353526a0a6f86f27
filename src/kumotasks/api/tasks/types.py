"""The modules of Google's published client that hold its messages, without the client around them.

Importing any part of the client's package runs its `__init__`, which brings HTTP and retry libraries that a server
never uses: a quarter of its start, and 15 MB. So the package is put off: it is there with its path, which is all that
its messages need, and runs its `__init__` when somebody asks it for more.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_CLIENT = "google.cloud.tasks_v2"


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
    setattr(importlib.import_module(parent), name, module)


put_off(_CLIENT)
_types = importlib.import_module(f"{_CLIENT}.types")
cloudtasks = _types.cloudtasks
cmek_config = _types.cmek_config
queue = _types.queue
target = _types.target
task = _types.task
