"""The pages that follow from the code: the reference of public names, and the gallery of derivations."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import symlimits as sl

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS, CLASSES, MODULES = "Functions", "Classes", "Modules"


def write(folder: Path) -> None:
    """Write both pages where they have changed."""
    for name, text in (("reference.rst", reference()), ("gallery.md", gallery())):
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def reference() -> str:
    """Every public name with its docstring."""
    kinds: dict[str, list[str]] = {FUNCTIONS: [], CLASSES: [], MODULES: []}
    for name in sl.__all__:
        value = getattr(sl, name)
        if isinstance(value, type) and value.__module__ != sl.errors.__name__:  # errors are a module here
            kinds[CLASSES].append(f".. autoclass:: {value.__module__}.{value.__qualname__}\n   :members:\n")
        elif inspect.isfunction(value):
            kinds[FUNCTIONS].append(f".. autofunction:: {value.__module__}.{value.__qualname__}\n")
        elif inspect.ismodule(value):
            kinds[MODULES].append(f".. automodule:: {value.__name__}\n   :members:\n")
    parts = ["Reference\n=========\n"]
    for kind, entries in kinds.items():
        parts += [kind, "-" * len(kind), "", *entries]
    return "\n".join(parts)


def gallery() -> str:
    """The scripts of derivations/, each with what it says of itself."""
    parts = ["# Derivations\n\nScripts of `derivations/`: run them, they print every line. The tests run them too.\n"]
    for script in sorted((ROOT / "derivations").glob("*.py")):
        said = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or ""
        title, _, rest = said.partition("\n")
        parts.append(f"## {title.rstrip('.')}\n\n```text\n{rest.strip() or title}\n```\n")
        if (ROOT / "docs" / f"{script.stem}.png").exists():
            parts.append(f"![{title}]({script.stem}.png)\n")
        parts.append(f"```{{literalinclude}} ../derivations/{script.name}\n:language: python\n```\n")
    return "\n".join(parts)
