"""Every setting of a recording: defined once, here, and resolved code over environment over file.

docs/settings.md is generated from the definitions. A setting has one name: the keyword argument of `start` and
`record`; the key in `[tool.driftline]`; in capitals, behind `DRIFTLINE_`, the environment variable; with hyphens the
option of `driftline run`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_type_hints

from driftline.backlog import Overflow
from driftline.errors import DriftlineError
from driftline.setting_kinds import (
    LEVELS,
    Choice,
    File,
    Function,
    Kind,
    Level,
    Names,
    Redactor,
    Rules,
    Shares,
    Switch,
    Whole,
)

PREFIX: Final = "DRIFTLINE_"
#: Variables that say how a process belongs to a run, rather than how it is recorded.
KEY: Final = "DRIFTLINE_KEY"
INSTRUMENT: Final = "DRIFTLINE_INSTRUMENT"
REDIRECT: Final = "DRIFTLINE_REDIRECT"
_OTHERS: Final = frozenset({KEY, INSTRUMENT, REDIRECT, "DRIFTLINE_DEBUG"})
_PYPROJECT: Final = "pyproject.toml"
_TABLE: Final = "tool.driftline"
_LIKE: Final = 0.85  # how alike a mistyped name is to the one that was meant


@dataclass(frozen=True)
class Setting:
    """What a setting is.

    Attributes:
        kind: The kind of its value.
        says: What it does.
        shared: Whether other processes of the run are told of it.
    """

    kind: Kind
    says: str
    shared: bool = True


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a recording is made. What each setting means: docs/settings.md.

    Attributes:
        given: The names of those that somebody set, wherever.

    Example:
        >>> Settings().values, Settings().depth
        ('full', 3)
    """

    trace: Annotated[
        str | Path | None,
        Setting(
            File("the path of a folder, by convention NAME.drift"),
            "Where to record. In the environment it begins a recording when driftline is imported, or joins the run "
            "that is there; in the file it is only what `driftline run` and a `record()` without a path take.",
            shared=False,
        ),
    ] = None
    values: Annotated[
        Level,
        Setting(
            Choice(LEVELS),
            "How much is kept of values that no rule of `capture` names: all of it, only digest and size, or nothing.",
        ),
    ] = "full"
    capture: Annotated[
        Mapping[str, Level],
        Setting(
            Rules(),
            "The same for single types and fields: `TYPE#/pointer`, with `*` and `**`, to full, digest or none. Of "
            "several rules that name a field the last counts. File, environment and code add up, in that order.",
        ),
    ] = field(default_factory=dict)
    secrets: Annotated[
        bool | Sequence[str],
        Setting(
            Names(),
            "Whether fields and keys whose names mean a secret are withheld; or names to add to the usual ones "
            "(`!name` takes one off). The lists of file, environment and code add up.",
        ),
    ] = True
    redact: Annotated[
        Redactor | str | None,
        Setting(
            Function(),
            "`redact(path, value, object, type)` returns what to record in place of a value, or "
            "`driftline.REDACTED`. If it raises, the value is withheld.",
        ),
    ] = None
    max_value_bytes: Annotated[
        int,
        Setting(
            Whole(1),
            "A value whose JSON takes more bytes is recorded by digest, size and its first 1,024 bytes.",
        ),
    ] = 65_536
    sample: Annotated[
        Mapping[str, float],
        Setting(
            Shares(("objects", "branches")),
            "Which share of the objects is recorded, and of which share of the branches values are kept.",
        ),
    ] = field(default_factory=lambda: {"objects": 1.0, "branches": 1.0})
    overflow: Annotated[
        Overflow,
        Setting(
            Choice(get_args(Overflow)),
            "What a call does while too many wait to be written: wait for room, or drop what it had to say. What is "
            "dropped is counted.",
        ),
    ] = "wait"
    depth: Annotated[
        int,
        Setting(Whole(1), "How many levels of a nested mapping become fields; deeper ones are single values."),
    ] = 3
    ordered: Annotated[
        bool,
        Setting(
            Switch(),
            "Whether the order of arrival means anything; if not (an import without a store order), only base links "
            "and the order within each branch count.",
        ),
    ] = True
    policy: Annotated[
        str | Path | None,
        Setting(
            File("the path of a policy, a TOML file"),
            "The policy in force, kept in the header; in code a `Path`, or the policy's own text.",
            shared=False,
        ),
    ] = None
    given: frozenset[str] = frozenset()

    def environment(self) -> dict[str, str]:
        """The variables that give another process the same settings."""
        return {
            variable(name): setting.kind.as_text(value)
            for name, setting in SETTINGS.items()
            if setting.shared and (value := getattr(self, name)) is not None
        }


#: Every setting, by name.
SETTINGS: Final[Mapping[str, Setting]] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Settings, include_extras=True).items()
    if hasattr(hint, "__metadata__")
}
#: Relative to the folder of the file that names them.
_PATHS: Final = ("trace", "policy")


def variable(name: str) -> str:
    """The environment variable of a setting.

    Example:
        >>> variable("max_value_bytes")
        'DRIFTLINE_MAX_VALUE_BYTES'
    """
    return f"{PREFIX}{name.upper()}"


