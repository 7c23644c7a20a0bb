"""Vector operations of matrix products for Numba: read an operand into panels, and multiply two panels into a tile.

An operand has floats, bytes that are 0 or 1, or words with a bit for each element.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .lanes import _WORD, _at, _data, _everywhere, _fused, _load, _number, _shuffled

_BYTE = ir.IntType(8).as_pointer()


def _read(context, builder, kind, source, place, number, amplitude, count):
    """Load adjacent elements as a vector of numbers; bytes are multiplied by the amplitude."""
    element, data = context.get_data_type(kind.dtype), _data(context, builder, kind, source)
    loaded = builder.load(_at(builder, data, place, ir.VectorType(element, count)))
    loaded.align = kind.dtype.bitwidth // 8
    if loaded.type.element == number:
        return loaded
    return builder.fmul(builder.uitofp(loaded, ir.VectorType(number, count)), _everywhere(builder, amplitude, count))


@intrinsic
def add_at(typing, counts, at, number):
    """Add to a count that threads share, in one step; return the count before."""

    def generate(context, builder, signature, args):
        place = builder.gep(_data(context, builder, signature.args[0], args[0]), [args[1]])
        return builder.atomic_rmw("add", place, args[2], "seq_cst")

    return types.uint64(counts, types.uint64, types.uint64), generate


@intrinsic
def element(typing, source, place, amplitude):
    """Return an element as a number; a byte or bit is multiplied by the amplitude."""
    bits = source.dtype == types.uint64

    def generate(context, builder, signature, args):
        source, place, amplitude = args
        kind, number = signature.args[0], context.get_data_type(signature.args[2])
        word = builder.lshr(place, _number(6)) if bits else place
        loaded = builder.load(builder.gep(_data(context, builder, kind, source), [word]))
        if bits:
            loaded = builder.and_(builder.lshr(loaded, builder.and_(place, _number(63))), _number(1))
            loaded = builder.trunc(loaded, ir.IntType(8))
        return loaded if loaded.type == number else builder.fmul(builder.uitofp(loaded, number), amplitude)

    return amplitude(source, types.uint64, amplitude), generate


def copies(count):
    """Return the function that copies this many adjacent elements."""

    @intrinsic
    def copy(typing, out, at, source, place, amplitude):
        """Write ``source[place : place + count]`` as numbers to ``out[at : at + count]``."""

        def generate(context, builder, signature, args):
            out, at, source, place, amplitude = args
            kinds = signature.args
            number = context.get_data_type(kinds[0].dtype)
            value = _read(context, builder, kinds[2], source, place, number, amplitude, count)
            target = _at(builder, _data(context, builder, kinds[0], out), at, value.type)
            builder.store(value, target).align = kinds[0].dtype.bitwidth // 8
            return context.get_dummy_value()

        u = types.uint64
        return types.void(out, u, source, u, amplitude), generate

    return copy


def turns(rows):
    """Return the function that transposes a square of elements, or half of one: 4 of 4 rows, or 4 of 2."""

    @intrinsic
    def turn(typing, out, at, pitch, source, p0, p1, p2, p3, amplitude):
        """Write ``source[p : p + 4]`` of the first ``rows`` places as columns of ``out``, whose rows are ``pitch`` apart."""

        def generate(context, builder, signature, args):
            out, at, pitch, source, *places, amplitude = args
            kinds = signature.args
            number, target = context.get_data_type(kinds[0].dtype), _data(context, builder, kinds[0], out)
            lines = [_read(context, builder, kinds[3], source, p, number, amplitude, 4) for p in places[:rows]]

            halves = [0, 4, 1, 5], [2, 6, 3, 7]
            pairs = [[_shuffled(builder, lines[r], lines[r + 1], half) for half in halves] for r in range(0, rows, 2)]
            for d in range(4):
                first = 2 * (d % 2)
                lanes = [first, first + 1, first + 4, first + 5][:rows]
                made = _shuffled(builder, pairs[0][d // 2], pairs[-1][d // 2], lanes)
                place = builder.add(at, builder.mul(pitch, _number(d)))
                builder.store(made, _at(builder, target, place, made.type)).align = kinds[0].dtype.bitwidth // 8
            return context.get_dummy_value()

        u = types.uint64
        return types.void(out, u, u, source, u, u, u, u, amplitude), generate

    return turn


def tiles(rows, vectors, size):
    """Return the function that multiplies two panels into a tile of these rows, vectors per row and bytes per vector."""

    @intrinsic
    def tile(typing, a, at_a, b, at_b, depth, out, at, pitch, start, at_start, start_pitch, adds):
        """Write the product of two panels, plus the tile of ``start`` if ``adds``, to a tile of ``out``.

        The panels are ``[depth, rows]`` and ``[depth, columns]``; each sum runs from the start of the depth to its end.
        """

        def generate(context, builder, signature, args):
            _, at_a, _, at_b, depth, _, at, pitch, _, at_start, start_pitch, adds = args
            kinds = signature.args
            align = kinds[0].dtype.bitwidth // 8
            width = size // align
            vector, multiply = _fused(builder, kinds[0].dtype, width)
            data_a, data_b, data_out, data_start = (_data(context, builder, kinds[k], args[k]) for k in (0, 2, 5, 8))
            grid = [(r, v) for r in range(rows) for v in range(vectors)]

            def tile_of(data, first, pitch):
                lines = [builder.add(first, builder.mul(pitch, _number(r))) for r in range(rows)]
                return [_at(builder, data, builder.add(lines[r], _number(v * width)), vector) for r, v in grid]

            # The tile to add to is prefetched during the sums.
            flag = ir.IntType(32)
            fetch = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.VoidType(), [_BYTE, flag, flag, flag]), "llvm.prefetch"
            )
            for (_, v), pointer in zip(grid, tile_of(data_out, at, pitch), strict=True):
                if v in (0, vectors - 1):
                    builder.call(fetch, [builder.bitcast(pointer, _BYTE), *(ir.Constant(flag, k) for k in (0, 3, 1))])
            before, body, end = builder.block, *(builder.append_basic_block(f"tile.{n}") for n in ("body", "end"))
            builder.branch(body)
            builder.position_at_end(body)
            d, sums = builder.phi(_WORD), [builder.phi(vector) for _ in grid]
            for phi in sums:
                phi.add_incoming(ir.Constant(vector, None), before)
            d.add_incoming(_number(0), before)
            place = builder.add(at_b, builder.mul(d, _number(vectors * width)))
            row = [_at(builder, data_b, builder.add(place, _number(v * width)), vector) for v in range(vectors)]
            weights = _load(builder, row, align)
            place = builder.add(at_a, builder.mul(d, _number(rows)))
            made = []
            for r in range(rows):
                x = _everywhere(builder, builder.load(builder.gep(data_a, [builder.add(place, _number(r))])), width)
                made += [builder.call(multiply, [x, weights[v], sums[r * vectors + v]]) for v in range(vectors)]
            after = builder.add(d, _number(1))
            d.add_incoming(after, body)
            for phi, value in zip(sums, made, strict=True):
                phi.add_incoming(value, body)
            builder.cbranch(builder.icmp_unsigned("<", after, depth), body, end)
            builder.position_at_end(end)

            pointers = tile_of(data_out, at, pitch)
            with builder.if_else(adds) as (then, otherwise):
                with then:
                    for old, pointer, value in zip(tile_of(data_start, at_start, start_pitch), pointers, made, strict=True):
                        builder.store(builder.fadd(*_load(builder, [old], align), value), pointer).align = align
                with otherwise:
                    for pointer, value in zip(pointers, made, strict=True):
                        builder.store(value, pointer).align = align
            return context.get_dummy_value()

        u = types.uint64
        return types.void(a, u, b, u, u, out, u, u, start, u, u, types.boolean), generate

    return tile
