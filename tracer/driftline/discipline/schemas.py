"""JSON Schemas as far as a policy needs them at load: are they sound and self-contained, and which types has a field.

Whether a value is valid by one is decided in the gate. A schema may refer to parts of itself only: one that names
another document would make the verdict depend on a file or a network that is not part of the policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from driftline.discipline.pointers import pointer_of, segments

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_ONE: Final = (
    "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else", "unevaluatedItems",
    "unevaluatedProperties", "additionalItems", "contentSchema",
)  # fmt: skip
_MANY: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_DEEPEST: Final = 64


def faults(schema: object) -> Iterator[tuple[str, str]]:
    """What is wrong with a schema: where, as a JSON Pointer into it, and what.

    Example:
        >>> list(faults({"properties": {"/a": {"$ref": "https://example.org/a.json"}}}))
        [('/properties/~1a/$ref', "'https://example.org/a.json' is another document: a schema must be whole in itself")]
    """
    yield from _faults(schema, schema, "", 0)


def _faults(schema: object, root: object, where: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield where, f"a schema is an object, or true or false, not {kind_of(schema)}"
        return
    if depth > _DEEPEST:
        yield where, f"it is nested more than {_DEEPEST} schemas deep"
        return
    for key in _REFERENCES:
        if key in schema and (wrong := _reference_fault(schema[key], root)):
            yield f"{where}/{key}", wrong
    yield from _keyword_faults(schema, where)
    for at, inner in _inner(schema, where):
        yield from _faults(inner, root, at, depth + 1)


def _reference_fault(target: object, root: object) -> str | None:
    if not isinstance(target, str):
        return f"a reference is text, not {kind_of(target)}"
    if not target.startswith("#"):
        return f"{target!r} is another document: a schema must be whole in itself"
    if target.startswith("#/") and _resolve(root, target) is None:
        return f"{target!r} leads to nothing in this schema"
    return None


def _resolve(root: object, target: str) -> object:
    """What a reference `#/…` leads to, or None."""
    found = root
    for name in segments(target[1:]):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        else:
            return None
    return found


def _keyword_faults(schema: dict[str, Any], where: str) -> Iterator[tuple[str, str]]:
    types = schema.get("type", [])
    for name in [types] if isinstance(types, str) else types if isinstance(types, list) else [None]:
        if name not in _TYPES:
            yield f"{where}/type", f"{name!r} is no type; there are {', '.join(sorted(_TYPES))}"
    required = schema.get("required", [])
    if not (isinstance(required, list) and all(isinstance(name, str) for name in required)):
        yield f"{where}/required", "it must be a list of names"
    if "enum" in schema and not isinstance(schema["enum"], list):
        yield f"{where}/enum", "it must be a list of values"
    patterns = [("pattern", schema["pattern"])] if "pattern" in schema else []
    named = schema.get("patternProperties")
    patterns += [(f"patternProperties/{_escaped(name)}", name) for name in named] if isinstance(named, dict) else []
    for key, pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, TypeError, RecursionError, OverflowError) as wrong:
            yield f"{where}/{key}", f"{pattern!r} is no regular expression: {wrong}"


def _inner(schema: dict[str, Any], where: str) -> Iterator[tuple[str, object]]:
    """The schemas right inside a schema, and where they are."""
    for key in _ONE:
        if key in schema:
            yield f"{where}/{key}", schema[key]
    items = schema.get("items")
    if isinstance(items, list):
        yield from ((f"{where}/items/{at}", inner) for at, inner in enumerate(items))
    elif items is not None:
        yield f"{where}/items", items
    for key in _MANY:
        several = schema.get(key, [])
        if isinstance(several, list):
            yield from ((f"{where}/{key}/{at}", inner) for at, inner in enumerate(several))
        else:
            yield f"{where}/{key}", several
    for key in _NAMED:
        named = schema.get(key, {})
        if isinstance(named, dict):
            yield from ((f"{where}/{key}/{_escaped(name)}", inner) for name, inner in named.items())
        else:
            yield f"{where}/{key}", named


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def kind_of(value: object) -> str:
    """What a value is, in words.

    Example:
        >>> kind_of(True), kind_of({}), kind_of(1.5)
        ('true or false', 'a table', 'a number')
    """
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a table", type(None): "null"}
    return names.get(type(value), f"a {type(value).__name__}")


class Unknown(Exception):  # noqa: N818 - it carries an answer: the names that there are
    """A schema has no such field.

    Attributes:
        known: The names that it has instead.
    """

    def __init__(self, known: list[str]) -> None:
        super().__init__()
        self.known = known


def types_at(schema: object, path: tuple[str, ...]) -> frozenset[str] | None:
    """The JSON types that a schema allows at a field.

    Args:
        schema: A sound schema.
        path: Segments of the field's pointer; `*` stands for any.

    Returns:
        The types, numbers all as `number`; None if the schema does not say.

    Raises:
        Unknown: If the schema allows no such field.

    Example:
        >>> types_at({"properties": {"n": {"type": ["integer", "null"]}}}, ("n",)) == {"number", "null"}
        True
        >>> types_at({"properties": {"n": {}}}, ("m",)) is None
        True
    """
    found: object = schema
    for at in range(len(path) + 1):
        found = _followed(found, schema)
        if not isinstance(found, dict) or any(key in found for key in (*_REFERENCES, *_MANY, "if", "not")):
            return None
        if at < len(path):
            found = _member(found, path[at])
    stated = found.get("type") if isinstance(found, dict) else None
    if stated is None:
        return None
    names = [stated] if isinstance(stated, str) else stated
    return frozenset("number" if name == "integer" else name for name in names)


def _followed(schema: object, root: object) -> object:
    """The schema, or what its only reference leads to."""
    for _ in range(_DEEPEST):
        if not (isinstance(schema, dict) and str(schema.get("$ref", "")).startswith("#/")):
            return schema
        schema = _resolve(root, schema["$ref"])
    return None


def _member(schema: dict[str, Any], name: str) -> object:
    """The schema of a member, or None if nothing is said of it."""
    properties = schema.get("properties") or {}
    if name in properties:
        return properties[name]
    if name == "*":
        return schema.get("items", schema.get("additionalProperties"))
    if schema.get("type") == "array" or schema.get("patternProperties"):
        return None
    other = schema.get("additionalProperties")
    if other is False:
        raise Unknown(sorted(properties))
    return other


def breaches(schema: object, document: object) -> list[tuple[str, str]]:
    """Where and how a document is invalid by a schema that `faults` has nothing against.

    Returns:
        JSON Pointer into the document and what is wrong there, in the order of the pointers.

    Example:
        >>> breaches({"properties": {"n": {"type": "integer"}}}, {"n": "x"})
        [('/n', "'x' is not of type 'integer'")]
    """
    from jsonschema.validators import Draft202012Validator, validator_for

    validator = validator_for(schema, default=Draft202012Validator)(schema)
    found = [(pointer_of(fault.absolute_path), fault.message) for fault in validator.iter_errors(document)]
    return sorted(found)
