"""Matrix products by shape: ours, numpy's, torch's and jax's, as shares of the processor's peak.

All run in one process, on all cores that it may use, and alternate with a loop that only multiplies and adds. A pause lets
spinning threads go to sleep before the next one. Spikes are bytes, which each contender converts to numbers: ours while it
packs them, the others before the product. ``events`` sums the weights of the spikes only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from snn.engine import blas
from snn.engine.backends import back_end
from snn.engine.events import Packed, find_events
from snn.engine.operands import flags, numbers
from snn.engine.product import multiply, processor
from snn.engine.which import choice

from .fma import peak
from .harness import Options, machine, write
from .peers import threads
from .rounds import BUDGET, LEAST, PAUSE, Result
from .work import UnsupportedError

TITLE = "matrix products by shape, and their share of the processor's peak"
PEERS = ("torch", "jax", "brainevent")
LONG = 0.02  # seconds of repetitions of a product in each round

Array = np.ndarray[Any, np.dtype[Any]]
Contenders = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Case:
    """A product ``[m, k] @ [k, n]``.

    Attributes
    ----------
    m, n, k : int
        The shape.
    turned : str
        Which operands are transposed views: ``a``, ``b``, both or none.
    density : float
        Share of spikes in the first operand, which then holds bytes; 0 if it holds floats.
    dtype : str
        Dtype of the result.
    """

    m: int
    n: int
    k: int
    turned: str = ""
    density: float = 0.0
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """Short name."""
        what = f" {100 * self.density:g} % spikes" if self.density else ""
        return f"{self.m} x {self.k} x {self.n}{f' ({self.turned} transposed)' if self.turned else ''}{what} {self.dtype}"

    @property
    def operations(self) -> int:
        """Multiplications and additions."""
        return 2 * self.m * self.n * self.k

    def operands(self) -> tuple[Array, Array]:
        """Return both operands."""
        rng = np.random.default_rng(0)
        shapes = {"a": (self.m, self.k), "b": (self.k, self.n)}
        made = {}
        for name, shape in shapes.items():
            turned = shape[::-1] if name in self.turned else shape
            spikes = name == "a" and self.density
            array: Array = (
                (rng.random(turned) < self.density).view(np.uint8)
                if spikes
                else rng.standard_normal(turned).astype(self.dtype)
            )
            made[name] = array.T if name in self.turned else array
        return made["a"], made["b"]


def cases(small: bool) -> list[Case]:
    """Return the cases."""
    if small:
        return [Case(20, 30, 40), Case(16, 16, 16, "b", 0.1)]
    squares = [Case(n, n, n) for n in (64, 128, 256, 512, 1024, 2048, 4096)]
    doubles = [Case(n, n, n, dtype="float64") for n in (256, 512, 1024, 2048)]
    thin = [
        Case(2048, 10, 128, "b"), Case(2048, 128, 64, "b"), Case(2048, 1000, 784, "b"), Case(64, 8192, 1024),
        Case(512, 512, 8192, "a"), Case(128, 64, 2048, "a"), Case(10, 1000, 2048, "a"), Case(8192, 8192, 64),
        Case(8192, 64, 1024),
    ]  # fmt: skip
    layers = [Case(2048, n, n, turned) for n in (512, 2048) for turned in ("", "b")] + [
        Case(n, n, 2048, "a") for n in (512, 2048)
    ]
    spikes = [Case(2048, n, n, "b", density) for n in (512, 2048) for density in (0.01, 0.05, 0.2, 0.5)]
    return squares + doubles + thin + layers + spikes


def contenders(case: Case, peers: tuple[str, ...]) -> tuple[Contenders, dict[str, str]]:
    """Return each contender's product, and the reasons why some are missing."""
    a, b = case.operands()
    out, one = np.empty((case.m, case.n), case.dtype), np.dtype(case.dtype).type(1)
    found: Contenders = {
        "ours": lambda: multiply(flags(a, one) if case.density else numbers(a), numbers(b), out),
        "numpy": lambda: np.matmul(a.astype(case.dtype) if case.density else a, b, out=out),
        "blas": lambda: blas.one_thread_each(lambda: blas.product(a.astype(case.dtype) if case.density else a, b, out)),
    }
    if case.density:
        weights = Packed(b.T, np.ones(case.k, case.dtype), back_end())
        found["events"] = lambda: weights.currents(_events(a))
    missing = {}
    for peer in peers:
        try:
            found[peer] = {"torch": _torch, "jax": _jax, "brainevent": _brainevent}[peer](a, b, case)
        except ModuleNotFoundError as error:
            missing[peer] = f"not installed: {error.name}"
        except UnsupportedError as error:
            missing[peer] = str(error)
    return found, missing


