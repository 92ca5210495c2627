"""Gram matrices by tiles: equal to the matrix at once, to the bit on every executor, and after an interrupt."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import symlimits as sl
from symlimits import npy
from symlimits.cli import main
from symlimits.memory import check_memory
from symlimits.tiled import tiled_gram

ROUNDING = 1e-13  # relative: scalar products of 7 terms, added in another order, and a kernel of slope about 1
TILE = 16
X = np.random.default_rng(0).normal(size=(50, 7))
Z = np.random.default_rng(1).normal(size=(37, 7))
NETWORK = ["--activation", "relu", "--depth", "2", "--w-var", "2", "--b-var", "1/10"]


@pytest.fixture(scope="module")
def kernel() -> sl.Limit:
    return sl.ntk(sl.mlp(depth=2, activation=sl.activations.relu, w_var=2, b_var="1/10"))


def product(A: np.ndarray, B: np.ndarray | None = None) -> np.ndarray:
    """A kernel that is quick to import in a worker: exp(x.z)."""
    return np.exp(A @ (A if B is None else B).T)


@dataclass(frozen=True)
class KillsOnce:
    """`product`, but the first worker that sees row 20 of X in its columns is killed."""

    marker: Path

    def __call__(self, A: np.ndarray, B: np.ndarray | None = None) -> np.ndarray:
        if not self.marker.exists() and (X[20] == (A if B is None else B)).all(axis=1).any():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return product(A, B)


class Interrupted:
    """`product`, with Ctrl-C at the n-th tile."""

    expr = None

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, A: np.ndarray, B: np.ndarray | None = None) -> np.ndarray:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return product(A, B)

    def __repr__(self) -> str:
        return "product"


def forked(count: int) -> Executor:
    return ProcessPoolExecutor(count, get_context("fork"))


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return tiled_gram(product, X, out=np.empty((50, 50)), tile=TILE)


# ------------------------------------------------------------------------------------------- the values


@pytest.mark.parametrize("tile", [1, 7, 16, 49, 50, 1000])
def test_any_tile(kernel: sl.Limit, tile: int) -> None:
    """Within rounding of the matrix at once, symmetric to the bit, its diagonal equal to the bit."""
    at_once, tiled = kernel(X), tiled_gram(kernel, X, out=np.empty((50, 50)), tile=tile)
    np.testing.assert_allclose(tiled, at_once, rtol=ROUNDING)
    np.testing.assert_array_equal(tiled, tiled.T)
    np.testing.assert_array_equal(tiled.diagonal(), at_once.diagonal())
    other = tiled_gram(kernel, X, Z, out=np.empty((50, 37)), tile=tile)
    np.testing.assert_allclose(other, kernel(X, Z), rtol=ROUNDING)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(tiled, (1 + 3 * ROUNDING) * at_once, rtol=ROUNDING)


def test_equal_rows_in_different_tiles(kernel: sl.Limit) -> None:
    """Points that coincide have correlation one, exactly, wherever they lie."""
    doubled = np.concatenate([X, X])
    tiled = tiled_gram(kernel, doubled, out=np.empty((100, 100)), tile=TILE)
    np.testing.assert_array_equal(tiled[:50, 50:].diagonal(), tiled[:50, :50].diagonal())


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("pool", [ThreadPoolExecutor, forked])
def test_any_executor(pool: type[ThreadPoolExecutor], count: int, whole: np.ndarray) -> None:
    with pool(count) as executor:
        out = tiled_gram(product, X, out=np.empty((50, 50)), tile=TILE, executor=executor)
    np.testing.assert_array_equal(out, whole)


def test_threads_do_not_meet_in_numba(kernel: sl.Limit) -> None:
    alone = tiled_gram(kernel, X, Z, out=np.empty((50, 37)), tile=8)
    with ThreadPoolExecutor(4) as executor:
        both = tiled_gram(kernel, X, Z, out=np.empty((50, 37)), tile=8, executor=executor)
    np.testing.assert_array_equal(both, alone)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of dask's own
def test_dask(cluster: Executor, kernel: sl.Limit) -> None:
    alone = tiled_gram(kernel, X, out=np.empty((50, 50)), tile=TILE)
    np.testing.assert_array_equal(tiled_gram(kernel, X, out=np.empty((50, 50)), tile=TILE, executor=cluster), alone)


# -------------------------------------------------------------------------------------------- accidents


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_killed_worker(tmp_path: Path, whole: np.ndarray) -> None:
    kernel = KillsOnce(tmp_path / "killed")
    out = tiled_gram(kernel, X, out=tmp_path / "K.npy", tile=TILE, executor=partial(forked, 2))
    assert kernel.marker.exists()
    np.testing.assert_array_equal(out, whole)


@pytest.mark.parametrize("count", [1, 2, 6])
def test_an_interrupt_and_a_resumption(count: int, tmp_path: Path, whole: np.ndarray) -> None:
    kernel, path = Interrupted(count), tmp_path / "K.npy"
    with pytest.raises(KeyboardInterrupt):
        tiled_gram(kernel, X, out=path, tile=TILE)
    assert {p.name for p in tmp_path.iterdir()} == ({"K.npy.part", "K.npy.journal"} if count > 1 else set())
    kernel.left = 100
    out = tiled_gram(kernel, X, out=path, tile=TILE)
    assert 100 - kernel.left == 10 - (count - 1), "what was finished is not computed again"
    np.testing.assert_array_equal(out, whole)
    assert isinstance(out, np.memmap)
    assert [p.name for p in tmp_path.iterdir()] == ["K.npy"]


@pytest.mark.parametrize("place", [(0, 17), (17, 0), (3, 4)])
def test_a_tile_that_was_lost_is_computed_again(place: tuple[int, int], tmp_path: Path, whole: np.ndarray) -> None:
    """The control of the checksums: a damaged number does not survive a resumption."""
    kernel, path = Interrupted(6), tmp_path / "K.npy"
    with pytest.raises(KeyboardInterrupt):
        tiled_gram(kernel, X, out=path, tile=TILE)
    matrix = np.load(npy.part(path), mmap_mode="r+")
    matrix[place] += 1e-9
    matrix.flush()
    kernel.left = 100
    np.testing.assert_array_equal(tiled_gram(kernel, X, out=path, tile=TILE), whole)
    assert 100 - kernel.left == 6


def test_a_lost_file_is_made_anew(tmp_path: Path, whole: np.ndarray) -> None:
    kernel, path = Interrupted(6), tmp_path / "K.npy"
    with pytest.raises(KeyboardInterrupt):
        tiled_gram(kernel, X, out=path, tile=TILE)
    npy.part(path).write_bytes(b"damaged")
    np.testing.assert_array_equal(tiled_gram(product, X, out=tmp_path / "other.npy", tile=TILE), whole)
    kernel.left = 100
    np.testing.assert_array_equal(tiled_gram(kernel, X, out=path, tile=TILE), whole)


def test_the_journal_of_another_matrix_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "K.npy"
    with pytest.raises(KeyboardInterrupt):
        tiled_gram(Interrupted(6), X, out=path, tile=TILE)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    for data, tile, words in ((X[:20], TILE, "its X is"), (X, 8, "its tile is 16; wanted: tile 8")):
        with pytest.raises(sl.errors.DataError, match=words):
            tiled_gram(Interrupted(0), data, out=path, tile=tile)
    with pytest.raises(sl.errors.DataError, match="its kernel is"):
        tiled_gram(product, X, out=path, tile=TILE)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_memory_map_of_ones_own(tmp_path: Path, whole: np.ndarray) -> None:
    out = np.memmap(tmp_path / "raw", np.float64, "w+", shape=(50, 50))
    kernel, journal = Interrupted(4), tmp_path / "raw.journal"
    with pytest.raises(KeyboardInterrupt):
        tiled_gram(kernel, X, out=out, tile=TILE, journal=journal)
    kernel.left = 100
    assert tiled_gram(kernel, X, out=out, tile=TILE, journal=journal) is out
    assert 100 - kernel.left == 7
    np.testing.assert_array_equal(out, whole)


# --------------------------------------------------------------------------------------------- bad input


def test_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "K.npy"
    for tile in (0, -1, 2.0, True, "8"):
        with pytest.raises(sl.errors.DomainError, match="tile ="):
            tiled_gram(product, X, out=path, tile=tile)  # type: ignore[arg-type]
    with pytest.raises(sl.errors.DataError, match=r"\.npy"):
        tiled_gram(product, X, out=tmp_path / "K.txt")
    with pytest.raises(sl.errors.DataError, match="shape"):
        tiled_gram(product, X, out=np.empty((3, 3)))
    with pytest.raises(sl.errors.DataError, match="7 columns"):
        tiled_gram(product, X, Z[:, :3], out=path)
    with pytest.raises(sl.errors.DataError, match="NaN"):
        tiled_gram(product, np.full((3, 2), np.nan), out=path)
    with pytest.raises(sl.errors.DataError, match=r"a tile of shape \(16, 3\)"):
        tiled_gram(lambda A, B=None: A[:, :3], X, out=path, tile=TILE)
    with pytest.raises(sl.errors.ResourceError, match="tiles of 10000000 rows"):
        tiled_gram(product, X, out=path, tile=10**7)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_refused_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = np.broadcast_to(np.ones((1, 1)), (4_000_000, 1))  # a matrix of 128 TB
    with pytest.raises(sl.errors.ResourceError, match=r"1\.28e\+05 GB; wanted: at most the .* GB free"):
        tiled_gram(product, wide, out=tmp_path / "K.npy")

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(npy.os, "posix_fallocate", full, raising=False)
    with pytest.raises(sl.errors.ResourceError, match="free on the disk"):
        tiled_gram(product, X, out=tmp_path / "K.npy")
    assert list(tmp_path.iterdir()) == []


def test_memory_is_asked_for() -> None:
    with pytest.raises(sl.errors.ResourceError, match="work needs 1e"):
        check_memory(10**24, "work", "less")


# ------------------------------------------------------------------------------------- the command line


def test_gram_by_tiles(tmp_path: Path, kernel: sl.Limit, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "X.npy", X)
    out = tmp_path / "new" / "K.npy"
    command = ["gram", "ntk", *NETWORK, "--data", str(tmp_path / "X.npy"), "--out", str(out)]
    assert main([*command, "--tile", "16", "--progress"]) == 0
    said = capsys.readouterr()
    assert "tiles |" in said.err
    assert "50 x 50" in said.out
    np.testing.assert_array_equal(np.load(out), tiled_gram(kernel, X, out=np.empty((50, 50)), tile=16))
    assert [p.name for p in out.parent.iterdir()] == ["K.npy"]
    (out.parent / "K.npy.journal").write_text("mine")
    assert main([*command, "--tile", "16"]) == 2
    assert "an earlier run has left" in capsys.readouterr().err
    assert main([*command, "--tile", "16", "--resume"]) == 2
    assert "no journal" in capsys.readouterr().err


@pytest.mark.slow
def test_gram_with_workers(tmp_path: Path, kernel: sl.Limit) -> None:
    np.save(tmp_path / "X.npy", X)
    command = ["gram", "ntk", *NETWORK, "--data", str(tmp_path / "X.npy"), "--out", str(tmp_path / "K.npy")]
    assert main([*command, "--tile", "16", "--workers", "2"]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "K.npy"), tiled_gram(kernel, X, out=np.empty((50, 50)), tile=16))
