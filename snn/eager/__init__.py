"""The reference: a net step by step, what is recorded of it, and the checks."""
