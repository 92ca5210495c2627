"""A submission as a worker sees it: some tasks in a row, with one thread, and what they raise sent home as a value.

So an exception that the executor raises is the executor's own.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from symlimits.errors import SymlimitsError
from symlimits.finite.threads import one_thread


@dataclass(frozen=True)
class Failure:
    """What a task raised, on its way home."""

    error: Exception
    trace: str

    def reraise(self, part: str) -> None:
        """Raise it, with the place in the worker where it happened."""
        if not isinstance(self.error, SymlimitsError):  # whose message says all
            self.error.add_note(f"raised by a worker at {part}:\n{self.trace}")
        raise self.error


def perform(task: Callable[[Any], Any], arguments: Sequence[Any]) -> tuple[list[Any], float]:
    """The results, up to the first `Failure`, and the seconds they took."""
    start = perf_counter()
    results: list[Any] = []
    with one_thread():
        for argument in arguments:
            try:
                results.append(task(argument))
            except Exception as error:
                results.append(Failure(_portable(error), traceback.format_exc()))
                break
    return results, perf_counter() - start


def _portable(error: Exception) -> Exception:
    """The exception, if it survives the way: one that does not would break a pool of processes."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
