"""Sphinx: the pages of this directory, and the API from the docstrings."""

import logging
import os
import sys
import tempfile
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))
os.environ["SPIKECELL_QUIET"] = "1"
os.environ["MATPLOTLIBRC"] = str(HERE / "matplotlibrc")  # figures of executed pages
# Kernels ignore the user's profile, and do not warn at each start that a local port is not encrypted.
profiles = tempfile.TemporaryDirectory(prefix="spikecell-docs-")
(Path(profiles.name) / "profile_default").mkdir()
(Path(profiles.name) / "profile_default" / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 'ERROR'\n")
os.environ["IPYTHONDIR"] = profiles.name

project = "spikecell"
author = copyright = "the authors of spikecell"
version = release = version_of("spikecell")

extensions = [
    "sphinx.ext.autodoc",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "columns",
    "everything",
    "links",
    "notebooks",
]
exclude_patterns = ["_build"]
root_doc = "index"

html_theme = "furo"
html_title = "spikecell"
html_static_path = html_css_files = ["style.css"]
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False

# Types are in the docstrings; the signatures stay short.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them
nitpicky = True  # a name that leads nowhere is an error
nitpick_ignore_regex = [
    ("py:class", r"snn\.(layers|neurons|synapses)\.\w+\.\w+"),  # except a State, which its page describes,
    ("py:class", r"(Classifier|Regressor)Mixin"),  # and classes of scikit-learn
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
toc_object_entries_show_parents = "hide"

# Pages with a kernel run when the site is built; an error in one fails the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
logging.getLogger("traitlets").setLevel(logging.WARNING)  # it would report each page that runs

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
