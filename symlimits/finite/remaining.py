"""How far a long run is, in words: a bar, a count, and an estimate of the time that remains."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

Progress = Callable[[str], None]

PAUSE = 0.5  # seconds between two reports about the same part
WIDTH = 20  # characters of the bar
BAR = " |"  # what comes before the bar is the part; readers may tell parts by it


class Meter:
    """Counts finished steps and reports them: each new part at once, others when the last report is old."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.total, self.done = total, 0
        self._progress = progress
        self._start = monotonic()
        self._last, self._part = self._start, ""

    def step(self, part: str) -> None:
        """One more step is done, a step of `part`."""
        self.done += 1
        now = monotonic()
        if self._progress is None:
            return
        if part != self._part or self.done == self.total or now - self._last >= PAUSE:
            self._last, self._part = now, part
            self._progress(f"{part}{bar(self.done, self.total, now - self._start)}")


def bar(done: int, total: int, elapsed: float) -> str:
    """The bar, the count, and what remains if the other steps take as long as those that are done.

    >>> bar(5, 20, elapsed=30.0)
    ' |#####---------------| 5 of 20, 1 min 30 s left'
    """
    marks = WIDTH * done // total
    left = f", {duration(elapsed * (total - done) / done)} left" if 0 < done < total else ""
    return f"{BAR}{'#' * marks}{'-' * (WIDTH - marks)}| {done} of {total}{left}"


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(8.2), duration(200), duration(4000)
    ('8 s', '3 min 20 s', '1 h 6 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
