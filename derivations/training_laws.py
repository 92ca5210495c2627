"""Training in the kernel regime: from gradient descent on the parameters to the law of the outputs.

Near its start a wide network is linear in its parameters (Lee et al. 2019, arXiv 1902.06720). Line 0 is gradient
descent on them; the rules lead to a function of the kernel: for the flow, for steps, with momentum in its damping
regimes, with weight decay, with learning rates of the layers, and at infinite time; on the cross-entropy to an equation
whose sums over the classes do not move. The posterior of the prior's Gaussian process is derived beside it:
training the last layer ends there, training all layers does not. Run it: it prints the lines and stops with an error if
a check fails.
"""

import sys

import numpy as np

import symlimits as sl
from symlimits import activations as act
from symlimits.canvas import figure, save
from symlimits.finite.network import empirical_outputs
from symlimits.finite.trained_networks import Recipe, trained_outputs
from symlimits.theory.training import statement
from symlimits.theory.training.claims import mean_limit
from symlimits.theory.training.cross_entropy_lines import cross_entropy_statement
from symlimits.theory.training.posterior_lines import posterior_statement

X = np.array([[1.0, 0.2, -0.3], [-0.4, 1.1, 0.5], [0.3, -0.6, 0.9], [-1.0, -0.5, 0.1]])
Y = np.array([[1.0], [-0.5], [0.3], [0.0]])
Z = np.array([[0.5, 0.5, 0.5], [-0.2, 0.1, 1.0]])
DIGITS = 1e-11  # of two routes
WIDTHS = (16, 32, 64)


def holds(claim: str, truth: object) -> None:
    print(f"  {claim:<96} {'holds' if truth else 'BROKEN'}")
    if not truth:
        raise SystemExit(1)


def picture(path: str) -> None:
    """Outputs on a circle before and after training: the law with two deviations, and networks of width 512."""
    net, rng = sl.mlp(depth=2, activation=act.erf, w_var=2, b_var="1/10"), np.random.default_rng(0)
    angles, at = np.array([-2.4, -1.2, 0.0, 0.9, 2.1]), np.linspace(-np.pi, np.pi, 101)
    targets = np.array([[0.5], [-1.0], [0.3], [1.0], [-0.4]])
    X, Z = (np.sqrt(2) * np.stack([np.cos(a), np.sin(a)], axis=1) for a in (angles, at))
    law, drawn = sl.trained_law(net, X, targets, lr=1.0), figure(7.4, 3.0)
    panels = drawn.subplots(1, 2, sharey=True)
    nets = (
        empirical_outputs(net, Z, 512, 6, rng),
        trained_outputs(net, X, targets, Z, Recipe(lr=1.0, steps=100), 512, 6, rng)[..., 0],
    )
    for axes, steps, found in zip(panels, (0, 100), nets, strict=True):
        mean, deviation = law.mean(Z, steps=steps)[:, 0], np.sqrt(law.covariance(Z, steps=steps).diagonal())
        axes.fill_between(
            at, mean - 2 * deviation, mean + 2 * deviation, color="0.87", linewidth=0, label="2 deviations"
        )
        axes.plot(at, found.T, color="C0", linewidth=0.6)
        axes.plot([], [], color="C0", linewidth=0.6, label="networks of width 512")
        axes.plot(at, mean, color="black", linewidth=1.6, label="mean of the law")
        axes.plot(angles, targets, "o", color="C3", markersize=5, label="targets")
        axes.set(xlabel="angle of the input", title=f"after {steps} steps", ylim=(-3, 4.2))
    panels[0].set(ylabel="output")
    panels[1].legend(frameon=False, fontsize=8, ncols=2)
    save(drawn, path)


def main() -> None:
    for name, lines in (
        ("the mean, by gradient flow", statement("mean", "flow")),
        ("the mean, in steps with momentum", statement("mean", "steps", momentum=True)),
        ("the covariance, by gradient flow", statement("covariance", "flow")),
        ("the covariance at infinite time, with weight decay", statement("covariance", "end", weight_decay=True)),
        ("the mean with a learning rate of its own for every parameter", statement("mean", "flow", rated=True)),
        ("the posterior mean", posterior_statement("mean")),
        ("the posterior covariance", posterior_statement("covariance")),
        ("the log evidence", posterior_statement("evidence")),
        ("outputs on the cross-entropy, in steps", cross_entropy_statement("outputs", "steps")),
        ("their sums over the classes, with weight decay", cross_entropy_statement("sums", "steps", weight_decay=True)),
    ):
        print(f"{name}:\n\n{lines.latex()}\n")
        holds("every line equals the next at random matrices, to 30 digits", lines.check().ok)

    print("In floats:")
    net = sl.mlp(depth=1, activation=act.relu, w_var=2, b_var=0)
    whole, last = (sl.trained_law(net, X, Y, kernel=kernel, lr=0.2) for kernel in ("ntk", "nngp"))
    post = sl.posterior(net, X, Y, noise_var=0)
    gap = np.abs(last.covariance(Z) - post.covariance(Z)).max()
    holds("training the last layer ends in the posterior without noise", gap < DIGITS)
    gap = np.abs(whole.covariance(Z) - post.covariance(Z)).max()
    print(f"  training all layers ends elsewhere: covariances differ by {gap:.3g}")
    holds("training all layers does not", gap > 1e-3)
    small = sl.trained_law(net, X, Y, lr=0.002).mean(Z, steps=1000)
    holds("many small steps are the flow, to the first order", np.abs(small - whole.mean(Z, time=10)).max() < 1e-3)
    holds("at the training inputs outputs become the targets", np.abs(whole.mean(X) - Y).max() < DIGITS)
    parts = [sl.ntk(net.with_rates(*rates))(Z, X) for rates in ((1, 0), (0, 1))]
    mixed = sl.ntk(net.with_rates("1/2", 3))(Z, X)
    gap = np.abs(mixed - parts[0] / 2 - 3 * parts[1]).max()
    holds("the tangent kernel is the sum of the layers' parts, each times its rate", gap < DIGITS)
    classes = sl.trained_law(net, X, np.eye(2)[[0, 1, 0, 1]], loss="xent", weight_decay=0.1)
    gap = np.abs(classes.outputs(Z) - classes.outputs(Z, time=4000)).max()
    holds("on the cross-entropy with weight decay the flow ends at the rest point of Newton's method", gap < 1e-6)

    print(f"Networks of widths {WIDTHS}, trained for 6 steps:")
    found = mean_limit(whole, net, Z, 6, [1.0, -1.0]).certify(sizes=WIDTHS, seed=0)
    for link in (found.links[0], found.links[-1]):
        print(f"  {link.summary}")
    holds("the mean of networks trained for real", found.ok)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()
