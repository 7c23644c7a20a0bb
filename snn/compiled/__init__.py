"""Runs the schedule of a net: each population as one loop over time in each direction, feedback as one loop for a group."""
