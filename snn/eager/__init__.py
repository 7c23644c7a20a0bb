"""The reference: runs of a net step by step, their records, and the checks."""
