r"""The coordinate check: do sizes of preactivations, logits and their changes scale as a parameterisation predicts?

Rows are h1, ..., hL and f at initialisation and dh1, ..., dhL, df, the changes after some steps, as root mean squares
over units and batch, one number a network. For each the slope of the logarithm against that of the width is held
against the derived exponent e: it must not be excluded from $e \pm 0.1$, the allowance for the crossover between
powers at finite width; and, as a negative control, $e \pm \frac12$ must be excluded, since neighbouring
exponents are a half apart.
The check is that of Yang et al., arXiv 2203.03466, appendix D.1; the test is derived here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import sympy as sp

from symlimits.errors import DataError, DomainError
from symlimits.finite.slopes import Slope, slope
from symlimits.language.names import shown
from symlimits.points import check_seed
from symlimits.theory.scaling import coordinate_text as text
from symlimits.theory.scaling.coordinate_networks import Parameterisation, predictions, simulate
from symlimits.theory.scaling.report import Report, Writer

Array = npt.NDArray[np.float64]
Samples = Mapping[int, Mapping[str, npt.ArrayLike]]

# At widths 64 to 1024, frozen gradients, SP, NTK, muP, MFP with SGD and SP, NTK, muP with Adam, two and three hidden
# layers, slopes deviate by 0.08 at most (logits of SP with Adam, where tanh saturates), else by 0.06, two of their
# standard errors; the logistic loss does as well in stable points.
ALLOWANCE = 0.1
GAP = 0.5  # between neighbouring exponents of the theory: what a pass has excluded
ALPHA = 1e-6  # false alarms of a whole table of simulated networks
SAMPLES_ALPHA = 1e-3  # the same for samples of the user's, of which there are few
WIDTHS = (64, 128, 256, 512, 1024)
STEPS = 3


@dataclass(frozen=True)
class Row:
    """One slope: predicted, measured with its interval, and what follows.

    `verdict`: "pass"; "fail" where the predicted exponent, with the allowance, is excluded; "undecided" where
    neither it nor one that is off by a half is: too few networks. `detectable`: the least error of the prediction
    that would have been found with probability 0.95.
    """

    name: str
    predicted: sp.Rational
    measured: Slope
    interval: tuple[float, float]
    allowance: float
    detectable: float
    verdict: str


@dataclass(frozen=True, repr=False)
class CoordinateCheck(Report):
    """The rows of a check; `ok` where all of them pass, `answer` in words.

    `verdict` is that of the parameterisation itself, such as "stable, nontrivial, feature learning". `csv` has a line
    a row and width; `str`, `as_dict()` and `latex()` hold the slopes.
    """

    writer: ClassVar[Writer] = text

    rows: tuple[Row, ...]
    alpha: float
    origin: str
    verdict: str

    @property
    def ok(self) -> bool:
        """Whether every row passes."""
        return all(row.verdict == "pass" for row in self.rows)

    @property
    def failing(self) -> tuple[str, ...]:
        """The names of the rows that fail."""
        return tuple(row.name for row in self.rows if row.verdict == "fail")

    @property
    def answer(self) -> str:
        """Whether the check is right, in plain words, and where to look first if it is not."""
        return text.answer(self)

    def picture(self, path: str | None = None) -> Any:
        """A matplotlib figure, log-log, a panel a row; written to `path` (.pdf, .png, .svg), if it is given."""
        from symlimits.theory.scaling.coordinate_picture import picture

        return picture(self, path)


def compare(
    point: Parameterisation,
    samples: Samples,
    alpha: float = SAMPLES_ALPHA,
    allowance: float = ALLOWANCE,
    steps: int = STEPS,
    origin: str = "samples of the author",
) -> CoordinateCheck:
    """Hold samples of one's own networks against a parameterisation, `samples` {width: {"h1": [...], ...}}.

    A list holds one number a network: the root mean square of the row's quantity over units and batch, changes after
    `steps` steps. Rows may be left out, where every width leaves them out. `alpha` bounds the rate of false alarms in
    the whole table, `allowance` is what finite width may do to a slope. A pass says that sizes are as predicted; a
    rate that is too small behind a larger part of the same change is not seen.

    Raises `DataError` for rows that are unknown or missing at a width, fewer than three widths, fewer than two
    networks, and numbers that are not positive.
    """
    _check_level(alpha, allowance)
    predicted = predictions(point, steps)
    names = _names(samples, predicted)
    level = alpha / len(names)
    rows = [
        _row(name, predicted[name], slope({n: found[name] for n, found in samples.items()}, name), level, allowance)
        for name in predicted
        if name in names
    ]
    return CoordinateCheck(tuple(rows), alpha, origin, point.verdict)


def coordinate_check(
    point: Parameterisation,
    widths: Sequence[int] = WIDTHS,
    seed: int = 0,
    steps: int = STEPS,
    gradients: str = "frozen",
    parameterised_as: Parameterisation | None = None,
    alpha: float = ALPHA,
    allowance: float = ALLOWANCE,
) -> CoordinateCheck:
    """Simulate networks of the given widths and hold their sizes against the predicted exponents.

    The activation is tanh, or h + tanh h where preactivations explode: there the exponents are of odd linear growth.

    `gradients`: "frozen", those in the logits stay the same; "loss", those of the logistic loss. `parameterised_as` is
    the parameterisation of the simulated networks, if it is not `point`: a check that has to fail. Raises
    `DomainError` for fewer than three widths and unknown gradients.
    """
    check_seed(seed)
    simulated = parameterised_as or point
    sizes = _widths(widths)
    found = {width: simulate(simulated, width, seed, steps, gradients) for width in sizes}
    return compare(point, found, alpha, allowance, steps, f"simulated networks, {gradients} gradients, {steps} steps")


def _row(name: str, predicted: sp.Rational, measured: Slope, level: float, allowance: float) -> Row:
    e = float(predicted)
    test = measured.test(e - allowance, e + allowance, level)
    neighbours = [measured.test(e + gap - allowance, e + gap + allowance, level).rejected for gap in (GAP, -GAP)]
    verdict = "fail" if test.rejected else "pass" if all(neighbours) else "undecided"
    return Row(name, predicted, measured, measured.interval(level), allowance, allowance + test.detectable, verdict)


def _names(samples: Samples, predicted: Mapping[str, Any]) -> set[str]:
    """The rows that there are, the same at every width."""
    if not isinstance(samples, Mapping) or not all(isinstance(found, Mapping) for found in samples.values()):
        given = f"samples {shown(samples)}"
        raise DataError(given, "a dictionary of rows for each width", '{64: {"h1": [...], "df": [...]}, 128: ...}')
    names = {name for found in samples.values() for name in found}
    unknown = sorted(map(str, names - set(predicted)))
    if unknown or not names:
        given = f"the rows {', '.join(unknown) or 'of no width'}"
        raise DataError(given, f"some of {', '.join(predicted)}", 'samples[width]["h1"] = [...]')
    for width, found in samples.items():
        missing = sorted(names - set(found))
        if missing:
            raise DataError(
                f"width {shown(width)} without {missing[0]}", "the same rows at every width", "leaving it out"
            )
        if isinstance(width, bool) or not hasattr(width, "__index__"):
            raise DataError(f"the width {shown(width)}", "an integer", '{64: {"h1": [...]}}')
    return names


def _widths(widths: object) -> list[int]:
    found = list(widths) if isinstance(widths, Sequence) and not isinstance(widths, str) else []
    sound = all(hasattr(n, "__index__") and not isinstance(n, bool) and n >= 1 for n in found)
    if not sound or len(set(found)) < 3:
        raise DomainError(f"widths = {shown(widths)}", "three or more positive integers", f"widths={WIDTHS}")
    return sorted({int(n) for n in found})


def _check_level(alpha: object, allowance: object) -> None:
    for name, value, top in (("alpha", alpha, 1), ("allowance", allowance, GAP / 2)):
        known = isinstance(value, int | float) and not isinstance(value, bool)
        if not known or not 0 < value < top:  # type: ignore[operator]
            raise DomainError(f"{name} = {shown(value)}", f"a number between 0 and {top:g}", f"{name}=1e-3")
