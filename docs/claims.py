"""Writes the table of claims into docs/claims.md and README.md: `python docs/claims.py out`.

`out` is the folder of `symlimits reproduce --out out`, run before; it holds the table with the outcomes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from symlimits.paper.claims_table import FILE, HEADLINES, markdown, statuses, within

DOCS = Path(__file__).resolve().parent
INTRODUCTION = """# Claims

Every statement that `symlimits reproduce` derives, certifies and prints; written by `python docs/claims.py`. The links
are those of a certificate that apply: networks against line 0, line against line, last line against compiled code,
special against general.

"""


def main(folder: str) -> None:
    found = (Path(folder) / FILE).read_text(encoding="utf-8")
    (DOCS / FILE).write_text(INTRODUCTION + found, encoding="utf-8")
    rows = statuses(found)
    readme = DOCS.parent / "README.md"
    text = within(readme.read_text(encoding="utf-8"), markdown(rows[name] for name in HEADLINES))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
