"""A line on the terminal that says what is being done; with rich a moving one, otherwise plain."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str], None]


@contextmanager
def progress(wanted: bool) -> Iterator[Progress | None]:
    """A function that shows a message on stderr; None where nobody looks, unless it is `wanted`."""
    if not sys.stderr.isatty():
        yield _plain if wanted else None
        return
    try:
        from rich.console import Console  # optional
    except ImportError:
        yield _plain
        return
    with Console(stderr=True).status("") as status:
        yield lambda message: status.update(message.replace("[", r"\["))


def _plain(message: str) -> None:
    print(f"symlimits: {message}", file=sys.stderr, flush=True)
