"""A line on the terminal that says what is being done; with rich a moving one, otherwise plain."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from symlimits.finite.remaining import BAR

Progress = Callable[[str], None]

PAUSE = 10.0  # seconds between two lines of a bar in a file
CLEAR = "\r\x1b[K"  # back to the start of the line, and empty it


@contextmanager
def progress(wanted: bool) -> Iterator[Progress | None]:
    """A function that shows a message on stderr; None where nobody looks, unless it is `wanted`."""
    if not sys.stderr.isatty():
        yield _Lines() if wanted else None
        return
    try:
        from rich.console import Console  # optional
    except ImportError:
        yield lambda message: print(f"{CLEAR}{message}", end="", file=sys.stderr, flush=True)
        print(CLEAR, end="", file=sys.stderr, flush=True)
        return
    with Console(stderr=True).status("") as status:
        yield lambda message: status.update(message.replace("[", r"\["))


class _Lines:
    """Messages as lines, for a log: of a bar that moves, one now and then."""

    def __init__(self) -> None:
        self.last = -PAUSE

    def __call__(self, message: str) -> None:
        if BAR in message and monotonic() - self.last < PAUSE:
            return
        self.last = monotonic()
        print(f"symlimits: {message}", file=sys.stderr, flush=True)
