"""Networks and their training as tensor programs: one builder, reverse mode, limits, exponents and finite twins."""

from symlimits.theory.programs.tensor_program import TensorProgram

__all__ = ["TensorProgram"]
