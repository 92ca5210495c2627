"""The journal of a long run: what is finished stays finished, whatever ends the process.

A text file, a JSON object a line, only ever appended to. The header says what the run is about; each line holds a key,
a value, and a checksum that binds both to the header. Floats are to be stored as `float.hex`, so that a run that was
resumed equals one that never stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from symlimits.disk import checksum
from symlimits.errors import DataError, ResourceError

try:
    import fcntl
except ImportError:  # Windows: nobody keeps two writers apart; their lines are whole, and equal
    fcntl = None  # type: ignore[assignment]

FORMAT = "symlimits journal 1"
SYNC_SECONDS = 1.0  # the most that a failure of power may cost; the end of a process costs nothing
DIGITS = 16  # of a line's checksum: against accidents and slips, not against forgery

Subject = Mapping[str, Any]
_OPEN: set[int] = set()  # the files of open journals


def _close_in_child() -> None:
    """A forked worker would keep the lock of its parent's journal after the parent's end."""
    for file in _OPEN:
        with suppress(OSError):
            os.close(file)
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)


class Journal:
    """An open journal: `found` is what earlier runs left, `append` adds to it. Made by `journal`."""

    def __init__(self, path: Path, subject: Subject) -> None:
        self.path, self.found = path, dict[str, Any]()
        self._subject = subject
        self._salt = checksum(_text(subject).encode())
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        _OPEN.add(self._file)
        self._end, self._synced = 0, monotonic()

    def append(self, key: str, value: Any) -> None:
        """Write one finished result; whole, or not at all. Raises `ResourceError` when the disk is full."""
        self._write({"key": key, "value": value, "check": self._check(key, value)})
        self.found[key] = value

    def _check(self, key: str, value: Any) -> str:
        return checksum(f"{self._salt} {_text([key, value])}".encode())[:DIGITS]

    def _write(self, line: Mapping[str, Any]) -> None:
        content = f"{_text(line)}\n".encode()
        try:
            while content:
                content = content[os.write(self._file, content) :]
            self._end = os.lseek(self._file, 0, os.SEEK_CUR)
            if monotonic() - self._synced > SYNC_SECONDS:
                self._sync()
        except OSError as error:
            self._heal()
            given = f"{self.path} cannot be written: {error.strerror}"
            advice = "more room on the disk; what is finished is kept, and the run can be resumed"
            raise ResourceError(given, "a disk with room", advice) from error

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced = monotonic()

    def _heal(self) -> None:
        """Forget what was written of a line that was not written whole."""
        os.ftruncate(self._file, self._end)
        os.lseek(self._file, self._end, os.SEEK_SET)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            given = f"the journal {self.path}, which another process is writing"
            raise DataError(given, "one run at a time", "another name, or the end of the other run") from None
        except OSError:  # a file system without locks: as on Windows
            return

    def _unlock(self) -> None:
        """For the children too that have not closed their copy of the file yet."""
        if fcntl is not None:
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _read(self) -> None:
        """What is there: nothing, which makes a new journal, or the lines of this very run."""
        with open(self._file, "rb", closefd=False) as file:
            content = file.read()
        lines = content.split(b"\n")
        torn = lines.pop()  # after the last newline; not empty when the writer was cut off
        self._end = len(content) - len(torn)
        if lines or torn:
            self._check_ours(lines[0] if lines else torn, whole=bool(lines))
        self._heal()
        for number, line in enumerate(lines[1:], start=2):
            self._accept(number, line)
        if not lines:
            self._write({"format": FORMAT, "subject": self._subject})

    def _check_ours(self, line: bytes, whole: bool) -> None:
        """Refuse a file that is no journal, and a journal of another run, naming what differs."""
        expected = f"{_text({'format': FORMAT, 'subject': self._subject})}\n".encode()
        if not whole and expected.startswith(line):
            return  # cut off in its first line
        header = _parsed(line)
        if header.get("format") != FORMAT or not isinstance(header.get("subject"), dict):
            given, advice = f"the file {self.path}, which is no journal", "another name: it is left as it is"
            raise DataError(given, f"a file that begins with {FORMAT!r}", advice)
        theirs, ours = header["subject"], json.loads(_text(self._subject))
        for name in [*self._subject, *theirs]:
            if theirs.get(name) != ours.get(name):
                given = f"the journal {self.path} of another run: its {name} is {theirs.get(name)!r}"
                raise DataError(given, f"{name} {ours.get(name)!r}", "the same options as then, or another name")

    def _accept(self, number: int, line: bytes) -> None:
        entry = _parsed(line)
        key, value = entry.get("key"), entry.get("value")
        if not isinstance(key, str) or entry.get("check") != self._check(key, value):
            given = f"line {number} of the journal {self.path}, which was altered or damaged"
            raise DataError(given, "lines as they were written", "the removal of that line: its result is made anew")
        self.found[key] = value


@contextmanager
def journal(path: str | os.PathLike[str], subject: Subject) -> Iterator[Journal]:
    """The journal at `path` of the run that `subject` describes (plain data, by name), open and locked.

    A new one, or the one that an earlier run left. A line that its writer could not finish is dropped. A journal
    without results is removed at the end, with its folder if that was made for it.

    Raises `DataError` for a file that is no journal, a journal of another subject (naming what differs), one that
    another process writes, and a line that does not fit its checksum.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         with journal(Path(folder, "run.journal"), {"seed": 0}) as log:
    ...             print(log.found)
    ...             log.append("a", (0.1).hex())
    {}
    {'a': '0x1.999999999999ap-4'}
    """
    place, made = Path(path), not Path(path).parent.exists()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        log = Journal(place, subject)
    except OSError as error:
        raise DataError(f"the journal {place}: {error.strerror}", "a file of your own", "another name") from None
    ours = False
    try:
        log._lock()
        log._read()
        ours = True
        yield log
    finally:
        with suppress(OSError):  # a full disk was told of when a line did not fit
            os.fsync(log._file)
        if ours and not log.found:
            place.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                if made:
                    place.parent.rmdir()
        _OPEN.discard(log._file)
        log._unlock()
        os.close(log._file)


def _text(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
