"""The store: shared state that stays in discipline, under the same policy and by the same functions as the replay.

Start with `store.py`, what a program calls; `core.py` is where it is decided. `import driftline` loads none of this
until `dl.Store` is asked for.
"""

from driftline.store.asynchronous import AsyncStore
from driftline.store.core import Mode
from driftline.store.entry import HistoryEntry
from driftline.store.guarding import Guard, Guardable, GuardedObject, guard
from driftline.store.refused import RefusedError
from driftline.store.store import Store
from driftline.store.unit import Unit
from driftline.store.version import Version

__all__ = [
    "AsyncStore", "Guard", "Guardable", "GuardedObject", "HistoryEntry", "Mode", "RefusedError", "Store", "Unit",
    "Version", "guard",
]  # fmt: skip
