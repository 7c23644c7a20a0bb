"""Loops over time made from a neuron's equations. What stands before the first loop is the same in every such file.

With ``JIT = False`` all of it is plain Python on numpy, to step through in a debugger.
"""

import math  # noqa: F401 - a loop may use it

import numpy as np

JIT = True
LANES = 64  # columns that are summed at once, in registers

zero32, one32 = np.float32(0), np.float32(1)
zero64, one64 = np.float64(0), np.float64(1)

if JIT:
    from numba import config

    JIT = not config.DISABLE_JIT

if JIT:
    from llvmlite import ir
    from numba import njit, types
    from numba.core import cgutils
    from numba.extending import intrinsic

    def _vectors(context, builder, array, kind, at, lanes=LANES):
        """Return pointers to the vectors that hold ``lanes`` elements from ``at`` on, and the alignment of an element."""
        element = context.get_data_type(kind.dtype)
        width = max(1, 64 // (kind.dtype.bitwidth // 8))
        vector = ir.VectorType(element, width)
        data = context.make_array(kind)(context, builder, array).data
        first = builder.gep(data, [at])
        steps = [builder.gep(first, [ir.Constant(ir.IntType(64), k)]) for k in range(0, lanes, width)]
        return [builder.bitcast(step, vector.as_pointer()) for step in steps], kind.dtype.bitwidth // 8

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

    def _row_sum(lanes):
        @intrinsic
        def add_rows(typing, dst, at, src, base, pitch, index, start, stop):
            """Add to ``dst[at : at + lanes]`` the rows ``src[base + pitch * index[p]]``, as long, for p from start to stop."""

            def generate(context, builder, signature, args):
                dst, at, src, base, pitch, index, start, stop = args
                kinds = signature.args
                sums, align = _vectors(context, builder, dst, kinds[0], at, lanes)
                numbers = context.make_array(kinds[5])(context, builder, index).data
                p, held, close = _loop(builder, start, stop, _load(builder, sums, align))
                number = builder.zext(builder.load(builder.gep(numbers, [p])), pitch.type)
                row, _ = _vectors(context, builder, src, kinds[2], builder.add(base, builder.mul(number, pitch)), lanes)
                close([builder.fadd(a, b) for a, b in zip(held, _load(builder, row, align), strict=True)])
                for pointer, value in zip(sums, held, strict=True):
                    builder.store(value, pointer).align = align
                return context.get_dummy_value()

            u = types.uint64
            return types.void(dst, u, src, u, u, index, u, u), generate

        return add_rows

    def _products(rows):
        @intrinsic
        def add_products(typing, dst, at, dst_pitch, a, first, a_pitch, src, base, n):
            """Add to ``rows`` rows of LANES elements, from ``dst[at]`` on, the products of rows of ``a`` with packed weights."""

            def generate(context, builder, signature, args):
                dst, at, dst_pitch, a, first, a_pitch, src, base, n = args
                kinds, word = signature.args, ir.IntType(64)
                element = context.get_data_type(kinds[0].dtype)
                align = kinds[0].dtype.bitwidth // 8
                width = 64 // align
                vector = ir.VectorType(element, width)
                name = f"llvm.fmuladd.v{width}f{8 * align}"
                multiply = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
                out, data, source = (
                    context.make_array(kinds[k])(context, builder, args[k]).data for k in (0, 3, 6)
                )  # fmt: skip
                number = lambda k: ir.Constant(word, k)  # noqa: E731
                everywhere = ir.Constant(ir.VectorType(ir.IntType(32), width), None)

                def pointer(array, place):
                    return builder.bitcast(builder.gep(array, [place]), vector.as_pointer())

                for lane in range(0, LANES, width):
                    places = [
                        pointer(out, builder.add(builder.add(at, number(lane)), builder.mul(dst_pitch, number(r))))
                        for r in range(rows)
                    ]
                    starts = [builder.add(first, builder.mul(a_pitch, number(r))) for r in range(rows)]
                    k, sums, close = _loop(builder, number(0), n, _load(builder, places, align))
                    at_weight = builder.add(builder.add(base, number(lane)), builder.mul(k, number(LANES)))
                    (weight,) = _load(builder, [pointer(source, at_weight)], align)
                    after = []
                    for start, held in zip(starts, sums, strict=True):
                        x = builder.load(builder.gep(data, [builder.add(start, k)]))
                        x = builder.insert_element(ir.Constant(vector, ir.Undefined), x, ir.Constant(ir.IntType(32), 0))
                        x = builder.shuffle_vector(x, ir.Constant(vector, ir.Undefined), everywhere)
                        after.append(builder.call(multiply, [x, weight, held]))
                    close(after)
                    for place, held in zip(places, sums, strict=True):
                        builder.store(held, place).align = align
                return context.get_dummy_value()

            u = types.uint64
            return types.void(dst, u, u, a, u, u, src, u, u), generate

        return add_products

    add_products_of_1, add_products_of_6 = _products(1), _products(6)

    @intrinsic
    def dot_rows(typing, out, a, at, src, s0, s1, s2, s3, n):
        """Write the products of ``a[at : at + n]`` with four rows, ``src[s : s + n]``, to ``out[:4]``; n is a multiple of LANES."""

        def generate(context, builder, signature, args):
            out, a, at, src, *rows, n = args
            kinds, word = signature.args, ir.IntType(64)
            element = context.get_data_type(kinds[0].dtype)
            width = 64 // (kinds[0].dtype.bitwidth // 8)
            vector = ir.VectorType(element, width)
            name = f"llvm.fmuladd.v{width}f{8 * (64 // width)}"
            multiply = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
            step = ir.Constant(word, width)
            data, source = (context.make_array(k)(context, builder, v).data for k, v in ((kinds[1], a), (kinds[3], src)))

            def load(base, first, k):
                where = builder.gep(base, [builder.add(first, builder.mul(k, step))])
                value = builder.load(builder.bitcast(where, vector.as_pointer()))
                value.align = kinds[0].dtype.bitwidth // 8
                return value

            zero = ir.Constant(vector, None)
            k, sums, close = _loop(builder, ir.Constant(word, 0), builder.udiv(n, step), [zero] * 4)
            x = load(data, at, k)
            close([builder.call(multiply, [x, load(source, row, k), s]) for row, s in zip(rows, sums, strict=True)])
            target = context.make_array(kinds[0])(context, builder, out).data

            def shuffled(a, b, lanes):
                return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes))

            # The four vectors are folded together: two by two, then what is left of all.
            def folded(a, b, size):
                pairs = [
                    [at + k for at in range(0, 2 * width, size) for k in range(first, first + size // 2)]
                    for first in (0, size // 2)
                ]
                return builder.fadd(shuffled(a, b, pairs[0]), shuffled(a, b, pairs[1]))

            both = folded(folded(sums[0], sums[1], width), folded(sums[2], sums[3], width), width // 2)
            size = width // 4
            while size > 1:
                lanes = [[at + k for at in range(0, 4 * size, size) for k in range(f, f + size // 2)] for f in (0, size // 2)]
                both = builder.fadd(shuffled(both, both, lanes[0]), shuffled(both, both, lanes[1]))
                size //= 2
            builder.store(both, builder.bitcast(target, both.type.as_pointer())).align = kinds[0].dtype.bitwidth // 8
            return context.get_dummy_value()

        u = types.uint64
        return types.void(out, a, u, src, u, u, u, u, u), generate

    @intrinsic
    def where_nonzero(typing, array, at):
        """Return a word whose bit k says that ``array[at + k]`` is not zero, for LANES elements."""

        def generate(context, builder, signature, args):
            kind = signature.args[0]
            vectors, align = _vectors(context, builder, args[0], kind, args[1])
            word = ir.IntType(64)
            bits = ir.Constant(word, 0)
            for k, vector in enumerate(_load(builder, vectors, align)):
                zero = ir.Constant(vector.type, None)
                floating = not isinstance(vector.type.element, ir.IntType)
                found = builder.fcmp_unordered("!=", vector, zero) if floating else builder.icmp_unsigned("!=", vector, zero)
                part = builder.bitcast(found, ir.IntType(vector.type.count))
                part = part if vector.type.count == 64 else builder.zext(part, word)
                bits = builder.or_(bits, builder.shl(part, ir.Constant(word, k * vector.type.count)))
            return bits

        return types.uint64(array, types.uint64), generate

    @intrinsic
    def lowest(typing, word):
        """Return the position of the lowest bit that is set."""

        def generate(context, builder, signature, args):
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

        return types.uint64(types.uint64), generate

    @intrinsic
    def ones(typing, word):
        """Return the number of bits that are set."""

        def generate(context, builder, signature, args):
            return builder.ctpop(args[0])

        return types.uint64(types.uint64), generate

    @intrinsic
    def bits_as_float32(typing, value):
        """Read the bits of an int32 as a float32."""

        def generate(context, builder, signature, args):
            return builder.bitcast(args[0], ir.FloatType())

        return types.float32(types.int32), generate

    @intrinsic
    def bits_as_float64(typing, value):
        """Read the bits of an int64 as a float64."""

        def generate(context, builder, signature, args):
            return builder.bitcast(args[0], ir.DoubleType())

        return types.float64(types.int64), generate

else:

    def njit(**options):
        """Leave a function as it is."""
        return lambda function: function

    def _row_sum(lanes):
        def add_rows(dst, at, src, base, pitch, index, start, stop):
            """Add to ``dst[at : at + lanes]`` the rows ``src[base + pitch * index[p]]``, as long, for p from start to stop."""
            at = int(at)
            for p in range(start, stop):
                row = int(base) + int(pitch) * int(index[p])
                dst[at : at + lanes] += src[row : row + lanes]

        return add_rows

    def _products(rows):
        def add_products(dst, at, dst_pitch, a, first, a_pitch, src, base, n):
            """Add to ``rows`` rows of LANES elements, from ``dst[at]`` on, the products of rows of ``a`` with packed weights."""
            at, dst_pitch, first, a_pitch, base, n = map(int, (at, dst_pitch, first, a_pitch, base, n))
            weights = src[base : base + n * LANES].reshape(n, LANES)
            for r in range(rows):
                place, start = at + r * dst_pitch, first + r * a_pitch
                for k in range(n):
                    dst[place : place + LANES] += a[start + k] * weights[k]

        return add_products

    add_products_of_1, add_products_of_6 = _products(1), _products(6)

    def dot_rows(out, a, at, src, s0, s1, s2, s3, n):
        """Write the products of ``a[at : at + n]`` with four rows, ``src[s : s + n]``, to ``out[:4]``; n is a multiple of LANES."""
        at, n = int(at), int(n)
        for i, s in enumerate(map(int, (s0, s1, s2, s3))):
            out[i] = np.dot(a[at : at + n], src[s : s + n])

    def where_nonzero(array, at):
        """Return a word whose bit k says that ``array[at + k]`` is not zero, for LANES elements."""
        return np.uint64(sum(1 << k for k in range(LANES) if array[int(at) + k] != 0))

    def lowest(word):
        """Return the position of the lowest bit that is set."""
        word = int(word)
        return np.uint64((word & -word).bit_length() - 1)

    def ones(word):
        """Return the number of bits that are set."""
        return np.uint64(int(word).bit_count())

    def bits_as_float32(value):
        """Read the bits of an int32 as a float32."""
        return np.int32(value).view(np.float32)

    def bits_as_float64(value):
        """Read the bits of an int64 as a float64."""
        return np.int64(value).view(np.float64)


add_rows_of_16, add_rows_of_32, add_rows_of_64 = _row_sum(16), _row_sum(32), _row_sum(LANES)


@njit(error_model="numpy", nogil=True)
def add_rows(dst, at, src, base, pitch, index, start, stop, lanes):
    """Add to ``dst[at : at + lanes]`` the rows ``src[base + pitch * index[p]]``, as long, for p from start to stop."""
    if lanes == 64:
        add_rows_of_64(dst, at, src, base, pitch, index, start, stop)
    elif lanes == 32:
        add_rows_of_32(dst, at, src, base, pitch, index, start, stop)
    else:
        add_rows_of_16(dst, at, src, base, pitch, index, start, stop)


@njit(error_model="numpy", nogil=True)
def collect(flags, at, columns, index, to):
    """Write the positions of the flags that are set, of ``columns`` from ``at`` on; return how many there are."""
    p, whole = to, columns // np.uint64(LANES) * np.uint64(LANES)
    for k in range(np.uint64(0), whole, np.uint64(LANES)):
        word = where_nonzero(flags, at + k)
        while word:
            index[p] = k + lowest(word)
            word &= word - np.uint64(1)
            p += np.uint64(1)
    for k in range(whole, columns):
        if flags[at + k] != 0:
            index[p] = k
            p += np.uint64(1)
    return p - to


@njit(error_model="numpy", nogil=True)
def add_product(dst, pitch, a, members, n, weights):
    """Add to rows of ``dst``, ``[members, pitch]``, the product of ``a``, the first n of ``[members, pitch]``, with packed weights."""
    one, six = np.uint64(1), np.uint64(6)
    for g in range(np.uint64(0), pitch, np.uint64(LANES)):
        s = np.uint64(0)
        while s + six <= members:
            add_products_of_6(dst, s * pitch + g, pitch, a, s * pitch, pitch, weights, g * n, n)
            s += six
        while s < members:
            add_products_of_1(dst, s * pitch + g, pitch, a, s * pitch, pitch, weights, g * n, n)
            s += one


@njit(error_model="numpy", nogil=True)
def write_dots(out, out_at, out_pitch, a, a_at, pitch, rows, start, index, first, weights, strip, n, cursor, four):
    """Write products of rows of ``a`` with rows of weights, ``[n, pitch]``, to the listed places of rows of ``out`` only.

    The places of row r are ``index[start[first + r]:start[first + r + 1]]``. The weights go by in strips that stay in the cache.
    """
    one = np.uint64(1)
    for r in range(rows):
        cursor[r] = start[first + r]
    for stop in range(strip, n + strip, strip):
        for r in range(rows):
            p, last = cursor[r], start[first + r + one]
            while p < last and index[p] < stop:
                end = p
                while end + one < min(p + np.uint64(4), last) and index[end + one] < stop:
                    end += one
                i0, i1 = np.uint64(index[p]), np.uint64(index[min(p + one, end)])
                i2, i3 = np.uint64(index[min(p + np.uint64(2), end)]), np.uint64(index[end])
                dot_rows(four, a, a_at + r * pitch, weights, i0 * pitch, i1 * pitch, i2 * pitch, i3 * pitch, pitch)
                at = out_at + r * out_pitch
                out[at + i0] = four[0]
                out[at + i1] = four[1]
                out[at + i2] = four[2]
                out[at + i3] = four[3]
                p = end + one
            cursor[r] = p


@njit(error_model="numpy", inline="always")
def exp32(x):
    """Exponential to about 1e-7: Taylor's series near 0, after powers of two are taken out. It vectorises; libm does not."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    n = x * np.float32(1.4426950408889634) + np.float32(12582912)  # rounds: there is no room for a fraction
    n = n - np.float32(12582912)
    r = x - n * np.float32(0.693359375)
    r = r - n * np.float32(-2.12194440e-4)
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1)
    p = p * r + np.float32(1)
    return p * bits_as_float32((np.int32(n) + np.int32(127)) << np.int32(23))


@njit(error_model="numpy", inline="always")
def exp64(x):
    """Exponential to about 1e-16, in the same way."""
    x = min(max(x, -708.0), 709.0)
    n = x * 1.4426950408889634 + 6755399441055744.0
    n = n - 6755399441055744.0
    r = x - n * 0.693145751953125
    r = r - n * 1.42860682030941723212e-6
    p = 1 / 6227020800
    p = p * r + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return p * bits_as_float64((np.int64(n) + np.int64(1023)) << np.int64(52))
