"""JSON Schemas, by the `jsonschema` library: is one sound and whole in itself, which types has a field, what breaks it.

A schema may refer to parts of itself only: one that names another document would make the verdict depend on a file or
a network that is not part of the policy. The registry that references are looked up in is empty, so nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from driftline.discipline.pointers import pointer_of

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf", "if", "not")
_FOLLOWED: Final = 64  # references from one schema to the next
_TOO_DEEP: Final = "it is nested too deeply"


def faults(schema: object) -> Iterator[tuple[str, str]]:
    """What is wrong with a schema: where, as a JSON Pointer into it, and what.

    Example:
        >>> list(faults({"properties": {"/a": {"$ref": "https://example.org/a.json"}}}))
        [('/properties/~1a/$ref', "'https://example.org/a.json' is another document: a schema must be whole in itself")]
    """
    try:
        found = _unsound(schema) or _unresolved(schema)
    except RecursionError:
        found = [("", _TOO_DEEP)]
    yield from found


def _unsound(schema: object) -> list[tuple[str, str]]:
    """What the schema of schemas has against one."""
    kind = _kind(schema)
    strict = _kind(kind.META_SCHEMA)
    check = strict(kind.META_SCHEMA, format_checker=strict.FORMAT_CHECKER)
    told = [_telling(fault) for fault in check.iter_errors(schema)]
    # The same is said once for each vocabulary that the schema of schemas is made of.
    return sorted(
        {
            (pointer_of(fault.absolute_path), fault.message.replace("a 'regex'", "a regular expression"))
            for fault in told
        }
    )


def _telling(fault: Any) -> Any:
    """Of a fault that none of several alternatives fits, the alternative that names what may stand there."""
    while fault.context:
        inner = sorted(fault.context, key=lambda one: (-len(one.path), one.validator != "enum"))
        fault = inner[0]
    return fault


def _unresolved(schema: Any) -> list[tuple[str, str]]:
    """The references of a sound schema that lead out of it, or to nothing that is a schema."""
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    whole = Resource.from_contents(schema, default_specification=DRAFT202012)
    waiting = [(whole, Registry().resolver_with_root(whole))]
    met: set[int] = set()
    found = []
    while waiting:
        part, resolver = waiting.pop()
        if id(part.contents) in met:
            continue
        met.add(id(part.contents))
        for name in _REFERENCES:
            if isinstance(part.contents, dict) and name in part.contents:
                target = _target(resolver, part.contents[name])
                if isinstance(target, str):
                    found.append((f"{_place(schema, part.contents)}/{name}", target))
                else:
                    waiting.append((Resource.from_contents(target.contents, DRAFT202012), target.resolver))
        waiting += [(inner, resolver.in_subresource(inner)) for inner in part.subresources()]
    return sorted(found)


def _target(resolver: Any, reference: str) -> Any:
    """What a reference leads to, as the library gives it; or as text what is wrong with that."""
    from referencing.exceptions import NoSuchAnchor, PointerToNowhere, Unresolvable

    try:
        target = resolver.lookup(reference)
    except (PointerToNowhere, NoSuchAnchor):
        return f"{reference!r} leads to nothing in this schema"
    except Unresolvable:
        return f"{reference!r} is another document: a schema must be whole in itself"
    if not isinstance(target.contents, dict | bool) or _unsound(target.contents):
        return f"{reference!r} leads to what is no schema"
    return target


def _place(whole: object, part: object) -> str | None:
    """Where in a schema that very part stands, as a JSON Pointer; None if it does not."""
    if whole is part:
        return ""
    inner = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    for name, item in inner:
        below = _place(item, part)
        if below is not None:
            return pointer_of([name]) + below
    return None


def _kind(schema: Any) -> Any:
    """The library's validator for the version of JSON Schema that a schema says it is of."""
    from jsonschema.validators import Draft202012Validator, validator_for

    named = isinstance(schema, dict) and isinstance(schema.get("$schema"), str)
    return validator_for(schema, default=Draft202012Validator) if named else Draft202012Validator


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
        if not isinstance(found, dict) or any(key in found for key in (*_REFERENCES, *_ALTERNATIVES)):
            return None
        if at < len(path):
            found = _member(found, path[at])
    stated = found.get("type") if isinstance(found, dict) else None
    if stated is None:
        return None
    names = [stated] if isinstance(stated, str) else stated
    return frozenset("number" if name == "integer" else name for name in names)


def _followed(schema: Any, root: Any) -> Any:
    """The schema, or what its chain of references leads to."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    for _ in range(_FOLLOWED):
        if not (isinstance(schema, dict) and "$ref" in schema):
            return schema
        schema = Registry().resolver_with_root(DRAFT202012.create_resource(root)).lookup(schema["$ref"]).contents
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
    from referencing import Registry

    validator = _kind(schema)(schema, registry=Registry())
    try:
        found = [(pointer_of(fault.absolute_path), fault.message) for fault in validator.iter_errors(document)]
    except RecursionError:
        return [("", f"it cannot be checked by its schema: {_TOO_DEEP}")]
    return sorted(found)
