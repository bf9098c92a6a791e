"""Record reads, writes and decisions on any store, explicitly.

Every function here does nothing while nothing records, and never raises: a fault inside the tracer is counted, logged
once and shown by `driftline info`. In all of them `object` is the id of a piece of shared state, `context/42`; a
version that is an int is the store's own order, a str is a label whose order is unknown; `value` is a mapping (its
fields) or any single value, and is copied before the call returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from driftline.backlog import HEAVY
from driftline.scope import CURRENT
from driftline.session import RECORDING
from driftline.sightings import Version
from driftline.values import SCALARS

_SHORT: Final = SCALARS - {str}


def read(
    object: str,  # noqa: A002 - the model's word
    value: Any = None,
    *,
    version: Version | None = None,
    type: str | None = None,  # noqa: A002 - the model's word
    partial: bool = False,
) -> None:
    """The branch in force read an object.

    A second read of the same version in the same scope is not recorded again.

    Args:
        object: Id of the object.
        value: What was read.
        version: The version read; None takes the newest that this process knows, and marks it inferred.
        type: The object's type, such as `context`; needed once per object.
        partial: Whether only the fields in `value` were seen, rather than the whole object.

    Example:
        >>> read("context/42", {"summary": "…"}, version=7, type="context")
    """
    recorder = RECORDING.recorder
    if recorder is None:
        return
    try:
        if version.__class__ is int and not partial:  # has it read or written just that before?
            scope = CURRENT.get()
            if scope is None or scope.branch.recorder is not recorder:
                scope = recorder.lines.scope()
            place = scope.places.get(object)
            if place is not None and place.whole == version:
                return
        recorder.read(object, type, version, recorder.fields(value), whole=not partial)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault("read", fault)


def write(
    object: str,  # noqa: A002 - the model's word
    value: Any,
    *,
    version: Version | None = None,
    base: Version | None = None,
    type: str | None = None,  # noqa: A002 - the model's word
    confidence: float | None = None,
    fidelity: float | None = None,
    source: str | None = None,
    refs: Mapping[str, str] | None = None,
    inputs: Iterable[tuple[str, Version]] | None = None,
) -> Version | None:
    """The branch in force wrote a whole object: fields that `value` omits are gone afterwards.

    Args:
        object: Id of the object.
        value: The whole new value.
        version: The version made; None takes one above the highest known.
        base: The version that the value was derived from; None infers it, field by field, from what the branch saw.
        type: The object's type; needed once per object.
        confidence: How sure the writer is, from 0 to 1.
        fidelity: How much of the truth the value keeps, from 0 to 1; a summary is lower than its source.
        source: Who vouches for the value, such as `planner`.
        refs: For each field that names another object: JSON Pointer to object id.
        inputs: Versions of other objects that the value was derived from, as (object, version); None infers them.

    Returns:
        The version made, or None while nothing records.

    Example:
        >>> write("context/42", {"summary": "…"}, version=8, base=7, confidence=0.8, inputs=[("plan/1", 3)])
    """
    recorder = RECORDING.recorder
    if recorder is None:
        return None
    try:
        rare = _attributes(fidelity, refs, inputs)
        leaves = recorder.fields(value)
        return recorder.write("write", object, type, version, base, leaves, rare, confidence=confidence, source=source)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault("write", fault)
        return None


def patch(
    object: str,  # noqa: A002 - the model's word
    fields: Mapping[str, Any],
    *,
    version: Version | None = None,
    base: Version | None = None,
    type: str | None = None,  # noqa: A002 - the model's word
    confidence: float | None = None,
    fidelity: float | None = None,
    source: str | None = None,
    refs: Mapping[str, str] | None = None,
    inputs: Iterable[tuple[str, Version]] | None = None,
) -> Version | None:
    """The branch in force wrote some fields of an object; the others stay.

    Args:
        object: Id of the object.
        fields: JSON Pointer (or the name of a top-level field) to new value; `ABSENT` removes the field. A mapping sets
            its own leaves only.
        version: See `write`, as for the others.
        base: See `write`.
        type: See `write`.
        confidence: See `write`.
        fidelity: See `write`.
        source: See `write`.
        refs: See `write`.
        inputs: See `write`.

    Returns:
        The version made, or None while nothing records.

    Example:
        >>> patch("context/42", {"/summary": "…"}, base=8)
    """
    recorder = RECORDING.recorder
    if recorder is None:
        return None
    try:
        if fidelity is None and refs is None and inputs is None and len(fields) == 1:
            [path] = fields
            if path in recorder.plain:
                value = fields[path]
                kind = value.__class__
                if kind in _SHORT or (kind is str and len(value) <= HEAVY):
                    return recorder.set_field(object, type, version, base, path, value, confidence, source)
        rare = _attributes(fidelity, refs, inputs)
        leaves = recorder.patch_fields(fields)
        return recorder.write("patch", object, type, version, base, leaves, rare, confidence=confidence, source=source)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault("patch", fault)
        return None


def merge(
    object: str,  # noqa: A002 - the model's word
    value: Any,
    *,
    bases: Iterable[Version],
    version: Version | None = None,
    type: str | None = None,  # noqa: A002 - the model's word
    strategy: str | None = None,
    confidence: float | None = None,
    fidelity: float | None = None,
    source: str | None = None,
    refs: Mapping[str, str] | None = None,
    inputs: Iterable[tuple[str, Version]] | None = None,
) -> Version | None:
    """The branch in force merged several versions of an object into a new whole one.

    Args:
        object: Id of the object.
        value: The whole merged value.
        bases: Every version that went into it.
        version: See `write`, as for the others.
        type: See `write`.
        strategy: How the versions were reconciled, such as `three-way`.
        confidence: See `write`.
        fidelity: See `write`.
        source: See `write`.
        refs: See `write`.
        inputs: See `write`.

    Returns:
        The version made, or None while nothing records.

    Example:
        >>> merge("context/42", {"facts": ["a", "b"]}, bases=[7, 8], strategy="union")
    """
    recorder = RECORDING.recorder
    if recorder is None:
        return None
    try:
        rare = _attributes(fidelity, refs, inputs) or {}
        rare["bases"] = list(bases)
        if strategy is not None:
            rare["strategy"] = strategy
        leaves = recorder.fields(value)
        return recorder.write("merge", object, type, version, None, leaves, rare, confidence=confidence, source=source)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault("merge", fault)
        return None


def delete(
    object: str,  # noqa: A002 - the model's word
    *,
    version: Version | None = None,
    base: Version | None = None,
) -> Version | None:
    """The branch in force removed an object.

    Args:
        object: Id of the object.
        version: The version that the removal makes; None takes one above the highest known.
        base: The version that the decision was based on; None infers it.

    Returns:
        The version made, or None while nothing records.

    Example:
        >>> delete("entity/7")
    """
    recorder = RECORDING.recorder
    if recorder is None:
        return None
    try:
        return recorder.write("delete", object, None, version, base, [], None)
    except Exception as fault:  # noqa: BLE001 - never into the program
        recorder.fault("delete", fault)
        return None


def snapshot(object: str, *, version: Version | None = None) -> None:  # noqa: A002 - the model's word
    """Declare a version immutable.

    Args:
        object: Id of the object.
        version: The version; None takes the newest known.

    Example:
        >>> snapshot("context/42", version=8)
    """
    _mark("snapshot", object, version, {})


def promote(object: str, *, version: Version | None = None, phase: str | None = None) -> None:  # noqa: A002 - the model's word
    """Promote a version: later phases may rest on it.

    Args:
        object: Id of the object.
        version: The version; None takes the newest known.
        phase: The phase whose output it becomes; None takes the branch's own.

    Example:
        >>> promote("context/42", version=8)
    """
    _mark("promote", object, version, {"phase": phase} if phase else {})


def quarantine(object: str, *, version: Version | None = None, reason: str = "") -> None:  # noqa: A002 - the model's word
    """Set a version aside: nobody should rest on it.

    Args:
        object: Id of the object.
        version: The version; None takes the newest known.
        reason: Why.

    Example:
        >>> quarantine("context/42", version=8, reason="owner is gone")
    """
    _mark("quarantine", object, version, {"reason": reason})


def reject(object: str, *, version: Version | None = None, reason: str = "") -> None:  # noqa: A002 - the model's word
    """A version was refused: it never became part of the shared state.

    Args:
        object: Id of the object.
        version: The version; None takes the newest known.
        reason: Why.

    Example:
        >>> reject("context/42", version=8, reason="schema")
    """
    _mark("reject", object, version, {"reason": reason})


def _attributes(
    fidelity: float | None,
    refs: Mapping[str, str] | None,
    inputs: Iterable[tuple[str, Version]] | None,
) -> dict[str, Any] | None:
    """The rarer attributes that were given, lists copied now."""
    given: dict[str, Any] = {}
    if fidelity is not None:
        given["fidelity"] = fidelity
    if refs:
        given["references"] = list(refs.items())
    if inputs is not None:
        given["inputs"] = [(object_id, version) for object_id, version in inputs]
    return given or None


def _mark(op: str, object_id: str, version: Version | None, rare: dict[str, Any]) -> None:
    recorder = RECORDING.recorder
    if recorder is not None:
        try:
            recorder.mark(op, object_id, version, rare)
        except Exception as fault:  # noqa: BLE001 - never into the program
            recorder.fault(op, fault)
