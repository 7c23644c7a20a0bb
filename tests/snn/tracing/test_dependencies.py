"""Every value that a neuron's code reads is watched or refused: after any change, a compiled run agrees with an eager one.

``HYPOTHESIS_PROFILE=thorough`` draws 5,000 random neurons.
"""

import copyreg
import decimal
import itertools
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import snn
from autograd import Tensor, grad
from autograd.errors import CompileError
from snn.compiled import plan
from tests.snn.tracing.sources import PLACES, RANDOM, READERS

x = np.linspace(0.1, 1.0, 12, dtype=np.float32).reshape(3, 2, 2)
numbers = itertools.count()
HEAD = """
import array, collections, contextvars, ctypes, dataclasses, datetime, enum, functools, itertools, operator, os, pathlib
import random, secrets, sys, threading, time, types, uuid, weakref
import numpy as np
from autograd import Cell, Parameter, Tensor, ops
import {config} as config

NAME, PATH = {config!r}, {path!r}
RNG, RANDOM = np.random.default_rng(0), random.Random(0)
RNGS = [np.random.default_rng(1)]
CLOCK = functools.partial(time.time_ns)


class Slope(Cell):
    def construct(self, v):
        return (v > 1).astype(v.dtype)

    def bprop(self, v, out, dout):
        return (dout * {slope},)


class Decay(Cell):
{methods}
    def construct(self, v):
        return v * ({factor})


class Neuron(Cell):
    def __init__(self, parts):
        super().__init__()
        self.parts, self.slope = parts, Slope()

    def construct(self, x, v):
        for part in self.parts:
            v = part(v)
        v = v + x
        return self.slope(v) + 0.25 * v, v


node = Decay()
neuron = Neuron([node])
"""


class Script:
    """A module of the user's: a neuron that reads from some places, and the changes of these."""

    def __init__(self, tmp_path, reads, methods="", slope="1.0"):
        self.name = f"spikecell_script_{next(numbers)}"
        config = self.module(f"{self.name}_config")
        config.gain, config.sub = 0.5, types.ModuleType("sub")
        config.sub.gain = 0.5
        exec("class Config:\n    gain = 0.5", vars(config))
        self.space = vars(self.module(self.name))
        self.path = str(tmp_path / self.name)
        text = HEAD.format(config=config.__name__, path=self.path, slope=slope, methods=methods, factor=" * ".join(reads))
        self.file = f"{self.path}.py"
        self.run(text)

    def module(self, name):
        module = sys.modules[name] = types.ModuleType(name)
        return module

    def run(self, statements):
        exec(compile(statements, self.file, "exec"), self.space)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        np.seterr(over="warn")
        np.setbufsize(8192)
        decimal.setcontext(decimal.Context())
        if hasattr(Tensor, "spikecell_gain"):
            del Tensor.spikecell_gain
        del sys.modules[self.name], sys.modules[f"{self.name}_config"]

    def results(self, mode):
        """Return output, final state, and the gradient by the input."""
        neuron = self.space["neuron"]
        out, v, _ = snn.run(neuron, x, mode=mode)
        return out.asnumpy(), v.asnumpy(), grad(lambda x: snn.run(neuron, x, mode=mode)[0].sum())(x).asnumpy()


def agree(script):
    """Compare a compiled run with an eager one; return the eager one and whether the compiled one was refused."""
    try:
        found = script.results("python")
    except CompileError:
        return script.results("eager"), True
    expected = script.results("eager")
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-5)
    return expected, False


SEEN = [
    "parameter",
    "global parameter",
    "global",
    "class",
    "array",
    "module",
    "environment",
    "slots",
    "static method",
    "array under numpy's functions",
    "attribute of an array",
    "class of a module",
    "subclass of Parameter",
    "method of a Tensor",
    "attribute of a function that is not called",
    "object that lies about its class",
]
REFUSED = ["thread local", "generator", "counter", "file", "opened file", "global through globals()", "number of ctypes"]


