"""Deep mean field networks, every sum divided by n: which optimizer gives them a limit that trains (Golikov 2020).

All activations vanish at initialisation, so that what an update meets later is mostly what was added since, along the
gradients, and not what it was made of. Gradient descent trains at most two hidden layers; RMSProp trains any number.
"""

import sys

import symlimits as sl
from symlimits.canvas import figure, save

WIDTHS, STEPS = (64, 128, 256), 4


def picture(path: str) -> None:
    """The exponent of the change of the output, step by step: zero is a network that trains."""
    drawn, steps = figure(7.4, 3.0), range(1, STEPS + 1)
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, name, title in zip(panels, ("deep-MF", "deep-MF-adam"), ("gradient descent", "RMSProp"), strict=True):
        for depth in range(1, 5):
            exponents = [float(sl.scaling.named(name, depth).after(step)["df"]) for step in steps]
            axes.plot(steps, exponents, "o-v-s-D-"[2 * depth - 2 : 2 * depth], label=f"{depth} hidden", alpha=0.8)
        axes.set(xlabel="step", title=title)
        axes.set_xticks(steps)
    panels[0].set(ylabel="exponent of the change of the output")
    panels[1].legend(frameon=False, fontsize=8, loc="lower right")
    save(drawn, path)


def main() -> None:
    trained = {}
    for name in ("deep-MF", "deep-MF-adam"):
        for depth in range(1, 5):
            courses = [sl.scaling.named(name, depth).after(step)["df"] for step in range(1, STEPS + 1)]
            trained[name, depth] = courses[-1] == 0
            print(f"{name:<13} {depth} hidden: df ~ n^e with e =", ", ".join(map(str, courses)), "at steps 1 to 4")
    expected = {key: key[0] == "deep-MF-adam" or key[1] <= 2 for key in trained}

    print(sl.scaling.abc(3).at(a=[0, 1, 1, 1], b=0, c=[-1, -2, -2, -1]), end="\n\n")
    limit = sl.scaling.named("deep-MF", 3).limit("df", steps=2)
    print(limit.latex(), end="\n\n")
    certificate = limit.certify(WIDTHS, seed=0)
    print(certificate)
    if not certificate.ok or trained != expected:
        raise SystemExit(1)


if __name__ == "__main__":
    picture(sys.argv[2]) if sys.argv[1:2] == ["--figure"] else main()
