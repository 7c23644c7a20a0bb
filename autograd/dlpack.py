"""Arrays of other libraries as Tensors, by DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import as_bool, describe
from .errors import AutogradError, DTypeError
from .tensor import Tensor, to_array

__all__ = ["from_dlpack"]


def from_dlpack(value: Any, *, copy: bool | None = None) -> Tensor:
    """Make a Tensor from any array on the CPU that has ``__dlpack__``, such as one of torch, jax or numpy.

    Parameters
    ----------
    value : array
        An array of bools, whole numbers or floats, in a dtype that numpy has.
    copy : bool, optional
        None shares the memory: later writes to ``value`` also change the Tensor, which itself never writes. True makes a
        Tensor with its own memory. False raises an error if the memory cannot be shared.

    Returns
    -------
    Tensor
        Outside any graph: gradients of the other library end here.

    Raises
    ------
    DTypeError
        If it has no ``__dlpack__``, is on another device, has a dtype that numpy lacks, or requires a gradient in its library.
    GradientError
        If it is a Tensor that is being differentiated.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd import from_dlpack
    >>> array = np.arange(3.0)
    >>> shared, own = from_dlpack(array), from_dlpack(array, copy=True)
    >>> array[0] = 7.0
    >>> print(shared, own)
    [7. 1. 2.] [0. 1. 2.]
    """
    if copy is not None:
        as_bool(copy, "from_dlpack", "copy")
    try:
        array = np.from_dlpack(value, copy=copy)
    except AutogradError:
        raise
    except (AttributeError, BufferError, RuntimeError, TypeError, ValueError) as error:
        raise DTypeError(
            "from_dlpack", "an array with __dlpack__ on the CPU, of a dtype that numpy has", describe(value),
            f"For a torch tensor, pass .detach().cpu(); convert bfloat16 with .float() (the library says: {error}).",
        ) from error  # fmt: skip
    return Tensor.wrap(to_array(array, None, "from_dlpack", copy=False))


def __dir__() -> list[str]:
    return sorted(__all__)
