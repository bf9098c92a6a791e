"""The replay: a trace decided anew, write by write, under a policy."""

from driftline_analyzer.replay.difference import Difference, Side
from driftline_analyzer.replay.fates import Judged, New
from driftline_analyzer.replay.replay import Decided, Replay, replay
from driftline_analyzer.replay.verify import Differing, Verified, verify

__all__ = ["Decided", "Difference", "Differing", "Judged", "New", "Replay", "Side", "Verified", "replay", "verify"]
