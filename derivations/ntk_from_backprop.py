"""The tangent kernel from backpropagation: no recursion is assumed, the network's own program is differentiated.

Theta(x, z) is the sum over all parameters of products of derivatives. Reverse mode writes it as means of products of
vectors of the network; the Master theorem (Yang, arXiv 2006.14548) takes each to its limit, the transposes of backward
passes included; independence, parity and Price's theorem leave nothing unevaluated. For relu and erf, one to three
hidden layers, the lines are held against the recursion of Jacot et al. 2018, arXiv 1806.07572.
"""

import sympy as sp

import symlimits as sl
from symlimits import activations as act
from symlimits.theory.programs.kernel_link import KernelProgram
from symlimits.theory.programs.kernel_program import kernel_program

POINT = tuple(map(sp.Rational, ("3/2", "7/5", "-1/3")))  # the input kernel: K(x, x), K(z, z), K(x, z)


def main() -> None:
    net = sl.mlp(depth=1, activation=act.erf, w_var=2, b_var="1/10")
    scalar = kernel_program(net, tangent=True)
    print(sl.TensorProgram(scalar.program).limit(scalar, name=r"\Theta(x, z)").latex(), end="\n\n")
    broken = False
    for phi in (act.relu, act.erf):
        for depth in (1, 2, 3):
            tangent = sl.ntk(sl.mlp(depth, phi, w_var=2, b_var="1/10"))
            link = tangent.general.link(tangent, dict(zip(tangent.arguments, POINT, strict=True)))
            print(f"{phi.name}, depth {depth}: {'holds' if link.passed else 'BROKEN'}  {link.summary}")
            broken |= not link.passed
    # another network is refused: a weight variance that is off by one in a thousand
    tangent = sl.ntk(sl.mlp(2, act.erf, w_var=2, b_var="1/10"))
    other = KernelProgram(sl.mlp(2, act.erf, w_var="2002/1000", b_var="1/10"), "ntk")
    refused = other.link(tangent, dict(zip(tangent.arguments, POINT, strict=True)))
    print(f"another variance: {refused.summary}")
    if broken or refused.passed is not False:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
