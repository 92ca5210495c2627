"""One hidden layer with a learning rate for each layer: 49 limit models, 59 for a positively homogeneous activation.

Increments feed each other, so that growth stops where the two exponents sum to nothing positive, not where each of
them does. PyTorch's default lies on that boundary, and settles at the second step.
"""

import sys

import numpy as np
import sympy as sp

import symlimits as sl
from symlimits.canvas import figure, save


def picture(path: str) -> None:
    """The space of exponents cut at q_sigma = -3/4: where networks are stable, and what trains in each area."""
    steps, drawn = np.linspace(-1.5, 1.5, 301), figure(6.4, 4.6)
    axes, grid = drawn.subplots(), np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = np.concatenate([np.full((len(grid), 1), -0.75), grid], axis=1) + 1e-6  # on no border
    areas = [cell for cell in sl.scaling.one_hidden_layer(rates="separate").cells if cell.dimension == 3]
    for number, cell in enumerate(areas):
        sides = [points @ [float(x) for x in c.form.coefficients] + float(c.form.constant) for c in cell.constraints]
        inside = (np.array(sides) < 0).all(axis=0)
        if inside.any():
            shape = inside.reshape(len(steps), -1).astype(float)
            axes.contourf(steps, steps, shape, levels=[0.5, 1.5], colors=f"C{number % 10}", alpha=0.35)
            axes.fill([], [], color=f"C{number % 10}", alpha=0.35, label=cell.name)
    axes.set(xlabel="$q_a$", ylabel="$q_w$", title=r"$q_\sigma = -3/4$; white: stagnant or divergent")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    save(drawn, path)


def main() -> None:
    fan = sl.scaling.one_hidden_layer(rates="separate")
    print(fan, end="\n\n")
    growing = [cell.name for cell in fan.cells if "grows" in cell.name]
    mirrored = [cell for cell in sl.scaling.one_hidden_layer("separate", "relu").cells if "w grows" in cell.name]
    print(f"{len(fan.cells)} models, {len(growing)} where a grows; relu has {len(mirrored)} more where w grows\n")

    default = fan.at(q_sigma="-1/2", q_a=1, q_w=0)
    print("PyTorch's default:", default, sep="\n")
    place = dict(zip(fan.symbols, (sp.Rational(-1, 2), sp.Integer(1), sp.Integer(0)), strict=True))
    for name, formula in default.exponents.items():
        print(f"  {name}: {formula} = {formula.subs(place)}")
    print(f"  settles at step {default.settling}\n")
    for point in ((0, 1, 0), (0, -1, -1), (0, -2, 1)):
        print(fan.at(q_sigma=point[0], q_a=point[1], q_w=point[2]), end="\n\n")

    print(fan.derivation("kernel", "MF (kernel w)").latex(), end="\n\n")
    certificate = sl.scaling.exponent_limit(fan, "MF", "f_aw").certify(sizes=(256, 512, 1024, 2048), seed=0)
    print(certificate)
    if not certificate.ok or (len(fan.cells), len(growing), len(mirrored)) != (49, 10, 10):
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()
