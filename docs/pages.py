"""The pages that follow from the code: the reference of public names, and the gallery of derivations."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import symlimits as sl

DOCS = Path(__file__).resolve().parent
ROOT, FOLDER = DOCS.parent, "derivations"
FUNCTIONS, CLASSES, MODULES = "Functions", "Classes", "Modules"

INTRODUCTION = """Every script of `derivations/` with what it prints and, where that says something, what it draws:
`python derivations/nngp_relu.py`, and with `--figure FILE` its picture. Tests run them; `python docs/gallery.py`
writes what they print and draw anew.
"""
TOPICS = {
    "Kernels": (
        *("nngp_relu", "ntk_relu", "ntk_erf", "ntk_from_backprop", "activations", "layers", "convolution"),
        "phase_diagram",
    ),
    "How hyperparameters scale with width": (
        *("limit_models", "separate_rates", "abc", "deep_mean_field", "width_exponents"),
    ),
    "Training": ("training_laws", "linearization", "first_feature_step", "mup_two_steps", "recurrent_network"),
    "Tensor programs": ("master_theorem",),
    "Output laws": (
        *("output_law_finite", "output_law_limit", "output_law_relu", "two_outputs", "bayes", "finite_width"),
    ),
    "Training of deep linear networks": (
        *("deep_linear_recursion", "deep_linear_forest", "deep_linear_polynomials", "deep_linear_flow"),
    ),
}
_DISPLAY = re.compile(r"(\\begin\{align\*\}.*?\\end\{align\*\})", re.DOTALL)
_TEX = re.compile(r"[*_$\\\[\]<>`]")  # what Markdown would take for its own


def write(folder: Path) -> None:
    """Write the pages where they have changed."""
    names = [name for names in TOPICS.values() for name in names]
    pages = {f"{FOLDER}/{name}.md": derivation(name) for name in names}
    for name, text in {"reference.rst": reference(), "gallery.md": gallery(), **pages}.items():
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
    """The scripts of derivations/ by topic: what each says of itself, its picture, and the way to its page."""
    parts = ["# Gallery of derivations\n\n" + INTRODUCTION]
    for topic, names in TOPICS.items():
        parts.append(f"## {topic}\n")
        for name in names:
            title, rest = said(name)
            parts.append(f"### [{title}]({FOLDER}/{name}.md)\n\n{rest}\n")
            if (DOCS / FOLDER / f"{name}.png").exists():
                parts.append(f"[![{_drawn(name)}]({FOLDER}/{name}.png)]({FOLDER}/{name}.md)\n")
    pages = "\n".join(f"{FOLDER}/{name}" for names in TOPICS.values() for name in names)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n")
    return "\n".join(parts)


def derivation(name: str) -> str:
    """The page of a script: its words, how it is run, what it draws and prints, and its source."""
    title, rest = said(name)
    folder, parts = DOCS / FOLDER, [f"# {title}\n\n{rest}\n\n```sh\npython derivations/{name}.py\n```\n"]
    if (folder / f"{name}.png").exists():
        drawn = _drawn(name)
        parts.append(f"## Picture\n\n![{drawn}]({name}.png)\n\n{drawn}\n")
        parts.append(f"```sh\npython derivations/{name}.py --figure {name}.png\n```\n")
    if (folder / f"{name}.txt").exists():
        parts.append(f"## Printed\n\n{printed((folder / f'{name}.txt').read_text(encoding='utf-8'))}\n")
    parts.append(f"## Source\n\n```{{literalinclude}} ../../derivations/{name}.py\n:language: python\n```\n")
    return "\n".join(parts)


def said(name: str) -> tuple[str, str]:
    """The first sentence of a script about itself, as a title, and the rest."""
    title, _, rest = _docstring(_parsed(name)).partition("\n")
    return title.rstrip("."), " ".join(_TEX.sub(r"\\\g<0>", rest).split())


def printed(text: str) -> str:
    """What a script printed, as Markdown: displays as formulas, the rest as it stands."""
    parts = []
    for place, piece in enumerate(_DISPLAY.split(text)):
        if piece.strip():
            fence = "```{math}\n:nowrap:\n\n" if place % 2 else "```text\n"
            parts.append(f"{fence}{piece.strip(chr(10))}\n```\n")
    return "\n".join(parts)


def _drawn(name: str) -> str:
    """What the picture of a script shows, in its own words."""
    found = next(node for node in _parsed(name).body if isinstance(node, ast.FunctionDef) and node.name == "picture")
    return _docstring(found).rstrip(".")


def _parsed(name: str) -> ast.Module:
    return ast.parse((ROOT / "derivations" / f"{name}.py").read_text(encoding="utf-8"))


def _docstring(node: ast.Module | ast.FunctionDef) -> str:
    return ast.get_docstring(node) or ""
