"""The user's numbers are read, and bad ones refused in words."""

from pathlib import Path

import numpy as np
import pytest

from symlimits.errors import DataError
from symlimits.paper.tables import read_rows, read_samples

ROWS = np.array([[1.0, -2.5], [3e-4, 4.0]])


def test_rows_from_npy_and_csv(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", ROWS)
    (tmp_path / "x.csv").write_text("1,-2.5\n3e-4,4\n")
    (tmp_path / "named.csv").write_text("a,b\n1,-2.5\n3e-4,4\n")
    for name in ("x.npy", "x.csv", "named.csv"):
        np.testing.assert_array_equal(read_rows(tmp_path / name), ROWS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,2\n3\n", "columns"),
        ("1,2\n3,x\n", "could not convert string 'x'"),
        ("1,x\n3,4\n", "could not convert string 'x'"),
        ("1,2\n3,nan\n", r"NaN or an infinity at index \(1, 1\)"),
        ("1,2\n3,inf\n", "NaN or an infinity"),
        ("", "holds no numbers"),
        ("a,b\n", "holds no numbers"),
        ("1;2\n3;4\n", "could not convert"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=reason):
        read_rows(tmp_path / "x.csv")


def test_bad_files(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([object()]), allow_pickle=True)
    np.save(tmp_path / "words.npy", np.array(["a"]))
    np.save(tmp_path / "nan.npy", np.array([[np.nan]]))
    (tmp_path / "damaged.npy").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    np.savez(tmp_path / "x.npz", a=ROWS)
    (tmp_path / "x.npz").rename(tmp_path / "archive.npy")
    names = (
        "objects.npy",
        "words.npy",
        "nan.npy",
        "damaged.npy",
        "bytes.csv",
        "archive.npy",
        "none.npy",
        "x.txt",
        "x" * 300 + ".npy",
    )
    for name in names:
        with pytest.raises(DataError, match=name):
            read_rows(tmp_path / name)


def test_samples_in_every_form(tmp_path: Path) -> None:
    draws = {8: np.array([1.0, 2.0]), 64: np.array([3.0])}
    np.savez(tmp_path / "s.npz", n8=draws[8], layer2_width_64=draws[64])
    (tmp_path / "s.csv").write_text("size,value\n8,1\n64,3\n8,2\n")
    np.save(tmp_path / "a.npy", draws[8])
    (tmp_path / "b.csv").write_text("3\n")
    separate = [f"8={tmp_path / 'a.npy'}", f"64={tmp_path / 'b.csv'}"]
    for specifications in ([str(tmp_path / "s.npz")], [str(tmp_path / "s.csv")], separate):
        found = read_samples(specifications)
        assert found.keys() == draws.keys()
        for size in draws:
            np.testing.assert_array_equal(found[size], draws[size])


def test_bad_samples(tmp_path: Path) -> None:
    np.savez(tmp_path / "nameless.npz", a=ROWS)
    np.savez(tmp_path / "twice.npz", n8=ROWS, m8=ROWS)
    np.savez(tmp_path / "objects.npz", n8=np.array([object()]))
    (tmp_path / "three.csv").write_text("8,1,2\n")
    (tmp_path / "fraction.csv").write_text("8.5,1\n")
    (tmp_path / "garbage.npz").write_bytes(b"garbage")
    np.save(tmp_path / "a.npy", ROWS)
    for name in ("nameless.npz", "twice.npz", "objects.npz", "three.csv", "fraction.csv", "garbage.npz", "a.npy"):
        with pytest.raises(DataError):
            read_samples([str(tmp_path / name)])