def _events(a: Array) -> Any:
    return find_events(a, None, back_end())


def _torch(a: Array, b: Array, case: Case) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(threads())
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    out = torch.empty(case.m, case.n, dtype=y.dtype)
    return lambda: torch.matmul(x.to(y.dtype) if case.density else x, y, out=out)


def _jax(a: Array, b: Array, case: Case) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    multiplied = jax.jit(lambda x, y: x.astype(y.dtype) @ y)
    x, y = jax.numpy.asarray(np.ascontiguousarray(a)), jax.numpy.asarray(np.ascontiguousarray(b))
    return lambda: multiplied(x, y).block_until_ready()


def _brainevent(a: Array, b: Array, case: Case) -> Callable[[], Any]:
    if not case.density:
        raise UnsupportedError("its operators take spikes")
    import brainevent
    import jax

    multiplied = jax.jit(lambda x, y: brainevent.BinaryArray(x) @ y)
    x, y = jax.numpy.asarray(np.ascontiguousarray(a, bool)), jax.numpy.asarray(np.ascontiguousarray(b))
    return lambda: multiplied(x, y).block_until_ready()


def timed(function: Callable[[], Any], times: int) -> float:
    """Return the seconds of the fastest of ``times`` calls."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def measured(found: Contenders, repeats: int, pause: float) -> dict[str, Result]:
    """Time all contenders in turn, with several calls of each per round."""
    once = {name: (function(), timed(function, 1))[1] for name, function in found.items()}
    times = {name: max(1, int(LONG / max(seconds, 1e-9))) for name, seconds in once.items()}
    results = {name: Result() for name in found}
    for round_number in range(repeats):
        if round_number >= LEAST and round_number * sum(once.values()) > BUDGET:
            break
        for name, function in found.items():
            time.sleep(pause)
            results[name].seconds.append(timed(function, times[name]))
    return results


def run(options: Options) -> None:
    """Measure, print and write the results."""
    about, here = machine(), processor()
    peaks = {kind: peak(threads(), kind, here.tile[2]) for kind in ("float32", "float64")}
    print(f"{TITLE}\n{about['cpu']}, {threads()} threads, {here.name}")
    print("share of the peak in the fastest call of each; in parentheses, the time as a multiple of ours\n")
    found = {}
    for case in cases(options.small):
        if options.only not in case.name:
            continue
        products, missing = contenders(case, options.peers)
        work, most = peaks[case.dtype]
        results = measured({"peak": work, **products}, options.repeats, 0 if options.small else PAUSE)
        chosen = choice(case.m, case.n, case.k, bool(case.density)).name
        best = {name: min(result.seconds) for name, result in results.items()}
        shares = {name: case.operations / best[name] / (most / best["peak"]) for name in products}
        parts = [f"{name} {shares[name]:.2f} ({best[name] / best['ours']:.2f})" for name in products]
        print(f"  {case.name:42s}{chosen:5s}  {'  '.join(parts)}  peak {most / best['peak'] / 1e9:.0f} GFLOP/s", flush=True)
        found[case.name] = {
            "case": asdict(case), "chosen": chosen, "peak": most / best["peak"], "shares": shares, "missing": missing,
            "results": {name: asdict(result) for name, result in results.items()},
        }  # fmt: skip
    write("product", TITLE, options, {"processor": here.name, "cases": found})
