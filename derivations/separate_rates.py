"""One hidden layer with a learning rate for each layer: 49 limit models, 59 for a positively homogeneous activation.

Increments feed each other, so that growth stops where the two exponents sum to nothing positive, not where each of
them does. PyTorch's default lies on that boundary, and settles at the second step.
"""

import sympy as sp

import symlimits as sl


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
    main()
