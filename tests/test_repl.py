"""In IPython: the extension gives names and formulas; tables print as HTML; the tab key finds names."""

from __future__ import annotations

import pytest

import symlimits as sl
from symlimits import activations as act
from symlimits.certify import Certificate, Link
from symlimits.repl import shown

interactive = pytest.importorskip("IPython.core.interactiveshell")


def test_the_extension() -> None:
    shell = interactive.InteractiveShell()
    shell.run_line_magic("load_ext", "symlimits")
    assert shell.user_ns["sl"] is sl
    assert shell.user_ns["act"] is act
    text, _ = shell.display_formatter.format(sl.dual(act.sign))
    assert "⋅asin" in text["text/plain"]
    assert "Price's theorem" in text["text/plain"]
    assert text["text/latex"].startswith(r"$\displaystyle T(p, q, c) = ")
    assert {"nngp", "ntk", "errors", "Notation"} <= set(dir(sl))
    assert "MF-NTK" in sl.scaling.one_hidden_layer()._ipython_key_completions_()


def test_kernels_print_their_layers() -> None:
    text = shown(sl.ntk(sl.mlp("L", act.linear)))
    assert text.startswith("Theta(x, z) =\n    Theta, from\n")
    assert "then L x" in text


def test_tables_as_html() -> None:
    certificate = Certificate("a < b", (Link("lines", None, "a & b"), Link("compiled", False, "no")), 0, {})
    page = certificate._repr_html_()
    assert "a &lt; b" in page
    assert "a &amp; b" in page
    assert "BROKEN" in page
    assert sl.scaling.one_hidden_layer()._repr_html_().count("<tr>") == 14
