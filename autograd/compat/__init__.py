"""The names that a MindSpore program uses beside the core's: the same things, written as MindSpore writes them.

The core knows nothing of this package but :mod:`~autograd.compat.cells`, which gives a Cell its further methods. ``autograd``,
``autograd.nn`` and ``autograd.ops`` export the rest.
"""
