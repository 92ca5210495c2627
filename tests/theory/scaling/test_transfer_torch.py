"""The printed code in PyTorch itself: deviations and rates are those of the table, and both forms train alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symlimits.theory.scaling import transfer_text
from symlimits.theory.scaling.named import named
from symlimits.theory.scaling.transfer import Transfer, transfer

torch = pytest.importorskip("torch")

WIDTH, INPUTS, STEPS = 512, 5, 3
ERRORS = 5.5  # standard errors of a deviation: 12 of them, one false alarm in a million
SAME = {"sgd": 1e-9, "adam": 1e-4}  # rounding in float64; Adam's eps of 1e-8 beside gradients of 1e-4
POINTS = [pytest.param(named("muP", 2, optimizer), id=optimizer) for optimizer in ("sgd", "adam")]


def table(point: Any) -> Transfer:
    return transfer(point, base_width=WIDTH // 16, width=WIDTH, rate="0.01", inputs=INPUTS, outputs=1)


def executed(code: str) -> dict[str, Any]:
    """What the code sets, for three layers of torch."""
    torch.manual_seed(0)
    shapes = [(INPUTS, WIDTH), (WIDTH, WIDTH), (WIDTH, 1)]
    layers = [torch.nn.Linear(n, m, bias=False, dtype=torch.float64) for n, m in shapes]
    namespace = {"torch": torch, "nn": torch.nn, "layers": layers}
    torch.manual_seed(1)  # the same draws, whatever the deviations
    exec(code, namespace)
    return namespace


def deviates(layer: Any, std: float) -> bool:
    """Whether the weights' deviation is not this one: a sample deviation has a relative error of 1/sqrt(2n)."""
    found = layer.weight.detach().square().mean().sqrt().item()
    return abs(found / std - 1) > ERRORS / (2 * layer.weight.numel()) ** 0.5


def trained(namespace: dict[str, Any]) -> np.ndarray:
    """The logits after some steps on a squared loss, by the code's own forward pass if it has one."""
    layers, optimizer = namespace["layers"], namespace["optimizer"]

    def plain(x: Any) -> Any:
        for layer in layers[:-1]:
            x = torch.tanh(layer(x))
        return layers[-1](x)

    forward = namespace.get("forward", plain)
    x = torch.linspace(-1, 1, 4 * INPUTS, dtype=torch.float64).reshape(4, INPUTS)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (forward(x)[:, 0] - torch.tensor([1.0, -1.0, 1.0, -1.0])).square().mean().backward()
        optimizer.step()
    return forward(x).detach().numpy()


@pytest.mark.parametrize("multipliers", [False, True])
@pytest.mark.parametrize("point", POINTS)
def test_deviations_and_rates_are_those_of_the_table(point: Any, multipliers: bool) -> None:
    found = table(point)
    namespace, rows = executed(found.pytorch(multipliers)), (found if multipliers else found.absorbed).layers
    groups = namespace["optimizer"].param_groups
    assert type(namespace["optimizer"]).__name__ == {"sgd": "SGD", "adam": "Adam"}[point.optimizer]
    assert [group["lr"] for group in groups] == pytest.approx([row.rate for row in rows], rel=1e-12)
    for group, layer, row in zip(groups, namespace["layers"], rows, strict=True):
        assert len(group["params"]) == 1
        assert group["params"][0] is layer.weight
        assert not deviates(layer, row.std)
        if row.std_factor != 1:
            assert deviates(layer, row.base_std), "the negative control: the deviation at the base width"


@pytest.mark.parametrize("point", POINTS)
def test_both_forms_train_alike(point: Any) -> None:
    found, same = table(point), SAME[point.optimizer]
    one, other = (trained(executed(found.pytorch(multipliers))) for multipliers in (False, True))
    np.testing.assert_allclose(one, other, rtol=same)
    wrong = trained(executed(transfer_text.pytorch(found, False)))  # multipliers left out, not absorbed
    assert np.abs(wrong / one - 1).max() > 100 * same
