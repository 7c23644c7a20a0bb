"""Links the names of the API wherever a page has one in ``code``: ``snn.run``, ``nn.Dense``, ``LIFNode(beta=0.9)``."""

from __future__ import annotations

import importlib
import re
from typing import Any

from docutils import nodes
from everything import PACKAGES, place_of
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(\(.*\))?", re.DOTALL)
SHORT = {"ms": "autograd", "nn": "autograd.nn", "ops": "autograd.ops", "optim": "autograd.optim"}
"""As the listings of the pages import them."""


def _link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    objects = app.env.domains["py"].objects
    for literal in list(doctree.findall(nodes.literal)):
        match = NAME.fullmatch(literal.astext())
        if match is None or _is_linked(literal) or (docname.startswith("coming/") and _is_theirs(literal)):
            continue
        name = _full(match[1])
        entry = objects.get(name) if name else None
        if entry is not None and entry.docname != docname:
            link = make_refnode(app.builder, docname, entry.docname, entry.node_id, literal.deepcopy(), name)
            literal.replace_self(link)


def _is_linked(node: nodes.Node) -> bool:
    while node is not None:
        if isinstance(node, (nodes.reference, nodes.title)):
            return True
        node = node.parent
    return False


def _is_theirs(node: nodes.Node) -> bool:
    """Return whether a name is in the first column of a table, which has the names of another package."""
    while node is not None and not isinstance(node, nodes.entry):
        node = node.parent
    return node is not None and node.parent.index(node) == 0


def _full(name: str) -> str | None:
    """Return the name of the entry of a value, or None if the name is not in the API."""
    first, dot, rest = name.partition(".")
    if not dot:
        # A name alone means a neuron or a layer over time, unless a layer of autograd has it, too.
        page = importlib.import_module("snn")
        clear = name[:1].isupper() and name in page.__all__ and not hasattr(importlib.import_module("autograd.nn"), name)
        full = f"snn.{name}" if clear else ""
    else:
        full = f"{SHORT.get(first, first)}.{rest}"
    if not full.startswith(PACKAGES):
        return None
    page_name, _, last = full.rpartition(".")
    try:
        value: Any = getattr(importlib.import_module(page_name), last)
    except (ImportError, AttributeError):
        return full  # a method or an attribute, with or without an entry
    return place_of(value, page_name) if hasattr(value, "__name__") and not hasattr(value, "__path__") else full


def setup(app: Sphinx) -> dict[str, bool]:
    """Link names when all pages are known."""
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
