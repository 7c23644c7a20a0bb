"""Names of other frameworks and their equivalents here, in one table, grouped by the object they are looked up on.

A name in the table is not an attribute: ``hasattr`` is False and ``dir`` omits it. Reading it raises an AttributeError that
names the equivalent. A test looks up each of our names that a text mentions.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Self

import numpy as np

from .errors import ArgumentError, UnknownImportError, UnknownNameError

__all__ = ["CELL", "MODULES", "OPTIMIZER", "TENSOR", "OwnArguments", "hint", "listed", "misnamed", "of_module", "renamed"]

_GRADIENTS = "loss, gradients = autograd.value_and_grad(fn, None, weights)(...) returns them"
_ONE_DEVICE = "Leave it out: everything is computed on the CPU"
_TRACKED = "Leave it out: only autograd.grad tracks Tensors"
_NO_LAYER = "There is no such layer; write it as a Cell whose construct uses autograd.ops"
_NO_OPTIMIZER = "There is no such optimizer; a subclass of optim.Optimizer adds one"
_SCHEDULES = "Use optim.schedules: pass a schedule as lr; the optimizer counts the steps"
_IN_PLACE = "Tensors never change in place. Rebind the name, x = x + 1, or set a Parameter with weight.set_data(values)"

TENSOR: dict[str, str] = {
    "backward": f"There is no backward pass to start: {_GRADIENTS}",
    "grad": f"Tensors keep no gradients: {_GRADIENTS}",
    "zero_grad": "Leave it out: autograd.grad returns gradients and never accumulates them",
    "retain_grad": f"Tensors keep no gradients: {_GRADIENTS}",
    "grad_fn": "Leave it out: autograd.grad knows the graph only while it runs",
    "is_leaf": _TRACKED,
    "requires_grad": _TRACKED,
    "requires_grad_": f"{_TRACKED}. For a Parameter, set weight.requires_grad = False",
    "detach": "Use autograd.stop_gradient(x), or x.numpy() for the values",
    "detach_": "Use x = autograd.stop_gradient(x)",
    "register_hook": "Register it on the Cell: net.register_backward_hook(hook)",
    "cpu": _ONE_DEVICE,
    "cuda": _ONE_DEVICE,
    "device": _ONE_DEVICE,
    "is_cuda": _ONE_DEVICE,
    "pin_memory": _ONE_DEVICE,
    "contiguous": "Leave it out: operations take every memory layout",
    "to": f"Use x.astype(dtype) for a dtype. {_ONE_DEVICE}",
    "float": "Use x.astype(autograd.float32)",
    "double": "Use x.astype(autograd.float64)",
    "half": "Use x.astype(autograd.float16)",
    "int": "Use x.astype(autograd.int32)",
    "long": "Use x.astype(autograd.int64)",
    "bool": "Use x.astype(autograd.bool_)",
    "byte": "Use x.astype(autograd.uint8)",
    "type_as": "Use x.astype(y.dtype)",
    "clone": "Use x.copy()",
    "dim": "Use x.ndim",
    "ndimension": "Use x.ndim",
    "rank": "Use x.ndim",
    "numel": "Use x.size",
    "nelement": "Use x.size",
    "ravel": "Use x.flatten()",
    "unsqueeze": "Use x.expand_dims(axis)",
    "expand": "Use x.broadcast_to(shape)",
    "expand_as": "Use x.broadcast_to(y.shape)",
    "view_as": "Use x.reshape(y.shape)",
    "reshape_as": "Use x.reshape(y.shape)",
    "repeat": "Use ops.tile(x, counts)",
    "chunk": "Use ops.split(x, parts)",
    "clamp": "Use x.clip(low, high)",
    "remainder": "Use x % y",
    "fmod": "Use x % y",
    "dot": "Use x @ y",
    "mv": "Use x @ y",
    "index_select": "Use ops.gather(x, indices, axis)",
    "take": "Use ops.gather(x, indices, axis)",
    "masked_select": "Its size would depend on values. Use ops.where(mask, x, 0)",
    "add_": _IN_PLACE,
    "sub_": _IN_PLACE,
    "mul_": _IN_PLACE,
    "div_": _IN_PLACE,
    "zero_": _IN_PLACE,
    "fill_": _IN_PLACE,
    "copy_": _IN_PLACE,
    "clamp_": _IN_PLACE,
    "normal_": "Draw with a generator: weight.set_data(rng.normal(size=weight.shape))",
    "uniform_": "Draw with a generator: weight.set_data(rng.uniform(size=weight.shape))",
    "assign": "Use weight.set_data(values)",
    "at": "Use ops.where, ops.concat or ops.stack to build a new Tensor",
    "block_until_ready": "Leave it out: values are there when a call returns",
}

CELL: dict[str, str] = {
    "parameters": "Use net.trainable_params(), or net.get_parameters() to include frozen ones",
    "named_parameters": "Use net.parameters_and_names()",
    "trainable_variables": "Use net.trainable_params()",
    "trainable_weights": "Use net.trainable_params()",
    "get_parameter": "Use net.parameters_dict()[name]",
    "modules": "Use net.cells_and_names()",
    "named_modules": "Use net.cells_and_names()",
    "children": "Use net.cells()",
    "named_children": "Use net.name_cells()",
    "train": "Use net.set_train()",
    "eval": "Use net.set_train(False)",
    "forward": "The method is called construct; net(x) runs it",
    "zero_grad": "Leave it out: autograd.grad returns gradients and never accumulates them",
    "requires_grad_": "Set parameter.requires_grad = False for each of net.get_parameters()",
    "cpu": _ONE_DEVICE,
    "cuda": _ONE_DEVICE,
    "to": f"Pass dtype= to its layers. {_ONE_DEVICE}",
    "half": "Pass dtype=autograd.float16 to its layers",
    "double": "Pass dtype=autograd.float64 to its layers",
    "to_float": "Pass dtype= to its layers",
    "add_module": "Use net.insert_child_to_cell(name, cell), or assign an attribute",
    "register_module": "Use net.insert_child_to_cell(name, cell), or assign an attribute",
    "register_parameter": "Use net.insert_param_to_cell(name, parameter), or assign an attribute",
    "register_buffer": "Assign an array, or a Parameter(values, requires_grad=False) if state_dict should include it",
    "buffers": "Use Parameters with requires_grad=False; net.untrainable_params() lists them",
    "register_full_backward_hook": "Use net.register_backward_hook(hook)",
    "fit": "Write the loop: value, gradients = autograd.value_and_grad(loss, None, weights)(...); optimizer(gradients)",
    "compile": "Leave it out: snn.run compiles a net of neurons by itself",
    "predict": "Call it: net(x), or snn.run(net, x) over time",
    "save_weights": "Use np.savez(file, **net.state_dict())",
    "load_weights": "Use net.load_state_dict(np.load(file))",
    "reset": "There is nothing to reset: snn.run(net, x) starts fresh unless state= is given",
    "reset_mem": "There is nothing to reset: snn.run(net, x) starts fresh unless state= is given",
    "init_leaky": "Use snn.initial_state(net, x)",
}

OPTIMIZER: dict[str, str] = {
    "step": "Call it with the gradients: optimizer(gradients). optimizer.steps counts the calls",
    "zero_grad": "Leave it out: autograd.grad returns gradients and never accumulates them",
    "param_groups": "Use optimizer.groups, or optimizer.lr for the rate of all",
    "add_param_group": "Pass all groups when it is made: optim.SGD([{'params': ..., 'lr': ...}, ...])",
    "apply_gradients": "Call it with the gradients: optimizer(gradients)",
    "minimize": "Call it with the gradients: optimizer(gradients)",
    "update": "Call it with the gradients: optimizer(gradients)",
    "global_step": "Use optimizer.steps",
    "get_lr": "Use optimizer.lr, a number or a function of optimizer.steps",
}

_NN: dict[str, str] = {
    "Linear": "Use nn.Dense(in_channels, out_channels, has_bias=True)",
    "Module": "Use nn.Cell, with construct in place of forward",
    "Sequential": "Use nn.SequentialCell(...)",
    "ModuleList": "Use nn.CellList([...])",
    "ModuleDict": "Assign a dict of Cells to an attribute, or use nn.SequentialCell({'name': cell})",
    "ParameterList": "Assign a list of Parameters to an attribute",
    "ParameterDict": "Assign a dict of Parameters to an attribute",
    "Parameter": "Use autograd.Parameter",
    "functional": "Use autograd.ops",
    "utils": "Use optim.clip_by_norm(gradients, max_norm), and net.state_dict() to save",
    "NLLLoss": "Use nn.CrossEntropyLoss(), which takes the scores before the logarithm",
    "ELU": "Use ops.where(x > 0, x, ops.exp(x) - 1)",
    "Softplus": "Use ops.softplus(x) in construct",
    "LogSigmoid": "Use -ops.softplus(-x) in construct",
    "Hardtanh": "Use ops.clip(x, -1, 1) in construct",
    "Unflatten": "Use x.reshape(shape) in construct",
    "AdamW": "Use optim.AdamW",
    "AdamWeightDecay": "Use optim.AdamW",
    "Optimizer": "Use optim.Optimizer",
    "exponential_decay_lr": "Use optim.schedules.exponential",
    "cosine_decay_lr": "Use optim.schedules.cosine",
    "warmup_lr": "Use optim.schedules.warmup",
    "piecewise_constant_lr": "Use optim.schedules.table",
    "Accuracy": "Use snn.metrics.accuracy",
    "GRU": "Use snn.Recurrent(node, n) for a recurrent layer of neurons",
    "LSTM": "Use snn.Recurrent(node, n) for a recurrent layer of neurons",
    "RNN": "Use snn.Recurrent(node, n) for a recurrent layer of neurons",
    "ConvTranspose2d": "Use nn.Conv2dTranspose",
    "ConvTranspose1d": f"{_NO_LAYER}, as ops.conv_transpose2d with one row",
    "Conv1dTranspose": f"{_NO_LAYER}, as ops.conv_transpose2d with one row",
    "ConvTranspose3d": _NO_LAYER,
    "Conv3dTranspose": _NO_LAYER,
    "BatchNorm3d": "Use nn.BatchNorm2d after joining two axes: x.reshape((n, c, d * h, w))",
    "InstanceNorm2d": "Use nn.GroupNorm(channels, channels), with one group per channel",
    "MaxPool3d": _NO_LAYER,
    "AvgPool3d": _NO_LAYER,
    "UpsamplingNearest2d": "Use nn.Upsample(scale_factor=2)",
    "UpsamplingBilinear2d": "Use nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True)",
    "Pad": "Use nn.ZeroPad2d, nn.ReflectionPad2d or ops.pad",
    "Dropout1d": f"{_NO_LAYER}, or use nn.Dropout(p)",
    "Dropout2d": f"{_NO_LAYER}, or use nn.Dropout(p)",
    "PReLU": _NO_LAYER,
    "BCELoss": "There is no such loss; write it as a function with autograd.ops",
    "BCEWithLogitsLoss": "There is no such loss; write it as a function with autograd.ops",
    "SmoothL1Loss": "There is no such loss; write it as a function with autograd.ops",
    "KLDivLoss": "There is no such loss; write it as a function with autograd.ops",
} | {name: f"Use snn.{name}" for name in ("IFNode", "LIFNode", "Recurrent")}  # fmt: skip

_OPS: dict[str, str] = {
    "clamp": "Use ops.clip",
    "concatenate": "Use ops.concat",
    "vstack": "Use ops.concat(tensors, 0)",
    "hstack": "Use ops.concat(tensors, 1)",
    "true_div": "Use ops.div",
    "remainder": "Use ops.mod",
    "power": "Use ops.pow",
    "dot": "Use ops.matmul",
    "chunk": "Use ops.split",
    "repeat": "Use ops.tile",
    "index_select": "Use ops.gather",
    "take": "Use ops.gather",
    "detach": "Use ops.stop_gradient",
    "tensor": "Use autograd.Tensor(values)",
    "from_numpy": "Use autograd.Tensor(array), or autograd.as_tensor(array) without a copy",
    "nll_loss": "Use ops.cross_entropy, which takes the scores before the logarithm",
    "mse_loss": "Use ops.mean(ops.square(x - y))",
    "linear": "Use ops.matmul(x, ops.transpose(weight)) + bias",
    "rand": "Draw with a generator: autograd.Tensor(rng.random(shape, np.float32))",
    "randn": "Draw with a generator: autograd.Tensor(rng.standard_normal(shape, np.float32))",
    "dropout": "Use nn.Dropout(p), which has a generator",
    "conv_transpose1d": "Use ops.conv_transpose2d on images of one row",
    "Conv2D": "Use ops.conv2d(x, weight)",
    "MaxPool": "Use ops.max_pool2d(x, kernel_size)",
    "AvgPool": "Use ops.avg_pool2d(x, kernel_size, stride)",
    "BatchNorm": "Use ops.batch_norm, or nn.BatchNorm2d, which keeps statistics",
    "LayerNorm": "Use ops.layer_norm",
    "instance_norm": "Use ops.group_norm(x, channels), with one group per channel",
    "upsample": "Use ops.interpolate",
}

_AUTOGRAD: dict[str, str] = {
    "from_numpy": "Use autograd.Tensor(array), or autograd.as_tensor(array) without a copy",
    "as_array": "Use x.numpy()",
    "array": "Use autograd.Tensor(values)",
    "numpy": "Use autograd.ops on Tensors in place of numpy's functions",
    "zeros": "Use ops.zeros(shape)",
    "ones": "Use ops.ones(shape)",
    "full": "Use ops.full(shape, value)",
    "arange": "Use ops.arange",
    "cat": "Use ops.concat",
    "stack": "Use ops.stack",
    "where": "Use ops.where",
    "matmul": "Use ops.matmul, or x @ y",
    "exp": "Use ops.exp",
    "relu": "Use ops.relu",
    "sigmoid": "Use ops.sigmoid",
    "tanh": "Use ops.tanh",
    "softmax": "Use ops.softmax",
    "einsum": "Use ops.einsum",
    "rand": "Draw with a generator: autograd.Tensor(rng.random(shape, np.float32))",
    "randn": "Draw with a generator: autograd.Tensor(rng.standard_normal(shape, np.float32))",
    "manual_seed": "There is no global seed: pass rng=np.random.default_rng(seed) to each function or layer that draws",
    "set_seed": "There is no global seed: pass rng=np.random.default_rng(seed) to each function or layer that draws",
    "enable_grad": "Leave it out: autograd.grad records what it runs",
    "set_grad_enabled": "Use autograd.no_grad()",
    "inference_mode": "Use autograd.no_grad(); outside of a transform nothing is recorded anyway",
    "autograd": "Use autograd.grad",
    "functional": "Use autograd.ops",
    "Module": "Use autograd.Cell",
    "Variable": "Use autograd.Tensor",
    "Function": "Use a Cell with construct and bprop",
    "elementwise_grad": "Use autograd.grad, which sums the outputs",
    "jacobian": "Use autograd.vjp once for each output",
    "jacrev": "Use autograd.vjp once for each output",
    "hessian": "Use autograd.grad(autograd.grad(fn))",
    "custom_vjp": "Use a Cell with construct and bprop",
    "device": _ONE_DEVICE,
    "cuda": _ONE_DEVICE,
    "Model": "Write the loop: value, gradients = autograd.value_and_grad(loss, None, weights)(...); optimizer(gradients)",
    "dataset": "Data are numpy arrays; a batch is images[chosen], with chosen from rng.permutation",
    "utils": "Data are numpy arrays; a batch is images[chosen], with chosen from rng.permutation",
    "backward": f"There is no backward pass to start: {_GRADIENTS}",
    "save": "Use np.savez(file, **net.state_dict())",
    "load": "Use net.load_state_dict(np.load(file))",
    "save_checkpoint": "Use np.savez(file, **net.state_dict())",
    "load_checkpoint": "Use net.load_state_dict(np.load(file))",
    "load_param_into_net": "Use net.load_state_dict(np.load(file))",
}

_OPTIM: dict[str, str] = {
    "lr_scheduler": _SCHEDULES,
    "StepLR": _SCHEDULES,
    "ExponentialLR": _SCHEDULES,
    "CosineAnnealingLR": _SCHEDULES,
    "LambdaLR": "Pass a function of the step as lr: optim.SGD(weights, lr=lambda step: 0.1 / (1 + step))",
    "clip_grad_norm_": "Use gradients, norm = optim.clip_by_norm(gradients, max_norm)",
    "clip_grad_value_": "Use gradients = optim.clip_by_value(gradients, limit)",
    "Momentum": "Use optim.SGD(weights, lr, momentum), or nn.Momentum",
} | dict.fromkeys(("Adagrad", "Adadelta", "Adamax", "LBFGS", "NAdam", "RAdam", "RMSprop", "Rprop"), _NO_OPTIMIZER)  # fmt: skip

MODULES: dict[str, dict[str, str]] = {
    "autograd": _AUTOGRAD, "autograd.nn": _NN, "autograd.ops": _OPS, "autograd.optim": _OPTIM,
}  # fmt: skip


ARGUMENTS: dict[str, tuple[str, ...]] = {
    "bias": ("has_bias",), "use_bias": ("has_bias",), "in_features": ("in_channels",), "out_features": ("out_channels",),
    "units": ("out_channels",), "slope": ("alpha",), "beta": ("alpha",), "sigma": ("alpha",), "width": ("alpha",),
    "keep_prob": ("p",), "rate": ("p",), "seed": ("rng",), "generator": ("rng",), "key": ("rng",), "num_features": ("n",),
    "groups": ("group",), "num_embeddings": ("vocab_size",), "embedding_dim": ("embedding_size",), "eps": ("epsilon",),
    "elementwise_affine": ("affine",), "kernel": ("kernel_size",), "strides": ("stride",), "filters": ("out_channels",),
    "dim": ("axis", "axes"), "dims": ("axes", "axis"), "keepdim": ("keepdims",), "keep_dims": ("keepdims",),
}  # fmt: skip
"""Argument names of other frameworks, and the names they may have here."""
_OTHERS = {
    "requires_grad": f"{_TRACKED}. To train values, use autograd.Parameter(values)",
    "device": _ONE_DEVICE,
    "dtype": "Convert the values first: autograd.Tensor(values, dtype)",
}
"""Advice for arguments that one of our classes lacks."""


def renamed(given: Iterable[str], known: Iterable[str]) -> str:
    """Return our names for arguments with another framework's names, as text; it is empty if there are none."""
    names = tuple(known)
    pairs = [(name, [own for own in ARGUMENTS.get(name, ()) if own in names]) for name in given if name not in names]
    return " ".join(f"{name}= is called {own[0]}= here." for name, own in pairs if own)


