"""The least-squares problem at the door."""

from __future__ import annotations

import numpy as np
import pytest

from symlimits.errors import DataError, DomainError
from symlimits.theory.deep_linear.problem import check_rate, problem, problem_of_data

FLAT = np.diag([1.0, 0.0])
ROUNDING = 1e-14


def test_of_matrices() -> None:
    found = problem(np.diag([2.0, 0.5]), [[1, 2], [3, 4], [5, 6]])
    assert (found.rank, found.outside, found.note) == (2, 0.0, "")
    assert np.allclose(found.minimiser(), [[0.5, 4], [1.5, 8], [2.5, 12]], rtol=ROUNDING)


def test_of_data() -> None:
    X, Y = np.random.default_rng(0).normal(size=(7, 3)), np.ones((7, 2))
    found = problem_of_data(X, Y)
    assert np.allclose(found.Sxx, X.T @ X / 7, atol=ROUNDING)
    assert np.allclose(found.minimiser(), np.linalg.lstsq(X, Y)[0].T, atol=1e-12)


def test_fewer_data_than_dimensions_are_consistent() -> None:
    """Rounding does not make a part of Syx outside of the range."""
    rng = np.random.default_rng(1)
    found = problem_of_data(rng.normal(size=(3, 8)), rng.normal(size=(3, 2)))
    assert found.rank == 3
    assert found.note == ""


def test_outside_of_the_range_is_said() -> None:
    found = problem(FLAT, [[3.0, 4.0]])
    assert found.outside == pytest.approx(0.8, rel=ROUNDING)
    assert found.note.startswith("0.8 of Syx lies outside the range of Sxx")
    assert found.minimiser().tolist() == [[3.0, 0.0]]


def test_what_counts_as_zero_is_said() -> None:
    small = np.diag([1.0, 1e-6])
    assert problem(small, [[1.0, 1.0]]).rank == 2
    assert problem(small, [[1.0, 1.0]], rcond=1e-5).rank == 1
    assert problem(np.zeros((2, 2)), [[0.0, 0.0]]).rank == 0


def test_asymmetry_by_rounding_is_taken() -> None:
    tilted = np.array([[1.0, 0.5], [0.5 + 2e-16, 1.0]])
    found = problem(tilted, [[1.0, 1.0]])
    assert np.array_equal(found.Sxx, found.Sxx.T)


@pytest.mark.parametrize(
    ("Sxx", "Syx", "error", "words"),
    [
        ([[1.0, 0.0]], [[1.0]], DataError, "shapes"),
        (np.eye(2), [[1.0]], DataError, "shapes"),
        (np.eye(2), [1.0, 2.0], DataError, r"two axes \(k, d\).*for one output"),
        (1.0, [[1.0]], DataError, r"two axes \(d, d\)"),
        ([[np.nan]], [[1.0]], DataError, "NaN"),
        ([["a"]], [[1.0]], DataError, "real numbers"),
        ([[1.0, 0.1], [0.0, 1.0]], np.eye(2), DomainError, "differs from its transpose by 0.1"),
        (np.diag([1.0, -0.1]), np.eye(2), DomainError, "the eigenvalue -0.1"),
    ],
)
def test_refused(Sxx: object, Syx: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        problem(Sxx, Syx)  # type: ignore[arg-type]


def test_rounding_is_no_part_outside_of_the_range() -> None:
    """With every eigenvalue kept, a rate is judged as ever."""
    assert problem([[1.0, 0.2], [0.2, 0.5]], [[1.0, 0.25], [-0.5, 0.5]], rcond=0).note == ""
    assert problem(FLAT, [[3.0, 1e-5]], rcond=0).note


@pytest.mark.parametrize("rcond", [-1, 1, "x", float("nan")])
def test_cutoffs_out_of_range(rcond: object) -> None:
    with pytest.raises((DomainError, DataError)):
        problem(np.eye(2), np.eye(2), rcond=rcond)  # type: ignore[arg-type]


def test_data_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="2 inputs and 3 targets"):
        problem_of_data(np.eye(2), np.eye(3))


def test_rates_above_the_critical_one_are_refused_unless_forced() -> None:
    with pytest.raises(DomainError, match=r"lr = 0\.6, above the critical rate 0\.5"):
        check_rate(0.6, 0.5, forced=False)
    check_rate(0.6, 0.5, forced=True)
    check_rate(0.5, 0.5, forced=False)
    with pytest.raises(DomainError, match="forced = 'no'; wanted: True or False"):
        check_rate(0.6, 0.5, forced="no")  # type: ignore[arg-type]
