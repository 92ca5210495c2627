"""A private folder on disk for what is slow to make: compiled kernels, derivations.

The folder is `<user cache>/symlimits`; the environment variable SYMLIMITS_CACHE_DIR moves it. What lies in it is ours
alone: where that cannot be had (read-only home, a folder that others may write to or own), a temporary folder takes
its place and lives as long as the process.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import platformdirs

try:
    import fcntl
except ImportError:  # Windows: two writers may work twice; a mixture of their files fails its checksum and heals
    fcntl = None  # type: ignore[assignment]

_WRITABLE_BY_OTHERS = 0o022
_OURS = re.compile(r"[kd]_[0-9a-f]{32}\.")


def cache_folder() -> Path:
    """The folder of the cache: private to this user, made if need be, temporary if there is no other way."""
    wanted = os.environ.get("SYMLIMITS_CACHE_DIR") or platformdirs.user_cache_dir("symlimits")
    return _private_folder(Path(wanted).absolute())


@functools.cache
def _private_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_private(folder):
            return folder
    except OSError:
        pass
    temporary = Path(tempfile.mkdtemp(prefix="symlimits-"))
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def _is_private(folder: Path) -> bool:
    """Whether nobody else can put code there, and we can."""
    status = folder.stat()
    ours = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & _WRITABLE_BY_OTHERS)
    return ours and os.access(folder, os.W_OK | os.X_OK)


def cached_files() -> list[Path]:
    """What lies in the cache by names that this program gives, k_... and d_...: nothing else is ours to remove."""
    return sorted(path for path in cache_folder().rglob("*") if _OURS.match(path.name) and path.is_file())


def clear_cache() -> tuple[int, int]:
    """Remove the files of the cache; their number and bytes. What is gone is derived and compiled again.

    A file that another process is just using is only missed by it: whatever is not there is made anew. Locks stay,
    since a lock that is removed while it is held is no lock.
    """
    count = size = 0
    for path in cached_files():
        with suppress(OSError):  # gone already, or held open, on Windows
            length = path.stat().st_size
            if path.suffix != ".lock":
                path.unlink()
                count, size = count + 1, size + length
    return count, size


def checksum(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_atomically(path: Path, text: str, time: float | None = None) -> None:
    """Write a file that readers see whole or not at all; `time` sets its modification time."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        if time is not None:
            os.utime(temporary, (time, time))
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time do the work that `path` stands for, so that the others load what it stored."""
    if fcntl is None:
        yield
        return
    with open(path, "w") as file:
        with suppress(OSError):  # a file system without locks: as on Windows
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
