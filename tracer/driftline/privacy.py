"""What the processes of one run withhold: the settings of each, those of the run, and the key that they share.

Findings compare digests from all processes of a run, so what one withholds the others should withhold, under the same
key. Whoever begins a run writes its rules into the header, and whoever joins keeps to them; what a process is told
beyond them makes it stricter, never laxer.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from driftline.capture import Capture, Layer
from driftline.errors import DriftlineError
from driftline.header import Capturing, Header
from driftline.secret_names import SecretNames
from driftline.setting_kinds import Function, Redactor, function_named
from driftline.settings import KEY, Settings

_KEY_BYTES: Final = 16


def run_key(environment: Mapping[str, str]) -> bytes:
    """The key that this process was given with its environment, or a new one.

    Raises:
        DriftlineError: If it was given something else.
    """
    given = environment.get(KEY)
    if not given:
        return os.urandom(_KEY_BYTES)
    try:
        key = bytes.fromhex(given)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise DriftlineError(f"{KEY}: it is no key", f"give {2 * _KEY_BYTES} hexadecimal digits, or leave it out")
    return key


def fingerprint(key: bytes) -> str:
    """What tells two keys apart, and says nothing else of them.

    Example:
        >>> fingerprint(bytes(16)) == fingerprint(bytes(16)), len(fingerprint(bytes(16)))
        (True, 8)
    """
    return blake2b(b"driftline", key=key, digest_size=4).hexdigest()


def capturing(settings: Settings, key: bytes) -> Capturing:
    """What the header says of it."""
    return Capturing(
        rules=dict(settings.capture),
        secrets=settings.secrets if isinstance(settings.secrets, bool) else list(settings.secrets),
        redact=None if settings.redact is None else Function().as_text(settings.redact),
        max_value_bytes=settings.max_value_bytes,
        key=fingerprint(key),
    )


def capture_of(own: Settings, header: Header, key: bytes) -> Capture:
    """What this process records of each value, in this run.

    Args:
        own: Its own settings.
        header: The run's.
        key: Of the digests of what is withheld.
    """
    run = header.capture
    layers: list[Layer] = [(header.values, run.rules)]
    mine: Layer = (
        own.values if "values" in own.given else header.values,
        own.capture if "capture" in own.given else run.rules,
    )
    if mine != layers[0]:
        layers.append(mine)
    limits = [run.max_value_bytes, *([own.max_value_bytes] if "max_value_bytes" in own.given else [])]
    redact = own.redact if own.redact is not None else run.redact
    return Capture(
        layers,
        names=_names([run.secrets, *([own.secrets] if "secrets" in own.given else [])]),
        redact=_Named(redact) if isinstance(redact, str) else redact,
        limit=min(limits),
        key=key,
    )


def command_line(settings: Settings, argv: Sequence[str]) -> list[str]:
    """A command line as the trace may name it."""
    names = _names([settings.secrets])
    return list(argv) if names is None else names.scrub_argv(argv)


def _names(said: Iterable[Any]) -> SecretNames | None:
    """All that any of these withholds; a name is taken off only where all take it off."""
    lists = [[] if names is True else list(names) for names in said if names is not False]
    if not lists:
        return None
    added = [name for names in lists for name in names if not name.startswith("!")]
    off = set.intersection(*({name for name in names if name.startswith("!")} for names in lists))
    return SecretNames([*added, *sorted(off)])


class _Named:
    """A redactor known by its name, looked up when it is first needed: the module may import driftline itself."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: Redactor | None = None
        self._missing: Exception | None = None

    def __call__(self, path: str, value: Any, object_id: str, type_: str | None) -> object:
        """Ask it. If it cannot be found this raises, and the value is withheld."""
        if self._found is None:
            if self._missing is not None:
                raise self._missing
            try:
                self._found = function_named(self._name)
            except ModuleNotFoundError as fault:  # looked for once: it will not turn up
                self._missing = fault
                raise
        return self._found(path, value, object_id, type_)
