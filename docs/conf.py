"""Sphinx: the pages of this directory, and the API from the docstrings."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "spikecell"
author = copyright = "the authors of spikecell"
version = release = version_of("spikecell")

extensions = ["sphinx.ext.autodoc", "numpydoc", "myst_parser", "everything"]
exclude_patterns = ["_build"]
root_doc = "index"

html_theme = "furo"
html_title = "spikecell"
html_static_path = html_css_files = ["style.css"]
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False

# numpydoc says the types; the signatures stay short.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them
nitpicky = True  # a name that leads nowhere is an error
nitpick_ignore_regex = [
    ("py:class", r"snn\.(layers|neurons|synapses)\.\w+\.\w+"),  # but for a State, which its page describes,
    ("py:class", r"(Classifier|Regressor)Mixin"),  # and for classes of scikit-learn
]
myst_heading_anchors = 3
toc_object_entries_show_parents = "hide"
