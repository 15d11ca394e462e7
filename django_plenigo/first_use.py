"""Loads the modules of a package as they are asked for: the admin names engines that most processes never need."""

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any


def load_at_first_use(package: str, names: Mapping[str, Collection[str]]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package, given by module the names that stand there."""
    modules = {name: module for module, of_module in names.items() for name in of_module}

    def load(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
