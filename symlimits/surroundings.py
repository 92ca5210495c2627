"""What a number may depend on beside its formula: the processor, Python and the versions of the packages."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("symlimits", "sympy", "mpmath", "numpy", "scipy", "numba")
OPTIONAL = "python-flint"  # values are proved balls where it is there


def surroundings() -> dict[str, str]:
    """The processor and the versions here: on equal ones results are equal to the bit.

    >>> sorted(surroundings())[:3]
    ['machine', 'mpmath', 'numba']
    """
    return dict(_found())


@cache
def _found() -> dict[str, str]:
    """Read once: a tenth of the time of a small certificate."""
    machine = f"{platform.system()} {platform.machine()}"
    return {
        "machine": machine,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        OPTIONAL: _optional(),
    }


def _optional() -> str:
    try:
        return version(OPTIONAL)
    except PackageNotFoundError:
        return "none"
