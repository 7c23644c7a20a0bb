"""What is told about a net without training it: its schedule, its memory, its health."""
