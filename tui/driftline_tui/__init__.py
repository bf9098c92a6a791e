"""Driftline's lineage browser; its first screen comes with step 6 of the plan (CHANGELOG.md)."""
