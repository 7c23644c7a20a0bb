"""Import rules beyond the contracts in pyproject.toml."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

grimp = pytest.importorskip("grimp", reason="comes with import-linter, of the extra 'lint'")


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that import each other, directly or through others of the set."""
    names = sorted(imports)
    place = {name: i for i, name in enumerate(names)}
    edges = np.array([(place[name], place[other]) for name in names for other in imports[name]]).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), edges.T), (len(names), len(names)))
    _, labels = connected_components(graph, connection="strong")
    found = [{names[i] for i in np.flatnonzero(labels == label)} for label in np.flatnonzero(np.bincount(labels) > 1)]
    return sorted(found, key=min)


def imported(*packages, types):
    """Return what each module imports, within functions too; and for type checkers alone, where ``types``."""
    graph = grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=not types)
    return {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}


def test_no_modules_import_each_other_in_a_circle():
    assert circles(imported("autograd", "snn", "experiments", "benchmarks", types=False)) == []


def test_no_modules_above_the_core_name_each_others_types_in_a_circle():
    """In the core operations and Tensors name each other. A report and what draws it do; nothing else does."""
    report = {"snn.inspect.health_report", "snn.inspect.health_rules", "snn.plot.health"}
    assert circles(imported("snn", "experiments", "benchmarks", types=True)) == [report]


def test_circles_are_found_and_shared_imports_are_none():
    imports = {"a": {"b", "d"}, "b": {"c"}, "c": {"a"}, "d": {"e", "f"}, "e": {"f"}, "f": set(), "g": {"h"}, "h": {"g"}}
    assert circles(imports) == [{"a", "b", "c"}, {"g", "h"}]
    assert circles({"a": set(), "b": set()}) == []
