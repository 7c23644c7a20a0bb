"""Inspect a net: its schedule, its memory, its health."""