@pytest.mark.parametrize("name", PLACES)
def test_a_change_of_what_a_neuron_reads_is_seen_or_the_neuron_refused(name, tmp_path):
    place = PLACES[name]
    reader = READERS[list(READERS)[sum(map(ord, name)) % len(READERS)]]
    methods, factor = (part.format(read=place.read) for part in reader)
    with Script(tmp_path, [factor], methods) as script:
        script.run(place.before)
        before, refused = agree(script)
        assert not (refused and name in SEEN)
        assert refused or name not in REFUSED
        script.run(place.change)
        after, _ = agree(script)
        assert (after[0] != before[0]).any()


@pytest.mark.parametrize("name", PLACES)
def test_a_change_of_what_a_bprop_reads_is_seen_or_the_neuron_refused(name, tmp_path):
    place = PLACES[name]
    with Script(tmp_path, ["0.5"], slope=place.read) as script:
        script.run("node, Decay = neuron.slope, Slope")
        script.run(place.before)
        before, _ = agree(script)
        script.run(place.change)
        after, _ = agree(script)
        assert (after[2] != before[2]).any()


def test_what_a_bprop_imports_is_seen(tmp_path):
    with Script(tmp_path, ["0.5"], slope="self.read()") as script:
        script.run(f"def read(self):\n    from {script.name}_config import gain\n    return gain\nSlope.read = read")
        before, refused = agree(script)
        assert not refused
        script.run("config.gain = 0.75")
        after, _ = agree(script)
        np.testing.assert_allclose(after[2] - before[2], (after[2] - before[2]), rtol=1e-6)
        assert (after[2] != before[2]).any()


@pytest.fixture
def _numpys_generator():
    state = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(state)  # noqa: NPY002


@pytest.mark.usefixtures("_numpys_generator")
@pytest.mark.parametrize("where", ["construct", "bprop"])
@pytest.mark.parametrize("name", RANDOM)
def test_what_changes_by_itself_is_always_refused(name, where, tmp_path):
    read = RANDOM[name]
    inside = {"reads": [read]} if where == "construct" else {"reads": ["0.5"], "slope": read}
    for _ in range(4):  # a coin falls on the same side twice at times
        with Script(tmp_path, **inside) as script, pytest.raises(CompileError) as error:
            snn.run(script.space["neuron"], x, mode="python")
        assert error.value.where == "Neuron.construct"
        assert "random" in error.value.got or "()" in error.value.got


HOLD = """
import contextlib, logging, warnings
log, lock = logging.getLogger("spikecell"), threading.Lock()
@dataclasses.dataclass(frozen=True)
class Config:
    gains: tuple = (0.5, 1.0)
    @functools.cached_property
    def half(self): return self.gains[0]
node.config, node.log, node.lock, node.path = Config(), log, lock, pathlib.Path("a")
node.space = types.SimpleNamespace(gain=0.5)
"""
FILES = """
node.file = node.space.file = sys.__stdout__
node.report, node.clock = functools.partial(print, file=node.file), functools.partial(time.time)
node.write = node.file.write
"""
REASONABLE = {
    "nothing": "0.5",
    "log": "(self.log.debug('%s', self), 0.5)[1]",
    "lock": "self.read(lambda: 0.5)",
    "cached property": "self.config.half",
    "dataclass": "dataclasses.asdict(self.config)['gains'][0]",
    "copy": "dataclasses.replace(self.config).gains[0]",
    "path": "(0.5 if str(self.path / 'b') else 1)",
    "path by os": "(0.5 if os.path.join('a', 'b') else 1)",
    "namespace with a file": "self.space.gain",
    "attribute that is not there beside a file": "(1 if hasattr(self, 'gain') else getattr(self, 'other', 0.5))",
    "name of the class": "(0.5 if type(self).__name__ == 'Decay' else 1)",
    "version": "(0.5 if sys.version_info > (3, 0) and sys.float_info.max > 1 and sys.platform else 1)",
    "a file that is not opened": "(open('x') if self.training else 0.5)",
    "a clock that is not asked": "(time.time() if self.training else 0.5)",
}


