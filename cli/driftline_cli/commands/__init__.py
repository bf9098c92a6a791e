"""The commands: `NAME.py` holds the function NAME, whose parameters are its options and whose docstring is its help."""
