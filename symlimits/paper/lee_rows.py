"""Rows of the table of claims (`claim_rows.py`) about training in the kernel regime: laws, gaps, layers, depth.

A row is the name of a claim, its title, its source, and the line of code that makes it.
"""

from __future__ import annotations

from symlimits.paper.sources import DEPTH, GAPS, IMAGES, LAYERS, LEE, POSTERIOR

Row = tuple[str, str, str, str]

DATA = "[[1.0, 0.2, -0.3], [-0.4, 1.1, 0.5], [0.3, -0.6, 0.9]], [[1.0], [-0.5], [0.3]]"
LINEAR = f"sl.linearization(sl.mlp(1, act.erf, 2, 0), {DATA}, lr=0.5, steps=8).{{}}"
WIDE = f"sl.{{}}(sl.mlp(1, act.erf, 2, 0), {DATA}{{}}).derivation({{}})"
LAST = (
    ('laws.mean_limit(sl.trained_law(NET, DATA, kernel="nngp", lr=0.5), NET, [[0.5, 0.5, 0.5]], 4, [1.0])')
    .replace("NET", "sl.mlp(1, act.erf, 2, 0)")
    .replace("DATA", DATA)
)
BLOCKS = 'layers.Repeat(({},), "L")'
RESIDUAL = BLOCKS.format('sl.Residual(act.relu, sl.Dense("sigma_w**2", 0))')
STEPS = BLOCKS.format('sl.Residual(act.relu, sl.Dense("sigma_w**2/L", 0))')
FILTER = 'sl.Conv((3, 3), "sigma_w**2", "sigma_b**2")'
STANDARD = 'sl.mlp(1, act.erf, "sigma_w**2", 0, parameterization="standard", widths=("n",))'
LEE_ROWS: tuple[Row, ...] = (
    ("law-end-mean", "mean of trained outputs at infinite time", LEE, WIDE.format("trained_law", "", '"mean"')),
    (
        "law-end-covariance",
        "covariance of trained outputs at infinite time",
        LEE,
        WIDE.format("trained_law", "", '"covariance"'),
    ),
    (
        "law-steps-mean",
        "mean of trained outputs after any number of steps",
        LEE,
        WIDE.format("trained_law", "", '"mean", steps=4'),
    ),
    ("law-last-layer", "mean of an output after 4 steps of the last layer alone", LEE, LAST),
    (
        "posterior-covariance",
        "posterior covariance of the Gaussian process with noise",
        POSTERIOR,
        WIDE.format("posterior", ', noise_var="1/10"', '"covariance"'),
    ),
    (
        "posterior-evidence",
        "log evidence of the Gaussian process with noise",
        POSTERIOR,
        WIDE.format("posterior", ', noise_var="1/10"', '"evidence"'),
    ),
    (
        "gap-linearized",
        "power of the width in the gap between a network and its linearisation, erf",
        GAPS,
        LINEAR.format("linearized"),
    ),
    (
        "gap-drift",
        "power of the width in the change of the tangent kernel by training, erf",
        GAPS,
        LINEAR.format("kernel_drift"),
    ),
    (
        "gap-kernel",
        "power of the width in the gap between linear models of the network's kernel and of its limit, erf",
        GAPS,
        LINEAR.format("kernel"),
    ),
    (
        "ntk-standard",
        "tangent kernel of erf networks of one hidden layer in the standard parameterisation",
        LEE,
        f"sl.ntk({STANDARD})",
    ),
    (
        "nngp-residual",
        "Gaussian process kernel of $L$ residual relu blocks",
        LAYERS,
        f"sl.nngp(sl.serial(sl.Dense(1), {RESIDUAL}, sl.Dense(1)))",
    ),
    (
        "nngp-deep-residual",
        "variance behind infinitely many residual relu blocks of steps one over their number",
        LAYERS,
        f"sl.nngp(sl.serial(sl.Dense(1), {STEPS}, sl.Dense(1))).depth_limit(diagonal=True)",
    ),
    (
        "nngp-image",
        "Gaussian process kernel of a relu network of images, a filter and all pixels",
        IMAGES,
        f"sl.nngp(sl.serial({FILTER}, act.relu, sl.Flatten(), sl.Dense(1)))",
    ),
    (
        "nngp-derivative",
        "derivative of the kernel of relu networks by the deviation of the weights",
        LAYERS,
        'sl.nngp(sl.mlp("L", act.relu, "sigma_w**2", 0)).derivative("sigma_w")',
    ),
    (
        "critical-weights",
        "variance of the weights on erf's critical line",
        DEPTH,
        "sl.phase_diagram(act.erf).critical_line().w_var",
    ),
    (
        "critical-ratio",
        "tangent kernel between inputs over that at one input, deep critical relu networks",
        DEPTH,
        "sl.phase_diagram(act.relu).decay(w_var=2).ntk_ratio",
    ),
)
