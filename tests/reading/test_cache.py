"""The disk cache: a second process compiles nothing, damage heals, errors of the source surface."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from symlimits.disk import checksum
from symlimits.reading import cache

SOURCE = """
from numba import njit
from symlimits.reading.special import angle

@njit("float64(float64)", cache=True)
def twice_the_angle(gap):
    return 2.0 * angle(gap)
"""
TWICE_THE_ANGLE = 3.141592653589793

REPORT = """
import json, sys
from symlimits.reading.cache import load_source
function = load_source(sys.argv[1]).twice_the_angle
hits, misses = (sum(counter.values()) for counter in (function.stats.cache_hits, function.stats.cache_misses))
print(json.dumps([hits, misses, function(1.0)]))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "SYMLIMITS_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", REPORT, SOURCE]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, int]:
    """Cache hits and misses of the process, once its answer is right."""
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    hits, misses, value = json.loads(output)
    assert value == pytest.approx(TWICE_THE_ANGLE, rel=1e-15)
    return hits, misses


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache that one process has filled."""
    folder = tmp_path / "cache"
    assert finish(start(folder)) == (0, 1)
    return folder


def the_file(folder: Path, suffix: str) -> Path:
    (file,) = folder.rglob(f"k_*.{suffix}")
    return file


def test_second_process_does_not_recompile(folder: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("k_*.*") if file.suffix != ".lock"}
    assert finish(start(folder)) == (1, 0)
    assert before == {file: file.stat().st_mtime_ns for file in folder.rglob("k_*.*") if file.suffix != ".lock"}
    assert {file.suffix for file in before} == {".py", ".json", ".nbi", ".nbc"}


DAMAGE = [("truncated", "nbc"), ("flipped", "nbi"), ("deleted", "json"), ("flipped", "py")]
MORE_DAMAGE = [
    pytest.param(damage, suffix, marks=pytest.mark.slow)  # two processes each
    for damage in ("truncated", "flipped", "deleted")
    for suffix in ("nbc", "nbi", "py", "json")
    if (damage, suffix) not in DAMAGE
]


@pytest.mark.slow
@pytest.mark.parametrize(("damage", "suffix"), [*DAMAGE, *MORE_DAMAGE])
def test_damage_heals(folder: Path, suffix: str, damage: str) -> None:
    file = the_file(folder, suffix)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    if damage == "deleted":
        file.unlink()
    else:
        content[middle] ^= 0xFF
        file.write_bytes(content[:middle] if damage == "truncated" else content)
    assert finish(start(folder)) == (0, 1), "compiled again"
    assert finish(start(folder)) == (1, 0), "and stored"


def test_a_cached_load_that_raises_is_compiled_again(folder: Path) -> None:
    index = the_file(folder, "nbi")
    index.write_bytes(index.read_bytes()[:20])
    seal = the_file(folder, "json")
    seal.write_text(json.dumps({str(file): checksum(file.read_bytes()) for file in folder.rglob("k_*.nb[ci]")}))
    assert finish(start(folder)) == (0, 1)


def test_two_processes_at_once_compile_once(tmp_path: Path) -> None:
    processes = [start(tmp_path / "cache") for _ in range(2)]
    assert sorted(finish(process) for process in processes) == [(0, 1), (1, 0)]


def test_errors_of_the_source_surface_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        cache.load_source("1 / 0")
    with pytest.raises(SyntaxError):
        cache.load_source("def f(:")
    with pytest.raises(Exception, match="nonsense"):
        cache.load_source('from numba import njit\n@njit("f8(f8)", cache=True)\ndef wrong(x):\n    return x.nonsense\n')
    assert not list(tmp_path.rglob("*.nb[ci]")) + list(tmp_path.rglob("*.py")) + list(tmp_path.rglob("*.json"))


def test_key_depends_on_source_and_on_what_it_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.source_key(SOURCE) == cache.source_key(SOURCE)
    assert cache.source_key(SOURCE) != cache.source_key(SOURCE + "\n")
    assert len(list(cache._imported_sources(SOURCE))) == 1
    before = cache.source_key(SOURCE)
    monkeypatch.setattr(cache, "_imported_sources", lambda source: ["edited"])
    assert cache.source_key(SOURCE) != before


def test_one_module_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path))
    assert cache.load_source("a = 1") is cache.load_source("a = 1")


def test_no_folder_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SYMLIMITS_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert cache.load_source("b = 2").b == 2
