"""The tables of claims in README and docs say what the objects say."""

import re
from pathlib import Path

import pytest
import sympy as sp

from symlimits.chain import Derivation
from symlimits.paper.claims import PAPERS, TABLE, claims, find
from symlimits.paper.claims_table import END, HEADLINES, START, row, statuses, within
from symlimits.paper.notation import MEANINGS
from symlimits.paper.reproduce import QUICK_SIZES, examine
from symlimits.paper.scope import facts
from symlimits.paper.verify import verify
from symlimits.theory.mixtures.posterior_lines import at_zero
from symlimits.theory.training.posterior_lines import posterior_statement
from symlimits.theory.training.statements import statement

NEW_KINDS = (  # of statement: an identity of matrices, of numbers, networks of their own, a line of another module
    "law-end-mean",
    "posterior-slope",
    "pair-determinant",
    "exponent-ic-mf-f-init",
    "gap-kernel",
    "trained-rate",
)
ROOT = Path(__file__).resolve().parents[2]
HOLDS = "holds"


@pytest.mark.slow
def test_the_tables_are_not_stale() -> None:
    written = statuses((ROOT / "docs" / "claims.md").read_text(encoding="utf-8"))
    fresh = {name: row(claim, facts(claim.build()), HOLDS) for name, claim in claims().items()}
    assert written == fresh, "run: symlimits reproduce --out out && python docs/claims.py out"


def test_the_readme_shows_the_headlines() -> None:
    written = statuses((ROOT / "docs" / "claims.md").read_text(encoding="utf-8"))
    shown = (ROOT / "README.md").read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    assert statuses(shown) == {name: written[name] for name in HEADLINES}


def test_a_table_takes_the_place_of_an_older_one() -> None:
    text = within(f"a {START} old {END} z", "new")
    assert within(text, "newer") == f"a {START}\n\nnewer\n{END} z"


def test_every_claim_has_a_file_of_its_own_and_a_source() -> None:
    names = [claim.name for claim in TABLE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in names)
    assert all(claim.title and claim.source and claim.paper in PAPERS for claim in TABLE)
    assert len({claim.code for claim in TABLE}) == len(names)
    assert set(HEADLINES) <= set(names)


@pytest.mark.parametrize(
    ("paper", "lines"),
    [
        ("lee2019", statement("mean", "end")),
        ("lee2019", posterior_statement("evidence")),
        ("bassetti2024", at_zero(3, 1)),
    ],
    ids=["law", "posterior", "slope"],
)
def test_letters_of_a_last_line_are_explained(paper: str, lines: Derivation) -> None:
    letters = {str(symbol) for symbol in lines.expr.atoms(sp.Symbol)}
    assert letters <= {"Theta_zx"} | set(MEANINGS[paper])  # which stands with Theta_xx


@pytest.mark.slow
@pytest.mark.parametrize("name", NEW_KINDS)
def test_certificates_of_claims_are_verified_from_their_files(name: str) -> None:
    outcome = examine(find(name), QUICK_SIZES, 0)
    assert outcome.certificate.ok, str(outcome.certificate)
    found = verify(outcome.files[f"{name}.certificate.json"])
    assert found.ok, str(found)
