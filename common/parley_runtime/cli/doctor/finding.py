"""One thing the doctor has looked at."""

from enum import StrEnum
from typing import Self

import msgspec


class Level(StrEnum):
    """`PROBLEM`: Parley will not work, or breaks a promise. `WARNING`: it works, with a risk that is named."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """`subject` says what was looked at; `help` what to do. No text holds a secret."""

    level: Level
    subject: str
    message: str
    help: str = ""

    @classmethod
    def ok(cls, subject: str, message: str) -> Self:
        """All is well."""
        return cls(Level.OK, subject, message)

    @classmethod
    def warning(cls, subject: str, message: str, help: str) -> Self:
        """A risk."""
        return cls(Level.WARNING, subject, message, help)

    @classmethod
    def problem(cls, subject: str, message: str, help: str) -> Self:
        """Something is broken."""
        return cls(Level.PROBLEM, subject, message, help)
