"""The engine: the same results on every executor, and after every accident."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from symlimits import memory
from symlimits.certify.simulation import Samples, simulate
from symlimits.errors import DataError, DomainError, ResourceError
from symlimits.finite import engine, plan
from symlimits.finite.engine import TRIES, run, workers_of
from symlimits.finite.plan import Plan
from symlimits.finite.rounds import draw_rounds
from symlimits.finite.sequential import MeanProcess
from symlimits.finite.threads import one_thread
from symlimits.tiled import tiled_gram

SIZES = (8, 16, 32)
RUN = {"sizes": SIZES, "claim": "squares", "root": 3}


def squares(size: int, rng: np.random.Generator) -> np.ndarray:
    """Mean squares of `size` normal numbers, some hundred draws a call: a dozen chunks a size."""
    return np.square(rng.standard_normal((300, size))).mean(axis=1)


@dataclass(frozen=True)
class KillsOnce:
    """`squares`, but the first worker to draw at size 16 is killed, as the kernel kills what takes too much memory."""

    marker: Path

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        if size == 16 and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return squares(size, rng)


def kills_always(size: int, rng: np.random.Generator) -> np.ndarray:
    if size == 16:
        os.kill(os.getpid(), signal.SIGKILL)
    return squares(size, rng)


def forked(count: int) -> Executor:
    """A pool that starts at once; its tasks use neither BLAS nor numba."""
    return ProcessPoolExecutor(count, get_context("fork"))


@pytest.fixture(scope="module")
def alone() -> list[list[Samples]]:
    return simulate(squares, **RUN).samples


# ------------------------------------------------------------------------------------- equal to the bit


def test_another_seed_gives_other_numbers(alone: list[list[Samples]]) -> None:
    """The control of all equalities below."""
    assert simulate(squares, **RUN | {"root": 4}).samples != alone
    assert simulate(squares, **RUN | {"claim": "cubes"}).samples != alone


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("pool", [ThreadPoolExecutor, forked])
def test_any_number_of_workers(pool: Callable[[int], Executor], count: int, alone: list[list[Samples]]) -> None:
    with pool(count) as executor:
        assert simulate(squares, **RUN, executor=executor).samples == alone


def test_a_function_that_makes_executors(alone: list[list[Samples]]) -> None:
    assert simulate(squares, **RUN, executor=partial(ThreadPoolExecutor, 2)).samples == alone


@pytest.mark.slow
def test_spawned_processes(alone: list[list[Samples]]) -> None:
    for count in (1, 2, 8):
        with ProcessPoolExecutor(count, get_context("spawn")) as executor:
            assert simulate(squares, **RUN, executor=executor).samples == alone


class Backwards(Executor):
    """An executor that does the last submission first."""

    def __init__(self) -> None:
        self.stack: list[Any] = []

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.stack.append((future, partial(task, *arguments, **options)))
        if len(self.stack) == 5:
            self.work()
        return future

    def work(self) -> None:
        while self.stack:
            future, call = self.stack.pop()
            future.set_result(call())


def test_any_order(alone: list[list[Samples]]) -> None:
    order: list[int] = []
    found: dict[int, int] = {}
    run(abs, range(-10, 0), lambda key, result: order.append(key) or found.update({key: result}) or (), Backwards())
    assert found == {key: -key for key in range(-10, 0)}
    keys = [plan.Chunk(size, number) for size in SIZES for number in range(4)]
    work = plan.Plan(squares, "squares", 3, SIZES)
    assert {key: work(key) for key in keys} == {key: work(key) for key in reversed(keys)}


def test_tasks_that_name_further_tasks() -> None:
    with ThreadPoolExecutor(2) as executor:
        for source in (None, executor):
            found: list[int] = []
            run(
                abs,
                [1],
                lambda key, result, found=found: found.append(result) or ([key + 1] if key < 5 else []),
                source,
            )
            assert sorted(found) == [1, 2, 3, 4, 5]


# --------------------------------------------------------------------------------------------- accidents


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_worker_loses_nothing(tmp_path: Path, alone: list[list[Samples]]) -> None:
    marker = tmp_path / "killed"
    assert simulate(KillsOnce(marker), **RUN, executor=partial(forked, 2)).samples == alone
    assert marker.exists()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_pool_that_cannot_be_replaced_keeps_its_journal(tmp_path: Path, alone: list[list[Samples]]) -> None:
    experiment, journal = KillsOnce(tmp_path / "killed"), tmp_path / "run.journal"
    with forked(2) as executor, pytest.raises(ResourceError, match="a function that makes executors"):
        simulate(experiment, **RUN, executor=executor, journal=journal)
    assert simulate(experiment, **RUN, journal=journal).samples == alone


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_task_that_kills_every_worker_is_named() -> None:
    with pytest.raises(ResourceError, match=f"{TRIES} times in a row.* size 16, chunk 0"):
        simulate(kills_always, **RUN, executor=partial(forked, 2))


def test_an_executor_that_never_works() -> None:
    made: list[Executor] = []

    class Broken(ThreadPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Future[Any]:
            raise BrokenProcessPool("dead on arrival")

    def make() -> Executor:
        made.append(Broken(1))
        return made[-1]

    with pytest.raises(ResourceError, match="at last at the start"):
        simulate(squares, **RUN, executor=make)
    assert len(made) == TRIES


def test_an_executor_that_raises() -> None:
    class Odd(ThreadPoolExecutor):
        def submit(self, *_: Any, **__: Any) -> Future[Any]:
            raise RuntimeError("no workers today")

    with pytest.raises(ResourceError, match="Odd failed: RuntimeError: no workers today") as caught:
        simulate(squares, **RUN, executor=Odd(1))
    assert isinstance(caught.value.__cause__, RuntimeError)
    closed = ThreadPoolExecutor(1)
    closed.shutdown()
    with pytest.raises(ResourceError, match="after shutdown"):
        simulate(squares, **RUN, executor=closed)
    with pytest.raises(DomainError, match="executor = 4"):
        simulate(squares, **RUN, executor=4)  # type: ignore[arg-type]


def test_what_cannot_travel_is_told() -> None:
    with forked(1) as executor, pytest.raises(ResourceError, match="pickle"):
        simulate(lambda size, rng: squares(size, rng), **RUN, executor=executor)


class Unportable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def unportable(size: int, rng: np.random.Generator) -> np.ndarray:
    raise Unportable(1, 2)


def divides(size: int, rng: np.random.Generator) -> np.ndarray:
    raise ZeroDivisionError("mine")


def not_a_number(size: int, rng: np.random.Generator) -> float:
    return np.nan


def test_what_an_experiment_raises_comes_through() -> None:
    for source in (None, partial(forked, 2)):
        with pytest.raises(ZeroDivisionError, match="mine") as caught:
            simulate(divides, **RUN, executor=source)
        with pytest.raises(DataError, match="with NaN"):
            simulate(not_a_number, **RUN, executor=source)
    assert "in divides" in caught.value.__notes__[0], "the place in the worker"
    with pytest.raises(RuntimeError, match="Unportable: 1 and 2"):
        simulate(unportable, **RUN, executor=partial(forked, 1))


class InterruptedAt:
    """`squares` with Ctrl-C in the middle; `squares` by its digest and afterwards."""

    def __init__(self, count: int) -> None:
        self.left = count

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return squares(size, rng)

    def __repr__(self) -> str:
        return "squares, interrupted"


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_an_interrupt_and_a_resumption(count: int, tmp_path: Path, alone: list[list[Samples]]) -> None:
    experiment, journal = InterruptedAt(count), tmp_path / "run.journal"
    with pytest.raises(KeyboardInterrupt):
        simulate(experiment, **RUN, journal=journal)
    assert journal.exists() == (count > 1), "what holds nothing is removed"
    kept = len(journal.read_text().splitlines()) - 1 if count > 1 else 0
    assert kept == count - 1
    experiment.left = 1000
    assert simulate(experiment, **RUN, journal=journal).samples == alone
    chunks = len(journal.read_text().splitlines()) - 1
    assert 1000 - experiment.left == chunks - kept, "what was finished is not drawn again"
    experiment.left = 1
    assert simulate(experiment, **RUN, journal=journal).samples == alone, "nothing is left to draw"


def test_seeds_and_memory_are_refused_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    class Huge:
        def required_bytes(self, size: int) -> int:
            return size * 10**15

        def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
            raise AssertionError("drawn")

    for root in (-1, 0.5, True, "0", None):
        with pytest.raises(DomainError, match="seed = "):
            simulate(Huge(), **RUN | {"root": root})
    with pytest.raises(ResourceError, match=r"size 32 with 1 at work needs 3\.2e\+07 GB"):
        simulate(Huge(), **RUN)
    with ThreadPoolExecutor(4) as executor, pytest.raises(ResourceError, match="with 4 at work"):
        simulate(Huge(), **RUN, executor=executor)


# ---------------------------------------------------------------------------------- threads and grouping


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_one_thread_until_the_last_has_left() -> None:
    with threadpool_limits(2):
        before = blas_threads()
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}, "the second is still at work"
        second.__exit__(None, None, None)
        assert blas_threads() == before


class Counting(ThreadPoolExecutor):
    sent = 0

    def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
        self.sent += 1
        return super().submit(*arguments, **options)


def test_short_tasks_travel_together() -> None:
    found: list[int] = []
    with Counting(2) as executor:
        run(abs, range(1000), lambda key, result: found.append(result) or (), executor)
        assert found != [] and sorted(found) == list(range(1000))  # noqa: PT018
        assert executor.sent < 100
    with Counting(2) as executor:
        run(abs, range(100), lambda key, result: (), executor, seconds=0.0)
        assert executor.sent == 100


def test_no_more_is_out_than_allowed() -> None:
    most = 0

    class Watched(ThreadPoolExecutor):
        out = 0

        def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
            nonlocal most
            self.out += 1
            most = max(most, self.out)
            future = super().submit(*arguments, **options)
            future.add_done_callback(self.returned)
            return future

        def returned(self, _: Any) -> None:
            self.out -= 1

    with Watched(8) as executor:
        run(time.sleep, [0.001] * 50, lambda key, result: (), executor, seconds=0.0, in_flight=3)
    assert 1 <= most <= 3


# -------------------------------------------------------------------------------------------------- dask


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of dask's own
def test_dask(cluster: Executor, alone: list[list[Samples]]) -> None:
    assert simulate(squares, **RUN, executor=cluster).samples == alone


@dataclass(frozen=True)
class Telling:
    """`squares`, which ask for a third of the memory each: one at work fits, and two, but not four."""

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        return squares(size, rng)

    def required_bytes(self, size: int) -> int:
        return 300


def test_a_factory_is_taken_for_a_worker_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it will make is not known before it is called: eight workers are not one."""
    monkeypatch.setattr(engine.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(memory, "available_bytes", lambda: 900)
    factory = partial(ThreadPoolExecutor, 8)
    assert [workers_of(source) for source in (None, factory, ThreadPoolExecutor(2), Plain())] == [1, 4, 2, 4]
    one = MeanProcess(1.0, 0.5)
    plans = Plan(Telling(), "squares", 3, SIZES)
    for source, fits in ((None, True), (factory, False), (ThreadPoolExecutor(2), True), (ThreadPoolExecutor(4), False)):
        with nullcontext() if fits else pytest.raises(ResourceError, match="with 4 at work"):
            simulate(Telling(), executor=source, **RUN)
        with nullcontext() if fits else pytest.raises(ResourceError, match="with 4 at work"):
            draw_rounds(plans, lambda counts: (((1.0, 0.0, 0.0),), one), 0.05, 16, source)
    with pytest.raises(ResourceError, match="8 tiles"):
        tiled_gram(np.matmul, np.ones((2, 2)), out=np.empty((2, 2)), tile=3, executor=factory)


class Plain:
    """An executor that does not tell the number of its workers."""

    submit = None
