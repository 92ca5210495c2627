"""The engine: keyed tasks on any executor, with the same results on each; a worker that is killed costs no result.

A task is a function of one argument, from its key alone: who computes it, when, and beside what, changes nothing.
Results come back in any order, one call of `keep` for each.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from symlimits.errors import DomainError, ResourceError, SymlimitsError
from symlimits.finite.remaining import Meter, Progress
from symlimits.finite.task import Failure, perform
from symlimits.finite.threads import one_thread

K = TypeVar("K")
Source = Executor | Callable[[], Executor] | None

SECONDS = 1.0  # aimed at for a submission: the way to a worker and back costs milliseconds
TRIES = 3  # of a task whose worker ends without a word
IN_FLIGHT = 64  # submissions to an executor that does not tell the number of its workers


@dataclass(frozen=True)
class _Job(Generic[K]):
    task: Callable[[Any], Any]
    keep: Callable[[K, Any], Iterable[K]]
    prepare: Callable[[K], Any]
    name: Callable[[K], str]
    part: Callable[[K], str]
    meter: Meter

    def finish(self, key: K, result: Any) -> list[K]:
        """Keep a result and count it; the further keys it leads to."""
        further = list(self.keep(key, result))
        self.meter.total += len(further)
        self.meter.step(self.part(key))
        return further


def workers_of(executor: Source) -> int:
    """How many tasks may be at work at a time: a source that does not tell is taken for one a processor.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> workers_of(None), workers_of(ThreadPoolExecutor(3))
    (1, 3)
    """
    if executor is None:
        return 1
    return getattr(executor, "_max_workers", None) or os.cpu_count() or 1


def run(
    task: Callable[[Any], Any],
    keys: Sequence[K],
    keep: Callable[[K, Any], Iterable[K]],
    executor: Source = None,
    *,
    prepare: Callable[[K], Any] = lambda key: key,
    name: Callable[[K], str] = str,
    part: Callable[[K], str] = str,
    progress: Progress | None = None,
    seconds: float = SECONDS,
    in_flight: int | None = None,
) -> None:
    """Compute `task(prepare(key))` for each key, and hand it to `keep(key, result)`, which may name further keys.

    `executor` is None (the caller works), any `concurrent.futures.Executor`, or a function that makes one, which is
    then ended here and replaced when it breaks: tasks whose results were lost are done again, one at a time until
    they are through, so that a task which ends its worker `TRIES` times is named. Several keys travel together until
    they take about `seconds`; at most `in_flight` submissions are out. `name(key)` is for errors, `part(key)` for
    `progress`. Ctrl-C, and every error, calls off what has not begun.

    Raises `ResourceError` when the executor fails; what a task raises comes through, with a note where.

    >>> found = {}
    >>> run(abs, [-1, -2], lambda key, result: found.update({key: result}) or ())
    >>> found
    {-1: 1, -2: 2}
    """
    job = _Job(task, keep, prepare, name, part, Meter(progress, len(keys)))
    with one_thread():
        if executor is None:
            _alone(job, deque(keys))
        else:
            _check_source(executor)
            _Run(job, deque(keys), executor, seconds, in_flight).go()


def _alone(job: _Job[K], waiting: deque[K]) -> None:
    while waiting:
        key = waiting.popleft()
        waiting.extendleft(reversed(job.finish(key, job.task(job.prepare(key)))))


def _check_source(executor: Any) -> None:
    if not callable(executor) and not hasattr(executor, "submit"):
        wanted = "an Executor of concurrent.futures, or a function that makes one"
        raise DomainError(f"executor = {executor!r}", wanted, "executor=ProcessPoolExecutor(4)")


class _Run(Generic[K]):
    """What one run on an executor has to remember."""

    def __init__(self, job: _Job[K], keys: deque[K], source: Any, seconds: float, in_flight: int | None) -> None:
        self.job, self.waiting, self.source, self.seconds, self.in_flight = job, keys, source, seconds, in_flight
        self.owned = not hasattr(source, "submit")
        self.executor: Any = None
        self.running: dict[Future[Any], list[K]] = {}
        self.suspects: deque[K] = deque()  # were at work when a worker ended
        self.breaks = 0  # since the last result
        self.busy, self.finished = 0.0, 0  # seconds that finished tasks took, and their number

    def go(self) -> None:
        """Until nothing is left to do."""
        try:
            while self.waiting or self.suspects or self.running:
                try:
                    self._submit()
                    for future in wait(self.running, return_when=FIRST_COMPLETED).done:
                        self._take(future)
                except BrokenExecutor as error:
                    self._recover(error)
        except BaseException:
            for future in self.running:
                future.cancel()
            self._end(wait=False)
            raise
        self._end(wait=True)

    def _submit(self) -> None:
        """Hand out work; after an accident one task at a time, so that a second one has a name."""
        if self.executor is None:
            self.executor = self.source() if self.owned else self.source
        limit = self.in_flight or 2 * (getattr(self.executor, "_max_workers", None) or IN_FLIGHT // 2)
        while len(self.running) < (1 if self.suspects else limit):
            queue, count = (self.suspects, 1) if self.suspects else (self.waiting, self._together(limit))
            group = [queue.popleft() for _ in range(min(count, len(queue)))]
            if not group:
                return
            arguments = [self.job.prepare(key) for key in group]
            try:
                self.running[self.executor.submit(perform, self.job.task, arguments)] = group
            except Exception as error:
                queue.extendleft(reversed(group))
                raise self._in_words(error) from error

    def _together(self, limit: int) -> int:
        """How many tasks make a submission: enough to be worth the way, few enough to keep all workers busy."""
        if not self.finished:
            return 1
        enough = self.seconds * self.finished / max(self.busy, 1e-9)
        return max(1, int(min(enough, -(-len(self.waiting) // limit))))

    def _take(self, future: Future[Any]) -> None:
        """Keep the results of a submission."""
        try:
            results, seconds = future.result()
        except Exception as error:
            raise self._in_words(error) from error
        group = self.running.pop(future)
        self.breaks, self.busy, self.finished = 0, self.busy + seconds, self.finished + len(results)
        for key, result in zip(group, results, strict=False):  # a failure is the last of the results
            if isinstance(result, Failure):
                result.reraise(self.job.name(key))
            self.waiting.extend(self.job.finish(key, result))

    def _recover(self, error: BrokenExecutor) -> None:
        """After the end of a worker: keep what was finished, do the rest again on a new executor."""
        self.breaks += 1
        for future in [f for f in self.running if f.done() and not f.cancelled() and f.exception() is None]:
            self._take(future)
        lost = [key for group in self.running.values() for key in group]
        self.running.clear()
        self.suspects.extendleft(reversed(lost))
        if not self.owned:
            advice = "a function that makes executors, which is called again; with a journal, what is finished is kept"
            raise ResourceError(f"an executor that broke: {error}", "workers that live on", advice) from error
        if self.breaks == TRIES:
            what = self.job.name(lost[0]) if lost else "the start"
            given = f"workers that ended {TRIES} times in a row without a result, at last at {what}"
            raise ResourceError(
                given, "tasks that leave their worker alive", "less memory, or executor=None"
            ) from error
        self._end(wait=False)

    def _end(self, wait: bool) -> None:
        if self.owned and self.executor is not None:
            self.executor.shutdown(wait=wait, cancel_futures=not wait)
        self.executor = None

    def _in_words(self, error: Exception) -> Exception:
        """What an executor raised, unless it broke: that is handled elsewhere."""
        if isinstance(error, BrokenExecutor | SymlimitsError):
            return error
        given = f"{type(self.executor).__name__} failed: {type(error).__name__}: {error}"
        wanted = "an executor that is open, and tasks that can be pickled for its workers"
        return ResourceError(given, wanted, "functions at the top level of a module, or executor=None")
