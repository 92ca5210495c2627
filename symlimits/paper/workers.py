"""A pool of processes that leaves quietly: on Ctrl-C and on errors its workers are ended, not waited for."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from symlimits.errors import DomainError

THREADS = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Pool:
    """Makes an executor of `count` processes: the engine calls it, once more when a worker was killed."""

    count: int

    @property
    def _max_workers(self) -> int:
        return self.count

    def __call__(self) -> Executor:
        # spawned, since a forked process would inherit threads of numba in an unknown state
        executor = ProcessPoolExecutor(self.count, multiprocessing.get_context("spawn"), _begin)
        with _interrupts_later():
            for _ in range(self.count):
                executor.submit(os.getpid)  # each starts a process, as none is idle yet
        return executor


@contextmanager
def workers(count: int) -> Iterator[Pool | None]:
    """What makes executors of `count` processes, or None for one: the caller does the work itself."""
    if count < 1:
        raise DomainError(f"{count} workers", "1 or more", "--workers 2")
    others = set(multiprocessing.active_children())
    try:
        yield Pool(count) if count > 1 else None
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Hold Ctrl-C back; processes started meanwhile never see it, so that the caller alone ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """In a worker: leave Ctrl-C to the caller, and the other processors to the other workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREADS, "1"))  # read when numpy and numba are imported: after this
