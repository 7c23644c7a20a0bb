"""Public names: ``dir`` of every public module, documentation, and hints for names of other packages."""

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import get_origin

import numpy as np
import pytest

import autograd
import snn
from autograd import nn, ops
from autograd.errors import UnknownImportError, UnknownNameError
from snn.common import foreign
from snn.common.foreign import NEURON

PAGES = sorted(
    {
        name
        for path in Path(__file__).parents[2].glob("docs/api/*.rst")
        for name in re.findall(r"^\.\. everything:: ([\w.]+)$", path.read_text(), re.MULTILINE)
    }
)


def public():
    """Return the modules that have a page, or that can be reached from one by names that it exports."""
    waiting, found = [importlib.import_module(name) for name in [*PAGES, "snn.neurons"]], {}
    while waiting:
        module = waiting.pop()
        if module.__name__ not in found:
            found[module.__name__] = module
            waiting += [value for name in dir(module) if isinstance(value := getattr(module, name), ModuleType)]
    return found


MODULES = public()
every_module = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)


def test_the_modules_are_found():
    assert {"autograd", "autograd.ops", "autograd.nn.init", "autograd.optim.schedules", "snn", "snn.plot"} <= set(MODULES)
    assert all(name.partition(".")[0] in ("autograd", "snn") for name in MODULES)


@every_module
def test_dir_shows_what_is_public_and_nothing_else(module):
    names = dir(module)
    assert names == sorted(set(names))
    assert set(module.__all__) <= set(names)
    assert [name for name in names if name.startswith("_")] == []
    if module is not ops:  # which has MindSpore's further names beside its own
        assert set(names) == set(module.__all__)


@every_module
def test_everything_that_dir_shows_is_there_and_documented(module):
    assert module.__doc__
    for name in dir(module):
        value = getattr(module, name)
        if getattr(value, "__module__", "").startswith(("autograd", "snn")) or isinstance(value, ModuleType):
            assert (value.__doc__ or "").strip(), f"{module.__name__}.{name}"
        else:  # a dtype, a number, a counter, a type to annotate with, and functools.partial as MindSpore has it
            known = not isinstance(value, type) or get_origin(value) or name == "partial"
            assert known, f"{module.__name__}.{name}"


def test_nothing_of_the_machinery_is_shown():
    assert not {"Any", "guard", "plan", "watch", "layer", "np", "optim", "TYPE_CHECKING"} & set(dir(snn))
    assert {"run", "LIFNode", "losses", "metrics", "health", "plot"} <= set(dir(snn))


# Names of other packages

NAMES = [(module, name) for module, table in foreign.MODULES.items() for name in table]
TEXTS = {text for table in foreign.MODULES.values() for text in table.values()} | set(NEURON.values())
ROOTS = {"snn": snn, "autograd": autograd, "np": np}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_name_of_another_package_says_what_to_write(module, name):
    found, text = importlib.import_module(module), foreign.MODULES[module][name]
    with pytest.raises(UnknownNameError) as error:
        getattr(found, name)
    assert str(error.value) == f"{module}.{name}: expected a name of spikecell, got one of another framework. {text}."
    assert not hasattr(found, name)
    assert name not in dir(found)
    with pytest.raises(UnknownImportError, match=re.escape(text)):
        exec(f"from {module} import {name}", {})


@pytest.mark.parametrize("text", sorted(TEXTS))
def test_what_a_hint_names_is_there(text):
    for path in re.findall(r"(?<![\w.'])(?:snn|autograd|np)\.[a-zA-Z_][\w.]*\w", text):
        root, *names = path.split(".")
        found = ROOTS[root]
        for part in names:
            found = getattr(found, part)


def test_what_a_hint_calls_can_be_called():
    x, spikes, labels, rng = np.ones((4, 2, 3), np.float32), np.ones((4, 2, 3), np.float32), [0, 1], np.random.default_rng(0)
    scope = {"snn": snn, "autograd": autograd, "np": np, "x": x[0], "T": 3, "n": 3, "rng": rng, "spikes": spikes, "v": x}
    scope |= {"labels": labels, "scores": x[0], "target": x, "sigma": 0.5, "node": snn.IFNode(), "predictions": labels}
    scope |= {"net": nn.SequentialCell(snn.IFNode()), "num_features": 3, "step": 1000, "number": 10}
    called = 0
    for text in TEXTS:
        for call in re.findall(r"(?:snn|autograd)\.[\w.]+\((?:[^()]|\([^()]*\))*\)", text):
            if "..." not in call and "directory" not in call and "loss, None" not in call and "run(net" not in call:
                eval(call, dict(scope))
                called += 1
    assert called > 30


@pytest.mark.parametrize("module", foreign.MODULES)
def test_any_other_name_is_missing_as_ever(module):
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nonsense'"):
        importlib.import_module(module).nonsense  # noqa: B018


def test_a_name_that_is_ours_is_in_no_table():
    for module, table in foreign.MODULES.items():
        assert not set(table) & set(vars(importlib.import_module(module)))
