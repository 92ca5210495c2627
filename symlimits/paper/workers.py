"""A pool of processes that leaves quietly: on Ctrl-C and on errors its workers are ended, not waited for."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from symlimits.errors import DomainError

THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def workers(count: int) -> Iterator[Executor | None]:
    """An executor of `count` processes, or None for one: the caller does the work itself."""
    if count < 1:
        raise DomainError(f"{count} workers", "1 or more", "--workers 2")
    if count == 1:
        yield None
        return
    others = set(multiprocessing.active_children())
    # spawned, since a forked process would inherit threads of numba in an unknown state
    executor = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin)
    try:
        yield executor
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        executor.shutdown()


def _begin() -> None:
    """In a worker: end at once and in silence on Ctrl-C, and leave the other processors to the other workers."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read when numpy and numba are imported: after this
