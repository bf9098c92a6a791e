"""A policy from where it is kept: a TOML file, `[tool.driftline]` of a pyproject.toml, or a trace's own text."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from driftline.discipline.places import placed
from driftline.discipline.policy import Policy
from driftline.discipline.problems import Problem
from driftline.discipline.reading import read
from driftline.errors import DriftlineError
from driftline.settings import SETTINGS

#: Where a policy is looked for if none is named, in a folder.
NAMES: Final = ("driftline.toml", "pyproject.toml")
_PYPROJECT: Final = "pyproject.toml"
_TOOL: Final = ("tool", "driftline")
_LARGEST: Final = 4 << 20  # bytes


class Checked(msgspec.Struct, frozen=True):
    """A policy and all that is wrong with it.

    Attributes:
        where: The file, or what the text is.
        policy: The policy; with defaults in place of what is wrong.
        problems: Everything that is wrong.
    """

    where: str
    policy: Policy
    problems: tuple[Problem, ...]

    def sound(self) -> Policy:
        """The policy, if nothing is wrong with it.

        Raises:
            DriftlineError: If anything is; it names the first problem and how many more there are.
        """
        if not self.problems:
            return self.policy
        first, *others = self.problems
        key = f": {first.key}" if first.key else ""
        line = f", line {first.line}" if first.line is not None and first.key else ""
        more = f" ({len(others)} more: `driftline policy check` names them all)" if others else ""
        raise DriftlineError(f"{self.where}{line}{key}: {first.what}{more}", first.remedy)


def load(path: str | Path) -> Policy:
    r"""The policy in a file.

    Args:
        path: A TOML file; of a `pyproject.toml`, its table `[tool.driftline]`.

    Raises:
        DriftlineError: If it cannot be read, or something is wrong with it.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "driftline.toml"
        >>> _ = path.write_text('[types.note.fields]\n"/text" = "longest"\n')
        >>> try: load(path)
        ... except DriftlineError as fault: print(fault.message.partition(".toml, ")[2], "-", fault.hint[:10])
        line 2: types.note.fields."/text": there is no strategy 'longest' - use one of
    """
    return check(path).sound()


def loads(text: str, where: str = "the policy") -> Policy:
    r"""The policy in a text.

    Args:
        text: TOML.
        where: What the text is, for messages.

    Raises:
        DriftlineError: If something is wrong with it.

    Example:
        >>> loads('[phases]\norder = ["draft", "final"]').phases.rank("final")
        2
    """
    return check_text(text, where).sound()


def check(path: str | Path) -> Checked:
    """The policy in a file, and all that is wrong with it.

    Raises:
        DriftlineError: If it cannot be read, or holds no policy.
    """
    path = Path(path)
    raw = _read(path)
    if path.name != _PYPROJECT:
        return _checked(raw, str(path), (), path.parent)
    whole = _parsed(raw, str(path))
    if isinstance(whole, Problem):
        return Checked(str(path), Policy(), placed([whole], raw))
    table: Any = whole
    for name in _TOOL:
        table = table.get(name) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise DriftlineError(f"{path} has no table [tool.driftline]", "add it, or name another file")
    table = {name: found for name, found in table.items() if name not in SETTINGS}  # how to record is said there, too
    policy, problems = read(table, _TOOL, path.parent)
    return Checked(str(path), policy, placed(problems, raw))


def check_text(text: str, where: str = "the policy") -> Checked:
    """The policy in a text, and all that is wrong with it."""
    return _checked(text, where, (), None)


def discover(folder: Path) -> Path:
    """The file of a folder that holds a policy.

    Raises:
        DriftlineError: If there is none.
    """
    for name in NAMES:
        path = folder / name
        if path.is_file() and (name != _PYPROJECT or "[tool.driftline" in _read(path)):
            return path
    raise DriftlineError(
        f"there is no driftline.toml in {folder}, and no pyproject.toml with [tool.driftline]",
        "name a policy, or write a first one: driftline policy init TRACE -o driftline.toml",
    )


def _checked(text: str, where: str, key: tuple[str, ...], folder: Path | None) -> Checked:
    table = _parsed(text, where)
    if isinstance(table, Problem):
        return Checked(where, Policy(), placed([table], text))
    policy, problems = read(table, key, folder)
    return Checked(where, policy, placed(problems, text))


def _parsed(text: str, where: str) -> dict[str, Any] | Problem:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        remedy = "mend it there" if text.strip() and not where.endswith(".toml") else "mend the line that it names"
        return Problem("", f"it is not TOML: {fault}", remedy)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise DriftlineError(f"{path} is larger than {_LARGEST >> 20} MB, so it is no policy", "name a TOML file")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise DriftlineError(f"the policy {path} cannot be read: {reason}", "name a TOML file in UTF-8") from fault
