"""The directive ``everything``: documents what a module exports by its ``__all__``, grouped by where it is defined."""

from __future__ import annotations

import importlib
import inspect
import re
from itertools import dropwhile
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autograd.operator import Operator

PAGES = re.compile(r"^\.\. everything:: ([\w.]+)$", re.MULTILINE)
texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("api/*.rst")]
documented = sorted({name for text in texts for name in PAGES.findall(text)})
"""The modules that have a page."""


class Everything(SphinxDirective):
    """``.. everything:: autograd.ops``; with ``:from:``, what these modules export into it beside its ``__all__``."""

    required_arguments = 1
    option_spec = {"from": directives.unchanged}

    def run(self) -> list[Any]:
        """Return what stands on the page."""
        page = self.arguments[0]
        module = importlib.import_module(page)
        beside = [importlib.import_module(name) for name in self.options.get("from", "").split()]
        names = [n for source in beside for n in source.__all__ if n not in module.__all__] if beside else module.__all__
        lines = [] if beside else [f".. py:module:: {page}", "", inspect.cleandoc(module.__doc__ or ""), ""]
        groups: dict[tuple[str, str], list[str]] = {}
        for name in names:
            group, entry = _entry(page, name, getattr(module, name))
            groups.setdefault(group, []).extend(entry)
        # What is defined here first; lists of modules, objects and other names last.
        for (title, text), entries in sorted(groups.items(), key=lambda item: item[0] in LISTS):
            lines += [title, "-" * len(title), "", text, "", *entries, ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


PACKAGES = "autograd", "snn"
MODULES = "Modules", ""
OBJECTS = "Operations as objects", "Options at construction, tensors at the call."
OTHERS = "Other names", "The same under another name, or on another page."
VALUES = "Values", ""
LISTS = (VALUES, OBJECTS, MODULES, OTHERS)


def _entry(page: str, name: str, value: Any) -> tuple[tuple[str, str], list[str]]:
    """Return the title and text of the group that an exported value belongs to, and its entry."""
    full = f"{page}.{name}"
    if isinstance(value, ModuleType):
        link = f":py:mod:`{full}`" if value.__name__ == full else f"``{full}``"  # a part without a page is a broken link
        return MODULES, [f"- {link}: {_first_line(value)}"]
    home = getattr(value, "__module__", None)
    if home is None or not home.startswith(PACKAGES) or not callable(value):
        return VALUES, [f".. py:data:: {full}", f"   :value: {value!r}", ""]
    place = _place(value, page)
    if place != full:
        return OTHERS, [f"- ``{name}``: :py:obj:`{place}`"]
    if isinstance(value, type) and issubclass(value, Operator):
        return OBJECTS, [f".. py:class:: {full}({', '.join(value.options)})", "", f"   {_first_line(value)}", ""]
    defined = importlib.import_module(home)
    group = home.rpartition(".")[2].replace("_", " ").capitalize(), inspect.cleandoc(defined.__doc__ or "")
    if not isinstance(value, type):
        return group, [f".. autofunction:: {full}", ""]
    # What comes from a class that has its own entry is said there.
    above = ", ".join(c.__name__ for c in dropwhile(lambda c: not _has_entry(c), value.__mro__[1:]))
    shown = ["   :show-inheritance:"] if any(_has_entry(base) for base in value.__bases__ if base is not object) else []
    return group, [f".. autoclass:: {full}", "   :members:", f"   :inherited-members: {above}", *shown, ""]


def _has_entry(cls: type) -> bool:
    return not cls.__module__.startswith(PACKAGES) or _place(cls, "") != f".{cls.__name__}"


def _show_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Leave out the bases that are not documented, and name the others as users do."""
    bases[:] = [
        f":py:class:`{_place(b, '') if b.__module__.startswith(PACKAGES) else b.__name__}`" for b in bases if _has_entry(b)
    ]


def _skip(app: Sphinx, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what scikit-learn adds to a class of ours, whose text leads to its own pages."""
    return True if str(getattr(value, "__module__", "")).startswith("sklearn.") else None


def _find(app: Sphinx, env: Any, node: Any, contents: Any) -> Any:
    """Resolve a name under which something can be imported, and that is not the one of its entry."""
    page, _, name = node.get("reftarget", "").rpartition(".")
    try:
        value = getattr(importlib.import_module(page), name)
    except (ImportError, AttributeError, ValueError):
        return None
    if node.get("refdomain") != "py" or not hasattr(value, "__name__"):
        return None
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", _place(value, page), node, contents)


def _place(value: Any, page: str) -> str:
    """Return where a value is documented: under its own name, on the page nearest to where it is defined."""
    name = value.__name__
    pages = [p for p in documented if getattr(importlib.import_module(p), name, None) is value]
    exported = [p for p in pages if name in importlib.import_module(p).__all__]
    near = [p for p in exported if value.__module__.startswith(p)]
    return f"{max(near, key=len) if near else min(exported or pages or [page], key=len)}.{name}"


def _first_line(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "").partition("\n")[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive, and links by public names."""
    app.add_directive("everything", Everything)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-bases", _show_bases)
    app.connect("missing-reference", _find)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
