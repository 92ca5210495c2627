"""Runs until a claim is decided: true ones accepted, false ones rejected, the same on any executor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.cli import main
from symlimits.finite.expectation_experiment import ExpectationExperiment

SIZES = (8, 16, 32)


def biased(size: int, rng: np.random.Generator) -> np.ndarray:
    """Mean 1 + 1/size, standard deviation one."""
    return 1 + 1 / size + rng.standard_normal(64)


ONE = sl.limit(sp.Integer(1), experiment=biased)


def test_a_true_claim_is_accepted_and_a_false_one_rejected() -> None:
    true = ONE.certify(SIZES, resolution=0.1).links[0]
    assert true.passed, true.summary
    assert true.details["control rejected"]
    assert true.details["verdict"] == "accepted"
    for off in (0.1, 0.3):
        false = sl.limit(1 + sp.Rational(str(off)), experiment=biased).certify(SIZES, resolution=0.1).links[0]
        assert false.passed is False
        assert false.details["p value"] <= false.details["alpha"] == 1e-6
        assert false.details["rounds"] < true.details["rounds"] or off == 0.1


def test_a_finer_resolution_takes_more_rounds() -> None:
    rounds = [ONE.certify(SIZES, resolution=r).links[0].details["rounds"] for r in (0.2, 0.1)]
    assert rounds[0] < rounds[1]


def test_the_same_on_any_executor_and_verified() -> None:
    alone = ONE.certify(SIZES, resolution=0.2).to_json()
    with ThreadPoolExecutor(3) as executor:
        assert ONE.certify(SIZES, executor=executor, resolution=0.2).to_json() == alone
    assert sl.verify(alone, experiment=biased).ok
    edited = sl.verify(alone.replace('"resolution": 0.2', '"resolution": 0.3'), experiment=biased)
    assert not edited.ok
    assert "details.detectable" in {difference.place for difference in edited.differences}
    other = ONE.certify(SIZES, resolution=0.2, alpha=0.01).to_json()
    assert other != alone
    assert sl.verify(other, experiment=biased).ok
    assert sl.verify(ONE.certify(SIZES, alpha=0.01).to_json(), experiment=biased).ok
    with pytest.raises(sl.errors.DataError, match="the experiment"):
        sl.verify(alone)


def test_a_run_of_few_rounds_stays_undecided_and_is_verified() -> None:
    for claim, draw, kind, most in ((sp.Integer(1), biased, "mean", 256), (NORMAL, normal, "cdf", 32)):
        few = sl.limit(claim, experiment=draw, kind=kind).certify(SIZES, resolution=0.05, most=most)
        assert (few.links[0].details["verdict"], few.links[0].details["rounds"]) == ("undecided", most)
        assert not few.ok
        assert not sl.verify(few.to_json(), experiment=draw).differences


def test_a_law_that_is_rejected_at_once_is_computed_again() -> None:
    false = sl.limit(NORMAL.subs(S, -S), experiment=normal, kind="cdf", order=0).certify(SIZES, resolution=0.05)
    assert false.links[0].details["verdict"] == "rejected"
    assert not sl.verify(false.to_json(), experiment=normal).differences


@pytest.mark.slow
def test_networks() -> None:
    K = sl.nngp(sl.mlp(1, act.relu, 2, 0))
    link = K.certify(SIZES, resolution=0.2).links[0]
    assert link.passed, link.summary


def test_refusals() -> None:
    for wrong in (0, -1, "x", True, float("inf")):
        with pytest.raises(sl.errors.DomainError, match="resolution"):
            ONE.certify(SIZES, resolution=wrong)
    for wrong in (0, -1, "x", True, 0.06, 1e400):
        for resolution in (None, 0.1):
            with pytest.raises(sl.errors.DomainError, match="alpha"):
                ONE.certify(SIZES, resolution=resolution, alpha=wrong)
    for most in (0, -1, "x", True, 1.5, 255, 20_001):
        with pytest.raises(sl.errors.DomainError, match="most"):
            ONE.certify(SIZES, resolution=0.1, most=most)
    with pytest.raises(sl.errors.DomainError, match="an exponent is a slope of logarithms"):
        sl.limit(sp.Integer(0), experiment=biased, kind="exponent").certify(SIZES, resolution=0.1)
    with pytest.raises(sl.errors.DomainError, match=r"'mean'.*an experiment"):
        sl.limit(sp.Integer(0)).certify(SIZES, resolution=0.1)
    heavy = sl.limit(sp.Integer(0), experiment=cauchy)
    with pytest.raises(sl.errors.DomainError, match="heavy tails"):
        heavy.certify(SIZES, resolution=1.0)


def cauchy(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_cauchy(64)


def sixes_squared(size: int, rng: np.random.Generator) -> np.ndarray:
    """Mean one, and tails that no normal test bears."""
    return rng.standard_normal((8, 6)).prod(axis=1) ** 2


def test_heavy_tails_are_never_decided_early() -> None:
    for seed in range(3):
        with pytest.raises(sl.errors.DomainError, match="heavy tails"):
            sl.limit(sp.Integer(1), experiment=sixes_squared, order=0).certify((2, 3, 4), seed=seed, resolution=0.9)


def one(size: int, rng: np.random.Generator) -> float:
    return 1 + float(rng.standard_normal())


def test_one_draw_a_call_is_enough() -> None:
    link = sl.limit(sp.Integer(1), experiment=one, order=0).certify(SIZES, resolution=0.3).links[0]
    assert link.passed, link.summary


def test_what_is_stated() -> None:
    details = ONE.certify(SIZES, resolution=0.2).links[0].details
    assert details["detectable"] == details["resolution"] == 0.2
    assert (details["power"], details["control size"]) == (0.95, pytest.approx(0.3))
    assert details["control p value"] <= details["alpha"] < details["p value"]
    low, high = details["interval 95 %"]
    assert 0.8 < low < details["estimate"] < high < 1.2
    # wider than a normal interval, which may be looked at once only
    assert 1.96 < (high - low) / 2 / details["standard error"] < 6
    assert details["looks"][-1][0] == details["rounds"]
    assert details["moments"]["8"][0] == pytest.approx(1 + 1 / 8, abs=0.1)


# ----------------------------------------------------------------------------------------- journals

LONG = partial(ONE.certify, SIZES, resolution=0.14)  # some twenty looks


def cut(journal: Path, lines: int) -> None:
    """The journal as a writer leaves it who is killed within a line."""
    content = journal.read_bytes().splitlines(keepends=True)
    assert len(content) > lines + 1
    journal.write_bytes(b"".join(content[:lines]) + content[lines][:-9])


@pytest.mark.parametrize("lines", [1, 3, 400])
def test_a_run_that_was_killed_goes_on(lines: int, tmp_path: Path) -> None:
    journal, alone = tmp_path / "j", LONG().to_json()
    assert LONG(journal=journal).to_json() == alone
    whole = sorted(journal.read_text().splitlines())
    cut(journal, lines)
    with ThreadPoolExecutor(3) as executor:
        assert LONG(executor=executor, journal=journal).to_json() == alone
    assert sorted(journal.read_text().splitlines()) == whole


def test_on_other_workers_after_a_cut(tmp_path: Path) -> None:
    journal, alone = tmp_path / "j", LONG(journal=tmp_path / "j").to_json()
    cut(journal, 40)
    pools = partial(ProcessPoolExecutor, 2, get_context("fork"))
    assert LONG(executor=pools, journal=journal).to_json() == alone


class Interrupted:
    """The experiment of `ONE`, with Ctrl-C after some calls; in a digest it is the same at each count."""

    calls = 10**9

    def __call__(self, size: int, rng: np.random.Generator) -> np.ndarray:
        if not Interrupted.calls:
            raise KeyboardInterrupt
        Interrupted.calls -= 1
        return biased(size, rng)


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = partial(sl.limit(sp.Integer(1), experiment=Interrupted()).certify, SIZES, resolution=0.2)
    alone = run()
    for calls in (1, 200, 10):
        monkeypatch.setattr(Interrupted, "calls", calls)
        with pytest.raises(KeyboardInterrupt):
            run(journal=tmp_path / "j")
    assert len((tmp_path / "j").read_text().splitlines()) == 1 + 211
    monkeypatch.setattr(Interrupted, "calls", 10**9)
    assert run(journal=tmp_path / "j") == alone
    monkeypatch.setattr(Interrupted, "calls", 0)
    assert run(journal=tmp_path / "j") == alone, "all is there: nothing is drawn"


def test_a_finer_resolution_goes_on_from_the_same_journal(tmp_path: Path) -> None:
    assert ONE.certify(SIZES, resolution=0.2, journal=tmp_path / "j").ok
    rounds = len((tmp_path / "j").read_text().splitlines())
    assert LONG(journal=tmp_path / "j") == LONG()
    assert len((tmp_path / "j").read_text().splitlines()) > rounds


def test_a_foreign_journal_is_refused(tmp_path: Path) -> None:
    journal = tmp_path / "j"
    ONE.certify(SIZES, resolution=0.2, journal=journal)
    content = journal.read_bytes()
    others: dict[str, Callable[[], object]] = {
        "seed": lambda: ONE.certify(SIZES, seed=1, resolution=0.2, journal=journal),
        "sizes": lambda: ONE.certify((8, 16, 64), resolution=0.2, journal=journal),
        "claim": lambda: sl.limit(sp.Integer(2), experiment=biased).certify(SIZES, resolution=0.2, journal=journal),
        "experiment": lambda: sl.limit(sp.Integer(1), experiment=one).certify(SIZES, resolution=0.2, journal=journal),
    }
    for name, other in others.items():
        with pytest.raises(sl.errors.DataError, match=f"its {name} is"):
            other()
    assert journal.read_bytes() == content
    altered = content.splitlines(keepends=True)
    altered[50] = altered[50].replace(b"0x1.", b"0x1.1", 1)
    journal.write_bytes(b"".join(altered))
    with pytest.raises(sl.errors.DataError, match="line 51 of the journal"):
        ONE.certify(SIZES, resolution=0.2, journal=journal)


def test_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(self: ExpectationExperiment, size: int, rng: np.random.Generator) -> np.ndarray:
        if not Interrupted.calls:
            raise KeyboardInterrupt
        Interrupted.calls -= 1
        return self.draws(size, 20, rng)

    monkeypatch.setattr(ExpectationExperiment, "__call__", drawn)
    command = ["certify", "dual-linear", "--sizes", "8,16,32", "--workers", "1", "--resolution", "3/2", "--out"]
    assert main([*command, str(tmp_path / "whole"), "--picture"]) == 0
    name = "dual-linear.certificate"
    assert (tmp_path / "whole" / f"{name}.pdf").stat().st_size > 1000
    monkeypatch.setattr(Interrupted, "calls", 100)
    assert main([*command, str(tmp_path / "cut")]) == 130
    monkeypatch.setattr(Interrupted, "calls", 10**9)
    assert main([*command, str(tmp_path / "cut")]) == 2, "--resume is asked for"
    assert main([*command, str(tmp_path / "cut"), "--resume"]) == 0
    assert (tmp_path / "cut" / f"{name}.json").read_text() == (tmp_path / "whole" / f"{name}.json").read_text()
    assert not (tmp_path / "cut" / "dual-linear.journal").exists()


# --------------------------------------------------------------------------------------------- laws

T, S = sp.symbols("t s", real=True)
WIDENED, NORMAL = sp.exp(-(T**2) / 2), (1 + sp.erf(S / sp.sqrt(2))) / 2


def widened(size: int, rng: np.random.Generator) -> np.ndarray:
    """A normal law in the limit."""
    return (1 + 1 / size) * rng.standard_normal(64)


def normal(size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal(64)


@pytest.mark.parametrize(("kind", "claim", "wrong"), [("cf", WIDENED, T), ("cdf", NORMAL, S)])
def test_laws(kind: str, claim: sp.Expr, wrong: sp.Symbol) -> None:
    for order, experiment in ((1, widened), (0, normal)):
        asked = partial(sl.limit, experiment=experiment, kind=kind, order=order)
        true = asked(claim).certify(SIZES, resolution=0.3, alpha=0.01).links[0]
        assert true.passed, true.summary
        assert true.details["control rejected"]
        tests = true.details["tests"]
        assert len(tests) == (8 if kind == "cdf" else 16) * (1 if order else 3)
        for test in tests:
            low, high = test["interval 95 %"]
            assert low < test["value"] < high
            assert test["value"] - 0.4 < low
            assert high < test["value"] + 0.4
        false = asked(claim.subs(wrong, 2 * wrong)).certify(SIZES, resolution=0.15, alpha=0.01).links[0]
        assert (false.passed, false.details["verdict"]) == (False, "rejected"), false.summary


def test_laws_resume_and_are_verified(tmp_path: Path) -> None:
    claim = sl.limit(NORMAL, experiment=normal, kind="cdf", order=0)
    alone = claim.certify(SIZES, resolution=0.2).to_json()
    assert claim.certify(SIZES, resolution=0.2, journal=tmp_path / "j").to_json() == alone
    cut(tmp_path / "j", 100)
    with ThreadPoolExecutor(2) as executor:
        assert claim.certify(SIZES, executor=executor, resolution=0.2, journal=tmp_path / "j").to_json() == alone
    assert sl.verify(alone, experiment=normal).ok


def test_laws_refuse_what_bets_cannot_decide() -> None:
    claim = sl.limit(NORMAL, experiment=normal, kind="cdf", order=0)
    for resolution in (1e-4, 0.4):
        with pytest.raises(sl.errors.DomainError, match=r"wanted: more than 0\.00"):
            claim.certify(SIZES, resolution=resolution)
    with pytest.raises(sl.errors.DomainError, match="no law has this one"):
        sl.limit(NORMAL + 1, experiment=normal, kind="cdf", order=0).certify(SIZES, resolution=0.1)


def test_heavy_tails_have_a_law() -> None:
    claim = sl.limit(sp.exp(-abs(T)), experiment=cauchy, kind="cf", order=0)
    link = claim.certify(SIZES, resolution=0.3, alpha=0.05).links[0]
    assert link.passed, link.summary


# ----------------------------------------------------------------------------------------- pictures


def test_pictures(tmp_path: Path) -> None:
    certificate = ONE.certify(SIZES, resolution=0.2)
    left, right = certificate.picture(tmp_path / "mean.svg").axes
    rounds, evidence = left.lines[0].get_data()
    assert [rounds[-1], evidence[-1]] == certificate.links[0].details["looks"][-1][:2]
    assert right.lines[1].get_ydata()[-1] == certificate.links[0].details["estimate"] - 1
    law = sl.limit(NORMAL - sp.sign(S) / 4, experiment=normal, kind="cdf", order=0).certify(SIZES, resolution=0.2)
    left, right = law.picture(tmp_path / "law.png").axes
    assert left.lines[0].get_ydata()[-1] > -np.log(1e-6)
    assert len(right.containers) == 3, "one for each size"
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".png"}
