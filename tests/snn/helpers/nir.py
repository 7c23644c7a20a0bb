"""A NIR graph with nodes of most kinds."""

import numpy as np


def a_graph():
    """Return an image 2 x 4 x 5 through a convolution, neurons of several kinds, and back."""
    import nir

    rng = np.random.default_rng(0)

    def ones(n, value=1.0):
        return np.full(n, value, np.float32)

    windows = {"kernel_size": np.array([2, 2]), "stride": np.array([1, 1]), "padding": np.array([0, 0])}
    nodes = {
        "input": nir.Input(np.array([2, 4, 5])),
        "conv": nir.Conv2d(
            (4, 5),
            rng.normal(size=(3, 2, 3, 3)).astype(np.float32),
            stride=1,
            padding=(1, 1),
            dilation=1,
            groups=1,
            bias=ones(3),
        ),
        "pool": nir.SumPool2d(**windows),
        "flatten": nir.Flatten(np.array([3, 3, 4]), start_dim=0),
        "0": nir.Affine(rng.normal(size=(5, 36)).astype(np.float32), ones(5, 0.1)),
        "1": nir.LIF(tau=ones(5, 0.01), r=ones(5), v_leak=ones(5, 0.1), v_threshold=ones(5), metadata={"note": "ours"}),
        "2": nir.Linear(rng.normal(size=(5, 5)).astype(np.float32)),
        "3": nir.Delay(ones(5, 2e-3)),
        "4": nir.CubaLIF(
            tau_syn=ones(5, 0.005), tau_mem=ones(5, 0.01), r=ones(5), v_leak=ones(5, 0), v_threshold=ones(5), w_in=ones(5, 2)
        ),
        "output": nir.Output(np.array([5])),
    }
    edges = [
        ("input", "conv"), ("conv", "pool"), ("pool", "flatten"), ("flatten", "0"), ("0", "1"), ("1", "2"), ("2", "3"),
        ("3", "1"), ("1", "4"), ("4", "output"),
    ]  # fmt: skip
    return nir.NIRGraph(nodes, edges, type_check=False)
