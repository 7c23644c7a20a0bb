"""Benchmarks beside peers in one run: ``python -m benchmarks NAME [--peers torch,spyx]``."""