@pytest.mark.parametrize("name", REASONABLE)
def test_what_changes_nothing_is_neither_refused_nor_traced_again(name, tmp_path, monkeypatch):
    traced = []
    make = plan.Plan
    monkeypatch.setattr(plan, "Plan", lambda *args: traced.append(args) or make(*args))
    read = """
    def read(self, get):
        with self.lock, contextlib.suppress(KeyError), warnings.catch_warnings():
            return get()
"""
    with Script(tmp_path, [REASONABLE[name]], read) as script:
        script.run(HOLD)
        if " a file" in name:
            script.run(FILES)
        for _ in range(2):
            _, refused = agree(script)
            assert not refused
    assert len(traced) == 1


DATA = {
    "comparison": "(1 if self.kind == 'state' else 0.5)",
    "key": "{'state': 0.5, 'threading': 1}[self.kind or 'state']",
    "f-string": "(0.5 if f'state {self.kind}' else 1)",
    "format": "(0.5 if 'state {0[0]} {{0.state}}'.format([self.kind]) else 1)",
    "text around a field": "(0.5 if 'the state is {:>4}'.format(self.kind) else 1)",
    "keyword": "dict(state=0.5)['state']",
    "match": "self.chosen()",
    "membership": "(1 if self.kind in ('state', 'program') else 0.5)",
    "default of getattr": "(0.5 if getattr(self, 'kind', 'state') == '' else 1)",
    "format as data": "(0.5 if self.format == 'NCHW' else 1)",
}
CHOSEN = """
    kind, format = "", "NCHW"

    def chosen(self):
        match self.kind:
            case "state": return 1
            case _: return 0.5
"""


@pytest.mark.parametrize("name", DATA)
def test_strings_that_equal_names_of_modules_are_data(name, tmp_path):
    """The module ``autograd.ops`` has ``state``, which cannot be watched."""
    with Script(tmp_path, [f"({DATA[name]}) * ops.ones_like(v)"], CHOSEN) as script:
        _, refused = agree(script)
        assert not refused


@pytest.mark.parametrize("read", ["getattr(ops, 'state')", "ops.state", "'{0.state}'.format(ops)", "self.matched()"])
def test_the_same_names_are_refused_where_they_are_read(read, tmp_path):
    methods = """
    def matched(self):
        match ops:
            case object(state=found): return found
"""
    with (
        Script(tmp_path, [f"(0.5 if {read} else 1) * ops.ones_like(v)"], methods) as script,
        pytest.raises(CompileError, match="which cannot be watched"),
    ):
        snn.run(script.space["neuron"], x, mode="python")


def test_what_other_packages_register_for_copying_is_no_part_of_a_neuron(tmp_path, monkeypatch):
    """Dask, for one, lists every exception there is, some of which cannot be watched."""
    with Script(tmp_path, [REASONABLE["dataclass"]], "") as script:
        script.run(HOLD)
        for _ in range(2):  # what cannot be watched, before a trace and after it
            monkeypatch.setitem(copyreg.dispatch_table, type("Odd", (), {}), iter(()))
            assert not agree(script)[1]


names = st.sampled_from(list(PLACES))


@settings(max_examples=5000 if settings().max_examples > 100 else 30)
@given(chosen=st.lists(names, min_size=1, max_size=3, unique=True), readers=st.data())
def test_random_neurons_agree_after_random_changes(chosen, readers, tmp_path_factory):
    """Each place is in a module of its own, since they share names."""
    scripts = []
    path = tmp_path_factory.mktemp("scripts")
    with Script(path, ["1.0"]) as main:
        for name in chosen:
            methods, factor = (
                part.format(read=PLACES[name].read) for part in READERS[readers.draw(st.sampled_from(list(READERS)))]
            )
            script = Script(path, [factor], methods)
            script.run(PLACES[name].before)
            scripts.append(script)
        main.space["neuron"].parts = [script.space["node"] for script in scripts]
        agree(main)
        for script, name in readers.draw(st.permutations(list(zip(scripts, chosen, strict=True)))):
            script.run(PLACES[name].change)
            agree(main)
        for script in scripts:
            script.__exit__()
