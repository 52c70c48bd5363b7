"""plot.py - curves as SVG: both axes logarithmic."""

import math
from html import escape

COLOURS = ["#000000", "#888888", "#d62728", "#1f77b4", "#17becf", "#9467bd",
           "#2ca02c", "#8c564b", "#ff7f0e", "#e377c2", "#bcbd22", "#7f7f7f"]
WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 44, 56


def ticks(low, high):
    return [10.0 ** e for e in range(math.floor(math.log10(low)),
                                     math.ceil(math.log10(high)) + 1)]


def short(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return "%g%s" % (value / size, unit)
    return "%g" % value


def svg(title, x, y, curves):
    """curves: {name: [(x, y), ...]}, all greater than 0; the text of a
    picture."""
    points = [p for curve in curves.values() for p in curve]
    xs, ys = ticks(min(p[0] for p in points), max(p[0] for p in points)), \
        ticks(min(p[1] for p in points), max(p[1] for p in points))
    if len(xs) == 1:
        xs.append(xs[0] * 10)
    if len(ys) == 1:
        ys.append(ys[0] * 10)

    def at(value, axis, begin, end):
        part = (math.log10(value) - math.log10(axis[0])) / (
            math.log10(axis[-1]) - math.log10(axis[0]))
        return begin + part * (end - begin)

    def place(p):
        return (at(p[0], xs, LEFT, WIDTH - RIGHT),
                at(p[1], ys, HEIGHT - BOTTOM, TOP))
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="12">' % (WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="%d" y="24" font-size="15">%s</text>' % (
               LEFT, escape(title))]
    for value in xs:
        px = at(value, xs, LEFT, WIDTH - RIGHT)
        out.append('<path d="M%.1f %dV%d" stroke="#ddd"/>' % (
            px, TOP, HEIGHT - BOTTOM))
        out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            px, HEIGHT - BOTTOM + 18, short(value)))
    for value in ys:
        py = at(value, ys, HEIGHT - BOTTOM, TOP)
        out.append('<path d="M%d %.1fH%d" stroke="#ddd"/>' % (
            LEFT, py, WIDTH - RIGHT))
        out.append('<text x="%d" y="%.1f" text-anchor="end">%s</text>' % (
            LEFT - 8, py + 4, short(value)))
    out.append('<text x="%d" y="%d" text-anchor="middle">%s</text>' % (
        (LEFT + WIDTH - RIGHT) // 2, HEIGHT - 14, escape(x)))
    out.append('<text x="18" y="%d" text-anchor="middle" '
               'transform="rotate(-90 18 %d)">%s</text>' % (
                   HEIGHT // 2, HEIGHT // 2, escape(y)))
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join("%s%.1f %.1f" % ("M" if i == 0 else "L", *place(p))
                        for i, p in enumerate(curve))
        out.append('<path d="%s" fill="none" stroke="%s" '
                   'stroke-width="2"/>' % (path, colour))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (
            *place(p), colour) for p in curve]
        row = TOP + 16 + 20 * number
        out.append('<path d="M%d %dh24" stroke="%s" stroke-width="2"/>' % (
            WIDTH - RIGHT + 16, row - 4, colour))
        out.append('<text x="%d" y="%d">%s</text>' % (
            WIDTH - RIGHT + 46, row, escape(name)))
    return "\n".join(out + ["</svg>"]) + "\n"
