"""What the environment says for the user's programs: set aside, since a question must not record itself."""

from __future__ import annotations

import os
from typing import Final

_TRACE: Final = "DRIFTLINE_TRACE"
_aside: Final[dict[str, str]] = {}


def begin() -> None:
    """Take what would begin a recording out of the environment, before anything of the tracer is loaded."""
    if _TRACE in os.environ:
        _aside[_TRACE] = os.environ.pop(_TRACE)


def set_aside() -> dict[str, str]:
    """What was taken out."""
    return dict(_aside)
