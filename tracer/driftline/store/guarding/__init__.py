"""Watch over a store that is not ours: what would drift is warned of, or refused before it is written."""

from driftline.store.guarding.guard import Guard, GuardedObject, guard
from driftline.store.guarding.targets import Guardable

__all__ = ["Guard", "Guardable", "GuardedObject", "guard"]
