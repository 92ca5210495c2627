"""The tables of claims in README and docs say what the objects say."""

from pathlib import Path

import pytest

from symlimits.paper.claims import HEADLINES, claims
from symlimits.paper.claims_table import END, START, row, statuses, within
from symlimits.paper.scope import facts

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
