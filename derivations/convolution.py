"""The tangent kernel of a convolutional network: fields over pairs of pixels, from the definition to closed form.

A filter averages the kernel over the pixels under it, at both images alike (Novak et al. 2019, arXiv 1810.05148; Arora
et al. 2019, arXiv 1904.11955); Flatten asks for equal pixels only, a pool for all pairs. Run it: it prints the
derivation and stops with an error if a line is false or random networks do not tend to it.
"""

import numpy as np

import symlimits as sl
from symlimits import activations as act


def main() -> None:
    filters = [sl.Conv((3, 3), "sigma_w**2", "sigma_b**2"), act.relu, sl.Conv((3, 3), "sigma_w**2", 0), act.relu]
    kernel = sl.ntk(sl.serial(*filters, sl.Flatten(), sl.Dense(1)))
    print(kernel.latex(), end="\n\n")

    # An image of one pixel meets the middle of each filter only: the dense network with variances sigma_w^2 / 9.
    pixel = np.random.default_rng(0).normal(size=(3, 1, 1, 2)).round(2)
    one = kernel.bind(sigma_w=3, sigma_b=1).compile()(pixel)
    dense = sl.ntk(sl.serial(sl.Dense(1, 1), act.relu, sl.Dense(1, 0), act.relu, sl.Dense(1)))(pixel[:, 0, 0])
    print("one pixel, against a dense network:", np.abs(one / dense - 1).max() < 1e-13)

    certificate = kernel.certify(sizes=(16, 64, 256), seed=0)
    print(certificate)
    if not certificate.ok or np.abs(one / dense - 1).max() >= 1e-13:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
