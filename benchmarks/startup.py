"""Start-up: `import symlimits` over `import sympy`, and `symlimits --help`. Run: python benchmarks/startup.py"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 7


def seconds(*arguments: str) -> float:
    """The fastest of some runs of a fresh interpreter."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    times = {
        "python": seconds("-c", "pass"),
        "import sympy": seconds("-c", "import sympy"),
        "import sympy, symlimits": seconds("-c", "import sympy, symlimits"),
        "symlimits --help": seconds("-m", "symlimits.cli", "--help"),
    }
    for name, value in times.items():
        print(f"{name:>24}: {value:.3f} s")
    over = times["import sympy, symlimits"] - times["import sympy"]
    print(f"import symlimits over import sympy: {over:.3f} s (asked: at most 0.3 s)")
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    (results / "startup.json").write_text(json.dumps({"seconds": times, "over sympy": over}, indent=1) + "\n")


if __name__ == "__main__":
    main()
