"""Marks printed tables, which the style sheet does not fold on a narrow screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GAP = re.compile(r"(?<=\S) {2,}(?=\S)")  # between two columns


def has_columns(text: str) -> bool:
    """Say whether several lines that are not code have several columns."""
    printed = (line for line in text.splitlines() if not line.startswith((">>>", "...")))
    return sum(len(GAP.findall(line)) >= 3 for line in printed) > 2


def _mark(app: Sphinx, doctree: nodes.document) -> None:
    for block in doctree.findall(nodes.literal_block):
        if has_columns(block.astext()):
            block["classes"].append("columns")


def setup(app: Sphinx) -> dict[str, bool]:
    """Mark the tables of a page when it is read."""
    app.connect("doctree-read", _mark)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