def misnamed(
    where: str, wrong: Sequence[str], known: Iterable[str], fix: str = "", *, like: str = "", path: str = ""
) -> ArgumentError:
    """Return the error for unknown argument names ``wrong`` of a class or function with the arguments ``known``.

    Without advice in ``fix`` the error suggests the name that the first unknown one, or ``like`` in its place, may mean.
    ``path`` names the class or function for ``help``; by default it is ``where``.
    """
    names = list(known)
    if not fix:
        name = like or wrong[0]
        meant = get_close_matches(name, names, 1) or [own for own in names if name in own.split("_")]
        fix = f"Did you mean {' or '.join(meant)}?" if meant else f"help({path or where}) describes them."
    return ArgumentError(where, f"arguments named {', '.join(names) or 'nothing'}", ", ".join(wrong), fix)


class OwnArguments:
    """Base of classes whose constructor rejects unknown argument names and suggests the name that may be meant."""

    __slots__ = ()

    # not in Cell, where it would hide the signature of __init__
    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Reject such an argument; in a user's own class, only if the name is another framework's."""
        code = getattr(cls.__init__, "__code__", None)
        if options and not (code and options.keys() <= {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}):
            known = inspect.signature(cls).parameters
            wrong = [name for name in options if name not in known]
            if wrong and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
                fix = renamed(wrong, known)
                ours = cls.__module__.partition(".")[0] in ("autograd", "snn")
                if ours and wrong[0] in _OTHERS and (wrong[0] != "dtype" or "value" in known):
                    fix = f"{_OTHERS[wrong[0]]}."
                if ours or fix:
                    raise misnamed(cls.__name__, wrong, known, fix)
        return super().__new__(cls)


def _unknown(where: str, name: str, text: str, kind: Any = UnknownNameError) -> Any:
    """Return the error for a name in the table."""
    return kind(f"{where}.{name}", "a name of spikecell", "one of another framework", f"{text}.")


class _Hint:  # a class attribute under a name in the table
    __doc__ = None

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    def __get__(self, instance: Any, owner: type) -> Any:
        raise _unknown(owner.__name__, self.name, self.text)


class _FixedHint(_Hint):  # for classes without new attributes: assigning a value is an error too
    __doc__ = None

    def __set__(self, instance: Any, value: Any) -> None:
        raise _unknown(type(instance).__name__, self.name, self.text)


def hint(kind: type, table: Mapping[str, str], fixed: bool = False) -> None:
    """Give a class the hints of a table, except for names that it has; ``fixed`` if users cannot add attributes."""
    for name, text in table.items():
        if not hasattr(kind, name):
            setattr(kind, name, (_FixedHint if fixed else _Hint)(name, text))


def listed(instance: Any, names: Iterable[str]) -> list[str]:
    """Return the names that ``dir`` shows for an instance, without the hints."""
    own = getattr(instance, "__dict__", ())
    return [name for name in names if name in own or not isinstance(_found(type(instance), name), _Hint)]


def _found(kind: type, name: str) -> Any:
    """Return an attribute of a class or its bases, without calling a descriptor."""
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


def of_module(module: str, table: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module's ``__getattr__`` that gives the hints of a table, also for ``from module import name``."""

    def look(name: str) -> Any:
        if name in table:
            raise _unknown(module, name, table[name], UnknownImportError if _is_import(sys._getframe(1)) else UnknownNameError)
        if module == "autograd.ops" and callable(getattr(np, name, None)) and name[:1] != "_":
            kind = UnknownImportError if _is_import(sys._getframe(1)) else UnknownNameError
            raise kind(
                f"{module}.{name}", "an operation on Tensors", "a function of numpy only",
                f"For constants, take the values: np.{name}(x.numpy()).",
            )  # fmt: skip
        raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name, obj=sys.modules[module])

    return look


def _is_import(frame: Any) -> bool:
    """Return whether a frame is at ``from ... import``, which turns an AttributeError into an ImportError without our text."""
    from opcode import opname

    return bool(opname[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM")
