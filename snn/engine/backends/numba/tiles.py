"""More innermost loops as vector instructions, after ``lanes.py``: tiles, rows of images, weighted sums, exponentials."""

import math
from functools import partial

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .lanes import _at, _data, _everywhere, _fused, _load, _loop, _number, _shuffled, _sum_listed


def _along(builder, kind, n, carried, visit):
    """Visit n elements: four vectors at once, vectors, and, if elements are left, short vectors and single elements.

    ``visit(places, width, values)`` has some places at once, ``width`` elements from each, and the carried value of this
    kind, which it returns. Return the carried values.
    """
    size = kind.bitwidth // 8
    done, found = _number(0), list(carried)

    def go(at, count, width):
        nonlocal done
        step = _number(count * width)
        number = builder.udiv(builder.sub(n, done), step)
        k, (held,), close = _loop(builder, _number(0), number, [found[at]])
        first = builder.add(done, builder.mul(k, step))
        close([visit([builder.add(first, _number(i * width)) for i in range(count)], width, held)])
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
    pointer = _at(builder, data, place, vector)
    return _load(builder, [pointer], align)[0], pointer


@intrinsic
def turn_tile(typing, dst, to, dst_pitch, src, at, src_pitch, rows, columns):
    """Write a transposed tile of 16 x 16 elements: read its first rows, and zeros for the others; write its first columns."""

    def generate(context, builder, signature, args):
        _, to, dst_pitch, _, at, src_pitch, rows, columns = args
        kinds, count = signature.args, 16
        target, source = (_data(context, builder, kinds[k], args[k]) for k in (0, 3))
        vector, align = _fused(builder, kinds[0].dtype, count)[0], kinds[0].dtype.bitwidth // 8
        room = cgutils.alloca_once(builder, ir.ArrayType(vector, count))
        room.align = 64

        def slot(r):
            return builder.gep(room, [ir.Constant(ir.IntType(32), 0), ir.Constant(ir.IntType(32), r)])

        for r in range(count):
            builder.store(ir.Constant(vector, None), slot(r)).align = 64
            with builder.if_then(builder.icmp_unsigned("<", _number(r), rows)):
                place = builder.add(at, builder.mul(src_pitch, _number(r)))
                builder.store(_vector_at(builder, source, place, vector, align)[0], slot(r)).align = 64
        tile = [builder.load(slot(r)) for r in range(count)]
        for value in tile:
            value.align = 64
        for _ in range(4):  # four times, interleave the first half of the rows with the second
            pairs = []
            for a, b in zip(tile[: count // 2], tile[count // 2 :], strict=True):
                for first in (0, count // 2):
                    lanes = [lane for k in range(first, first + count // 2) for lane in (k, k + count)]
                    pairs.append(_shuffled(builder, a, b, lanes))
            tile = pairs
        for r, value in enumerate(tile):
            with builder.if_then(builder.icmp_unsigned("<", _number(r), columns)):
                place = builder.add(to, builder.mul(dst_pitch, _number(r)))
                builder.store(value, _at(builder, target, place, vector)).align = align
        return context.get_dummy_value()

    u = types.uint64
    return types.void(dst, u, u, src, u, u, u, u), generate


@intrinsic
def add_patch(typing, dst, at, dst_pitch, src, base, src_pitch, factor, n, rows):
    """Add ``factor`` times some rows of n elements, from ``src[base]`` on, to those from ``dst[at]`` on."""

    def generate(context, builder, signature, args):
        _, at, dst_pitch, _, base, src_pitch, factor, n, rows = args
        kinds = signature.args
        kind, align = kinds[0].dtype, kinds[0].dtype.bitwidth // 8
        target, source = (_data(context, builder, kinds[k], args[k]) for k in (0, 3))
        r, _, close = _loop(builder, _number(0), rows, [])
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

        _along(builder, kind, n, [_number(0)] * 3, visit)
        close([])
        return context.get_dummy_value()

    u = types.uint64
    return types.void(dst, u, u, src, u, u, factor, u, u), generate


@intrinsic
def patch_dot(typing, a, at, a_pitch, b, base, b_pitch, n, rows):
    """Return the sum of the products of some rows of n elements, from ``a[at]`` and ``b[base]`` on."""

    def generate(context, builder, signature, args):
        _, at, a_pitch, _, base, b_pitch, n, rows = args
        kinds = signature.args
        kind, align = kinds[0].dtype, kinds[0].dtype.bitwidth // 8
        first, second = (_data(context, builder, kinds[k], args[k]) for k in (0, 3))
        zeros = [
            ir.Constant(_fused(builder, kind, width)[0], None if width > 1 else 0.0) for width in (64 // align, 16 // align, 1)
        ]
        r, sums, close = _loop(builder, _number(0), rows, zeros)
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
                total = builder.fadd(*[_shuffled(builder, total, total, [*range(k, k + width)]) for k in (0, width)])
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
            times = _data(context, builder, kinds[6], factors)

            def add(p, held, x):
                _, multiply = _fused(builder, kinds[0].dtype, x.type.count)
                factor = _everywhere(builder, builder.load(builder.gep(times, [p])), x.type.count)
                return builder.call(multiply, [factor, x, held])

            return _sum_listed(context, builder, kinds, listed, start, stop, lanes, add)

        u = types.uint64
        return types.void(dst, u, src, u, u, index, factors, u, u), generate

    return add_times_rows


def exponential(bits, terms, low, high, large, parts):
    """Return a function for the exponential of a float of this many bits, to about its last bit: libm has no vectors.

    It removes powers of two, and uses Taylor's series near 0. The sum with a large number leaves no room for a fraction: it
    rounds, and has the power in its lowest bits. ``parts`` are two summands of ln 2, of which the first has few digits. The
    power is restored in two halves, because a single number may not have an exponent as low or as high as the result needs.
    """
    number, whole, kind = ir.FloatType(), ir.IntType(32), types.float32
    places, bias = 23, 127
    if bits == 64:
        number, whole, kind, places, bias = ir.DoubleType(), ir.IntType(64), types.float64, 52, 1023
    constant = partial(ir.Constant, number)

    @intrinsic
    def exponential_of(typing, x):
        """Return the exponential of x, limited to where the result just becomes 0 or infinite; NaN stays."""

        def generate(context, builder, signature, args):
            def line(slope, x, offset):
                return builder.fadd(builder.fmul(slope, x), offset)

            (x,) = args
            for sign, bound in (("<", low), (">", high)):
                x = builder.select(builder.fcmp_ordered(sign, x, constant(bound)), constant(bound), x)
            shifted = line(x, constant(1 / math.log(2)), constant(large))
            power = builder.fsub(shifted, constant(large))
            rest = line(power, constant(-parts[1]), line(power, constant(-parts[0]), x))
            sums, x = [constant(1 / math.factorial(k)) for k in range(2, terms)], rest
            while len(sums) > 1:  # Estrin's scheme: in Horner's, each step waits for the one before
                pairs = [line(b, x, a) for a, b in zip(sums[::2], sums[1::2], strict=False)]
                sums, x = pairs + sums[len(pairs) * 2 :], builder.fmul(x, x)
            p = line(line(sums[0], rest, constant(1.0)), rest, constant(1.0))
            at = ir.Constant(whole, places)
            exponent = builder.ashr(builder.shl(builder.bitcast(shifted, whole), at), at)
            half = builder.ashr(exponent, ir.Constant(whole, 1))
            for part in (half, builder.sub(exponent, half)):
                biased = builder.add(part, ir.Constant(whole, bias))
                p = builder.fmul(p, builder.bitcast(builder.shl(biased, at), number))
            return p

        return kind(kind), generate

    return exponential_of
