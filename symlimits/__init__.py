"""symlimits: derive, print, compile and certify the infinite-width limits of neural networks.

Every public name is loaded when it is first used, so that `import symlimits` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symlimits import activations as activations
    from symlimits import errors as errors
    from symlimits.chain import Derivation as Derivation
    from symlimits.derivation import rules as rules
    from symlimits.errors import SymlimitsError as SymlimitsError
    from symlimits.language.activation import Activation as Activation
    from symlimits.language.activation import activation as activation
    from symlimits.language.architecture import Concat as Concat
    from symlimits.language.architecture import Dense as Dense
    from symlimits.language.architecture import LayerNorm as LayerNorm
    from symlimits.language.architecture import Product as Product
    from symlimits.language.architecture import Residual as Residual
    from symlimits.language.architecture import mlp as mlp
    from symlimits.language.architecture import serial as serial
    from symlimits.language.domain import Domain as Domain
    from symlimits.language.domain import Range as Range
    from symlimits.language.expectation import GaussianExpectation as GaussianExpectation
    from symlimits.language.image_layers import AvgPool as AvgPool
    from symlimits.language.image_layers import Conv as Conv
    from symlimits.language.image_layers import Flatten as Flatten
    from symlimits.language.image_layers import GlobalAvgPool as GlobalAvgPool
    from symlimits.language.integral import LineIntegral as LineIntegral
    from symlimits.limits import Limit as Limit
    from symlimits.limits import limit as limit
    from symlimits.loading import load as load
    from symlimits.paper.notation import Notation as Notation
    from symlimits.paper.verify import verify as verify
    from symlimits.theory import finite_width as finite_width
    from symlimits.theory import scaling as scaling
    from symlimits.theory.deep_linear import deep_linear as deep_linear
    from symlimits.theory.depth import phase_diagram as phase_diagram
    from symlimits.theory.kernels import dual as dual
    from symlimits.theory.kernels import nngp as nngp
    from symlimits.theory.kernels import ntk as ntk
    from symlimits.theory.linearization import linearization as linearization
    from symlimits.theory.mixtures import output_law as output_law
    from symlimits.theory.programs import TensorProgram as TensorProgram
    from symlimits.theory.programs import training_program as training_program
    from symlimits.theory.training import posterior as posterior
    from symlimits.theory.training import trained_law as trained_law
    from symlimits.tiled import tiled_gram as tiled_gram

__version__ = "0.1.0"

_MODULES = {
    "activations": "symlimits.activations",
    "errors": "symlimits.errors",
    "finite_width": "symlimits.theory.finite_width",
    "rules": "symlimits.derivation.rules",
    "scaling": "symlimits.theory.scaling",
}
_HOMES = {
    "symlimits.chain": "Derivation",
    "symlimits.errors": "SymlimitsError",
    "symlimits.language.activation": "Activation activation",
    "symlimits.language.architecture": "Concat Dense LayerNorm Product Residual mlp serial",
    "symlimits.language.domain": "Domain Range",
    "symlimits.language.expectation": "GaussianExpectation",
    "symlimits.language.image_layers": "AvgPool Conv Flatten GlobalAvgPool",
    "symlimits.language.integral": "LineIntegral",
    "symlimits.limits": "Limit limit",
    "symlimits.paper.notation": "Notation",
    "symlimits.loading": "load",
    "symlimits.paper.verify": "verify",
    "symlimits.theory.deep_linear": "deep_linear",
    "symlimits.theory.depth": "phase_diagram",
    "symlimits.theory.kernels": "dual nngp ntk",
    "symlimits.theory.linearization": "linearization",
    "symlimits.theory.mixtures": "output_law",
    "symlimits.theory.programs": "TensorProgram training_program",
    "symlimits.theory.training": "posterior trained_law",
    "symlimits.tiled": "tiled_gram",
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted([*_MODULES, *_NAMES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(_MODULES[name])
    elif name in _NAMES:
        value = getattr(import_module(_NAMES[name]), name)
    else:
        raise AttributeError(f"module 'symlimits' has no attribute '{name}'")
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext symlimits` does: the names sl and act, and formulas in the terminal."""
    from symlimits.repl import load

    load(shell, {"sl": import_module(__name__), "act": import_module(_MODULES["activations"])})


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
