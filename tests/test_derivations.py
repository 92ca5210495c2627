"""Every script in derivations/ runs and ends with a certificate that holds."""

import runpy
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parent.parent / "derivations").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(script), run_name="__main__")
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert all(f"  {link:<10} holds" in printed for link in ("simulation", "lines", "compiled"))
    assert r"\begin{align*}" in printed


def test_there_are_scripts() -> None:
    assert {"nngp_relu", "ntk_relu", "ntk_erf"} <= {script.stem for script in SCRIPTS}
