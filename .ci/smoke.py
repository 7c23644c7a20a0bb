"""Try the installed package in an environment that has nothing else: ``python -I .ci/smoke.py``."""

import sys
import sysconfig
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import autograd
import snn
from autograd import nn, ops
from autograd.errors import MissingExtraError

ROOT = Path(__file__).parents[1]
PLACE = Path(sysconfig.get_path("purelib")).resolve()


def see(holds: bool, expected: str, got: object) -> None:
    """End with a message if the package is not as it must be."""
    if not holds:
        sys.exit(f"The installed package: expected {expected}, got {got}.")


declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
see(version("spikecell") == declared, f"version {declared}", version("spikecell"))

for package in (autograd, snn):
    folder = Path(package.__file__).resolve().parent
    see(PLACE in folder.parents, f"{package.__name__} in {PLACE}", folder)
    sources = {path.relative_to(ROOT) for path in (ROOT / package.__name__).rglob("*") if path.suffix in (".py", ".typed")}
    missing = sorted(str(path) for path in sources if not (PLACE / path).exists())
    see(not missing, "every source file", f"no {', '.join(missing)}")

rng = np.random.default_rng(0)
net = nn.SequentialCell(nn.Dense(4, 8), snn.LIFNode(tau=2.0, decay_input=False), nn.Dense(8, 2))
x = rng.uniform(0, 2, (20, 3, 4)).astype(np.float32)
for mode in ("eager", "compiled"):

    def loss(x, mode=mode):
        """Return a number that depends on all outputs."""
        return ops.sum(snn.run(net, x, mode=mode).out ** 2)

    spikes = snn.run(net, x, record=["spike"], mode=mode).record["1.spike"].asnumpy()
    see(spikes.any(), f"spikes with mode={mode!r}", "none")
    _, gradients = autograd.value_and_grad(loss, None, net.trainable_params())(autograd.Tensor(x))
    see(all(np.abs(g.asnumpy()).max() > 0 for g in gradients), f"gradients with mode={mode!r}", gradients)

if find_spec("matplotlib") is None:
    try:
        snn.plot.raster(spikes)
    except MissingExtraError as error:
        see("plot" in str(error), "an error that names the extra", error)
    else:
        see(False, "an error that names the extra", "none")
print(f"spikecell {declared} is whole.")
