"""Objects that record their own reads and writes: `track`, and `tracked` for classes.

The parts, from the bottom: `shapes` (how objects keep their state), `portrait` (what a value looks like in the trace),
`root` (one tracked object: its versions and marks), `location` (where a value stands in tracked objects), `change` and
`access` (mutations and reads), `adopt` with `lists`, `dicts`, `sets` (views of containers), `records`, `mixins`,
`objects` (objects in place), `mapping`, `track`, `decorator` (what the program sees).
"""

from driftline.tracking.decorator import tracked
from driftline.tracking.mapping import TrackedList, TrackedMapping
from driftline.tracking.track import track

__all__ = ["TrackedList", "TrackedMapping", "track", "tracked"]
