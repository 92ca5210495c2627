"""What `--resume` means to every command that keeps a journal.

An unfinished run is continued when asked for, never unasked: its journal may be of hours, and is refused rather than
overwritten. `--resume` where nothing was left simply begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from symlimits.errors import DataError


@contextmanager
def resumable(journal: Path | None, resume: bool) -> Iterator[None]:
    """Check that a journal may be begun or continued; if Ctrl-C ends the block, say how to go on."""
    if journal is None and resume:
        raise DataError("--resume without a journal", "where the journal of the run is", "--out DIR or --journal FILE")
    if journal is not None and journal.exists() and not resume:
        given = f"the journal {journal}, which an earlier run has left"
        raise DataError(given, "--resume to go on with it", "--resume, another name, or the removal of the file")
    try:
        yield
    except KeyboardInterrupt:
        if journal is None or not journal.exists():
            raise
        kept = f"what is finished is in {journal}: the same command with --resume goes on"
        raise KeyboardInterrupt(kept) from None
