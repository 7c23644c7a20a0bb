"""Every neuron and surrogate of the library, found automatically, and the ways to use a neuron."""

import inspect

import numpy as np

import snn
from snn.common.discover import kinds
from snn.synapses import Conductance, Exponential, Receptor

CLASSES = list(kinds(snn.neurons, snn.Neuron).values())
FIRING = [cls for cls in CLASSES if cls.example().fire]
SURROGATES = list(kinds(snn.surrogate, snn.surrogate.Surrogate))


def resets(cls):
    """Return the options of each reset that a neuron takes, by name."""
    default = inspect.signature(cls).parameters.get("v_reset")
    if default is None:
        return {"own": {}}
    hard = -0.125 if default.default is None else default.default
    return {"soft": {"v_reset": None}, "hard": {"v_reset": hard}, "never": {"v_reset": "never"}}


def fires_below(cls):
    """Return whether a neuron can fire below minus its threshold too: it takes a rule of firing and starts above that."""
    return "firing" in inspect.signature(cls).parameters and cls.example().begin() > -cls.example().v_threshold


def conducting(cls, **options):
    """Return a neuron behind conductances, of which the excitatory one draws it far past its threshold."""
    node = cls.example(**options)
    receptors = {"exc": 2 * cls.scale, "inh": -1.5 * cls.scale}
    return Conductance(
        node,
        **{
            name: Receptor(Exponential(tau_syn=3.0), node.v_threshold + distance, inhibitory=name == "inh")
            for name, distance in receptors.items()
        },
    )


def ways():
    """Return a function that makes each neuron alone, with each rule of firing that it takes, and within each wrapper."""
    for cls in CLASSES:
        given = inspect.signature(cls).parameters
        yield cls.__name__, cls.example
        if "firing" in given and given["v_reset"].default is None:
            yield f"{cls.__name__}-MultiSpike", lambda cls=cls, **k: cls.example(firing=snn.MultiSpike(), **k)
        if fires_below(cls):
            yield f"{cls.__name__}-Ternary", lambda cls=cls, **k: cls.example(firing=snn.Ternary(), **k)
        if cls in FIRING:
            yield f"{cls.__name__}-Refractory", lambda cls=cls, **k: snn.Refractory(cls.example(**k), 2)
            yield f"{cls.__name__}-Stochastic", lambda cls=cls, **k: snn.Stochastic(cls.example(**k), rng=0)
            yield f"{cls.__name__}-Conductance", lambda cls=cls, **k: conducting(cls, **k)


WAYS = dict(ways())


def drive_of(node):
    """Return the constant input on which a neuron, its class, or the one within it fires."""
    if isinstance(node, Conductance):
        return 0.05  # a conductance, as a share in a step
    return drive_of(node.node) if hasattr(node, "node") else node.drive


def noisy(node, shape, dtype=np.float32, seed=3):
    """Return an input on which a neuron fires now and then, ``[T, N, ...]``: its drive, and noise."""
    return (drive_of(node) * (1 + 3 * np.random.default_rng(seed).standard_normal(shape))).astype(dtype)
