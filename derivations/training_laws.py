"""Training in the kernel regime: from gradient descent on the parameters to the law of the outputs.

Near its start a wide network is linear in its parameters (Lee et al. 2019, arXiv 1902.06720). Line 0 is gradient
descent on them; the rules lead to a function of the kernel: for the flow, for steps, with momentum in its damping
regimes, with weight decay, and at infinite time. The posterior of the prior's Gaussian process is derived beside it:
training the last layer ends there, training all layers does not. Run it: it prints the lines and stops with an error if
a check fails.
"""

import numpy as np

import symlimits as sl
from symlimits import activations as act
from symlimits.theory.training import statement
from symlimits.theory.training.claims import mean_limit
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


def main() -> None:
    for name, lines in (
        ("the mean, by gradient flow", statement("mean", "flow")),
        ("the mean, in steps with momentum", statement("mean", "steps", momentum=True)),
        ("the covariance, by gradient flow", statement("covariance", "flow")),
        ("the covariance at infinite time, with weight decay", statement("covariance", "end", weight_decay=True)),
        ("the posterior mean", posterior_statement("mean")),
        ("the posterior covariance", posterior_statement("covariance")),
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

    print(f"Networks of widths {WIDTHS}, trained for 6 steps:")
    found = mean_limit(whole, net, Z, 6, [1.0, -1.0]).certify(sizes=WIDTHS, seed=0)
    print(f"  {found.links[0].summary}")
    holds("the mean of networks trained for real", found.ok)


if __name__ == "__main__":
    main()
