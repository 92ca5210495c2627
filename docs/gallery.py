"""Writes what the scripts of derivations/ print and draw into docs/derivations/: `python docs/gallery.py [names]`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pages import DOCS, FOLDER, ROOT, TOPICS

COLOURS = 128  # of a picture: a third of the size, and nothing that is seen


def main(names: list[str]) -> None:
    for name in names or [name for topic in TOPICS.values() for name in topic]:
        script, place = ROOT / "derivations" / f"{name}.py", DOCS / FOLDER / name
        print(name, flush=True)
        run = [sys.executable, str(script)]
        found = subprocess.run(run, check=True, capture_output=True, text=True).stdout
        place.with_suffix(".txt").write_text(found, encoding="utf-8")
        if "--figure" in script.read_text(encoding="utf-8"):
            subprocess.run([*run, "--figure", str(place.with_suffix(".png"))], check=True)
            shrink(place.with_suffix(".png"))


def shrink(picture: Path) -> None:
    """The picture in fewer colours."""
    from PIL import Image  # matplotlib brings it along

    Image.open(picture).convert("RGB").quantize(COLOURS).save(picture, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
