"""Generated source to imported module, compiled once per machine: a disk cache that heals itself.

numba stores machine code only for functions that have a source file, so the source goes to `k_<key>.py` in the private
folder of `symlimits.disk` and numba's files lie beside it. The key is a hash of everything that the machine code
depends on.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import llvmlite
import numba
import numpy
from llvmlite import binding

from symlimits.disk import cache_folder, checksum, locked, write_atomically

_SOURCE_TIME = 1_000_000_000  # numba ties machine code to its source's file time: two writers must set the same one
_modules: dict[str, ModuleType] = {}
_importing = threading.RLock()


def load_source(source: str) -> ModuleType:
    """The module that `source` defines, its functions compiled now or loaded from the disk cache.

    The functions of `source` should carry explicit signatures and `cache=True`, so that all compiling happens here.
    A truncated or garbled cache is deleted and compiled again, once; an error of the source itself is raised as it is.

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


class _Entry:
    """The files of one key: the source, numba's index and machine code, and the checksums of those."""

    def __init__(self, folder: Path, key: str, source: str) -> None:
        self.source = source
        self.name = f"k_{key}"
        self.path = folder / f"{self.name}.py"
        self.checksums = folder / f"{self.name}.json"
        self.lock = folder / f"{self.name}.lock"

    def load(self) -> ModuleType:
        with locked(self.lock):
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
            return same_source and all(checksum(Path(file).read_bytes()) == value for file, value in sealed.items())
        except (OSError, ValueError, AttributeError):
            return False

    def _renew(self) -> None:
        self._remove()
        write_atomically(self.path, self.source, time=_SOURCE_TIME)

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
        sealed = json.dumps({str(file): checksum(file.read_bytes()) for file in files})
        if not self.checksums.exists() or self.checksums.read_text(encoding="utf-8") != sealed:
            write_atomically(self.checksums, sealed)


def _numba_folder(value: object) -> str | None:
    """Where numba stores the machine code of a compiled function; None for anything else."""
    return getattr(getattr(value, "stats", None), "cache_path", None)
