"""Traced steps of neurons, and the check that a neuron has not changed since its trace."""
