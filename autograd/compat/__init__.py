"""MindSpore's names for things that the core has under other names, and MindSpore's additional functions.

The core needs only :mod:`~autograd.compat.cells`, which gives a Cell its additional methods. ``autograd``, ``autograd.nn``
and ``autograd.ops`` export the rest.
"""
