"""What this installation can do: versions, cache, threads, LaTeX, and a check that compiled code is right."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import numba
import platformdirs
from llvmlite import binding

from symlimits import activations
from symlimits.disk import cache_folder, cached_files
from symlimits.theory.kernels import dual

PACKAGES = ("symlimits", "sympy", "mpmath", "numpy", "scipy", "numba", "llvmlite")
OPTIONAL = {  # package: what it is for, and how it is installed
    "python-flint": ("enclosures, and fast exact numbers", "symlimits[rigorous]"),
    "matplotlib": ("figures", "symlimits[plot]"),
    "jinja2": ("the report in HTML", "symlimits[report]"),
    "latex2mathml": ("formulas in HTML", "symlimits[report]"),
    "distributed": ("clusters", "symlimits[dask]"),
    "rich": ("a moving line of progress", "rich"),
}
ABSENT = "not installed"
POINT = (1.0, 2.0, 0.5)
TOLERANCE = 1e-14  # relative; a sound kernel differs by a few units in the last place


def examination() -> tuple[list[tuple[str, str]], bool]:
    """Rows (what, finding) for a table, and whether the self-check passed."""
    check, passed = self_check()
    rows = [("python", platform.python_version()), *((name, _version(name)) for name in PACKAGES)]
    rows += [(name, _optional(name)) for name in OPTIONAL]
    rows += [("cache", _cache()), ("compiler", _compiler()), ("threads", _threads())]
    missing = "not found: .tex files are written, not compiled; TeX Live has it"
    rows += [("pdflatex", shutil.which("pdflatex") or missing)]
    return [*rows, ("self-check", check)], passed


def self_check() -> tuple[str, bool]:
    """Compile a kernel and hold it against its reference."""
    start = perf_counter()
    try:
        T = dual(activations.relu)
        truth = float(T.reference(*POINT))
        error = abs(T(*POINT) / truth - 1)
    except Exception as failure:  # whatever is wrong with this machine is what is asked for
        return f"FAILED: {type(failure).__name__}: {failure}", False
    finding = f"compiled kernel and reference differ by {error:.1e} ({perf_counter() - start:.1f} s)"
    return (finding, True) if error <= TOLERANCE else (f"FAILED: {finding}", False)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ABSENT


def _optional(package: str) -> str:
    found = _version(package)
    use, install = OPTIONAL[package]
    return f"not installed, {use}: pip install '{install}'" if found == ABSENT else f"{found}, {use}"


def _compiler() -> str:
    """Of the compiled kernels: LLVM, and the processor that it writes for."""
    return f"LLVM {'.'.join(map(str, binding.llvm_version_info))}, for {binding.get_host_cpu_name()}"


def _cache() -> str:
    wanted = os.environ.get("SYMLIMITS_CACHE_DIR") or platformdirs.user_cache_dir("symlimits")
    if cache_folder() == Path(wanted).absolute():
        return f"{wanted}, writable, {_size()}"
    return f"{wanted} is not private and writable: every process derives and compiles anew"


def _size() -> str:
    """How large the cache is: files of edited rules and of other versions stay until they are cleared."""
    files = [path.stat().st_size for path in cached_files() if path.exists()]
    return f"{len(files)} files, {sum(files) / 1e6:.1f} MB (symlimits doctor --clear-cache removes them)"


def _threads() -> str:
    return f"{numba.config.NUMBA_NUM_THREADS} for numba, of {os.cpu_count()} processors"
