"""Driftline's command line: one command a file, each of which asks the analyzer and renders its answer."""
