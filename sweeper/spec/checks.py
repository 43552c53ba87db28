"""All checks between the parts of a study file, in the file's order."""

from sweeper.spec.complaints import Complaints
from sweeper.spec.parts import Parts


def check(parts: Parts, complaints: Complaints) -> None:
    """Note every mistake that no section shows by itself, as far as the sections can be read."""
