"""Write nir/*.nir and nir/*.npz with the extra 'peers': graphs by snnTorch and Norse, an input, and its results there."""

import sys
import warnings
from pathlib import Path

import nir
import numpy as np
import torch

DT = {"snntorch": 1e-4, "norse": 1e-3}
T, N = 30, 2


def tensor(low, high, n):
    return torch.linspace(low, high, n)


def snntorch_nets():
    """Return by name: the net, the shape of a sample, and what the graph does not say."""
    import snntorch as st

    def leaky(n, **options):
        return st.Leaky(beta=tensor(0.7, 0.9, n), threshold=torch.ones(n), init_hidden=True, **options)

    def chain(**options):
        synaptic = {"alpha": tensor(0.6, 0.8, 3), "beta": tensor(0.7, 0.9, 3), "threshold": torch.ones(3)}
        return torch.nn.Sequential(
            torch.nn.Linear(4, 5), leaky(5, **options), torch.nn.Linear(5, 3, bias=False),
            st.Synaptic(**synaptic, init_hidden=True, **options),
        )  # fmt: skip

    class Recurrent(torch.nn.Module):
        def __init__(self, kind, reset_delay, **shares):
            super().__init__()
            self.fc = torch.nn.Linear(4, 5)
            self.r = kind(**shares, linear_features=5, init_hidden=True, reset_mechanism="zero", reset_delay=reset_delay)
            self.out = torch.nn.Linear(5, 3)

        def forward(self, x):
            return self.out(self.r(self.fc(x)))

    conv = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.AvgPool2d(2), torch.nn.Conv2d(2, 3, 3), torch.nn.Flatten(),
        torch.nn.Linear(3, 4), leaky(4, reset_mechanism="zero", reset_delay=False),
    )  # fmt: skip
    zero = {"reset_mechanism": "zero", "reset_delay": False}
    return {
        "zero": (chain(**zero), (4,), None),
        "subtract": (chain(), (4,), {}),
        "subtract_at_once": (chain(reset_delay=False), (4,), {"reset_delay": False}),
        "zero_late": (chain(reset_mechanism="zero"), (4,), {"reset_mechanism": "zero"}),
        "rleaky": (Recurrent(st.RLeaky, False, beta=0.9), (4,), None),
        "rsynaptic": (Recurrent(st.RSynaptic, True, alpha=0.6, beta=0.8), (4,), {"reset_mechanism": "zero"}),
        "conv": (conv, (1, 6, 6), None),
    }


def norse_nets():
    """Return the same for Norse."""
    import norse.torch as norse
    from norse.torch.module.iaf import IAFCell, IAFParameters

    def box(n):
        return norse.LIFBoxCell(norse.LIFBoxParameters(tensor(80, 200, n), v_leak=torch.zeros(n), v_th=tensor(0.2, 0.4, n)))

    lif = norse.LIFParameters(
        tau_syn_inv=tensor(100, 300, 3), tau_mem_inv=tensor(80, 200, 3), v_leak=torch.zeros(3), v_th=tensor(0.1, 0.2, 3),
        v_reset=torch.zeros(3),
    )  # fmt: skip
    readout = norse.LIBoxCell(norse.LIBoxParameters(tau_mem_inv=tensor(80, 200, 2), v_leak=torch.zeros(2)))
    integrator = IAFCell(IAFParameters(v_th=torch.full((5,), 1.5), v_reset=torch.zeros(5)))
    return {
        "chain": (
            norse.SequentialState(
                torch.nn.Linear(4, 5), box(5), torch.nn.Linear(5, 3), norse.LIFCell(lif), torch.nn.Linear(3, 2), readout
            ),
            (4,), None,
        ),
        "integrator": (norse.SequentialState(torch.nn.Linear(4, 5), integrator), (4,), None),
    }  # fmt: skip


def written(package, name):
    """Return a graph, its input, its output, and the options that it does not say."""
    torch.manual_seed(0)
    net, shape, options = {"snntorch": snntorch_nets, "norse": norse_nets}[package]()[name]
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim > 1:  # so that neurons fire
                parameter.abs_()
    x = 1.5 * torch.rand((T, N, *shape))
    with torch.no_grad():
        if package == "snntorch":
            from snntorch.export_nir import export_to_nir

            graph = export_to_nir(net, torch.rand(1, *shape), ignore_dims=[0])
            for module in net.modules():
                for reset in ("reset_mem",):
                    if hasattr(module, reset):
                        getattr(module, reset)()
            out = torch.stack([net(step) for step in x])
        else:
            from norse.torch.utils.export_nir import to_nir

            graph = to_nir(net, torch.rand(*shape), dt=DT["norse"])
            outs, state = [], None
            for step in x:
                out, state = net(step, state)
                outs.append(out)
            out = torch.stack(outs)
    return graph, x.numpy(), out.numpy(), options


NAMES = [
    *(("snntorch", n) for n in ("zero", "subtract", "subtract_at_once", "zero_late", "rleaky", "rsynaptic", "conv")),
    *(("norse", n) for n in ("chain", "integrator")),
]

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    place = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "nir")
    place.mkdir(exist_ok=True)
    for package, name in NAMES:
        graph, x, out, options = written(package, name)
        print(package, name, sorted(graph.nodes), np.unique(out).size, float(np.abs(out).sum()))
        nir.write(place / f"{package}_{name}.nir", graph)
        np.savez_compressed(place / f"{package}_{name}.npz", x=x, out=out, options=np.array(repr(options)))
