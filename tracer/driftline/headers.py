"""What a message says of where it was sent: W3C `traceparent` and `baggage`, to and from any kind of carrier.

Ours are three baggage entries: `driftline.branch` (the branch's id), `driftline.clock` and `driftline.phase`. Other
entries, the program's own or already in the carrier, stay beside them. A carrier is a mapping of headers however their
names are written (`baggage`, `Baggage`, `BAGGAGE`, WSGI's `HTTP_BAGGAGE`), or a list of pairs, texts or bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import quote, unquote_plus

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, get_current
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from driftline.errors import DriftlineError
from driftline.recorder import Recorder
from driftline.scope import Branch, Scope

_OURS: Final = "driftline."
_LONGEST: Final = 4096  # bytes of an entry, as W3C baggage and those who read it have it
_BAGGAGE: Final = "baggage"
_TRACE: Final = ("traceparent", "tracestate")

_baggage: Final = W3CBaggagePropagator()
_trace_context: Final = TraceContextTextMapPropagator()


def pack(recorder: Recorder, carrier: Any) -> dict[str, str]:
    """The headers that say where the program is now, with what the carrier has of them already.

    Raises:
        DriftlineError: If the name of the branch is too long to be sent.
    """
    branch = recorder.scope().branch
    ours = {"branch": branch.id, "clock": str(recorder.now())}
    if branch.phase is not None:
        ours["phase"] = branch.phase
    entries = [f"{_OURS}{key}={quote(value, safe='', errors='backslashreplace')}" for key, value in ours.items()]
    if max(map(len, entries)) > _LONGEST:
        raise DriftlineError(
            f"branch {branch.name[:40]}… has too long a name to be sent in a header",
            "give it a name of at most 1,000 bytes",
        )
    out: dict[str, str] = {}
    _trace_context.inject(out)
    _baggage.inject(out)
    others = (*_entries(out.get(_BAGGAGE, "")), *_entries(find(carrier, _BAGGAGE)))
    named = {_key(entry): entry for entry in others if not _key(entry).startswith(_OURS)}
    out[_BAGGAGE] = ",".join((*entries, *named.values()))
    return out


def put(carrier: Any, headers: Mapping[str, str]) -> None:
    """Put headers into a carrier, in place of those of the same name."""
    if isinstance(carrier, MutableMapping):
        names = {_plain(name): name for name in carrier}
        for name, value in headers.items():
            carrier[names.get(name.lower(), name)] = value
        return
    kept = [pair for pair in carrier if _plain(pair[0]) not in {name.lower() for name in headers}]
    kinds = [type(item) for item in (carrier[0] if carrier else ("", ""))]
    carrier[:] = kept + [
        tuple(text.encode() if kind is bytes else text for kind, text in zip(kinds, pair, strict=True))
        for pair in headers.items()
    ]


def find(carrier: Any, name: str) -> str:
    """The value of a header; those of several of that name, joined; empty if there is none."""
    if isinstance(carrier, Mapping):
        exact = carrier.get(name)
        found: Iterable[Any] = [v for k, v in carrier.items() if _plain(k) == name] if exact is None else [exact]
    else:
        found = [value for key, value in carrier if _plain(key) == name]
    return ",".join(text for value in found for text in _texts(value))


@dataclass(frozen=True)
class Sent:
    """What headers say.

    Attributes:
        branch: Id of the branch that sent them, or empty.
        phase: The phase of that branch, or None.
        clock: When they were sent, nanoseconds since 1970, or 0.
        others: The headers of OpenTelemetry, without our baggage.
    """

    branch: str
    phase: str | None
    clock: int
    others: Mapping[str, str]

    @classmethod
    def of(cls, carrier: Any) -> Self:
        """Read headers. What is not understood counts as not there."""
        ours: dict[str, str] = {}
        theirs = []
        for entry in _entries(find(carrier, _BAGGAGE)):
            if _key(entry).startswith(_OURS):
                ours[_key(entry).removeprefix(_OURS)] = unquote_plus(entry.partition("=")[2].partition(";")[0].strip())
            else:
                theirs.append(entry)
        others = {name: text for name in _TRACE if (text := find(carrier, name))}
        if theirs:
            others[_BAGGAGE] = ",".join(theirs)
        clock = ours.get("clock", "")
        return cls(
            branch=ours.get("branch", ""),
            phase=ours.get("phase"),
            clock=int(clock) if clock.isdecimal() and clock.isascii() else 0,
            others=others,
        )

    def context(self) -> Context:
        """The OpenTelemetry context in force, with the span and the baggage of whoever sent."""
        context = _trace_context.extract(self.others, context=get_current())
        return _baggage.extract(self.others, context=context) if _BAGGAGE in self.others else context

    def scope(self, recorder: Recorder) -> Scope | None:
        """The scope of the branch that sent, as this process knows it; None if none did."""
        if self.clock:
            recorder.witness(self.clock)
        if not self.branch:
            return None
        name = self.branch.rpartition("#")[0] or self.branch
        return Scope(Branch(self.branch, name, self.phase, None, recorder))


def _entries(header: str) -> Iterator[str]:
    return (entry for part in header.split(",") if (entry := part.strip()))


def _key(entry: str) -> str:
    return entry.partition("=")[0].strip()


def _plain(name: Any) -> str:
    """A header's name, however a carrier writes it."""
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    return text.lower().replace("_", "-").removeprefix("http-")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
