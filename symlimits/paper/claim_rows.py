"""Statements of the table of claims that belong to no family: a row each, by the paper that they belong to.

A row is the name of a claim, its title, its source, and the line of code that makes it.
"""

from __future__ import annotations

from collections.abc import Mapping

from symlimits.paper.lee_rows import LEE_ROWS, Row
from symlimits.paper.sources import CHIZAT, EVIDENCE, GOLIKOV, LIMIT, PROGRAMS, YANG

DEEP = 'sl.scaling.named("{}", {}).limit("{}")'
MEAN_FIELD = 'sl.training_program(sl.mlp(1, act.erf, 1, 0), [[1]], [1], steps=2, lr=1, scaling="mup").limit(2)'
GOLIKOV_ROWS: tuple[Row, ...] = (
    ("limit-mf", "logit of mean-field networks of one hidden layer after 2 steps", PROGRAMS, MEAN_FIELD),
    (
        "exponent-deep-mf",
        "power of the width in the change of the logit, deep mean-field networks of 3 hidden layers after 3 steps",
        GOLIKOV,
        DEEP.format("deep-MF", 3, "df"),
    ),
    (
        "exponent-mup",
        "power of the width in the change of the last features, maximal update, 2 hidden layers after 3 steps",
        YANG,
        DEEP.format("muP", 2, "dh2"),
    ),
    (
        "exponent-ntk",
        "power of the width in the change of the last features, NTK, 2 hidden layers after 3 steps",
        YANG,
        DEEP.format("NTK", 2, "dh2"),
    ),
)

PAIR = 'sl.output_law({}, outputs=2, covariance=[[1, "1/2"], ["1/2", 2]])'
HALF = 'ratio="1/2"'
BASSETTI_ROWS: tuple[Row, ...] = (
    (
        "pair-finite",
        "characteristic function of two outputs on two inputs, linear networks of widths $5, 3$",
        LIMIT,
        f"{PAIR.format('widths=(5, 3)')}.characteristic",
    ),
    (
        "pair-limit",
        "characteristic function of two outputs on two inputs, depth half the width",
        LIMIT,
        f"{PAIR.format(HALF)}.characteristic",
    ),
    (
        "pair-determinant",
        "density of the logarithm of the determinant of the mixing matrix of two outputs, depth half the width",
        LIMIT,
        f"{PAIR.format(HALF)}.determinant.density",
    ),
    ("output-density", "density of the output, depth half the width", LIMIT, f"sl.output_law({HALF}).density"),
    (
        "output-rate",
        "power of the width in the gap between characteristic functions of networks and of the limit",
        LIMIT,
        f"sl.output_law({HALF}).rate()",
    ),
    (
        "output-correction",
        "first correction to the limit of the characteristic function, depth half the width",
        LIMIT,
        f"sl.output_law({HALF}).leading_gap()",
    ),
    (
        "posterior-limit",
        "evidence of 3 points, depth equal to the width",
        EVIDENCE,
        "mixtures.evidence(sl.output_law(ratio=1).mixing, 3)",
    ),
    (
        "posterior-slope",
        "evidence of 3 points, first order in the ratio of depth to width",
        EVIDENCE,
        "mixtures.at_zero(3, 1)",
    ),
)

TRAINED = 'sl.deep_linear(2).limits([["1", "1/5"], ["1/5", "1/2"]], [["1", "-1/2"]], lr="1/10", steps=3)'
CHIZAT_ROWS: tuple[Row, ...] = (
    (
        "trained-path-deep",
        "predictor of deep linear networks of 3 hidden layers, after 2 steps",
        CHIZAT,
        "sl.deep_linear(3).path_limit(2)",
    ),
    (
        "trained-path-lazy",
        "predictor of deep linear networks of 2 hidden layers after 3 steps, for small targets",
        CHIZAT,
        "sl.deep_linear(2).lazy_polynomial(3)",
    ),
    (
        "trained-neuron",
        "characteristic function of a neuron of the first layer of deep linear networks after 3 steps",
        CHIZAT,
        f"{TRAINED}.neuron(1)",
    ),
    (
        "trained-rate",
        "power of the width in the gap between the predictors of networks and of the limit",
        CHIZAT,
        f"{TRAINED}.rate()",
    ),
    (
        "trained-rate-grams",
        "power of the width in the gap between the Gram matrices of neurons of networks and of the limit",
        CHIZAT,
        f'{TRAINED}.rate("forward gram", layer=2)',
    ),
    (
        "flow-closed",
        "predictor of linear networks of one hidden layer in gradient flow",
        CHIZAT,
        "sl.deep_linear(1).flow_closed()",
    ),
    (
        "flow-series",
        "predictor of deep linear networks of 2 hidden layers in gradient flow, a series in time",
        CHIZAT,
        "sl.deep_linear(2).flow_series(3)",
    ),
)

ROWS: Mapping[str, tuple[Row, ...]] = {
    "golikov2020": GOLIKOV_ROWS,
    "lee2019": LEE_ROWS,
    "bassetti2024": BASSETTI_ROWS,
    "chizat2022": CHIZAT_ROWS,
}
