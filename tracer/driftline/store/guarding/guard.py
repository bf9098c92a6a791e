"""`guard`: a store that is not ours, behind a policy."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Literal, overload

from driftline.discipline.pipeline import Decision, Verdict
from driftline.discipline.policy import Policy
from driftline.errors import DriftlineError
from driftline.store.contents import patch_of
from driftline.store.guarding.targets import Guardable, MappingTarget, TrackedTarget, fields_in
from driftline.store.guarding.watch import Watch
from driftline.store.opening import policy_of
from driftline.store.requests import Request, said_of, type_of
from driftline.tracking import TrackedMapping
from driftline.values import ABSENT, pointer

GuardMode = Literal["warn", "enforce"]


class Guard:
    """A store that is not ours, behind a policy: use it in the store's place.

    What a branch has read through it is what its writes rest on. A write that others would lose by, that refers to what
    is gone, that comes in the wrong phase, or that the policy refuses otherwise, is warned of, or refused before it
    reaches the store. What changes the store behind the guard's back is noticed when it is read or written next.

    Attributes:
        counts: How often each verdict was reached.

    Example:
        >>> rows = {"doc/1": {"n": 0, "m": 0}}
        >>> guarded = guard(rows)
        >>> seen = guarded["doc/1"]
        >>> rows["doc/1"] = {"n": 1, "m": 0}  # somebody else
        >>> try: guarded["doc/1"] = {**seen, "n": 2}
        ... except DriftlineError as refused: print(refused.message)
        version 3 of doc/1 was rejected: main and outside changed it differently from one base
        >>> rows
        {'doc/1': {'n': 1, 'm': 0}}
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._finalizer = weakref.finalize(self, watch.close)

    def close(self) -> None:
        """End it; the store stays as it is."""
        self._finalizer()

    @property
    def counts(self) -> dict[Verdict, int]:
        """How often each verdict was reached."""
        return dict(self._watch.counts)

    # ---- as a mapping -----------------------------------------------------------------------------------------------

    def __getitem__(self, object: str) -> Any:  # noqa: A002 - the model's word
        value = self.read(object)
        if value is None:
            raise KeyError(object)
        return value

    def __setitem__(self, object: str, value: Any) -> None:  # noqa: A002 - as above
        self.write(object, value)

    def __delitem__(self, object: str) -> None:  # noqa: A002 - as above
        self.delete(object)

    def __contains__(self, object: str) -> bool:  # noqa: A002 - as above
        with self._watch.at_work():
            return self._watch.look(object) is not None

    def object(self, object: str) -> GuardedObject:  # noqa: A002 - as above
        """One object as a mapping of its fields, each read and written by itself."""
        return GuardedObject(self, object)

    # ---- as a store -------------------------------------------------------------------------------------------------

    def read(self, object: str) -> Any:  # noqa: A002 - as above
        """What stands in an object; None if there is none. The branch in force has seen it now.

        Args:
            object: Id of the object.
        """
        with self._watch.at_work():
            value = self._watch.look(object)
            self._watch.saw(object)
            return self._watch.given(value)

    def write(
        self,
        object: str,  # noqa: A002 - as above
        value: Any,
        *,
        base: int | None = None,
        type: str | None = None,  # noqa: A002 - as above
        confidence: float | None = None,
        fidelity: float | None = None,
        source: str | None = None,
        refs: Mapping[str, str] | None = None,
        inputs: Iterable[tuple[str, int]] | None = None,
    ) -> Decision:
        """Write a whole value, if the policy lets it.

        Args:
            object: Id of the object.
            value: What the store takes: a mapping of fields, or any single value.
            base: The version that it was derived from, by the guard's count (`version`); None: what the branch in force
                has read last.
            type: The object's type; by default what stands before the first slash of its id.
            confidence: How sure the writer is, from 0 to 1.
            fidelity: How much of the truth the value keeps, from 0 to 1.
            source: Who vouches for it.
            refs: For each field that names another object: JSON Pointer to object id.
            inputs: Versions of other objects that it was derived from.

        Returns:
            What was decided: `promoted`, or in mode `warn` anything.

        Raises:
            RefusedError: In mode `enforce`, if it would lose something or breaks the policy; the store is untouched.
        """
        how = said_of(confidence, fidelity, source, refs)
        watch = self._watch
        with watch.at_work():
            watch.look(object)
            actor = watch.actor()
            request = Request(
                actor=actor, op="write", object=object, fields=fields_in(value),
                base=watch.known(actor, object) if base is None else base, type=type or type_of(object),
                inputs=None if inputs is None else tuple(inputs), **how,
            )  # fmt: skip
            return watch.ask(request, lambda: watch.target.write(object, value))

    def patch(self, object: str, fields: Mapping[str, Any]) -> Decision:  # noqa: A002 - as above
        """Write some top-level fields of a mapping, if the policy lets it; the others stay as they are at this moment.

        Args:
            object: Id of the object.
            fields: Name to new value; `ABSENT` removes the field.

        Returns:
            What was decided.

        Raises:
            RefusedError: See `write`.
        """
        watch = self._watch
        with watch.at_work():
            before = watch.look(object)
            if before is not None and not isinstance(before, Mapping):
                raise DriftlineError(f"{object} has no fields: it is a single value", "write it whole")
            whole = {**(before or {}), **fields}
            after = {key: value for key, value in whole.items() if value is not ABSENT}
            actor = watch.actor()
            known = min(watch.known(actor, object, pointer(key)) for key in fields) if fields else 0
            present = {key: value for key, value in fields.items() if value is not ABSENT}
            gone = {pointer(key): ABSENT for key, value in fields.items() if value is ABSENT}
            request = Request(
                actor=actor, op="patch", object=object, fields={**patch_of(object, fields_in(present)), **gone},
                base=known, type=type_of(object),
            )  # fmt: skip
            return watch.ask(request, lambda: watch.target.write(object, after))

    def delete(self, object: str) -> Decision:  # noqa: A002 - as above
        """Remove an object, if the policy lets it.

        Args:
            object: Id of the object.

        Returns:
            What was decided.

        Raises:
            RefusedError: See `write`.
            DriftlineError: If there is no such object.
        """
        watch = self._watch
        with watch.at_work():
            if watch.look(object) is None:
                raise DriftlineError(f"there is no {object} to delete", "look with `in`")
            actor = watch.actor()
            request = Request(
                actor=actor, op="delete", object=object, fields={}, base=watch.known(actor, object),
                type=type_of(object),
            )  # fmt: skip
            return watch.ask(request, lambda: watch.target.delete(object))

    def version(self, object: str) -> int:  # noqa: A002 - as above
        """The number of an object's newest version, by the guard's count; 0 if it never saw one."""
        with self._watch.at_work():
            self._watch.look(object)
            head = self._watch.backend.records.head(object)
            return 0 if head is None else head.version

    def field(self, object: str, key: str) -> Any:  # noqa: A002 - as above
        """One top-level field of a mapping; the branch in force has seen that, and no more.

        Raises:
            KeyError: If there is no such object or field.
        """
        with self._watch.at_work():
            value = self._watch.look(object)
            if not isinstance(value, Mapping) or key not in value:
                raise KeyError(key)
            self._watch.saw(object, pointer(key))
            return self._watch.given(value, key)


