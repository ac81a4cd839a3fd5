"""Triton's kernels of the norms: what ``norms_triton`` launches.

A program's first index is an image. Those that pass over images take a stretch of its pixels each, the second index,
in tiles of ``ROWS`` pixels by all channels; ``COLUMNS`` is the power of two that holds these. Those that add up what
others summed take an image each. All is computed in single precision.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _tile(i, pixels, channels, ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr):
    """Where in its image the ``i``-th tile of this program lies, and which of it is inside."""
    row = (tl.program_id(1) * TILES + i) * ROWS + tl.arange(0, ROWS)[:, None]
    column = tl.arange(0, COLUMNS)[None, :]
    return row * channels + column, (row < pixels) & (column < channels)


@triton.jit
def _image(images, pixels, channels):
    """Where this program's image begins; counted in 64 bits once, so that 32 do for what is inside."""
    return images + tl.program_id(0).to(tl.int64) * pixels * channels


@triton.jit
def _keep(tile, part, which, channels, COLUMNS: tl.constexpr):
    """Write one sum over the stretch: ``part[which, image, stretch]``."""
    column = tl.arange(0, COLUMNS)
    image = which * tl.num_programs(0) + tl.program_id(0)
    at = (image * tl.num_programs(1) + tl.program_id(1)) * channels + column
    tl.store(part + at, tl.sum(tile, 0), mask=column < channels)


@triton.jit
def _read(x, at, inside):
    return tl.load(x + at, mask=inside, other=0).to(tl.float32)


@triton.jit
def _of_channel(values, channels, COLUMNS: tl.constexpr):
    column = tl.arange(0, COLUMNS)[None, :]
    return tl.load(values + column, mask=column < channels, other=0).to(tl.float32)


@triton.jit
def _normed(x, mean, inverse, weight, bias, at, inside, channels, COLUMNS: tl.constexpr):
    """h, w, and w h + b: what y is before the ReLU."""
    w, b = _of_channel(weight, channels, COLUMNS), _of_channel(bias, channels, COLUMNS)
    h = (_read(x, at, inside) - tl.load(mean + tl.program_id(0))) * tl.load(inverse + tl.program_id(0))
    return h, w, w * h + b


@triton.jit
def moments(parts, x, pixels, channels, ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr):
    column = tl.arange(0, COLUMNS)
    x = _image(x, pixels, channels)
    pivot = tl.load(x + column, mask=column < channels, other=0).to(tl.float32)[None, :]
    of_distance = tl.zeros((ROWS, COLUMNS), tl.float32)
    of_square = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        distance = tl.where(inside, _read(x, at, inside) - pivot, 0)
        of_distance += distance
        of_square += distance * distance
    _keep(of_distance, parts, 0, channels, COLUMNS)
    _keep(of_square, parts, 1, channels, COLUMNS)


