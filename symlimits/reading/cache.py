"""Generated source to imported module, compiled once per machine: a disk cache that heals itself.

numba stores machine code only for functions that have a source file, so the source goes to
`<user cache>/symlimits/k_<key>.py` and numba's files lie beside it. The key is a hash of everything that the machine
code depends on. The environment variable SYMLIMITS_CACHE_DIR moves the folder.
"""

from __future__ import annotations

import ast
import atexit
import functools
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy
import platformdirs
from llvmlite import binding

try:
    import fcntl
except ImportError:  # Windows: two writers may compile twice; a mixture of their files fails its checksum and heals
    fcntl = None  # type: ignore[assignment]

_WRITABLE_BY_OTHERS = 0o022
_SOURCE_TIME = 1_000_000_000  # numba ties machine code to its source's file time: two writers must set the same one
_modules: dict[str, ModuleType] = {}
_importing = threading.RLock()


def load_source(source: str) -> ModuleType:
    """The module that `source` defines, its functions compiled now or loaded from the disk cache.

    The functions of `source` should carry explicit signatures and `cache=True`, so that all compiling happens here.
    A truncated or garbled cache is deleted and compiled again, once; an error of the source itself is raised as it is.
    Where no private folder can be had (read-only home, a folder that others may write to or own), the cache lies in a
    temporary folder and lives as long as the process.

    >>> load_source("answer = 42").answer
    42
    """
    key = source_key(source)
    with _importing:
        if key not in _modules:
            _modules[key] = _Entry(cache_folder(), key, source).load()
        return _modules[key]


def source_key(source: str) -> str:
    """Hash of the source, of the versions and processor it is compiled for, and of the symlimits modules it imports."""
    versions = (platform.python_version(), numba.__version__, llvmlite.__version__, numpy.__version__)
    digest = hashlib.sha256(repr((*versions, binding.get_host_cpu_name())).encode())
    for text in (source, *_imported_sources(source)):  # numba does not notice changes of inlined functions
        digest.update(hashlib.sha256(text.encode()).digest())
    return digest.hexdigest()[:32]


def _imported_sources(source: str) -> Iterator[str]:
    """Sources of the symlimits modules that `source` imports by `from ... import`, directly or not."""
    pending, seen = [source], set()
    while pending:
        for node in ast.walk(ast.parse(pending.pop())):
            name = node.module if isinstance(node, ast.ImportFrom) else None
            if name is None or name in seen or name.split(".")[0] != "symlimits":
                continue
            seen.add(name)
            spec = importlib.util.find_spec(name)
            if spec is not None and spec.origin is not None:
                pending.append(Path(spec.origin).read_text(encoding="utf-8"))
                yield pending[-1]


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


class _Entry:
    """The files of one key: the source, numba's index and machine code, and the checksums of those."""

    def __init__(self, folder: Path, key: str, source: str) -> None:
        self.source = source
        self.name = f"k_{key}"
        self.path = folder / f"{self.name}.py"
        self.checksums = folder / f"{self.name}.json"
        self.lock = folder / f"{self.name}.lock"

    def load(self) -> ModuleType:
        with _locked(self.lock):
            cached = self._intact()
            if not cached:
                self._renew()
            try:
                module = self._execute()
            except Exception:
                if not cached:
                    self._remove()
                    raise
                self._renew()
                module = self._execute()
            self._seal(module)
            return module

    def _intact(self) -> bool:
        """Whether every file is as it was left. Never raises: whatever cannot be read is not intact."""
        try:
            sealed = json.loads(self.checksums.read_text(encoding="utf-8"))
            same_source = self.path.read_bytes() == self.source.encode()
            return same_source and all(_checksum(Path(file)) == value for file, value in sealed.items())
        except (OSError, ValueError, AttributeError):
            return False

    def _renew(self) -> None:
        self._remove()
        _write_atomically(self.path, self.source, time=_SOURCE_TIME)

    def _remove(self) -> None:
        sys.modules.pop(self.name, None)
        folder = self.path.parent
        for file in (*folder.glob(f"{self.name}.py"), *folder.glob(f"**/{self.name}.*.nb[ci]"), self.checksums):
            file.unlink(missing_ok=True)

    def _execute(self) -> ModuleType:
        """Run the source under its file's name.

        Python's own import would also leave a .pyc file, one more thing to go bad; what runs here is always the
        text that was asked for.
        """
        module = ModuleType(self.name)
        module.__file__ = str(self.path)
        sys.modules[self.name] = module  # numba looks the module up by name when it loads machine code
        exec(compile(self.source, self.path, "exec"), module.__dict__)
        return module

    def _seal(self, module: ModuleType) -> None:
        """Note the checksums of what numba has stored."""
        folders = {_numba_folder(value) for value in vars(module).values()} - {None}
        files = sorted(file for folder in folders for file in Path(str(folder)).glob(f"{self.name}.*.nb[ci]"))
        sealed = json.dumps({str(file): _checksum(file) for file in files})
        if not self.checksums.exists() or self.checksums.read_text(encoding="utf-8") != sealed:
            _write_atomically(self.checksums, sealed)


def _numba_folder(value: object) -> str | None:
    """Where numba stores the machine code of a compiled function; None for anything else."""
    return getattr(getattr(value, "stats", None), "cache_path", None)


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _write_atomically(path: Path, text: str, time: float | None = None) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
    if time is not None:
        os.utime(temporary, (time, time))
    os.replace(temporary, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time compile a key, so that the others load what it stored."""
    if fcntl is None:
        yield
        return
    with open(path, "w") as file:
        with suppress(OSError):  # a file system without locks: as on Windows
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
