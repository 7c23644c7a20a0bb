"""Runnable studies: one file each, with a ``Config`` and a ``run``. ``python -m experiments`` lists them."""