# ---- where settings come from -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One place that settings come from.

    Attributes:
        values: What is said there, by the setting's name.
        names: What each is called there, for messages.
        texts: Whether values are texts, as in the environment.
    """

    values: Mapping[str, Any]
    names: Mapping[str, str]
    texts: bool = False


def from_code(**arguments: Any) -> Source:
    """The keyword arguments of a call; None was not given."""
    return Source(
        {name: value for name, value in arguments.items() if value is not None},
        {name: f"argument {name}" for name in SETTINGS},
    )


def from_environment(environment: Mapping[str, str]) -> Source:
    """The environment; an empty variable counts as none.

    Raises:
        DriftlineError: If a variable looks like a setting's, mistyped.
    """
    names = {name: variable(name) for name in SETTINGS}
    known = set(names.values())
    for found in environment:
        if found.startswith(PREFIX) and found not in known | _OTHERS:
            near = _nearest(found, known)
            if near:
                raise DriftlineError(f"there is no setting {found}", f"did you mean {near}?")
    return Source({name: environment[var] for name, var in names.items() if environment.get(var)}, names, texts=True)


def from_file(folder: Path) -> Source:
    """`[tool.driftline]` of the nearest pyproject.toml that has it, from a folder upwards.

    Raises:
        DriftlineError: If that file is not TOML, or says something there that is no setting.
    """
    for above in (folder, *folder.parents):
        path = above / _PYPROJECT
        table = _table(path)
        if table is not None:
            return _from_table(table, path)
    return Source({}, {})


def _table(path: Path) -> Any:
    """The table of a file; None if there is no file, or no table in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        raise DriftlineError(f"{path} cannot be read: {fault}", "make it readable, in UTF-8") from fault
    if "driftline" not in text:
        return None
    import tomllib  # who has no settings in a file need not wait for it to load

    try:
        return tomllib.loads(text).get("tool", {}).get("driftline")
    except (tomllib.TOMLDecodeError, RecursionError, AttributeError) as fault:
        raise DriftlineError(f"{path} is not TOML: {fault}", "mend the line that it names") from fault


def _from_table(table: Any, path: Path) -> Source:
    from driftline.discipline.keys import TOP  # the policy's, which lives in the same table

    if not isinstance(table, dict):
        raise DriftlineError(f"{path}: {_TABLE} is no table", f"write [{_TABLE}]")
    for name in table:
        if name not in SETTINGS and name not in TOP:
            near = _nearest(name.replace("-", "_"), SETTINGS)
            remedy = f"did you mean {near}?" if near else f"use one of {', '.join([*SETTINGS, *TOP])}"
            raise DriftlineError(f"{path}: {_TABLE}.{name}: there is no such setting", remedy)
    values = {name: value for name, value in table.items() if name in SETTINGS}
    for name in _PATHS:
        if isinstance(values.get(name), str):
            values[name] = path.parent / values[name]
    return Source(values, {name: f"{path}: {_TABLE}.{name}" for name in SETTINGS})


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The name that somebody may have meant."""
    from difflib import get_close_matches  # only for this message

    return next(iter(get_close_matches(name, list(known), n=1, cutoff=_LIKE)), None)


def resolve(sources: Iterable[Source]) -> Settings:
    """The settings that several sources give together.

    Args:
        sources: The weakest first.

    Raises:
        DriftlineError: If a value that counts is wrong: where, what, and what would be right.

    Example:
        >>> weak, strong = from_code(depth=2, secrets=["iban"]), from_environment({"DRIFTLINE_SECRETS": "ssn"})
        >>> found = resolve([weak, strong])
        >>> found.depth, found.secrets, sorted(found.given)
        (2, ('iban', 'ssn'), ['depth', 'secrets'])
    """
    found: dict[str, Any] = {}
    sources = list(sources)
    for name, setting in SETTINGS.items():
        said = [source for source in sources if name in source.values]
        for source in said if name in _ADD_UP else said[-1:]:
            value = _read(setting.kind, source, name)
            found[name] = _ADD_UP[name](found[name], value) if name in found else value
    return Settings(**found, given=frozenset(found))


def in_force(**arguments: Any) -> Settings:
    """The settings of a recording that begins now: code over environment over file.

    Raises:
        DriftlineError: If something is wrong with them.
    """
    return resolve([from_file(_working_folder()), from_environment(os.environ), from_code(**arguments)])


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed; nothing is upwards of it
        return Path("/")


def _read(kind: Kind, source: Source, name: str) -> Any:
    raw = source.values[name]
    try:
        return kind.of_text(raw) if source.texts else kind.of(raw)
    except ValueError as fault:
        raise DriftlineError(f"{source.names[name]}: {fault}", f"give {kind.right}") from fault


def _later_rules(weaker: Mapping[str, Level], stronger: Mapping[str, Level]) -> dict[str, Level]:
    return {**{pattern: level for pattern, level in weaker.items() if pattern not in stronger}, **stronger}


def _more_names(weaker: Any, stronger: Any) -> Any:
    return (*weaker, *stronger) if isinstance(weaker, tuple) and isinstance(stronger, tuple) else stronger


#: Settings of which a stronger source adds to what a weaker one says.
_ADD_UP: Final = {"capture": _later_rules, "secrets": _more_names}