class GuardedObject(MutableMapping[str, Any]):
    """One object behind a guard, as a mapping of its top-level fields; each is read and written by itself.

    Args:
        guard: The guard.
        object: Id of the object.
    """

    def __init__(self, guard: Guard, object: str) -> None:  # noqa: A002 - as above
        self.guard = guard
        self.object_id = object

    def __getitem__(self, key: str) -> Any:
        return self.guard.field(self.object_id, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self.guard.patch(self.object_id, {key: value})

    def __delitem__(self, key: str) -> None:
        self[key]  # there must be one
        self.guard.patch(self.object_id, {key: ABSENT})

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.guard.read(self.object_id) or ()))

    def __len__(self) -> int:
        return len(self.guard.read(self.object_id) or ())

    def __repr__(self) -> str:
        return f"<guarded {self.object_id}>"


@overload
def guard(
    store: TrackedMapping[Any, Any],
    policy: Policy | str | os.PathLike[str] | None = None,
    *,
    mode: GuardMode = "enforce",
) -> GuardedObject: ...
@overload
def guard(
    store: MutableMapping[str, Any] | Guardable,
    policy: Policy | str | os.PathLike[str] | None = None,
    *,
    mode: GuardMode = "enforce",
) -> Guard: ...
def guard(
    store: Any,
    policy: Policy | str | os.PathLike[str] | None = None,
    *,
    mode: GuardMode = "enforce",
) -> Guard | GuardedObject:
    """Put a store that is not ours behind a policy.

    Args:
        store: A mapping from ids to values; or an object with `read`, `write` and `delete` by id (`Guardable`); or a
            mapping that `track` gave, which is one object.
        policy: As for `Store`.
        mode: `warn` logs what would drift, and says it to the OpenTelemetry span in force; `enforce` refuses it before
            it is written.

    Returns:
        What to use in the store's place; for a tracked mapping, in the mapping's place.

    Raises:
        DriftlineError: If it cannot be guarded, or something is wrong with the policy.

    Example:
        >>> guarded = guard({"doc/1": {"n": 0}}, mode="warn")
        >>> guarded["doc/1"] = {"n": 1}
        >>> guarded["doc/1"], guarded.counts
        ({'n': 1}, {'quarantined': 1})
    """
    if mode not in ("warn", "enforce"):
        raise DriftlineError(f"there is no mode {mode!r} for a guard", "use warn or enforce")
    found = policy_of(policy)
    if isinstance(store, TrackedMapping):
        return Guard(Watch(found, mode, TrackedTarget(store), records=False)).object(store.object_id)
    if isinstance(store, MutableMapping):
        return Guard(Watch(found, mode, MappingTarget(store), records=True))
    if isinstance(store, Guardable):
        return Guard(Watch(found, mode, store, records=True))
    raise DriftlineError(
        f"{type(store).__qualname__} cannot be guarded: it has not read, write and delete",
        "pass a mapping from ids to values, a tracked mapping, or an object with these three methods",
    )
