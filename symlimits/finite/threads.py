"""One thread for the numerics of a task, so that sums are added in the same order wherever the task runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_inside = 0
_outermost: threadpool_limits | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS and numba with one thread; the limits of before come back when the last of several users has left.

    BLAS keeps its limit for the whole process, and tasks of a pool of threads begin and end in any order: the first
    to end must not give the others their threads back. A task in a thread of its own limits that thread too, since
    OpenMP and numba count by thread.
    """
    global _inside, _outermost
    with _lock:
        limits = threadpool_limits(1)
        _outermost = limits if _inside == 0 else _outermost
        _inside += 1
    try:
        with _numba_with_one_thread():
            yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _outermost is not None:
                _outermost.restore_original_limits()
                _outermost = None


@contextmanager
def _numba_with_one_thread() -> Iterator[None]:
    numba = sys.modules.get("numba")
    if not hasattr(numba, "set_num_threads"):  # never imported, or being imported by another thread
        yield
        return
    before = numba.get_num_threads()  # type: ignore[union-attr]
    numba.set_num_threads(1)  # type: ignore[union-attr]
    try:
        yield
    finally:
        numba.set_num_threads(before)  # type: ignore[union-attr]
