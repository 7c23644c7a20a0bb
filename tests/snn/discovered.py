"""Every neuron and surrogate of the library, found by looking, and the ways in which a neuron can be used."""

import inspect

import numpy as np

import snn
from snn.discover import kinds

CLASSES = list(kinds(snn.neurons, snn.Neuron).values())
SURROGATES = list(kinds(snn.surrogate, snn.surrogate.Surrogate))


def ways():
    """Return what makes each neuron: alone, by each rule of firing that it takes, and within what goes around a neuron."""
    for cls in CLASSES:
        given = inspect.signature(cls).parameters
        yield cls.__name__, cls.example
        if "firing" in given and given["v_reset"].default is None:
            yield f"{cls.__name__}-MultiSpike", lambda cls=cls, **k: cls.example(firing=snn.MultiSpike(), **k)
        if "firing" in given:
            yield f"{cls.__name__}-Ternary", lambda cls=cls, **k: cls.example(firing=snn.Ternary(), **k)
        if cls.example().fire:
            yield f"{cls.__name__}-Refractory", lambda cls=cls, **k: snn.Refractory(cls.example(**k), 2)
            yield f"{cls.__name__}-Stochastic", lambda cls=cls, **k: snn.Stochastic(cls.example(**k), rng=0)


WAYS = dict(ways())


def drive_of(node):
    """Return the constant input on which a neuron, its class, or the one within it fires."""
    return drive_of(node.node) if hasattr(node, "node") else node.drive


def noisy(node, shape, dtype=np.float32, seed=3):
    """Return an input on which a neuron fires now and then, ``[T, N, ...]``: its drive, and noise."""
    return (drive_of(node) * (1 + 3 * np.random.default_rng(seed).standard_normal(shape))).astype(dtype)
