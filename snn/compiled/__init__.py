"""Run the schedule of a net: each population is one loop over time in each direction; a group with feedback is one loop."""
