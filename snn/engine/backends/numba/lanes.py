"""The innermost loops as vector instructions: from Python source, Numba would not keep their sums in registers."""

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64  # columns summed at once
_WORD = ir.IntType(64)


def _number(k):
    return ir.Constant(_WORD, k)


def _data(context, builder, kind, array):
    return context.make_array(kind)(context, builder, array).data


def _at(builder, data, place, vector):
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _shuffled(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))


def _fused(builder, kind, width):
    """Return the type of vectors of a dtype, or of its numbers if the width is 1, and the function ``a * b + c`` on them."""
    vector, bits = ir.FloatType() if kind.bitwidth == 32 else ir.DoubleType(), kind.bitwidth
    name = f"llvm.fmuladd.f{bits}"
    if width > 1:
        vector, name = ir.VectorType(vector, width), f"llvm.fmuladd.v{width}f{bits}"
    return vector, cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)


def _vectors(context, builder, array, kind, at, lanes=LANES):
    """Return pointers to the vectors that hold ``lanes`` elements from ``at`` on, and the alignment of an element."""
    element = context.get_data_type(kind.dtype)
    width = max(1, 64 // (kind.dtype.bitwidth // 8))
    vector = ir.VectorType(element, width)
    first = builder.gep(_data(context, builder, kind, array), [at])
    return [_at(builder, first, _number(k), vector) for k in range(0, lanes, width)], kind.dtype.bitwidth // 8


def _load(builder, pointers, align):
    loaded = [builder.load(pointer) for pointer in pointers]
    for value in loaded:
        value.align = align
    return loaded


def _loop(builder, start, stop, carried):
    """Begin a loop in LLVM; return its counter, the carried values in it, and a function that ends it."""
    before = builder.block
    head, body, end = (builder.append_basic_block(f"lanes.{name}") for name in ("head", "body", "end"))
    builder.branch(head)
    builder.position_at_end(head)
    counter = builder.phi(start.type)
    counter.add_incoming(start, before)
    inside = [builder.phi(value.type) for value in carried]
    for phi, value in zip(inside, carried, strict=True):
        phi.add_incoming(value, before)
    builder.cbranch(builder.icmp_unsigned("<", counter, stop), body, end)
    builder.position_at_end(body)

    def close(after):
        counter.add_incoming(builder.add(counter, ir.Constant(start.type, 1)), builder.block)
        for phi, value in zip(inside, after, strict=True):
            phi.add_incoming(value, builder.block)
        builder.branch(head)
        builder.position_at_end(end)

    return counter, inside, close


def _everywhere(builder, value, count):
    """Return a vector of equal numbers, or the number if the count is 1."""
    if count == 1:
        return value
    none, first = ir.Constant(ir.VectorType(value.type, count), ir.Undefined), ir.Constant(ir.IntType(32), 0)
    return builder.shuffle_vector(
        builder.insert_element(none, value, first), none, ir.Constant(ir.VectorType(ir.IntType(32), count), None)
    )


def _sum_listed(context, builder, kinds, listed, start, stop, lanes, add):
    """Add rows ``src[base + pitch * index[p]]``, p from start to stop, to ``dst[at : at + lanes]``.

    ``add(p, held, x)`` returns a sum held in a register with a vector of row p added.
    """
    dst, at, src, base, pitch, index = listed
    sums, align = _vectors(context, builder, dst, kinds[0], at, lanes)
    numbers = _data(context, builder, kinds[5], index)
    p, held, close = _loop(builder, start, stop, _load(builder, sums, align))
    number = builder.zext(builder.load(builder.gep(numbers, [p])), pitch.type)
    row, _ = _vectors(context, builder, src, kinds[2], builder.add(base, builder.mul(number, pitch)), lanes)
    close([add(p, h, x) for h, x in zip(held, _load(builder, row, align), strict=True)])
    for pointer, value in zip(sums, held, strict=True):
        builder.store(value, pointer).align = align
    return context.get_dummy_value()


def row_sum(lanes):
    """Return the function that adds rows of this many lanes."""

    @intrinsic
    def add_rows(typing, dst, at, src, base, pitch, index, start, stop):
        """Add the rows ``src[base + pitch * index[p]]``, p from start to stop, to ``dst[at : at + lanes]``."""

        def generate(context, builder, signature, args):
            *listed, start, stop = args
            return _sum_listed(
                context, builder, signature.args, listed, start, stop, lanes, lambda _, held, x: builder.fadd(held, x)
            )

        u = types.uint64
        return types.void(dst, u, src, u, u, index, u, u), generate

    return add_rows


def products(rows, lanes=LANES):
    """Return the function that adds products for this many rows at once, to this many lanes."""

    @intrinsic
    def add_products(typing, dst, at, dst_pitch, a, first, a_pitch, src, base, n):
        """Add the products of rows of ``a`` with packed weights to ``rows`` rows of ``lanes``, from ``dst[at]`` on."""

        def generate(context, builder, signature, args):
            _, at, dst_pitch, _, first, a_pitch, _, base, n = args
            kinds = signature.args
            align = kinds[0].dtype.bitwidth // 8
            width = 64 // align
            vector, multiply = _fused(builder, kinds[0].dtype, width)
            out, data, source = (_data(context, builder, kinds[k], args[k]) for k in (0, 3, 6))
            # A single row takes all lanes at once: several concurrent sums hide the latency of additions.
            vectors = lanes // width if rows == 1 else 1
            for lane in range(0, lanes, width * vectors):
                cuts = [_number(lane + width * v) for v in range(vectors)]
                places = [
                    _at(builder, out, builder.add(builder.add(at, cut), builder.mul(dst_pitch, _number(r))), vector)
                    for r in range(rows)
                    for cut in cuts
                ]
                starts = [builder.add(first, builder.mul(a_pitch, _number(r))) for r in range(rows)]
                k, sums, close = _loop(builder, _number(0), n, _load(builder, places, align))
                at_weight = builder.add(base, builder.mul(k, _number(lanes)))
                weights = _load(builder, [_at(builder, source, builder.add(at_weight, cut), vector) for cut in cuts], align)
                after = []
                for r, start in enumerate(starts):
                    x = builder.load(builder.gep(data, [builder.add(start, k)]))
                    x = _everywhere(builder, x, width)
                    held = sums[r * vectors : (r + 1) * vectors]
                    after += [builder.call(multiply, [x, w, h]) for w, h in zip(weights, held, strict=True)]
                close(after)
                for place, held in zip(places, sums, strict=True):
                    builder.store(held, place).align = align
            return context.get_dummy_value()

        u = types.uint64
        return types.void(dst, u, u, a, u, u, src, u, u), generate

    return add_products


@intrinsic
def dot_rows(typing, out, a, at, src, s0, s1, s2, s3, n):
    """Write the products of ``a[at : at + n]`` with four rows ``src[s : s + n]`` to ``out[:4]``; LANES divides n."""

    def generate(context, builder, signature, args):
        out, a, at, src, *rows, n = args
        kinds = signature.args
        align = kinds[0].dtype.bitwidth // 8
        width = 64 // align
        vector, multiply = _fused(builder, kinds[0].dtype, width)
        step, data, source = _number(width), _data(context, builder, kinds[1], a), _data(context, builder, kinds[3], src)

        def load(base, first, k):
            place = builder.add(first, builder.mul(k, step))
            return _load(builder, [_at(builder, base, place, vector)], align)[0]

        zero = ir.Constant(vector, None)
        k, sums, close = _loop(builder, _number(0), builder.udiv(n, step), [zero] * 4)
        x = load(data, at, k)
        close([builder.call(multiply, [x, load(source, row, k), s]) for row, s in zip(rows, sums, strict=True)])
        target = _data(context, builder, kinds[0], out)

        # Fold the four vectors together: two by two, then the two results.
        def folded(a, b, size):
            pairs = [
                [at + k for at in range(0, 2 * width, size) for k in range(first, first + size // 2)]
                for first in (0, size // 2)
            ]
            return builder.fadd(*[_shuffled(builder, a, b, pair) for pair in pairs])

        both = folded(folded(sums[0], sums[1], width), folded(sums[2], sums[3], width), width // 2)
        size = width // 4
        while size > 1:
            lanes = [[at + k for at in range(0, 4 * size, size) for k in range(f, f + size // 2)] for f in (0, size // 2)]
            both = builder.fadd(*[_shuffled(builder, both, both, half) for half in lanes])
            size //= 2
        builder.store(both, builder.bitcast(target, both.type.as_pointer())).align = align
        return context.get_dummy_value()

    u = types.uint64
    return types.void(out, a, u, src, u, u, u, u, u), generate


@intrinsic
def where_nonzero(typing, array, at):
    """Return a word whose bit k tells whether ``array[at + k]`` is not zero, for LANES elements."""

    def generate(context, builder, signature, args):
        kind = signature.args[0]
        vectors, align = _vectors(context, builder, args[0], kind, args[1])
        bits = _number(0)
        for k, vector in enumerate(_load(builder, vectors, align)):
            zero = ir.Constant(vector.type, None)
            floating = not isinstance(vector.type.element, ir.IntType)
            found = builder.fcmp_unordered("!=", vector, zero) if floating else builder.icmp_unsigned("!=", vector, zero)
            part = builder.bitcast(found, ir.IntType(vector.type.count))
            part = part if vector.type.count == 64 else builder.zext(part, _WORD)
            bits = builder.or_(bits, builder.shl(part, _number(k * vector.type.count)))
        return bits

    return types.uint64(array, types.uint64), generate


@intrinsic
def call_loop(typing, function, arguments, count, steps, data):
    """Call a loop of a numpy function by its address, on arrays of addresses, counts and steps in bytes."""

    def generate(context, builder, signature, args):
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 4).as_pointer()
        builder.call(builder.inttoptr(args[0], kind), [builder.inttoptr(value, pointer) for value in args[1:]])
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), generate


@njit(error_model="numpy", nogil=True)
def apply(function, data, n, x, x_step, y, y_step, out, places, count, steps):
    """Write a numpy function of the first n elements of ``x``, and ``y``, to ``out``; a step of 0 repeats the first element.

    ``places``, ``count`` and ``steps`` are work space; a function of one argument gets ``out`` for ``y``.
    """
    places[0], places[1], places[2] = x.ctypes.data, y.ctypes.data, out.ctypes.data
    size = out.itemsize
    count[0], steps[0], steps[1], steps[2] = n, x_step * size, y_step * size, size
    call_loop(function, places.ctypes.data, count.ctypes.data, steps.ctypes.data, data)


@intrinsic
def lowest(typing, word):
    """Return the position of the lowest set bit."""

    def generate(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), generate


@intrinsic
def ones(typing, word):
    """Return the number of set bits."""

    def generate(context, builder, signature, args):
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate
