"""One cache of compiled kernels for all tests of a checkout, apart from the user's own."""

import os
from pathlib import Path

_cache = Path(__file__).parent / ".pytest_cache" / "symlimits"
_cache.mkdir(mode=0o700, parents=True, exist_ok=True)
os.environ.setdefault("SYMLIMITS_CACHE_DIR", str(_cache))
