"""Libraries that are recorded without a change to the program: one module each, which has a function `instrument`.

A module is found by being here; nothing lists them. `instrument()` takes no arguments, replaces what it must in the
library that it is named after, and may be called before the program has imported that library.
"""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from driftline.errors import DriftlineError

_FUNCTION = "instrument"


def available() -> list[str]:
    """The names of all integrations, none of which is loaded for that.

    Example:
        >>> available() == sorted(available())
        True
    """
    return sorted(module.name for module in iter_modules(__path__) if not module.ispkg and _instruments(module.name))


def _instruments(name: str) -> bool:
    """Whether a module here defines the function, by a look at its source: the library may not be installed."""
    spec = find_spec(f"{__name__}.{name}")
    source = None if spec is None or spec.loader is None else spec.loader.get_source(spec.name)  # type: ignore[attr-defined]
    return source is not None and any(
        isinstance(node, ast.FunctionDef) and node.name == _FUNCTION for node in ast.parse(source).body
    )


def chosen(names: str) -> list[str]:
    """The integrations that a list names, `redis,sqlalchemy`.

    Raises:
        DriftlineError: If one of them is none.

    Example:
        >>> chosen(" , ")
        []
    """
    wanted = [name for name in map(str.strip, names.split(",")) if name]
    known = available()
    for name in wanted:
        if name not in known:
            raise DriftlineError(
                f"there is no integration {name!r}",
                f"use {', '.join(known)}" if known else "there is none yet: call driftline from the program",
            )
    return list(dict.fromkeys(wanted))


def instrument(name: str) -> None:
    """Record what a library does.

    Raises:
        Exception: Whatever its module raises, such as that the library is not installed.
    """
    getattr(import_module(f"{__name__}.{name}"), _FUNCTION)()
