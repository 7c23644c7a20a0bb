"""The computation of a net in one time step, as a value: nodes, edges, and the edges that cross a time step."""

from .draw import graph
from .graph import Edge, Graph, Node
from .trace import parts_of, trace_step

__all__ = ["Edge", "Graph", "Node", "graph", "parts_of", "trace_step"]
