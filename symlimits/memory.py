"""How much memory there is, asked before work begins that would need more."""

from __future__ import annotations

import os
from pathlib import Path

from symlimits.errors import ResourceError


def available_bytes() -> int | None:
    """Memory that can be had without swapping, within the limit of the container if there is one; None if unknown."""
    free = _read_meminfo()
    limit, used = (_read_integer(Path("/sys/fs/cgroup") / name) for name in ("memory.max", "memory.current"))
    inside = limit - used if limit is not None and used is not None else None
    known = [value for value in (free, inside) if value is not None]
    return min(known) if known else None


def _read_meminfo() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return None


def _read_integer(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def check_memory(required: int, what: str, advice: str) -> None:
    """Refuse what would not fit, before anything is allocated."""
    available = available_bytes()
    if available is not None and required > available:
        wanted = f"at most the {available / 1e9:.3g} GB available"
        needed = f"{required / 1e9:.3g}" if required < 10**300 else "more than 1e291"  # integers know no end
        raise ResourceError(f"{what} needs {needed} GB", wanted, advice)
