"""The directive ``everything``: documents the ``__all__`` of a module, grouped by the modules that define the names."""

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
texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].glob("api/*.rst")]
documented = sorted({name for text in texts for name in PAGES.findall(text)})
"""The modules that have a page."""


class Everything(SphinxDirective):
    """``.. everything:: autograd.ops``: a list of all names, then their entries.

    With ``:from:``, the names that these modules export and that are not in its ``__all__``. With ``:first:``, parts of module
    names: names defined in these modules come first, in this order.
    """

    required_arguments = 1
    option_spec = {"from": directives.unchanged, "first": directives.unchanged}

    def run(self) -> list[Any]:
        """Return the contents of the page."""
        page = self.arguments[0]
        module = importlib.import_module(page)
        beside = [importlib.import_module(name) for name in self.options.get("from", "").split()]
        names = [n for source in beside for n in source.__all__ if n not in module.__all__] if beside else module.__all__
        lines = [] if beside else [f".. py:module:: {page}", "", inspect.cleandoc(module.__doc__ or ""), ""]
        first = self.options.get("first", "").split()
        if first:
            names = sorted(names, key=lambda name: _rank(getattr(module, name), first))
        groups: dict[tuple[str, str], list[str]] = {}
        listed: dict[tuple[str, str], list[str]] = {}
        for name in names:
            group, entry = _entry(page, name, getattr(module, name))
            groups.setdefault(group, []).extend(entry)
            listed.setdefault(group, []).append(name)
        # Lists of modules, objects and other names come last.
        ordered = sorted(groups.items(), key=lambda item: item[0] in LISTS)
        if first:
            lines += _overview(page, {group: listed[group] for group, _ in ordered if group not in LISTS})
        said = "" if beside else inspect.cleandoc(module.__doc__ or "")  # is already at the top of the page
        for (title, text), entries in ordered:
            lines += [title, "-" * len(title), "", text if text != said else "", "", *entries, ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def _rank(value: Any, first: list[str]) -> tuple[int, bool]:
    """Return the rank of a value: the place of its module among those that come first, and functions before classes."""
    home = f"{getattr(value, '__module__', None) or ''}."
    return next((place for place, part in enumerate(first) if f"{part}." in home), len(first)), isinstance(value, type)


def _overview(page: str, listed: dict[tuple[str, str], list[str]]) -> list[str]:
    """Return a table of the names on a page, a row for each group."""
    lines = ["", ".. list-table::", "   :widths: 25 75", ""]
    by_title: dict[str, list[str]] = {}
    for (title, _), names in listed.items():
        by_title.setdefault(title, []).extend(names)
    for title, names in by_title.items():
        links = ", ".join(f":py:obj:`~{page}.{name}`" for name in names)
        lines += [f"   * - {title}", f"     - {links}"]
    return [*lines, ""]


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
    place = place_of(value, page)
    if place != full:
        return OTHERS, [f"- ``{name}``: :py:obj:`{place}`"]
    if isinstance(value, type) and issubclass(value, Operator):
        return OBJECTS, [f".. py:class:: {full}({', '.join(value.options)})", "", f"   {_first_line(value)}", ""]
    defined = importlib.import_module(home)
    group = home.rpartition(".")[2].replace("_", " ").capitalize(), inspect.cleandoc(defined.__doc__ or "")
    if not isinstance(value, type):
        return group, [f".. autofunction:: {full}", ""]
    # Members inherited from a class with its own entry are documented there.
    above = ", ".join(c.__name__ for c in dropwhile(lambda c: not _has_entry(c), value.__mro__[1:]))
    shown = ["   :show-inheritance:"] if any(_has_entry(base) for base in value.__bases__ if base is not object) else []
    return group, [f".. autoclass:: {full}", "   :members:", f"   :inherited-members: {above}", *shown, ""]


def _has_entry(cls: type) -> bool:
    return not cls.__module__.startswith(PACKAGES) or place_of(cls, "") != f".{cls.__name__}"


def _show_bases(app: Sphinx, name: str, obj: Any, options: Any, bases: list[Any]) -> None:
    """Leave out the bases that are not documented, and name the others as users do."""
    bases[:] = [
        f":py:class:`{place_of(b, '') if b.__module__.startswith(PACKAGES) else b.__name__}`" for b in bases if _has_entry(b)
    ]


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of a NamedTuple, which its attributes describe, and methods that scikit-learn adds to a class."""
    adds = str(getattr(obj, "__module__", "")).startswith("sklearn.")
    return True if adds or type(obj).__name__ == "_tuplegetter" else None


def _find(app: Sphinx, env: Any, node: Any, contents: Any) -> Any:
    """Resolve a name that can be imported but differs from the name of its entry."""
    page, _, name = node.get("reftarget", "").rpartition(".")
    try:
        value = getattr(importlib.import_module(page), name)
    except (ImportError, AttributeError, ValueError):
        return None
    if node.get("refdomain") != "py" or not hasattr(value, "__name__"):
        return None
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", place_of(value, page), node, contents)


def place_of(value: Any, page: str) -> str:
    """Return the entry of a value: its own name, on the page nearest to its definition."""
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
