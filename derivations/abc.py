"""Which scalings of deep networks are stable, which learn features, and muP found among them (Yang and Hu 2021).

Exponents of width are derived by a forward and a backward pass in max-plus numbers; muP is the only parameterisation,
up to a gauge, at which every layer is updated as far as stability allows.
"""

import sys

import symlimits as sl

DEPTH, WIDTHS = 2, (64, 128, 256)


def picture(path: str) -> None:
    """muP of two hidden layers: sizes of the coordinates against the width, slopes as derived."""
    sl.scaling.abc(DEPTH).maximal_update(c=0).coordinate_check(WIDTHS, seed=0).picture(path)


def main() -> None:
    family = sl.scaling.abc(depth=DEPTH)
    print(family.limits("r_1").explain(), end="\n\n")
    print(family.limits("r_1").latex(), end="\n\n")
    print("stable:", *family.stable, sep="\n  ", end="\n\n")

    regimes = family.regimes(c=0)
    print(len(regimes), "faces,", len({regime.maximal[1:] for regime in regimes}), "classes with one rate for all")
    found = [family.maximal_update(c=0), sl.scaling.abc(DEPTH, "adam").maximal_update()]
    print(*found, sep="\n", end="\n\n")
    print(sl.scaling.named_table(DEPTH, ["SP", "NTK", "muP", "MFP", "SP-adam", "NTK-adam", "muP-adam"]), end="\n\n")

    certificate = found[0].limit("dh2").certify(WIDTHS, seed=0)
    print(certificate)
    if not certificate.ok or not all(point.maximal for point in found):
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()
