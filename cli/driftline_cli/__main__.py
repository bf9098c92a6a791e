"""`python -m driftline_cli`: the same as `driftline`."""

from driftline_cli.app import main

main()
