"""The table of named activations: what its families refuse, and names that are nearly right."""

from __future__ import annotations

import pytest

from symlimits import activations as act
from symlimits.errors import DomainError


@pytest.mark.parametrize(
    "call",
    [
        lambda: act.leaky_relu("x"),
        lambda: act.leaky_relu("1 - x"),
        lambda: act.polynomial("abc"),
        lambda: act.polynomial(3),
        lambda: act.polynomial([1, "x"]),
        lambda: act.polynomial([]),
    ],
)
def test_families_refuse(call: object) -> None:
    with pytest.raises(DomainError):
        call()  # type: ignore[operator]


def test_names_that_are_nearly_right() -> None:
    with pytest.raises(AttributeError, match="did you mean relu"):
        _ = act.rleu
    with pytest.raises(AttributeError, match=r"symlimits\.activation"):
        _ = act.foo
    assert not hasattr(act, "__wrapped__")
