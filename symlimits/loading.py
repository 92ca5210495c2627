"""Derivations from files: of scalars or of matrices, as their lines are."""

from __future__ import annotations

from pathlib import Path

import sympy as sp

from symlimits import storing
from symlimits.chain import Derivation
from symlimits.errors import DataError, DomainError
from symlimits.language.block import shape
from symlimits.language.names import shown
from symlimits.matrices import MatrixDerivation


def load(text_or_path: str | Path) -> Derivation:
    """A derivation from the JSON of `to_json`, given as text or as the path of a file.

    The formulas are rebuilt from a whitelist; nothing in the file is executed. The experiment is
    not stored: what comes back prints, evaluates, compiles, and is checked line by line by `.check()`; lines of
    matrices come back as a `MatrixDerivation`.
    Nothing is checked on the way in: a false line is loaded as it is. Raises `DataError` for a file that cannot be
    read, `FormulaError` for anything that `to_json` does not write.

    >>> from symlimits import activations as act, dual
    >>> load(dual(act.sign).to_json())
    Derivation(T(p, q, c) = 2*asin(c/(sqrt(p)*sqrt(q)))/pi, 4 lines)
    """
    if not isinstance(text_or_path, str | Path):
        raise DataError(shown(text_or_path), "JSON text, or the path of a file", "sl.load('derivation.json')")
    parts = storing.read(text_or_path)
    kind = MatrixDerivation if is_of_matrices(parts.trace[-1].expr) else Derivation
    return kind(**parts._asdict())


def is_of_matrices(line: sp.Expr) -> bool:
    """Whether a line is a matrix, or a number made of matrices."""
    try:
        return shape(line) is not None
    except DomainError:  # matrices that do not fit, or that only a straight line holds
        return False
