"""`Store`: versioned objects under a policy. What is called here checks what it was given, and asks the core."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self, get_args

from driftline.discipline.pipeline import Decision, Verdict
from driftline.discipline.policy import Policy
from driftline.discipline.quarantine import Entry
from driftline.discipline.reconcile import Custom
from driftline.errors import DriftlineError
from driftline.store.contents import copy, fields_of, patch_of
from driftline.store.core import Core, Mode
from driftline.store.entry import HistoryEntry
from driftline.store.opening import backend_at, policy_of
from driftline.store.proposing import propose
from driftline.store.requests import number_of, said_of
from driftline.store.unit import Unit, unit_of
from driftline.store.version import Version
from driftline.values import ABSENT


class Store:
    """Versioned context objects for branches that run in parallel, under one policy.

    Every write is a proposal: reconciled field by field with what was written since its base, held against the gate,
    and only then part of the shared state. What is read has passed all that. Use it from any thread; `AsyncStore` is
    the same for coroutines. It records itself while a recording is on, and needs none.

    A write that is quarantined, merged or discarded is told by the `Decision` that the call returns; one that is
    rejected, or fails its branch, raises `RefusedError`.

    Args:
        path: A SQLite file, made if it is not there, that several processes may use at once; None keeps everything in
            the memory of this process.
        policy: The policy: as `Path`, or text that ends in `.toml`, the file that holds it; else its text. None: the
            default one (three-way merge by field, true conflicts set aside).
        mode: `enforce`; or `observe` and `warn`, which decide, count and (`warn`) say so, but let every write stand as
            it was proposed.
        customs: The functions that the strategy `custom` may call, by the name in the policy; others are imported.

    Raises:
        DriftlineError: If something is wrong with the policy, or the file is no store.

    Example:
        >>> store = Store()
        >>> store.write("context/42", {"facts": [], "summary": ""}).verdict
        'promoted'
        >>> seen = store.read("context/42")
        >>> store.patch("context/42", {"summary": "short"}, base=seen).verdict
        'promoted'
        >>> store.patch("context/42", {"facts": ["f1"]}, base=seen).verdict
        'promoted'
        >>> late = store.patch("context/42", {"summary": "late"}, base=seen, source="another")
        >>> store.read("context/42")
        <Version 4 of context/42: {'facts': ['f1'], 'summary': 'late'}>
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        policy: Policy | str | os.PathLike[str] | None = None,
        mode: Mode = "enforce",
        customs: Mapping[str, Custom] | None = None,
    ) -> None:
        if mode not in get_args(Mode):
            raise DriftlineError(f"there is no mode {mode!r}", f"use one of {', '.join(get_args(Mode))}")
        found = policy_of(policy)
        self._core = Core(found, mode, backend_at(path), customs)
        self._finalizer = weakref.finalize(self, self._core.close)

    def close(self) -> None:
        """End it; every call afterwards is an error. More than once does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _where: TracebackType | None
    ) -> None:
        self.close()

    @property
    def waits(self) -> bool:
        """Whether a call may wait for a disk, or for another process."""
        return self._core.backend.waits

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._core.policy

    @property
    def mode(self) -> Mode:
        """Whether it holds."""
        return self._core.mode

    @property
    def counts(self) -> dict[Verdict, int]:
        """How often this process reached each verdict."""
        return dict(self._core.counts)

    # ---- reading --------------------------------------------------------------------------------------------------

    def read(self, object: str, *, version: int | Version | None = None) -> Version:  # noqa: A002 - the model's word
        """Read an object: what has been promoted of it, and nothing that waits, was set aside or refused.

        Args:
            object: Id of the object.
            version: An older version of it; None for the newest.

        Raises:
            DriftlineError: If there is no such object, or no such version.
        """
        found = self.get(object, version=version)
        if found is None:
            what = f"version {number_of(version)} of {object}" if version is not None else object
            raise DriftlineError(
                f"there is no {what} in the store", "write it first, or look with `in`, `ids()` or `get()`"
            )
        return found

    def get(self, object: str, *, version: int | Version | None = None) -> Version | None:  # noqa: A002 - as above
        """The same, but None if there is no such object or version."""
        number = None if version is None else number_of(version)
        with self._core.at_work(reading=True):
            if number is not None and not 0 < number <= self._core.backend.records.number(object):
                return None
            return self._core.read(object, number)

    def read_all(self, objects: Iterable[str]) -> dict[str, Version]:
        """Read several objects as they stand at one moment; those that do not exist are left out.

        Two reads in a row may fall on either side of a unit that changes both; these do not.

        Args:
            objects: Their ids.
        """
        with self._core.at_work(reading=True):
            found = {object_id: self._core.read(object_id) for object_id in objects}
        return {object_id: version for object_id, version in found.items() if version is not None}

    def __contains__(self, object: str) -> bool:  # noqa: A002 - as above
        with self._core.at_work(reading=True):
            return self._core.read(object, recorded=False) is not None

    def ids(self, prefix: str = "") -> list[str]:
        """The objects that exist and whose id begins with `prefix`, sorted."""
        with self._core.at_work(reading=True):
            return self._core.backend.records.ids(prefix)

    def referrers(self, object: str) -> list[tuple[str, str]]:  # noqa: A002 - as above
        """The (object, field) pairs that refer to an object, as writers declared and as the policy knows; sorted."""
        with self._core.at_work(reading=True):
            return sorted(self._core.backend.world.referrers(object))

    def snapshot(self, object: str, *, version: int | Version | None = None) -> Version:  # noqa: A002 - as above
        """Declare a version final, for whoever reads the recording, and read it.

        Every version in a store is immutable anyway; a snapshot says that somebody rests on this one.

        Args:
            object: Id of the object.
            version: The version; None takes the newest.

        Raises:
            DriftlineError: If there is no such version.
        """
        found = self.read(object, version=version)
        with self._core.at_work(reading=True):
            self._core.mark("snapshot", object, found.version)
        return found

    def history(self, object: str) -> list[HistoryEntry]:  # noqa: A002 - as above
        """Everything that was ever proposed to be written to an object, and what became of it; the oldest first."""
        with self._core.at_work(reading=True):
            return list(self._core.backend.records.entries(object))

    # ---- what was set aside ---------------------------------------------------------------------------------------

    def quarantined(self, object: str | None = None) -> list[Entry]:  # noqa: A002 - as above
        """What is set aside and waits for somebody to decide, the oldest first.

        Args:
            object: Id of the object; None for all of them.
        """
        with self._core.at_work(reading=True):
            waiting = self._core.backend.quarantine.waiting
        return [entry for entry in waiting if object is None or entry.object == object]

    def release(self, entry: Entry | int, *, by: str, why: str) -> Decision:
        """Let stand what was set aside: its fields, over what stands now, whatever the gate says of them.

        Args:
            entry: The entry, or its number.
            by: Who answers for it.
            why: Why.

        Returns:
            What was decided of the new version.

        Raises:
            DriftlineError: If nothing is set aside under that number any more, or nobody answers for it.
        """
        if not by or not why:
            raise DriftlineError("a release says who answers for it, and why", "pass by= and why=")
        if unit_of(self._core) is not None:
            raise DriftlineError("a release is no part of a unit", "release it before the unit, or after it")
        with self._core.at_work():
            return self._core.release(entry if isinstance(entry, int) else entry.number, by, why)

    # ---- writing --------------------------------------------------------------------------------------------------

    def write(
        self,
        object: str,  # noqa: A002 - as above
        value: Mapping[str, Any],
        *,
        base: int | Version | None = None,
        type: str | None = None,  # noqa: A002 - as above
        confidence: float | None = None,
        fidelity: float | None = None,
        source: str | None = None,
        refs: Mapping[str, str] | None = None,
        inputs: Iterable[Version | tuple[str, int | Version]] | None = None,
    ) -> Decision:
        """Propose a whole object: fields that `value` omits are to be gone.

        Args:
            object: Id of the object.
            value: The whole new value: a mapping of JSON values, copied before the call returns.
            base: The version that it was derived from, or its number; None: the newest that the branch in force has
                read or written whole through this store, itself or by what it inherited; 0: none.
            type: The object's type; by default what stands before the first slash of a new object's id.
            confidence: How sure the writer is, from 0 to 1.
            fidelity: How much of the truth the value keeps, from 0 to 1.
            source: Who vouches for it.
            refs: For each field that names another object: JSON Pointer to object id; beside those that the policy
                knows.
            inputs: Versions of other objects that it was derived from.

        Returns:
            What was decided. Within a unit: `deferred`; the unit has the decisions when it ends.

        Raises:
            RefusedError: If it was rejected, or failed its branch.
            DriftlineError: If something that was passed makes no sense: nothing is proposed then.
        """
        said = said_of(confidence, fidelity, source, refs)
        return propose(self._core, "write", object, lambda _: fields_of(object, value), base, type, inputs, said)

    def patch(
        self,
        object: str,  # noqa: A002 - as above
        fields: Mapping[str, Any],
        *,
        base: int | Version | None = None,
        type: str | None = None,  # noqa: A002 - as above
        confidence: float | None = None,
        fidelity: float | None = None,
        source: str | None = None,
        refs: Mapping[str, str] | None = None,
        inputs: Iterable[Version | tuple[str, int | Version]] | None = None,
    ) -> Decision:
        """Propose some fields of an object; the others stay.

        Args:
            object: Id of the object; it is made if there is none.
            fields: JSON Pointer (or the name of a top-level field) to new value; `ABSENT` removes the field. A mapping
                sets its own leaves only.
            base: See `write`, as for the others.
            type: See `write`.
            confidence: See `write`.
            fidelity: See `write`.
            source: See `write`.
            refs: See `write`.
            inputs: See `write`.

        Returns:
            What was decided.

        Raises:
            RefusedError: See `write`.
            DriftlineError: See `write`.
        """
        said = said_of(confidence, fidelity, source, refs)
        return propose(self._core, "patch", object, lambda _: patch_of(object, fields), base, type, inputs, said)

    def append(
        self,
        object: str,  # noqa: A002 - as above
        field: str,
        item: Any,
        *,
        confidence: float | None = None,
        source: str | None = None,
        inputs: Iterable[Version | tuple[str, int | Version]] | None = None,
    ) -> Decision:
        """Propose one more item at the end of a list, as it stands at this moment: appends do not collide.

        Args:
            object: Id of the object; it is made if there is none.
            field: JSON Pointer of the list; it is made if there is none.
            item: The item.
            confidence: See `write`, as for the others.
            source: See `write`.
            inputs: See `write`.

        Returns:
            What was decided.

        Raises:
            RefusedError: See `write`.
            DriftlineError: See `write`; or if something else than a list stands there.
        """
        said = said_of(confidence, None, source, None)

        def longer(standing: Mapping[str, Any]) -> Mapping[str, Any]:
            ((path, own),) = patch_of(object, {field: [item]}).items()
            before = standing.get(path, ABSENT)
            if before is ABSENT:
                return {path: own}
            if not isinstance(before, list):
                raise DriftlineError(f"{object}#{path}: what stands there is no list", "patch the field instead")
            return {path: [*copy(before), *own]}

        return propose(self._core, "patch", object, longer, None, None, inputs, said, at_head=True)

    def derive(
        self,
        object: str,  # noqa: A002 - as above
        from_: Iterable[Version | tuple[str, int | Version]],
        value: Mapping[str, Any],
        *,
        base: int | Version | None = None,
        type: str | None = None,  # noqa: A002 - as above
        confidence: float | None = None,
        fidelity: float | None = None,
        source: str | None = None,
        refs: Mapping[str, str] | None = None,
    ) -> Decision:
        """Propose a whole object that was derived from versions of others: `write`, with its inputs required.

        Args:
            object: Id of the object.
            from_: The versions that it was derived from.
            value: See `write`, as for the others.
            base: See `write`.
            type: See `write`.
            confidence: See `write`.
            fidelity: See `write`.
            source: See `write`.
            refs: See `write`.

        Returns:
            What was decided.

        Raises:
            RefusedError: See `write`.
            DriftlineError: See `write`; or if it was derived from nothing.
        """
        inputs = list(from_)
        if not inputs:
            raise DriftlineError(f"{object} is derived from nothing", "name the versions that it was derived from")
        return self.write(
            object, value, base=base, type=type, confidence=confidence, fidelity=fidelity, source=source, refs=refs,
            inputs=inputs,
        )  # fmt: skip

    def delete(self, object: str, *, base: int | Version | None = None) -> Decision:  # noqa: A002 - as above
        """Propose that an object be removed.

        Args:
            object: Id of the object.
            base: See `write`.

        Returns:
            What was decided.

        Raises:
            RefusedError: See `write`.
            DriftlineError: If there is no such object.
        """
        return propose(self._core, "delete", object, lambda _: {}, base, None, None, {})

    def unit(self, name: str) -> Unit:
        """Writes that land together: `with store.unit("move the budget"): …`, sync or async.

        They are decided when the block ends, all of them or none; an exception that leaves the block takes them back.
        Reads in the block see what others have promoted, and not what the block itself has proposed so far.

        Args:
            name: What the unit does.

        Returns:
            The block; its `decisions` say what became of each write.
        """
        return Unit(self._core, name)
