"""What answers look like: one file for each thing shown. Pure functions from an answer to a rich renderable."""
