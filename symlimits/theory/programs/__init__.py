"""Networks and their training as tensor programs: one builder, reverse mode, limits, exponents and finite twins."""

from symlimits.theory.programs.tensor_program import TensorProgram
from symlimits.theory.programs.training import TrainingProgram, training_program

__all__ = ["TensorProgram", "TrainingProgram", "training_program"]