@triton.jit
def rectified(
    out, x, mean, inverse, weight, bias, pixels, channels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    out, x = _image(out, pixels, channels), _image(x, pixels, channels)
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        _, _, before = _normed(x, mean, inverse, weight, bias, at, inside, channels, COLUMNS)
        tl.store(out + at, tl.maximum(before, 0), mask=inside)


@triton.jit
def rectified_by_channel(
    out, x, mean, variance, weight, bias, eps, pixels, channels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    out, x = _image(out, pixels, channels), _image(x, pixels, channels)
    scale = _of_channel(weight, channels, COLUMNS) / tl.sqrt(_of_channel(variance, channels, COLUMNS) + eps)
    offset = _of_channel(bias, channels, COLUMNS) - _of_channel(mean, channels, COLUMNS) * scale
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        tl.store(out + at, tl.maximum(_read(x, at, inside) * scale + offset, 0), mask=inside)


@triton.jit
def sums(
    parts, y, x, mean, inverse, weight, bias, pixels, channels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    y, x = _image(y, pixels, channels), _image(x, pixels, channels)
    of_y = tl.zeros((ROWS, COLUMNS), tl.float32)
    of_yh = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        h, _, before = _normed(x, mean, inverse, weight, bias, at, inside, channels, COLUMNS)
        passed = tl.where(before > 0, _read(y, at, inside), 0)
        of_y += passed
        of_yh += passed * h
    _keep(of_y, parts, 0, channels, COLUMNS)
    _keep(of_yh, parts, 1, channels, COLUMNS)


@triton.jit
def gradient(
    out, y, x, mean, inverse, weight, bias, a_mean, ah_mean, pixels, channels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    out, y, x = _image(out, pixels, channels), _image(y, pixels, channels), _image(x, pixels, channels)
    image = tl.program_id(0)
    r, a_all, ah_all = tl.load(inverse + image), tl.load(a_mean + image), tl.load(ah_mean + image)
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        h, w, before = _normed(x, mean, inverse, weight, bias, at, inside, channels, COLUMNS)
        a = w * tl.where(before > 0, _read(y, at, inside), 0)
        tl.store(out + at, r * (a - a_all - h * ah_all), mask=inside)


@triton.jit
def second_sums(
    parts, v, y, x, mean, inverse, weight, bias, pixels, channels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    v, y, x = _image(v, pixels, channels), _image(y, pixels, channels), _image(x, pixels, channels)
    of_v = tl.zeros((ROWS, COLUMNS), tl.float32)
    of_vh = tl.zeros((ROWS, COLUMNS), tl.float32)
    of_yv = tl.zeros((ROWS, COLUMNS), tl.float32)
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        h, _, before = _normed(x, mean, inverse, weight, bias, at, inside, channels, COLUMNS)
        given = _read(v, at, inside)
        of_v += given
        of_vh += given * h
        of_yv += tl.where(before > 0, given * _read(y, at, inside), 0)
    _keep(of_v, parts, 0, channels, COLUMNS)
    _keep(of_vh, parts, 1, channels, COLUMNS)
    _keep(of_yv, parts, 2, channels, COLUMNS)


@triton.jit
def second_gradients(
    by_y, by_x, v, y, x, mean, inverse, weight, bias, a_mean, ah_mean, v_mean, vh_mean, av_mean, pixels, channels,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, TILES: tl.constexpr,
):  # fmt: skip
    by_y = _image(by_y, pixels, channels)
    by_x = _image(by_x, pixels, channels)
    v = _image(v, pixels, channels)
    y = _image(y, pixels, channels)
    x = _image(x, pixels, channels)
    image = tl.program_id(0)
    r, a_all, ah_all = tl.load(inverse + image), tl.load(a_mean + image), tl.load(ah_mean + image)
    v_all, vh_all, av_all = tl.load(v_mean + image), tl.load(vh_mean + image), tl.load(av_mean + image)
    along_h = av_all - a_all * v_all - ah_all * vh_all
    for i in range(TILES):
        at, inside = _tile(i, pixels, channels, ROWS, COLUMNS, TILES)
        h, w, before = _normed(x, mean, inverse, weight, bias, at, inside, channels, COLUMNS)
        a = w * tl.where(before > 0, _read(y, at, inside), 0)
        pv = _read(v, at, inside) - v_all - h * vh_all
        pa = a - a_all - h * ah_all
        tl.store(by_y + at, tl.where(before > 0, w * r * pv, 0), mask=inside)
        tl.store(by_x + at, -r * r * (h * along_h + ah_all * pv + vh_all * pa), mask=inside)


@triton.jit
def _added(parts, which, channels, stretches, ROWS: tl.constexpr, COLUMNS: tl.constexpr, ROUNDS: tl.constexpr):
    """``parts[which, image]`` summed over the stretches."""
    column = tl.arange(0, COLUMNS)[None, :]
    first = (which * tl.num_programs(0) + tl.program_id(0)) * stretches
    found = tl.zeros((COLUMNS,), tl.float32)
    for i in range(ROUNDS):
        row = i * ROWS + tl.arange(0, ROWS)[:, None]
        inside = (row < stretches) & (column < channels)
        found += tl.sum(tl.load(parts + (first + row) * channels + column, mask=inside, other=0), 0)
    return found


@triton.jit
def add_moments(
    parts, mean, inverse, x, eps, pixels, channels, stretches,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, ROUNDS: tl.constexpr,
):  # fmt: skip
    column, image = tl.arange(0, COLUMNS), tl.program_id(0)
    pivot = tl.load(_image(x, pixels, channels) + column, mask=column < channels, other=0).to(tl.float32)
    of_distance = _added(parts, 0, channels, stretches, ROWS, COLUMNS, ROUNDS)
    of_square = _added(parts, 1, channels, stretches, ROWS, COLUMNS, ROUNDS)
    means = pivot + of_distance / pixels
    overall = tl.sum(means, 0) / channels
    apart = tl.where(column < channels, means - overall, 0)
    squares = tl.sum(of_square - of_distance * of_distance / pixels + apart * apart * pixels, 0)
    tl.store(mean + image, overall)
    tl.store(inverse + image, 1 / tl.sqrt(squares / channels / pixels + eps))


@triton.jit
def add_sums(
    parts, of_channels, a_mean, ah_mean, weight, pixels, channels, stretches,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, ROUNDS: tl.constexpr,
):  # fmt: skip
    column, image = tl.arange(0, COLUMNS), tl.program_id(0)
    w = tl.load(weight + column, mask=column < channels, other=0).to(tl.float32)
    y = _added(parts, 0, channels, stretches, ROWS, COLUMNS, ROUNDS)
    yh = _added(parts, 1, channels, stretches, ROWS, COLUMNS, ROUNDS)
    first = of_channels + image * channels + column
    tl.store(first, y, mask=column < channels)
    tl.store(first + tl.num_programs(0) * channels, yh, mask=column < channels)
    tl.store(a_mean + image, tl.sum(w * y, 0) / channels / pixels)
    tl.store(ah_mean + image, tl.sum(w * yh, 0) / channels / pixels)


@triton.jit
def add_second_sums(
    parts, v_mean, vh_mean, av_mean, by_weight, weight, inverse, of_channels, pixels, channels, stretches,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, ROUNDS: tl.constexpr,
):  # fmt: skip
    column, image = tl.arange(0, COLUMNS), tl.program_id(0)
    w = tl.load(weight + column, mask=column < channels, other=0).to(tl.float32)
    v_all = tl.sum(_added(parts, 0, channels, stretches, ROWS, COLUMNS, ROUNDS), 0) / channels / pixels
    vh_all = tl.sum(_added(parts, 1, channels, stretches, ROWS, COLUMNS, ROUNDS), 0) / channels / pixels
    yv = _added(parts, 2, channels, stretches, ROWS, COLUMNS, ROUNDS)
    first = of_channels + image * channels + column
    y = tl.load(first, mask=column < channels, other=0)
    yh = tl.load(first + tl.num_programs(0) * channels, mask=column < channels, other=0)
    tl.store(v_mean + image, v_all)
    tl.store(vh_mean + image, vh_all)
    tl.store(av_mean + image, tl.sum(w * yv, 0) / channels / pixels)
    projected = tl.load(inverse + image) * (yv - v_all * y - vh_all * yh)
    tl.store(by_weight + image * channels + column, projected, mask=column < channels)
