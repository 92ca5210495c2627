"""The 13 limit models of networks with one hidden layer (Golikov 2020, arXiv 2006.06574).

The step of training is followed in exponents of the width until they settle; the plane of the exponents of sigma and
of the learning rate falls into 3 points, 7 lines and 3 areas, one limit model each.
"""

import sys

import symlimits as sl


def picture(path: str) -> None:
    """The plane of exponents with its 13 cells."""
    sl.scaling.one_hidden_layer(rates="shared").figure(path)


def main() -> None:
    fan = sl.scaling.one_hidden_layer(rates="shared")
    print(fan, end="\n\n")
    print(fan.latex(), end="\n\n")

    for point in ({"q_sigma": "-1/2", "q": 0}, {"q_sigma": "-1/2", "q": 1}, {"q_sigma": "-1/2", "q": "-1/2"}):
        print(fan.at(**point), end="\n\n")

    # What both increments add to the logit, in mean-field scaling: the coherent part wins over the centred one.
    both = sl.scaling.exponent_limit(fan, "MF", "f_aw")
    print(both.explain(), end="\n\n")
    print(both.latex(), end="\n\n")

    # A jump of the derivative is crossed by few neurons, and is seen by the kernel all the same.
    kinked = sl.scaling.one_hidden_layer(activation="relu").derivation("kernel_increment", "NTK")
    print(kinked.explain(), end="\n\n")

    certificate = both.certify(sizes=(256, 512, 1024, 2048), seed=0)
    print(certificate)
    counts = [sum(cell.dimension == k for cell in fan.cells) for k in range(3)]
    if not certificate.ok or counts != [3, 7, 3]:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()
