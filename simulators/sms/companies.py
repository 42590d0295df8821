"""Who sends messages."""

from enum import StrEnum


class Company(StrEnum):
    """The companies there are; each takes references of its own."""

    NORTH = "north"
    SOUTH = "south"
