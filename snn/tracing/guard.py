"""The dependencies of a traced neuron: everything that its code can read is watched, or the trace is refused.

:func:`snn.tracing.reads.watching` collects the names in the user's code during a trace. From the Cell and these names,
:func:`snn.tracing.reach.reach` visits everything that the code can reach. :class:`Dependencies` keeps the result, and tells in
microseconds whether anything has changed. Objects that cannot be inspected, such as generators and files, raise a CompileError
that names them.
"""

from __future__ import annotations

import weakref
from operator import is_

from autograd import Cell

from . import contents
from .contents import same
from .reach import reach
from .reads import Reads

__all__ = ["Dependencies"]


class Dependencies:
    """Everything that a traced neuron depends on besides its inputs, as of its construction.

    Parameters
    ----------
    owner : Cell
        The neuron; all its attributes, and those of the Cells in it, count.
    reads : Reads
        Other things that the code may have read.
    where : str
        The place that an error names.
    strict : bool
        Whether an object that cannot be watched is an error; otherwise it is compared by identity.
    net : bool
        Whether the owner is a net: of its chains, and of its layers without state, only the identity of the attributes counts.
        Then nothing is strict.

    Raises
    ------
    CompileError
        If something that the code can reach cannot be watched.
    """

    def __init__(self, owner: Cell, reads: Reads, where: str, strict: bool = True, net: bool = False) -> None:
        self._owner, self.reads, self._where = weakref.ref(owner), reads, where
        self._watched = reach(owner, reads, where, strict and not net, net)
        self._drawn = [contents.position(generator) for generator, _ in self._watched.generators]
        self._known = self._watched.look()
        self._contents = self._watched.look_inside()

    @property
    def owner(self) -> Cell | None:
        """The neuron, while it exists."""
        return self._owner()

    def unchanged(self) -> bool:
        """Return whether nothing has changed."""
        now, known = self._watched.look(), self._known
        if len(now) != len(known):
            return False
        if not all(map(is_, now, known)):
            for i, (new, old) in enumerate(zip(now, known, strict=True)):
                if new is not old:
                    if not same(new, old):
                        return False
                    known[i] = new
        return self._watched.look_inside() == self._contents

    def changes(self) -> str | None:
        """Return a description of the changes, or None."""
        watched = self._watched
        for (generator, path), drawn in zip(watched.generators, self._drawn, strict=True):
            if contents.position(generator) != drawn:
                return f"draws random numbers from {path}"
        owner = self.owner
        if self.unchanged() or owner is None:
            return None
        now, before = reach(owner, self.reads, self._where, strict=False).found, watched.found
        names = [name for name in now if name not in before or not same(now[name][0], before[name][0])]
        names = names or [name for name in now if now[name][1] != before[name][1]]  # another object with the same numbers
        names = [name for name in names if not any(other.startswith((f"{name}.", f"{name}[")) for other in names)]
        return f"changes {', '.join(names) or 'values that it reads'}"
