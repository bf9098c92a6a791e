"""DRF104 blind_overwrite: a write changes what another branch had set in a field that its own branch had never seen."""

from __future__ import annotations

from reference import confidence_inversion
from reference.history import Found, History


def find(history: History) -> list[Found]:
    if not history.ordered:
        return []
    found = []
    for write in history.writes:
        blind = {path for path in history.sets(write) if history.blind(write, path)}
        doubted = blind & set(confidence_inversion.inverted(history, write))
        for fields, gives_way in ((blind - doubted, False), (doubted, True)):
            if fields:
                others = frozenset(history.contents_before(write)[path].write.branch for path in fields)
                found.append(
                    Found("DRF104", write.id, write.object, frozenset(fields), others, None, "inferred", gives_way)
                )
    return found
