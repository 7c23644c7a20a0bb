"""More innermost loops as vector instructions, after ``lanes.py``: rows of images, sums of rows times numbers, tiles."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .lanes import _everywhere, _load, _loop, _sum_listed


def _fused(builder, kind, width):
    """Return the type of vectors of a dtype, or of its numbers if the width is 1, and the function ``a * b + c`` on them."""
    vector, bits = ir.FloatType() if kind.bitwidth == 32 else ir.DoubleType(), kind.bitwidth
    name = f"llvm.fmuladd.f{bits}"
    if width > 1:
        vector, name = ir.VectorType(vector, width), f"llvm.fmuladd.v{width}f{bits}"
    return vector, cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)


def _along(builder, kind, n, carried, visit):
    """Visit n elements: four vectors at once, vectors, and, if elements are left, short vectors and single elements.

    ``visit(places, width, values)`` has some places at once, ``width`` elements from each, and the carried value of this
    kind, which it returns. Return the carried values.
    """
    word, size = ir.IntType(64), kind.bitwidth // 8
    done, found = ir.Constant(word, 0), list(carried)

    def go(at, count, width):
        nonlocal done
        step = ir.Constant(word, count * width)
        number = builder.udiv(builder.sub(n, done), step)
        k, (held,), close = _loop(builder, ir.Constant(word, 0), number, [found[at]])
        first = builder.add(done, builder.mul(k, step))
        close([visit([builder.add(first, ir.Constant(word, i * width)) for i in range(count)], width, held)])
        done, found[at] = builder.add(done, builder.mul(number, step)), held

    go(0, 4, 64 // size)
    go(0, 1, 64 // size)
    before, whole = builder.block, list(found)
    rest, end = builder.append_basic_block("lanes.rest"), builder.append_basic_block("lanes.done")
    builder.cbranch(builder.icmp_unsigned("<", done, n), rest, end)
    builder.position_at_end(rest)
    go(1, 1, 16 // size)
    go(2, 1, 1)
    after = builder.block
    builder.branch(end)
    builder.position_at_end(end)
    for at in (1, 2):
        phi = builder.phi(found[at].type)
        phi.add_incoming(whole[at], before)
        phi.add_incoming(found[at], after)
        found[at] = phi
    return found


def _vector_at(builder, data, place, vector, align):
    """Return the vector, or number, that begins at a place, and its address."""
    pointer = builder.bitcast(builder.gep(data, [place]), vector.as_pointer())
    return _load(builder, [pointer], align)[0], pointer


@intrinsic
def turn_tile(typing, dst, to, dst_pitch, src, at, src_pitch, rows, columns):
    """Write a transposed tile of 16 x 16 elements: read its first rows, and zeros for the others; write its first columns."""

    def generate(context, builder, signature, args):
        _, to, dst_pitch, _, at, src_pitch, rows, columns = args
        kinds, word, count = signature.args, ir.IntType(64), 16
        target, source = (context.make_array(kinds[k])(context, builder, args[k]).data for k in (0, 3))
        vector, align = _fused(builder, kinds[0].dtype, count)[0], kinds[0].dtype.bitwidth // 8
        room = cgutils.alloca_once(builder, ir.ArrayType(vector, count))
        room.align = 64

        def slot(r):
            return builder.gep(room, [ir.Constant(ir.IntType(32), 0), ir.Constant(ir.IntType(32), r)])

        for r in range(count):
            builder.store(ir.Constant(vector, None), slot(r)).align = 64
            with builder.if_then(builder.icmp_unsigned("<", ir.Constant(word, r), rows)):
                place = builder.add(at, builder.mul(src_pitch, ir.Constant(word, r)))
                builder.store(_vector_at(builder, source, place, vector, align)[0], slot(r)).align = 64
        tile = [builder.load(slot(r)) for r in range(count)]
        for value in tile:
            value.align = 64
        for _ in range(4):  # four times, interleave the first half of the rows with the second
            pairs = []
            for a, b in zip(tile[: count // 2], tile[count // 2 :], strict=True):
                for first in (0, count // 2):
                    lanes = [lane for k in range(first, first + count // 2) for lane in (k, k + count)]
                    pairs.append(builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), count), lanes)))
            tile = pairs
        for r, value in enumerate(tile):
            with builder.if_then(builder.icmp_unsigned("<", ir.Constant(word, r), columns)):
                place = builder.add(to, builder.mul(dst_pitch, ir.Constant(word, r)))
                pointer = builder.bitcast(builder.gep(target, [place]), vector.as_pointer())
                builder.store(value, pointer).align = align
        return context.get_dummy_value()

    u = types.uint64
    return types.void(dst, u, u, src, u, u, u, u), generate


@intrinsic
def add_patch(typing, dst, at, dst_pitch, src, base, src_pitch, factor, n, rows):
    """Add ``factor`` times some rows of n elements, from ``src[base]`` on, to those from ``dst[at]`` on."""

    def generate(context, builder, signature, args):
        _, at, dst_pitch, _, base, src_pitch, factor, n, rows = args
        kinds, word = signature.args, ir.IntType(64)
        kind, align = kinds[0].dtype, kinds[0].dtype.bitwidth // 8
        target, source = (context.make_array(kinds[k])(context, builder, args[k]).data for k in (0, 3))
        r, _, close = _loop(builder, ir.Constant(word, 0), rows, [])
        to, of = (builder.add(start, builder.mul(r, pitch)) for start, pitch in ((at, dst_pitch), (base, src_pitch)))

        def visit(places, width, none):
            vector, multiply = _fused(builder, kind, width)
            times = _everywhere(builder, factor, width)
            held = [_vector_at(builder, target, builder.add(to, place), vector, align) for place in places]
            added = [_vector_at(builder, source, builder.add(of, place), vector, align)[0] for place in places]
            sums = [builder.call(multiply, [times, row, old]) for row, (old, _) in zip(added, held, strict=True)]
            for value, (_, pointer) in zip(sums, held, strict=True):
                builder.store(value, pointer).align = align
            return none

        _along(builder, kind, n, [ir.Constant(word, 0)] * 3, visit)
        close([])
        return context.get_dummy_value()

    u = types.uint64
    return types.void(dst, u, u, src, u, u, factor, u, u), generate


@intrinsic
def patch_dot(typing, a, at, a_pitch, b, base, b_pitch, n, rows):
    """Return the sum of the products of some rows of n elements, from ``a[at]`` and ``b[base]`` on."""

    def generate(context, builder, signature, args):
        _, at, a_pitch, _, base, b_pitch, n, rows = args
        kinds, word = signature.args, ir.IntType(64)
        kind, align = kinds[0].dtype, kinds[0].dtype.bitwidth // 8
        first, second = (context.make_array(kinds[k])(context, builder, args[k]).data for k in (0, 3))
        zeros = [
            ir.Constant(_fused(builder, kind, width)[0], None if width > 1 else 0.0) for width in (64 // align, 16 // align, 1)
        ]
        r, sums, close = _loop(builder, ir.Constant(word, 0), rows, zeros)
        x, y = (builder.add(start, builder.mul(r, pitch)) for start, pitch in ((at, a_pitch), (base, b_pitch)))

        def visit(places, width, total):
            vector, multiply = _fused(builder, kind, width)
            for place in places:
                pair = [
                    _vector_at(builder, data, builder.add(start, place), vector, align)[0]
                    for data, start in ((first, x), (second, y))
                ]
                total = builder.call(multiply, [*pair, total])
            return total

        close(_along(builder, kind, n, sums, visit))
        *vectors, found = sums
        for total in vectors:
            width = total.type.count
            while width > 1:  # fold the vector in halves
                width //= 2
                halves = [ir.Constant(ir.VectorType(ir.IntType(32), width), [*range(k, k + width)]) for k in (0, width)]
                total = builder.fadd(*[builder.shuffle_vector(total, total, half) for half in halves])
            found = builder.fadd(found, builder.extract_element(total, ir.Constant(ir.IntType(32), 0)))
        return found

    u = types.uint64
    return a.dtype(a, u, u, b, u, u, u, u), generate


def weighted_sum(lanes):
    """Return the function that adds rows of this many lanes times numbers."""

    @intrinsic
    def add_times_rows(typing, dst, at, src, base, pitch, index, factors, start, stop):
        """Add the rows ``src[base + pitch * index[p]]`` times ``factors[p]`` to ``dst[at : at + lanes]``."""

        def generate(context, builder, signature, args):
            *listed, factors, start, stop = args
            kinds = signature.args
            times = context.make_array(kinds[6])(context, builder, factors).data

            def add(p, held, x):
                _, multiply = _fused(builder, kinds[0].dtype, x.type.count)
                factor = _everywhere(builder, builder.load(builder.gep(times, [p])), x.type.count)
                return builder.call(multiply, [factor, x, held])

            return _sum_listed(context, builder, kinds, listed, start, stop, lanes, add)

        u = types.uint64
        return types.void(dst, u, src, u, u, index, factors, u, u), generate

    return add_times_rows
