"""The general engine in processor seconds: `python benchmarks/tensor_programs.py [--small]`.

Derived, evaluated, run: the tangent kernel of three hidden layers from backpropagation (1 s asked); training of two
hidden erf layers on two data for five steps (10 s), its value at 2^14 points (5 s); the finite network of width 4096,
two hidden layers, two steps (2 s a net). Beside the seconds what they gave: lines, definitions, values with errors, and
the digits that the kernel shares with its recursion. Writes benchmarks/results/tensor_programs.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sympy as sp
from gram import machine

import symlimits as sl
from symlimits import activations as act
from symlimits.derivation.master import limit_lines
from symlimits.reading.program_kernel import ProgramKernel
from symlimits.reading.program_sampled import sampled
from symlimits.theory.programs.kernel_program import inputs, kernel_program

X, Y = [[1, "1/2"], ["-1/3", 1]], [1, "-1/2"]
POINT = tuple(map(sp.Rational, ("3/2", "7/5", "-1/3")))
SCRAMBLES, POINTS = 8, 2**11  # 2^14 together


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the seconds of one call: of this process, whatever else the machine does."""
    start = time.process_time()
    return work(), round(time.process_time() - start, 3)


def tangent_kernel(depth: int) -> dict[str, Any]:
    """The kernel of erf from backpropagation, and its distance from the recursion."""
    net = sl.mlp(depth, act.erf, 2, "1/10")

    def derived() -> Any:
        scalar = kernel_program(net, tangent=True)
        return limit_lines(scalar.program, scalar.place)

    lines, seconds = timed(derived)
    at = inputs(*POINT)
    value = sampled(lines[-1].expr, {s: at[s] for s in lines[-1].expr.free_symbols}).value
    distance = abs(value - float(sl.ntk(net).reference(*POINT)))
    return {"depth": depth, "derived": seconds, "asked": 1.0, "lines": len(lines), "from the recursion": distance}


def training(steps: int) -> dict[str, Any]:
    """Two hidden erf layers on two data: the lines, and the value of the last of them."""

    def derived() -> Any:
        prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), X, Y, steps)
        return limit_lines(prog.tp.program, prog.outputs[-1][0].place)

    lines, seconds = timed(derived)
    found, evaluated = timed(lambda: sampled(lines[-1].expr, {}, POINTS, SCRAMBLES))
    again, warm = timed(lambda: sampled(lines[-1].expr, {}, POINTS, SCRAMBLES, seed=1))
    kernel, compiling = timed(lambda: compiled(lines[-1].expr))
    same, fast = timed(kernel.bounded)
    return {
        "compiling, or from the disk": compiling,
        "evaluated, compiled": fast,
        "compiled differs by": abs(same.value - found.value),
        "steps": steps,
        "derived": seconds,
        "asked": 10.0,
        "definitions": len(lines[-1].expr.statements),
        "evaluated": evaluated,
        "evaluated again": warm,
        "asked of a value": 5.0,
        "value": found.value,
        "error": found.error,
        "of another seed": again.value,
    }


def compiled(line: sp.Expr) -> ProgramKernel:
    """The kernel, ready to be called at the same points."""
    kernel = ProgramKernel(line, (), POINTS, SCRAMBLES)
    kernel.bounded()
    return kernel


def twin(width: int, nets: int) -> dict[str, Any]:
    """Finite networks, two hidden layers, two steps."""
    prog = sl.training_program(sl.mlp(2, act.erf, 1, 0), X, Y, 2)
    found, seconds = timed(lambda: prog.run(width, seed=0, nets=nets)[prog.outputs[2]])
    spread = found.std(axis=0).tolist() if nets > 1 else None
    means = found.mean(axis=0).tolist()
    return {"width": width, "nets": nets, "a net": seconds / nets, "asked": 2.0, "means": means, "spread": spread}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="two steps and a width of 512, nothing written")
    small = parser.parse_args().small
    tangent_kernel(1)  # what is imported and cached on the first call
    found = {
        "tangent kernel": [tangent_kernel(depth) for depth in (1, 2, 3)],
        "training": [training(steps) for steps in ((1, 2) if small else (1, 2, 5))],
        "twin": [twin(width, 4) for width in ((512,) if small else (1024, 4096))],
    }
    print(json.dumps(found, indent=1))
    if not small:
        path = Path(__file__).parent / "results" / "tensor_programs.json"
        path.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
