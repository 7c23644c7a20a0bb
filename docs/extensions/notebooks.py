"""Removes links and remarks that need the site from the notebooks that pages offer for download."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CHECKS = re.compile(r"<!--.*?-->\s*", re.DOTALL)  # for the tests
OFFER = re.compile(r"(?:(?!\n\n)[^.:])*\{nb-download\}`[^`]*`\.")  # the sentence about the notebook itself
LINK = re.compile(r"\[([^\]]*)\]\([^):]*\.md(?:#[^)]*)?\)")  # to another page


def alone(markdown: str) -> str:
    """Return the text of a cell without links to other pages and remarks for the site."""
    return LINK.sub(r"\1", OFFER.sub("", CHECKS.sub("", markdown))).strip()


def _clean(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).glob("_downloads/*/*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = alone("".join(cell["source"]))
        notebook["cells"] = [cell for cell in notebook["cells"] if "".join(cell["source"])]
        path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Clean notebooks when all files are written."""
    app.connect("build-finished", _clean)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
