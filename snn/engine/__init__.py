"""Fused loops over time: the only place that imports numba."""
