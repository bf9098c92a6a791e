"""The JSON Schema that a type names: read from its file, and refused if it is not sound or not whole in itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from driftline.discipline import schemas
from driftline.discipline.problems import Reader

_LARGEST: Final = 4 << 20  # bytes
_SHOWN: Final = 3


def read_schema(reader: Reader, folder: Path | None) -> dict[str, Any] | bool | None:
    """The schema of a type: a file's name, the schema itself as a table, or as JSON text.

    Args:
        reader: The type's table.
        folder: Where the file is; None if the policy has no folder.

    Returns:
        The schema, or None if there is none or it is not sound.
    """
    stated = reader.table.get("schema")
    if stated is None:
        return None
    if isinstance(stated, dict):
        found: object = stated
    elif not isinstance(stated, str):
        reader.note("schema", f"it is {schemas.kind_of(stated)}", "write the name of a JSON file, or the schema itself")
        return None
    else:
        text = stated if stated.lstrip()[:1] == "{" else _text(reader, stated, folder)
        if text is None:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as fault:
            reader.note("schema", f"{_named(stated)} is not JSON: {fault}", "mend it there")
            return None
    wrong = list(schemas.faults(found))
    for where, what in wrong[:_SHOWN]:
        remedy = "copy it into $defs and refer to it there" if "another document" in what else "mend the schema there"
        reader.note("schema", f"in {_named(stated)} at #{where}: {what}", remedy)
    return None if wrong or not isinstance(found, dict | bool) else found


def _text(reader: Reader, name: str, folder: Path | None) -> str | None:
    if "://" in name:
        reader.note("schema", f"{name!r} is on the network", "copy the schema beside the policy and name that file")
        return None
    if folder is None:
        reader.note("schema", f"{name!r} is a file, but this policy is no file itself", "write the schema itself here")
        return None
    path = folder / name
    try:
        if not path.is_file():
            reader.note(
                "schema", f"there is no file {path}", "name a JSON file; relative names start at the policy's folder"
            )
            return None
        if path.stat().st_size > _LARGEST:
            reader.note("schema", f"{path} is larger than {_LARGEST >> 20} MB", "name a JSON Schema")
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        reader.note("schema", f"{path} cannot be read: {reason}", "name a JSON file in UTF-8")
        return None


def _named(stated: object) -> str:
    return stated if isinstance(stated, str) and stated.lstrip()[:1] != "{" else "the schema"
