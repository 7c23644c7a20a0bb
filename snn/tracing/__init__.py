"""Traced steps of neurons, and whether a neuron is still the one that was traced."""
