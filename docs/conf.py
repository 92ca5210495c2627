"""Sphinx: `sphinx-build -W docs out/docs`. Formulas become MathML in the build; pages ask nothing of a network."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import pages
from docutils import nodes
from sphinx.application import Sphinx

from symlimits import __version__
from symlimits.paper.mathml import STYLE, mathml

project, author, version = "symlimits", "The symlimits developers", __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
default_role = "code"
add_module_names = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
html_theme = "alabaster"
html_show_copyright = False
html_theme_options = {
    "page_width": "74rem",
    "body_max_width": "none",
    "sidebar_width": "15rem",
    "fixed_sidebar": True,
    "show_powered_by": False,
}
html_css_files = ["mathml.css"]
html_static_path = ["_static"]
exclude_patterns = ["_static"]

PAGE = """
div.display { margin: 1em 2em; overflow-x: auto; }
div.body pre { font-size: 0.72em; padding: 7px 12px; }
div.sphinxsidebar code { color: inherit; background: none; }
div.body img { max-width: 100%; height: auto; }
div.body a:has(img) { border: none; }
""".strip()

_DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_INLINE = re.compile(r"\$([^$]+?)\$")


def read_formulas(app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]) -> None:
    """Docstrings write formulas between dollars, as notebooks do; reStructuredText has a role for them."""
    text = inspect.cleandoc("\n".join(lines))
    text = _DISPLAYED.sub(lambda m: f"\n\n.. math:: {' '.join(m[1].split())}\n\n", text)
    lines[:] = _INLINE.sub(lambda m: f":math:`{' '.join(m[1].split())}`", text).split("\n")


def without_last_line(app: Sphinx, page: nodes.document) -> None:
    """Sessions end with an empty line, for doctest; pages do without."""
    for block in page.findall(nodes.literal_block):
        block.rawsource = block.astext().rstrip()
        block[:] = [nodes.Text(block.rawsource)]


def visit_formula(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def visit_display(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="display">{mathml(node.astext())}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", read_formulas)
    app.connect("doctree-read", without_last_line)
    app.add_node(nodes.math, override=True, html=(visit_formula, None))
    app.add_node(nodes.math_block, override=True, html=(visit_display, None))
    static = Path(app.srcdir) / "_static"
    static.mkdir(exist_ok=True)
    (static / "mathml.css").write_text(f"{STYLE}\n{PAGE}\n")
    pages.write(Path(app.srcdir))
