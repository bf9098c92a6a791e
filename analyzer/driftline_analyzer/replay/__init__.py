"""The replay: a trace decided anew, write by write, under a policy."""

from driftline_analyzer.replay.difference import Difference, Side
from driftline_analyzer.replay.fates import Judged, New
from driftline_analyzer.replay.replay import Decided, Replay, replay

__all__ = ["Decided", "Difference", "Judged", "New", "Replay", "Side", "replay"]
