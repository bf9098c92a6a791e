"""From a call of a program's to a request, and to what was decided of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from driftline.discipline.pipeline import Decision
from driftline.discipline.proposals import WriteOp
from driftline.errors import DriftlineError
from driftline.store.core import Core
from driftline.store.requests import Actor, Request, check_version, inputs_of, number_of, type_of
from driftline.store.unit import Unit, raise_if_refused, unit_of
from driftline.store.version import Version

_DEFERRED: Final = "its unit has not ended"


def propose(  # noqa: PLR0917 - each of its callers passes all of them
    core: Core,
    op: WriteOp,
    object_id: str,
    fields: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    base: int | Version | None,
    type_: str | None,
    inputs: Iterable[Version | tuple[str, int | Version]] | None,
    said: Mapping[str, Any],
    *,
    at_head: bool = False,
) -> Decision:
    """Propose a write, in the unit in force if there is one.

    Args:
        core: The store's.
        op: What kind of write.
        object_id: Id of the object.
        fields: What to set, given what stands.
        base: As the program named it.
        type_: As the program named it.
        inputs: As the program named them.
        said: What else it declares, checked (`said_of`).
        at_head: Whether the write rests on what stands at this moment.

    Raises:
        RefusedError: If it was rejected, or failed its branch.
        DriftlineError: If something that was passed makes no sense.
    """
    if not isinstance(object_id, str) or not object_id:
        raise DriftlineError(f"{object_id!r} is no id of an object", 'pass a text, such as "context/42"')
    with core.at_work():
        unit = unit_of(core)
        standing = _standing(core, object_id, unit)
        head = core.backend.records.head(object_id)
        if op == "delete" and core.read(object_id, recorded=False) is None:
            raise DriftlineError(f"there is no {object_id} in the store to delete", "look with `in` or `ids()`")
        actor = core.actor()
        newest = 0 if head is None else head.version
        found = newest if at_head else _base(core, actor, object_id, base)
        request = Request(
            actor=actor, op=op, object=object_id, fields=fields(standing), base=found,
            type=type_ or (head.type if head is not None else None) or type_of(object_id),
            inputs=None if inputs is None else inputs_of(core.backend.records, inputs), **said,
        )  # fmt: skip
        if unit is not None:
            unit.requests.append(request)
            return Decision(
                event="", object=object_id, version="", branch=actor.branch.name, verdict="deferred",
                reason=_DEFERRED,
            )  # fmt: skip
        decision = core.decide(request)
    if core.mode == "enforce":
        raise_if_refused((decision,))
    return decision


def _base(core: Core, actor: Actor, object_id: str, base: int | Version | None) -> int:
    if base is None:
        return core.base(actor, object_id)
    if isinstance(base, Version) and base.id != object_id:
        raise DriftlineError(
            f"the base of {object_id} is a version of {base.id}",
            "name a version of the object itself; what else it was derived from are its inputs",
        )
    number = number_of(base)
    if number:
        check_version(core.backend.records, object_id, number, "the base")
    return number


def _standing(core: Core, object_id: str, unit: Unit | None) -> Mapping[str, Any]:
    """What stands, and what the unit in force has set in it so far."""
    standing = core.backend.records.standing(object_id)
    if unit is None:
        return standing
    out = dict(standing)
    for request in unit.requests:
        if request.object == object_id:
            if request.op != "patch":
                out.clear()
            out.update(request.fields)
    return out
