"""Saved values, emitted source, and code that cannot be compiled."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

import snn
from autograd import Cell, float16, float32, float64, nn, ops, trace
from autograd.errors import CompileError, NonFiniteError, StateError
from snn.engine import analysis, cut, emit, expression
from snn.engine.backends.numba import compiler
from snn.engine.loop import Body, Loop
from tests.snn.helpers.nets import Holder
from tests.snn.helpers.neurons import AdaptiveNode


@pytest.mark.parametrize("node", [snn.IFNode(), snn.LIFNode(beta=0.9), snn.LIFNode(tau=3.0, decay_input=True, v_reset=0.0)])
def test_one_value_a_step_is_saved_for_if_and_lif(node):
    t = trace(node, float32, float32)
    forward = t.program.needed(t.outputs)
    saved = cut.choose_saved(t.program, forward, t.gradients)
    assert len(saved) == 1
    assert t.program.instructions[saved[0]].dtype == float32


def test_what_is_saved_is_enough_for_the_backward():
    node = AdaptiveNode(3, np.float32)
    t = trace(node, float32, type(node.initial_state(np.zeros(1)))(float32, float32), parameters=node.get_parameters())
    gradients = [d for d in (*t.gradients, *(d for _, d in t.parameters)) if d is not None]
    out, state = t.outputs
    saved = cut.choose_saved(t.program, t.program.needed([out, *state]), gradients)
    beyond = t.program.needed(gradients, frozenset([*saved, *t.cotangents]))
    assert not [i for i in beyond if t.program.instructions[i].kind == "input" and i not in (*saved, *t.cotangents)]


@pytest.mark.parametrize("seed", range(30))
def test_the_cut_is_the_one_that_scipy_finds(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    tails, heads = np.nonzero(rng.random((n, n)) < 0.4)
    widths = rng.integers(1, 9, len(tails))
    behind = cut._behind(list(zip(tails.tolist(), heads.tolist(), widths.tolist(), strict=True)), 0, n - 1)
    turned = coo_array((widths.astype(np.int32), (heads, tails)), shape=(n, n)).tocsr()
    flow = maximum_flow(turned, n - 1, 0)
    left = (turned - flow.flow).tocsr()
    left.eliminate_zeros()
    assert sorted(behind) == sorted(breadth_first_order(left, n - 1, return_predecessors=False).tolist())
    width = sum(w for t, h, w in zip(tails, heads, widths, strict=True) if h in behind and t not in behind)
    assert width == flow.flow_value


def test_equal_instructions_are_there_once_and_constants_are_folded():
    class Same(Cell):
        def construct(self, x):
            return (x + 1) * (x + (3.0 - 2.0)) + ops.exp(0.0)

    steps = trace(Same(), float32).program.instructions
    names = [s.what.__name__ for s in steps if s.kind == "operation"]
    assert names[:3] == ["add", "mul", "add"]
    assert "exp" not in names


class Branches(Cell):
    def construct(self, x, v):
        if v > 1:
            return x, v
        return v, x


class Mixes(Cell):
    def construct(self, x, v):
        return x - x.mean(), v


class UsesNumpy(Cell):
    def construct(self, x, v):
        return np.asarray(x) + v, v


class Lateral(Cell):
    def construct(self, x, v):
        return ops.matmul(v, v), v


class FirstSample(Cell):
    def construct(self, x, v):
        return x * x.shape[0], v


class Noisy(Cell):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5, rng=0).set_train()

    def construct(self, x, v):
        return self.dropout(x), v


@pytest.mark.parametrize(
    ("cell", "line", "got", "fix"),
    [
        (Branches(), "if v > 1", "the value of a Tensor", "ops.where"),
        (Mixes(), "x.mean()", "ops.mean, which mixes elements", "as a layer before or after it"),
        (UsesNumpy(), "np.asarray(x)", "the array of a Tensor", "autograd.ops"),
        (Lateral(), "ops.matmul(v, v)", "ops.matmul, which mixes elements", "as a layer before or after it"),
        (FirstSample(), "x.shape[0]", "IndexError: tuple index out of range", "mode='eager'"),
        (Noisy(), "self.dropout(x)", "Dropout, which draws a new mask each time", "before or after the neuron"),
    ],
    ids=["if", "mean", "numpy", "matmul", "shape", "dropout"],
)
def test_what_cannot_be_traced_is_an_error_at_its_line(cell, line, got, fix):
    with pytest.raises(CompileError) as error:
        snn.run(cell, np.zeros((2, 1, 3), np.float32), mode="compiled")
    file, _, rest = error.value.where.partition(", line ")
    number = int(rest.partition(",")[0])
    with open(file, encoding="utf-8") as source:
        assert line in source.read().splitlines()[number - 1]
    assert got in error.value.got
    assert fix in error.value.fix


class Doubles(Cell):
    def construct(self, x, v):
        return x, v.astype(float64)


class Alone(Cell):
    def construct(self, x, v):
        return x


class Grows(Cell):
    def construct(self, x, v):
        return x, (v, v)


@pytest.mark.parametrize("mode", ["compiled", "eager"])
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Doubles, r"Doubles, state after a step: expected \[.*\] Float32, as before it, got \[.*\] Float64"),
        (Grows, r"Grows, state after a step: expected \[.*\] Float32, as before it, got \("),
        (Alone, r"Alone: expected construct to return \(out, state\), got \[.*\] Float32"),
    ],
)
def test_a_step_that_does_not_keep_its_state_is_the_same_error_in_each_mode(cell, message, mode):
    with pytest.raises(StateError, match=message):
        snn.run(cell(), np.zeros((2, 1, 3), np.float32), mode=mode)


@pytest.mark.filterwarnings("ignore:snn.run runs step by step")
def test_what_cannot_be_traced_runs_step_by_step_by_default():
    x = np.ones((5, 20, 100), np.float32)
    out, _, _ = snn.run(FirstSample(), x)
    np.testing.assert_array_equal(out, 20 * x)


def test_what_numba_cannot_compile_is_an_error_in_four_parts(monkeypatch):
    monkeypatch.setitem(expression._FUNCTIONS, "floor", "np.kaiser")

    class Unknown(Cell):
        def construct(self, x, v):
            return ops.floor(x), v

    said = r"expected a loop that it can compile, got No implementation of function .*kaiser.* found .*>>> .*\. Please report"
    with pytest.raises(CompileError, match=said):
        snn.run(Unknown(), np.zeros((2, 1, 3), np.float32), mode="compiled")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Failed in nopython mode pipeline (step: x)\nName 'f' is not defined\nDuring: Pass y", "Name 'f' is not defined"),
        (
            "Failed in nopython mode pipeline (step: x)\nNo implementation of f found for signature:\n \n >>> f(int64)\n \n"
            "There are 2 candidate implementations:\n - Of which 2 did not match\nDuring: typing of call at z.py (3)",
            "No implementation of f found for signature: >>> f(int64)",
        ),
        ('Cannot unify a and b\n\nFile "z.py", line 3:\n    if a:\n    ^\nDuring: Pass y', "Cannot unify a and b"),
        ("Use of unsupported opcode", "Use of unsupported opcode"),
        ("", "no reason"),
    ],
)
def test_the_reason_in_numbas_message_is_kept(text, said):
    assert compiler._reason(text) == said


def test_a_cell_that_holds_neurons_and_has_a_bprop_is_not_compiled():
    class Net(Holder):
        def bprop(self, x, v, out, dout):
            return dout

    with pytest.raises(CompileError, match=r"layer '1' \(Net\): expected neurons in a Cell without a bprop of its own"):
        snn.run(nn.SequentialCell(nn.ReLU(), Net()), np.zeros((2, 1, 3), np.float32), mode="compiled")


def test_float16_is_not_compiled():
    with pytest.raises(CompileError, match=r"expected float32 or float64, got \[2, 1, 3\] Float16"):
        snn.run(snn.IFNode(), np.zeros((2, 1, 3), float16), mode="compiled")


class Starts(Cell):
    """Starts in a state of some kind, and stays in it."""

    def __init__(self, start, fn=lambda x, v: 2 * x):
        super().__init__()
        self.start, self.fn = start, fn

    def initial_state(self, x):
        return self.start(x)

    def construct(self, x, v):
        return self.fn(x, v), v


ONES = np.ones((40, 8, 800), np.float32)


@pytest.mark.parametrize("start", [None, 0.0, {"a": None}], ids=repr)
def test_a_state_that_is_no_tensor_is_refused_and_auto_runs_eagerly(start):
    node = Starts(lambda x: start)
    with pytest.raises(CompileError, match=r"Starts, state: expected Tensors, or \(\) for a neuron without state, got"):
        snn.run(node, ONES, mode="compiled")
    with pytest.warns(UserWarning, match=r"Starts, state: expected Tensors"):
        out, after, _ = snn.run(node, ONES)
    assert (out.array == 2).all()
    assert after == start


@pytest.mark.parametrize("mode", ["eager", "python"])
def test_a_state_may_start_as_an_array_of_numpy(mode):
    node = Starts(lambda x: np.full(x.shape, 3, np.float32), lambda x, v: x + v)
    out, after, _ = snn.run(node, ONES[:3, :2, :2], mode=mode)
    assert (out.array == 4).all()
    assert (np.asarray(after) == 3).all()


def test_several_outputs_are_refused_and_auto_runs_eagerly():
    node = Starts(lambda x: (), lambda x, v: (x, 2 * x))
    with pytest.raises(CompileError, match=r"Starts.construct: expected one Tensor as the output, got tuple"):
        snn.run(node, ONES, mode="compiled")
    with pytest.warns(UserWarning, match=r"expected one Tensor as the output"):
        assert [out.shape for out in snn.run(node, ONES)[0]] == [(40, 8, 800)] * 2


def test_nan_is_found_by_layer_and_time_step():
    net = nn.SequentialCell(nn.Dense(3, 3, "ones", "zeros"), snn.LIFNode(beta=0.9))
    x = np.zeros((4, 1, 3), np.float32)
    x[2] = 3e38
    with np.errstate(over="ignore"), pytest.raises(NonFiniteError, match=r"layer '0' \(Dense\) at time step 2"):
        snn.run(net, x, mode="compiled", check=True)


def a_loop(node):
    t = trace(node, float32, float32)
    body = Body((t.inputs[0],), carried=((t.inputs[1], t.outputs[1]),), written=(t.outputs[0],))
    return [t.program], Loop("forward", (body,))


def test_a_loop_is_a_function_on_flat_arrays_that_says_what_it_takes():
    programs, loop = a_loop(snn.IFNode())
    source = emit.emit(programs, loop)
    names = ["samples", "order", "span", "members", "width", "columns", "strides", "in0", "start0", "out0", "end0"]
    assert source.text.startswith(f"def forward(lo, hi, {', '.join(names)}):\n")
    assert loop.arguments() == names
    assert source.constants == []
    assert emit.emit(*a_loop(snn.IFNode())) == source


def test_numbers_other_than_0_and_1_are_arguments_so_that_neurons_share_their_loops():
    texts = []
    for beta in (0.5, 0.75):
        (program,), loop = a_loop(snn.LIFNode(beta=beta))
        source = emit.emit([program], loop)
        texts.append(source.text)
        assert [program.instructions[i].what for _, i in source.constants] == [np.float32(beta)]
        assert ", c0):" in source.text
    assert texts[0] == texts[1]


def test_spikes_are_known_from_the_equations_with_their_amplitude():
    for node, amplitude in ((snn.IFNode(), 1), (snn.IFNode(0.5), 0.5), (snn.IFNode(0.5, spike_value="unit"), None)):
        t = trace(node, float32, float32)
        flag, found = analysis.spiking(t.program, t.outputs[0])
        assert t.program.instructions[flag].dtype == bool
        assert (None if found is None else analysis.evaluate(t.program, found, {})) == amplitude
    t = trace(snn.LeakyReadout(beta=0.5), float32, float32)
    assert analysis.spiking(t.program, t.outputs[0]) is None


@pytest.mark.parametrize(("name", "known"), [("triangle", True), ("rectangle", True), ("sigmoid", False), ("atan", False)])
def test_where_a_cotangent_matters_is_known_for_surrogates_of_compact_support(name, known):
    t = trace(snn.IFNode(surrogate_function=getattr(snn.surrogate, name)()), float32, float32)
    matters = analysis.influence(t.program, t.cotangents[0], [d for d in t.gradients if d is not None])
    assert (matters is not None) == known
