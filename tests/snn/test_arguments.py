"""Encoders, losses, metrics, statistics and plots, found automatically: any argument works or gets an error of ours."""

import atexit
import inspect
import tempfile

import numpy as np
import pytest

import snn
from autograd import Tensor, nn
from autograd.errors import AutogradError
from snn import encode, losses, metrics, plot, stats

matplotlib = pytest.importorskip("matplotlib", reason="the plots need matplotlib: pip install 'spikecell[plot]'")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot", reason="comes with the extra 'plot'")

RNG = np.random.default_rng(0)
OUT = (RNG.random((6, 4, 3)) < 0.5).astype(np.float32)
REPORT = snn.health(nn.SequentialCell(nn.Dense(3, 3, rng=0), snn.LIFNode(beta=0.9)), OUT, mode="eager")
GRAPH = snn.graph(nn.SequentialCell(nn.Dense(3, 3, rng=0), snn.IFNode()), OUT)
LABELS = np.array([0, 1, 2, 1])
PLACE = tempfile.TemporaryDirectory()
atexit.register(PLACE.cleanup)
GOOD = {
    "x": RNG.random((4, 3)), "T": 5, "rng": RNG, "spikes": OUT, "scores": OUT, "v": OUT, "out": OUT, "labels": LABELS,
    "predictions": LABELS, "report": REPORT, "graph": GRAPH, "history": [{"loss": 0.5, "accuracy": 0.7}],
    "y": RNG.random((4, 3)), "matrix": OUT[0], "kernels": OUT[0, :, None, None], "runs": OUT[0], "events": OUT[:2, None],
    "path": f"{PLACE.name}/movie.gif",
}  # fmt: skip
JUNK = {
    "None": None, "text": "text", "empty text": "", "object": object(), "class": int, "function": len, "dict": {},
    "dict of junk": {"a": object()}, "empty": [], "ragged": [[1], [1, 2]], "set": {1}, "generator": (i for i in ()), "zero": 0,
    "negative": -3, "huge": 2**70, "float": 0.5, "NaN": np.nan, "infinity": np.inf, "complex": 1j, "True": True,
    "scalar array": np.array(1.0), "one axis": np.ones(4), "two axes": np.ones((4, 3)), "many axes": np.ones((2, 2, 2, 2, 2)),
    "no samples": np.ones((6, 0, 3)), "no steps": np.ones((0, 4, 3)), "no classes": np.ones((6, 4, 0)), "NaNs": OUT * np.nan,
    "ints": np.arange(4), "large ints": np.full(4, 2**62), "bools": OUT > 0, "text array": np.array(["a"] * 4),
    "objects": np.array([None] * 4),
    "masked": np.ma.masked_array(OUT), "Tensor": Tensor(OUT), "dates": np.array(["2020"] * 4, "M8[D]"), "cell": snn.IFNode(),
    "list of Tensors": [Tensor(OUT[0])] * 6, "module": np, "names": ["a", "b"], "report": REPORT,
}  # fmt: skip
ALONE = {"plot.trace": {"v": OUT}, "plot.style": {"theme": "light"}}
"""Arguments of functions that have none which must be given."""
FUNCTIONS = {
    f"{module.__name__[4:]}.{name}": getattr(module, name)
    for module in (encode, losses, metrics, plot, stats)
    for name in module.__all__
    if not isinstance(getattr(module, name), type)
}


def cases():
    for name, function in FUNCTIONS.items():
        known = inspect.signature(function).parameters
        good = {key: GOOD[key] for key, parameter in known.items() if parameter.default is parameter.empty}
        good = good or ALONE[name]
        for parameter in known:
            yield pytest.param(function, good, parameter, id=f"{name}-{parameter}")


@pytest.fixture(autouse=True)
def _no_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_good_arguments_are_good(name):
    known = inspect.signature(FUNCTIONS[name]).parameters
    good = {key: GOOD[key] for key, parameter in known.items() if parameter.default is parameter.empty}
    assert FUNCTIONS[name](**good or ALONE[name]) is not None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of sums over NaN
@pytest.mark.parametrize(("function", "good", "parameter"), list(cases()))
def test_whatever_an_argument_is_the_error_is_ours(function, good, parameter):
    texts = []
    for what, junk in JUNK.items():
        try:
            function(**good | {parameter: junk})
        except AutogradError as error:
            texts.append(str(error))
        except Exception as error:
            raise AssertionError(f"{parameter}={what}: {type(error).__name__}: {error}") from error
    assert len(texts) > 5
    assert max(map(len, texts)) < 600  # no array is printed


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name not in ALONE])
def test_arguments_in_reverse_order_are_refused(name):
    function = FUNCTIONS[name]
    known = inspect.signature(function).parameters
    good = [GOOD[key] for key, parameter in known.items() if parameter.default is parameter.empty]
    if len(good) > 1 and name not in ("plot.confusion", "plot.phase"):  # whose arguments are of one kind
        with pytest.raises(AutogradError):
            function(*reversed(good))
