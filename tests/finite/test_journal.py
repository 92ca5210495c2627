"""The journal: what it keeps, what it heals, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from symlimits.errors import DataError
from symlimits.finite import journal as journals
from symlimits.finite.digest import digest
from symlimits.finite.journal import journal
from symlimits.finite.plan import Plan

SUBJECT = {"claim": "relu", "seed": 0, "sizes": [8, 16]}
VALUES = {"8/0": [10, (0.1).hex(), (1 / 3).hex()], "8/1": [10, (-0.0).hex(), (5e-324).hex()], "16/0": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three results."""
    place = tmp_path / "run.journal"
    with journal(place, SUBJECT) as log:
        for key, value in VALUES.items():
            log.append(key, value)
    return place


def found(path: Path, subject: dict[str, object] = SUBJECT) -> dict[str, object]:
    with journal(path, subject) as log:
        return dict(log.found)


def test_what_is_written_is_found(path: Path) -> None:
    before = path.read_bytes()
    assert found(path) == VALUES
    assert path.read_bytes() == before
    with journal(path, SUBJECT) as log:
        log.append("16/1", [1])
        log.append("8/0", [2])
    assert found(path) == VALUES | {"16/1": [1], "8/0": [2]}, "the later line counts"


def test_every_cut_is_healed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the writer was cut off, the whole lines before are found, and the file goes on from there."""
    monkeypatch.setattr(journals.os, "fsync", lambda _: None)  # slow, and the power stays on
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    ends = np.cumsum([len(line) for line in lines])
    cut = tmp_path / "cut.journal"
    for length in range(len(content)):
        cut.write_bytes(content[:length])
        whole = max(int(np.searchsorted(ends, length, side="right")) - 1, 0)
        with journal(cut, SUBJECT) as log:
            assert list(log.found) == list(VALUES)[:whole], length
            log.append("new", length)
        assert found(cut) == dict(list(VALUES.items())[:whole]) | {"new": length}


def test_zeros_after_a_failure_of_power_are_dropped(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(100))
    assert found(path) == VALUES


@pytest.mark.parametrize(
    ("old", "new"), [(VALUES["8/0"][1], (0.2).hex()), ("8/1", "8/2"), ('"check"', '"chek"'), ("}\n", "\n")]
)
def test_an_edit_is_detected(path: Path, old: str, new: str) -> None:
    """The control: without its checksum an altered number would enter a certificate."""
    header, lines = path.read_text().split("\n", maxsplit=1)
    path.write_text(f"{header}\n{lines.replace(old, new, 1)}")
    with pytest.raises(DataError, match=r"line [23] of the journal .* altered"):
        found(path)


def test_a_line_of_another_run_is_detected(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.journal"
    with journal(other, SUBJECT | {"seed": 1}) as log:
        log.append("16/1", [1])
    path.write_text(path.read_text() + other.read_text().splitlines()[1] + "\n")
    with pytest.raises(DataError, match="line 5"):
        found(path)


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        (SUBJECT | {"seed": 1}, "its seed is 0; wanted: seed 1"),
        (SUBJECT | {"sizes": [8, 32]}, r"its sizes is \[8, 16\]; wanted: sizes \[8, 32\]"),
        (SUBJECT | {"numpy": "0.1"}, "its numpy is None; wanted: numpy '0.1'"),
    ],
)
def test_another_run_is_refused(path: Path, subject: dict[str, object], words: str) -> None:
    before = path.read_bytes()
    with pytest.raises(DataError, match=words):
        found(path, subject)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"my thesis", b"my thesis\nchapter 1\n", b"{}\n", b"\xff\xfe\n", b"[1]\n", b"\n"])
def test_a_file_that_is_no_journal_is_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no journal"):
        found(path)
    assert path.read_bytes() == content


def test_places_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="directory"):
        found(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="the journal"):
        found(tmp_path / "file" / "run.journal")


def test_an_empty_journal_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.journal"
    assert found(path) == {}
    assert not path.parent.exists()


@pytest.mark.skipif(journals.fcntl is None, reason="locks")
def test_two_writers_are_kept_apart(path: Path) -> None:
    with journal(path, SUBJECT), pytest.raises(DataError, match="another process"):
        found(path)
    assert found(path) == VALUES


FULL = """
import resource, sys
from pathlib import Path
from symlimits.errors import ResourceError
from symlimits.finite.journal import journal

resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # the disk ends after 600 bytes
with journal(Path(sys.argv[1]), {"seed": 0}) as log:
    for number in range(100):
        try:
            log.append(str(number), "x" * 30)
        except ResourceError as error:
            print(number, "cannot be written" in str(error), "resumed" in str(error))
            break
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk(tmp_path: Path) -> None:
    """Measured on a real file that may not grow: the line that does not fit leaves no trace."""
    path = tmp_path / "run.journal"
    command = [sys.executable, "-c", FULL, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said[1:] == ["True", "True"]
    assert list(found(path, {"seed": 0})) == [str(number) for number in range(int(said[0]))]
    assert int(said[0]) > 2
    assert path.read_bytes().endswith(b"\n")
    assert all(json.loads(line) for line in path.read_text().splitlines())


# ------------------------------------------------------------------------------- what a run is about


def draw(size: int, rng: np.random.Generator, power: float = 2.0) -> np.ndarray:
    return rng.standard_normal(size) ** power


def scaled(scale: float) -> Callable[..., np.ndarray]:
    return lambda size, rng: scale * rng.standard_normal(size)


def test_the_digest_of_an_experiment() -> None:
    experiments = [draw, partial(draw, power=3.0), partial(draw, power=2.0), scaled(1.0), scaled(2.0), np.ones(3)]
    names = [digest(experiment) for experiment in experiments]
    assert len(set(names)) == len(names)
    assert digest(scaled(2.0)) == names[4]
    assert digest(np.zeros(3)) != names[5]
    command = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    command += "from test_journal import *\nprint(digest(scaled(2.0)), digest(partial(draw, power=3.0)))"
    output = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout
    assert output.split() == [names[4], names[1]], "the same in another process"


def test_the_header_names_what_results_depend_on() -> None:
    header = Plan(draw, "claim", 0, (8, 16)).subject()
    assert header["sizes"] == [8, 16]
    assert {"claim", "seed", "experiment", "numpy", "python", "machine"} <= set(header)
    assert header != Plan(scaled(1.0), "claim", 0, (8, 16)).subject()


@pytest.mark.skipif(journals.fcntl is None or not hasattr(os, "fork"), reason="forks and locks")
@pytest.mark.parametrize("killed", [False, True])
def test_a_forked_child_does_not_keep_the_lock(path: Path, killed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orphan of a killed run, which unlocks nothing, must not stand in the way of its resumption."""
    if killed:
        monkeypatch.setattr(journals.Journal, "_unlock", lambda log: None)
    ready, tell = os.pipe()
    with journal(path, SUBJECT) as log:
        log.append("a", 1)
        child = os.fork()
        if not child:
            os.write(tell, b"forked")  # by now a child has closed what it must not keep
            signal.pause()
        if killed:
            os.read(ready, 6)
    try:
        with journal(path, SUBJECT) as again:
            assert again.found["a"] == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(tell)
