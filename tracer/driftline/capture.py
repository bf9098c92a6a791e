"""What of a value is recorded: all of it, its digest, or nothing. Decided in the calling thread, before it is queued.

A field whose path is known to be recorded as it is costs one look into `Capture.plain`; everything else comes through
`Capture.screen`. What is withheld leaves a keyed digest, whose key lives only in the memory of the run's processes:
equal values still look equal to every rule, and nobody who has the trace can guess a short secret from it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec
from xxhash import xxh3_64_intdigest

from driftline.canonical import ENCODER, NO_LIMIT, SCREEN, encode
from driftline.patterns import Pattern
from driftline.secret_names import SecretNames
from driftline.setting_kinds import LEVELS, Level, Redactor
from driftline.values import ABSENT, Sealed, digest_inputs, encode_payload, pointer, seal

Layer = tuple[Level, Mapping[str, Level]]
Leaves = list[tuple[str, object]]

_FULL, _DIGEST, _NONE = range(3)
_KNOWN: Final = 65_536  # paths and keys remembered; where there are more they are data, and are forgotten together
_KEYS: Final = re.compile(rb'"([^"]*+)":')
_ESCAPED_KEYS: Final = re.compile(rb'"((?:[^"\\]++|\\.)*+)":')


class _Redacted:
    """The type of `REDACTED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "driftline.REDACTED"


#: What a redactor returns to withhold a value altogether.
REDACTED: Final = _Redacted()


class _Plan(msgspec.Struct, frozen=True):
    """What is done with the values of one field.

    Attributes:
        level: How much of them is withheld.
        inside: Keys of which one must be there for a rule to reach a part of them; None in it stands for any.
    """

    level: int
    inside: frozenset[str | None]


class Capture:
    """Decides what is recorded of each value: by the type of its object, its path, its names and its size.

    Args:
        layers: `values` and rules (pattern to level) of this process, and of the run that it joined. Of the rules of a
            layer the last that names a field counts, of the layers the strictest.
        names: What names mean a secret; None looks at no names.
        redact: The program's own redactor.
        limit: Bytes of a value's JSON above which only its beginning is kept.
        key: Of the digests of what is withheld.

    Attributes:
        plain: Paths whose values are recorded as they are; empty where a path alone does not decide that.
        keeps_values: Whether the trace keeps any values; if not, the writer leaves out what passes here as it is.
        limit: Bytes of a value's JSON above which only its beginning is kept.
        fault: Told what a redactor raised; the recorder's.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        names: SecretNames | None,
        redact: Redactor | None = None,
        limit: int = NO_LIMIT,
        key: bytes = b"",
    ) -> None:
        self._layers = [
            (LEVELS.index(overall), [(Pattern(text), LEVELS.index(level)) for text, level in rules.items()])
            for overall, rules in layers
        ]
        self._rules = [rule for _, rules in self._layers for rule in rules]
        strictest = max(overall for overall, _ in self._layers)
        self.keeps_values = strictest == _FULL or any(level == _FULL for _, level in self._rules)
        self._passes = _FULL if self.keeps_values else _DIGEST
        self._marks = strictest == _FULL  # where values are kept, those that are not say so
        self._names = names
        self._redact = redact
        self.limit = limit
        self._key = key
        self.fault: Callable[[str, Exception], None] = lambda _kind, _fault: None
        self._by_type = any(pattern.type != "*" for pattern, _ in self._rules)
        self.plain: set[str] = set()
        self._plans: dict[tuple[str | None, str], _Plan] = {}
        self._types: dict[str, str] = {}
        self._harmless: set[bytes] = set()
        self._busy = threading.local()  # a redactor that records is not asked about that

    def put_in_force(self) -> None:
        """Screen every value that is captured in this process from now on."""
        screened = self._names is not None
        SCREEN.container = self._clean if screened else None
        SCREEN.text = self._clean_text if screened else None
        # What is looked into further must be whole until then; the writer knows the limit, too.
        SCREEN.limit = NO_LIMIT if self._rules or self._redact is not None else self.limit

    @staticmethod
    def put_out_of_force() -> None:
        """Screen nothing any more: nothing records."""
        SCREEN.container = SCREEN.text = None
        SCREEN.limit = NO_LIMIT

    # ---- fields ---------------------------------------------------------------------------------------------------

    def screen(self, object_id: str, type_: str | None, leaves: Leaves) -> Leaves:
        """The fields of an event as they are recorded.

        Args:
            object_id: The object.
            type_: Its type as the call gave it, or None.
            leaves: Path and payload of each field.

        Returns:
            The same paths, with the payloads that may be queued.
        """
        plain = self.plain
        for path, _ in leaves:
            if path not in plain:
                break
        else:
            return leaves
        known = self._type_of(object_id, type_)
        return [(path, self._screened(path, payload, object_id, known)) for path, payload in leaves]

    def passes(self, path: str) -> bool:
        """Whether every scalar at this path is recorded as it is, whatever object it is in."""
        if path not in self.plain and not self._by_type:
            self._plans.get((None, path)) or self._plan(None, path)
        return path in self.plain

    def _screened(self, path: str, payload: object, object_id: str, type_: str | None) -> object:
        plan = self._plans.get((type_, path)) or self._plan(type_, path)
        if payload is ABSENT:
            return payload
        if plan.level == _NONE:
            return self._withheld(payload)
        shown = payload
        if plan.inside and type(payload) is bytes:
            shown = self._clean_inside(payload, path, type_, plan)
        if self._redact is not None:
            result = self._redacted(path, shown, object_id, type_)
            if result is not shown:
                return self._replaced(payload, result, plan.level)
        if plan.level > self._passes:
            return self.digest_only(shown)
        return seal(shown, self.limit) if type(shown) is bytes and len(shown) > self.limit else shown

    def _type_of(self, object_id: str, type_: str | None) -> str | None:
        """The type by which rules know an object: the one last given for it, else what its id begins with."""
        if not self._by_type and self._redact is None:
            return None
        if type_ is not None:
            self._types[object_id] = type_
            return type_
        known = self._types.get(object_id)
        if known is None and isinstance(object_id, str):
            known = object_id.partition("/")[0]
        return known

    def _plan(self, type_: str | None, path: str) -> _Plan:
        if len(self._plans) >= _KNOWN:
            self._plans.clear()
            self.plain.clear()
        level = self.level(type_, path)
        inside = frozenset(
            pattern.key for pattern, rule in self._rules if rule > level and pattern.reaches_below(type_, path)
        )
        plan = self._plans[type_, path] = _Plan(level, inside)
        if level <= self._passes and not inside and self._redact is None and not self._by_type:
            self.plain.add(path)
        return plan

    def level(self, type_: str | None, path: str) -> int:
        """How much is withheld of a field: 0 nothing, 1 all but its digest, 2 all of it."""
        if self._names is not None and self._names.in_path(path):
            return _NONE
        strictest = _FULL
        for overall, rules in self._layers:
            named = [level for pattern, level in rules if pattern.names(type_, path)]
            strictest = max(strictest, named[-1] if named else overall)
        return strictest

    # ---- what is left of a value ----------------------------------------------------------------------------------

    def keyed(self, digest: int) -> int:
        """A digest that says nothing to whoever does not have the key; the same for equal values."""
        return int.from_bytes(blake2b(digest.to_bytes(8), key=self._key, digest_size=8).digest())

    def _withheld(self, payload: object) -> Sealed:
        return Sealed(self.keyed(_digest(payload)), None, None, self._mark("withheld"))

    def digest_only(self, payload: object) -> Sealed:
        """What is recorded of a value that is kept by its digest; of one that is withheld, no more than before."""
        if type(payload) is Sealed and payload.size is None:
            return payload
        mark = self._mark("digest-only")
        if type(payload) is Sealed:
            return Sealed(payload.digest, payload.size, payload.leaves, mark)
        text = encode_payload(payload)
        sealed = seal(text, self.limit)
        return Sealed(sealed.digest, sealed.size, sealed.leaves, mark)

    def _mark(self, kind: str) -> bytes | None:
        return b'{"$type":"driftline.%s"}' % kind.encode() if self._marks else None

    # ---- the program's own redactor -------------------------------------------------------------------------------

    def _redacted(self, path: str, payload: object, object_id: str, type_: str | None) -> object:
        """The payload itself if the redactor leaves the value as it is; else JSON of what it gives, or `REDACTED`."""
        if self._redact is None or getattr(self._busy, "now", False):
            return REDACTED
        self._busy.now = True
        try:
            text = encode_payload(payload)
            value = json.loads(text) if type(payload) is bytes else payload
            given = self._redact(path, value, object_id, type_)
            if given is REDACTED:
                return REDACTED
            result = encode(given)
        except Exception as fault:  # noqa: BLE001 - the redactor is the user's code: the value is withheld
            self.fault(f"redact: {type(fault).__name__}", fault)
            return REDACTED
        finally:
            self._busy.now = False
        return payload if result == text else result

    def _replaced(self, payload: object, result: object, level: int) -> Sealed:
        if not isinstance(result, bytes):
            return self._withheld(payload)
        if level > _FULL or not self.keeps_values:
            shown = self._mark("digest-only")
        else:
            shown = result if len(result) <= self.limit else seal(result, self.limit).value
        return Sealed(self.keyed(_digest(payload)), None, None, shown)

    # ---- inside of values -----------------------------------------------------------------------------------------

    def _clean(self, text: bytes) -> bytes:
        """The JSON of a list or object, without the values at keys that mean a secret."""
        keys = (_KEYS if b'\\"' not in text else _ESCAPED_KEYS).findall(text)
        if self._harmless.issuperset(keys) or not self._any_secret(keys):
            return text
        return self._without(text, lambda key, _path: _NONE if self._is_secret(key) else _FULL, _FULL)

    def _any_secret(self, keys: Sequence[bytes]) -> bool:
        found = False
        for key in {*keys} - self._harmless:
            if self._is_secret(key.decode()):
                found = True
            else:
                if len(self._harmless) >= _KNOWN:
                    self._harmless.clear()
                self._harmless.add(key)
        return found

    def _is_secret(self, key: str) -> bool:
        return self._names is not None and self._names.match(key)

    def _clean_text(self, text: str) -> str:
        """A repr without what it gives away; what stands in its place differs where the secrets do."""
        if self._names is None:
            return text
        return self._names.scrub(text, lambda secret: f"<withheld {self.keyed(_digest(secret)):016x}>")

    def _clean_inside(self, text: bytes, path: str, type_: str | None, plan: _Plan) -> bytes:
        """The JSON of a field, without the parts of which rules withhold more than of the rest."""
        if None not in plan.inside and not any(ENCODER.encode(key) in text for key in plan.inside):
            return text
        return self._without(text, lambda _key, below: self.level(type_, path + below), plan.level)

    def _without(self, text: bytes, level_of: Callable[[str, str], int], above: int) -> bytes:
        """The JSON of a list or object, with a mark in place of each part whose level is above one."""

        def thinned(value: Any, path: str) -> object:
            if isinstance(value, dict):
                return {key: part(item, key, path + pointer(key)) for key, item in value.items()}
            if isinstance(value, list):
                return [part(item, "", f"{path}/{at}") for at, item in enumerate(value)]
            return value

        def part(value: Any, key: str, path: str) -> object:
            level = level_of(key, path)
            return thinned(value, path) if level <= above else self._stand_in(ENCODER.encode(value), level)

        try:
            return ENCODER.encode(thinned(json.loads(text), ""))
        except (ValueError, RecursionError):  # what cannot be looked into is not shown
            return ENCODER.encode(self._stand_in(text, _NONE))

    def _stand_in(self, text: bytes, level: int) -> dict[str, str | int]:
        digest = xxh3_64_intdigest(text)
        if level == _NONE:
            return {"$type": "driftline.withheld", "digest": f"{self.keyed(digest):016x}"}
        return {"$type": "driftline.digest-only", "digest": f"{digest:016x}", "size": len(text)}

    # ---- tasks ----------------------------------------------------------------------------------------------------

    def signature(self, name: str, inputs: object) -> int:
        """The signature of a task; a keyed one where nothing of any value is to be known."""
        plain = digest_inputs(name, inputs)
        return self.keyed(plain) if any(overall == _NONE for overall, _ in self._layers) else plain


def _digest(payload: object) -> int:
    return payload.digest if type(payload) is Sealed else xxh3_64_intdigest(encode_payload(payload))
