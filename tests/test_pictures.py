"""Pictures of certificates of laws and exponents: they show the numbers of the certificate, with named axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits.certify import Certificate, Question, judge, summarize, wave_questions
from symlimits.finite.functional import Functional

pytest.importorskip("matplotlib")
SIZES = (4, 8, 16, 32)
POINTS = (1.5, 0.5, 1.0)  # in no order: the picture sorts them


def certified(questions: list[Question], order: float) -> Certificate:
    rng = np.random.default_rng(0)
    draws = {size: size**0.5 * (1 + 0.1 * rng.standard_normal(2000)) for size in SIZES}
    if questions[0].functional.kind != "exponent":
        draws = {size: rng.uniform(-2, 2, 2000) for size in SIZES}
    link = judge(questions, summarize(draws, [question.functional for question in questions]), order, 0.01)
    assert link.passed, link.summary
    return Certificate("a claim", (link,), 0, {})


def drawn(axes: Any) -> set[str]:
    return set(axes.get_legend_handles_labels()[1])


def points_with_bars(axes: Any, label: str) -> np.ndarray:
    (container,) = (found for found in axes.containers if found.get_label() == label)
    return np.asarray(container.lines[0].get_xydata())


@pytest.mark.parametrize("order", [0, 1])
def test_a_distribution_function(tmp_path: Path, order: float) -> None:
    certificate = certified([Question(Functional("cdf", s), (s + 2) / 4) for s in POINTS], order)
    left, right = certificate.picture(tmp_path / "cdf.pdf").axes
    assert (tmp_path / "cdf.pdf").read_bytes().startswith(b"%PDF")
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ("s", "P(X <= s)", "networks less claim")
    where = "networks in the limit, 95 %" if order else "networks at size 4, 95 %"
    assert {"claimed", where, "less than is detected"} <= drawn(left)
    test = certificate.links[0].details["tests"][0]
    shown = points_with_bars(left, where)
    assert shown[:, 0].tolist() == list(POINTS)
    assert np.allclose(shown[:, 1], (np.array(POINTS) + 2) / 4 + test["differences"])
    claimed = next(line for line in left.lines if line.get_label() == "claimed")
    assert claimed.get_xdata().tolist() == sorted(POINTS)


def test_a_characteristic_function_has_two_parts(tmp_path: Path) -> None:
    values = [float(np.sinc(2 * t / np.pi)) for t in POINTS]
    certificate = certified(wave_questions(POINTS, values, [None] * len(POINTS)), 1)
    left, right = certificate.picture(tmp_path / "cf.svg").axes
    assert "<svg" in (tmp_path / "cf.svg").read_text()
    assert (left.get_xlabel(), left.get_ylabel(), right.get_xlabel()) == ("t", "E cos(tX)", "t")
    parts = [points_with_bars(right, f"{name} part")[:, 1] for name in ("real", "imaginary")]
    assert np.concatenate(parts).tolist() == certificate.links[0].details["tests"][0]["differences"]


def test_an_exponent(tmp_path: Path) -> None:
    certificate = certified([Question(Functional("exponent"), 0.5)], 1)
    left, right = certificate.picture(tmp_path / "exponent.png").axes
    assert (tmp_path / "exponent.png").stat().st_size > 1000
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ("size", "mean of |X|", "exponent")
    assert (left.get_xscale(), left.get_yscale()) == ("log", "log")
    details = certificate.links[0].details
    shown = points_with_bars(left, "networks, 2 s.e.")
    assert shown.tolist() == [[size, details["sizes"][str(size)][0]] for size in SIZES]
    assert points_with_bars(right, "networks, 95 %")[0, 1] == details["estimate"]
    fit = next(line for line in left.lines if line.get_label().startswith("fitted"))
    at_smallest = np.interp(np.log(4), np.log(fit.get_xdata()), fit.get_ydata())
    assert at_smallest == pytest.approx(2.0, rel=0.05)


def test_what_has_no_picture() -> None:
    with pytest.raises(sl.errors.DataError, match="mean, law or exponent"):
        Certificate("a claim", (), 0, {}).picture()


def test_a_log_moment_says_so() -> None:
    """Its certificate, its summary and both of its pictures: no mean of the draws is meant."""

    def draw(size: int, rng: np.random.Generator) -> np.ndarray:
        return np.exp(rng.standard_normal(64)) * (-1) ** np.arange(64)

    claim = sl.limit(sp.Integer(0), experiment=draw, kind="log", order=0)
    for resolution, kind in ((None, "kind"), (0.3, "claim kind")):
        certificate = claim.certify((8, 16, 32), resolution=resolution)
        link = certificate.links[0]
        assert link.passed, link.summary
        assert link.details[kind] == "log"
        assert "limit of E log|X| 0, nets give" in link.summary
        assert "mean of log|X| less limit" in {axes.get_ylabel() for axes in certificate.picture().axes}
        assert sl.verify(certificate.to_json(), experiment=draw).ok
