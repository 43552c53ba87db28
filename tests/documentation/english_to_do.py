"""What is not in plain English yet. Remove what passes; add nothing."""

from typing import Final

# Modules with messages that use phrases of `english.py`.
MODULES: Final[frozenset[str]] = frozenset()
# Commands whose help does; `sweeper` is the command itself.
COMMANDS: Final[frozenset[str]] = frozenset()
# Phrases in the descriptions of the study file.
DESCRIPTIONS: Final[frozenset[str]] = frozenset()
