"""Every Python that starts with this folder on `PYTHONPATH` loads this before the program: it loads driftline.

`driftline run --instrument` puts the folder there, for the program and for each Python that the program starts. The
program itself never sees it: it is taken off `sys.path`, and a `sitecustomize` of its own is loaded all the same.
"""

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path

_NAME = "sitecustomize"


def _load_the_programs_own() -> None:
    """Load the module that this one stands in front of, as Python would have."""
    here = Path(__file__).parent.absolute()
    sys.path[:] = [path for path in sys.path if Path(path).absolute() != here]
    ours = sys.modules.pop(_NAME, None)
    try:
        import_module(_NAME)
    except ModuleNotFoundError as fault:
        if fault.name != _NAME:
            raise
    finally:
        if ours is not None:
            sys.modules.setdefault(_NAME, ours)


try:
    _load_the_programs_own()
finally:
    with suppress(ImportError):  # a Python of another environment, which does not have it
        import driftline  # noqa: F401 - records and instruments, as the environment says
