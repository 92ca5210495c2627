"""What can go wrong, in the user's words: one base class and its few children."""

from __future__ import annotations

LONGEST = 400  # characters of a value that a message repeats


class SymlimitsError(Exception):
    """Base class of every error raised on purpose by symlimits.

    The message has three parts: the value that was given, the value that was
    wanted, and what to try instead.

    >>> raise DomainError("depth is -1", "a positive integer", "depth=1 for one hidden layer")
    Traceback (most recent call last):
    ...
    symlimits.errors.DomainError: depth is -1; wanted: a positive integer; try: depth=1 for one hidden layer
    """

    def __init__(self, given: str, wanted: str, advice: str) -> None:
        given = given if len(given) <= LONGEST else f"{given[: LONGEST - 3]}..."
        super().__init__(f"{given}; wanted: {wanted}; try: {advice}")
        self.given, self.wanted, self.advice = given, wanted, advice

    def __reduce__(self) -> tuple[type[SymlimitsError], tuple[str, str, str]]:
        return type(self), (self.given, self.wanted, self.advice)


class FormulaError(SymlimitsError):
    """A formula (string or JSON tree) that is not understood, or not allowed."""


class DomainError(SymlimitsError):
    """A value outside the domain of a statement."""


class DataError(SymlimitsError):
    """Data of the wrong shape, type or content."""


class UnboundSymbol(SymlimitsError):
    """A number was asked for while a symbol has no value yet."""


class NoRule(SymlimitsError):
    """No rule leads from this expression to what was asked for."""


class FalseLine(SymlimitsError):
    """A line that was claimed to equal the one above it, and does not."""


class ResourceError(SymlimitsError):
    """Work that needs more memory, disk or workers than there are."""
