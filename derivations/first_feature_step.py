"""The first step of feature learning, in closed form.

A network of one hidden layer in the maximal-update parameterisation, f = v . phi(U x) / n, takes one step at the rate
eta n on one datum. At the start f = 0, so that the error is the label y alone, and the features move by order one:
h(1) = h(0) + eta y x^2 v phi'(h(0)). What a lazy kernel never shows is the overlap of the change with the readout,
(1/n) v . (h(1) - h(0)), and by how much the change has grown, (1/n) |h(1) - h(0)|^2: both are derived here from the
program of the training, whose own networks certify them.
"""

import sys

import numpy as np

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save


def picture(path: str) -> None:
    """How much the features move against the learning rate, and a network of width 20,000."""
    drawn, rates, few = figure(4.8, 3.4), np.linspace(0.05, 4, 80), np.linspace(0.5, 4, 8)
    axes, rng = drawn.subplots(), np.random.default_rng(0)
    for number, (name, phi) in enumerate((("erf", act.erf), ("relu", act.relu))):
        prog = sl.training_program(sl.mlp(1, phi, w_var=1, b_var=0), X=[[1]], Y=["y"], steps=1, lr="eta")
        change = prog.hidden[1][0][0] - prog.hidden[0][0][0]
        size = prog.tp.limit(prog.tp.mean(change * change)).bind(y="1/2")
        values = [size.bind(eta=float(eta)).evaluate().value for eta in rates]
        axes.plot(rates, values, color=f"C{number}", label=name)
        h, v = rng.normal(size=(2, 20_000))
        moved = [eta / 2 * v * (2 / np.sqrt(np.pi) * np.exp(-(h**2)) if phi is act.erf else h > 0) for eta in few]
        axes.plot(few, [np.mean(step**2) for step in moved], "o", markersize=3.5, color=f"C{number}")
    axes.set(xlabel="learning rate $\\eta$, at y = 1/2", ylabel="mean square of the change of features")
    axes.legend(frameon=False, fontsize=8, title="points: width 20,000", title_fontsize=8)
    save(drawn, path)


def main() -> None:
    ok = True
    for phi in (act.erf, act.relu):
        net = sl.mlp(depth=1, activation=phi, w_var=1, b_var=0)
        prog = sl.training_program(net, X=[[1]], Y=["y"], steps=1, lr="eta")
        (before,), (after,) = prog.hidden[0][0], prog.hidden[1][0]
        change = after - before
        v = prog.parameters[0]["v"]
        overlap = prog.tp.limit(prog.tp.mean(v * change), name=r"\tfrac1n v\cdot\Delta h")
        size = prog.tp.limit(prog.tp.mean(change * change), name=r"\tfrac1n|\Delta h|^2")
        for limit in (overlap, size):
            print(limit.latex(), end="\n\n")
            assert limit.has_closed_form
            certificate = limit.bind(eta=1, y="1/2").certify(seed=0)
            print(certificate, end="\n\n")
            ok &= certificate.ok
    if not ok:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()
