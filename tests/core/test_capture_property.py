"""A captured script, run on its own, answers as the notebook it was taken from would."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from jupyter_mldeploy.core.capture import Cell, capture

NUMBERS = ("i", "j", "k")
LISTS = ("a", "b", "c")
FUNCTIONS = ("f", "g", "h")

PRELUDE = """
import random
i, j, k = 1, 2, 3
a, b, c = [], [1], [2, 3]
d = {"x": a}
def f(v): return v + i
def g(v): return v * 2
h = f
def grow(z):
    z.append(len(z))
    return z
def count(z): return len(z)
def put(v):
    global j
    j = v
def maker(n):
    def inner(v):
        c.append(n)
        return v + n + k
    return inner
class Box:
    size = 0
    def __init__(self, items): self.items = items
    def add(self, v):
        self.items.append(v)
        self.size += 1
    def total(self): return sum(x for x in self.items if isinstance(x, int))
o = Box(b)
class Sub(Box): pass
cache = {}
def memo(v):
    if v not in cache: cache[v] = v + k
    return cache[v], len(cache)
REGISTRY = {}
def register(fn):
    REGISTRY[fn.__name__] = fn
    return fn
rng = random.Random(1)
def numbers():
    yield from range(1000)
stream = numbers()
"""

TEMPLATES = (
    "{n} = {m} + 1",
    "{n} += {m}",
    "{n}, {m} = {m}, {n}",
    "if {n} > 2:\n    {m} = 7",
    "if {n} > 2:\n    {m} = 7\nelse:\n    {n} = 8",
    "for {n} in range(3):\n    {m} += {n}",
    "print({n} := {m} * 2)",
    "try:\n    {n} = 5 // {m}\nexcept ZeroDivisionError as error:\n    {n} = -1",
    "{n} = len({p})",
    "del {n}\n{n} = 4",
    "{n} = (lambda w: w + {m})(2)",
    "{n} = sum(v for v in {p} if isinstance(v, int))",
    "{n} = rng.randrange(100)",
    "{n} = next(stream)",
    "{p} = [{n}, next(stream)]",
    "for {n} in stream:\n    break",
    "{p} = []",
    "{p} = {q}",
    "{p} = [{q}, {n}]",
    "{p} = list({q})",
    "{p} = {q} + [1]",
    "{p}.append({n})",
    "{p} += [{n}]",
    "{p}[0:1] = [{n}]",
    "{p}.extend(v for v in range({n} % 3))",
    "[{p}.append(v) for v in range(2)]",
    "for z in ({p}, {q}):\n    z.append(9)",
    "with contextlib_null() as z:\n    {p}.append(z)",
    "{p} = grow({q})",
    "grow({p})",
    "{n} = count({p})",
    "d['x'] = {p}",
    "d['x'].append({n})",
    "d[{n}] = {m}",
    "d = {{'x': {p}, 'y': {q}}}",
    "for key, z in d.items():\n    if key == 'x':\n        z.append(key)",
    "put({n})",
    "def {f}(v):\n    return v + {n}",
    "def {f}(v, w={n}):\n    {p}.append(w)\n    return v + len({p})",
    "def {f}(v):\n    global {n}\n    {n} += 1\n    return v + {n}",
    "{f} = maker({n})",
    "{f} = lambda v: v - {n}",
    "{n} = {f}({m})",
    "{f}({n})",
    "list(map({f}, [1, 2]))",
    "o = Box({p})",
    "o.add({n})",
    "{n} = o.total()",
    "o.items = {p}",
    "{p} = o.items",
    "o.size += 1",
    "Box.size = {n}",
    "@register\ndef {f}(v):\n    return v * {n}",
    "rng.shuffle({p})",
    "random.Random(4).shuffle({p})",
    "rng.seed({n})",
    "rng = random.Random({n})",
    "stream = iter([{n}] * 50)",
    "globals()['{n}'] = {m}",
    "print({p}, {n})",
    "def {f}(v, seen=[]):\n    seen.append(v)\n    return len(seen)",
    "{n} = memo({m})[1]",
    "memo.calls = {n}",
    "o = Sub({p})",
    "class Sub(Box):\n    def add(self, v):\n        super().add(v)\n        {p}.append(v)",
    "fns = [{f}, abs]\n{n} = fns[0]({m})",
    "{n} = d.get('fn', {f})({m})",
    "{p} = sorted({q}, key=lambda v: {f}(v) if isinstance(v, int) else 0)",
    "def {f}(v):\n    def inner(w):\n        nonlocal v\n        v += w\n        return v\n    return inner({n})",
    "{p} = [v for v in {q}]; {p}.append({n})",
    "first, *{q} = {p} + [1]",
    "{p}.insert(0, {q})",
    "d.setdefault('z', {p}).append({n})",
    "for {n} in range(2):\n    def {f}(v):\n        return v + {m}",
    "setattr(o, 'items', {p})",
    "o.__dict__['size'] = {n}",
    "vars(o)['size'] = {n}",
    "type(o).size = {n}",
    "getattr(o, 'items').append({n})",
    "import copy\n{p} = copy.copy({q})\n{p} += [{n}]",
    "max([{p}, {q}], key=len).append({n})",
    "import functools\n{f} = functools.partial(maker({n}))",
    "boxes = [Box({p}), o]\nfor box in boxes:\n    box.add({n})",
    "o2 = o\no2.add({n})",
    "def swap():\n    global {p}, {q}\n    {p}, {q} = {q}, {p}\nswap()",
    "try:\n    {p}.append({n})\n    raise ValueError\nexcept ValueError:\n    {q}.append(1)\nfinally:\n    {m} = 3",
    "{p} = {q} or [{n}]",
    "{p} = {q} if {n} else [{m}]",
    "(lambda z: z.append({n}))({p})",
    "assert isinstance({p}, list)",
    "{p}.sort(key=str, reverse={n} > 2)",
    "match {n}:\n    case 1: {m} = 9\n    case other: {p}.append(other)",
    "{p}[:] = {q}",
    "d['f'] = {f}",
    "{n} = d['f']({m}) if 'f' in d else 0",
    "{p}",
    "{n} + {m}",
    "count({p})",
    "sorted(map(str, {p}))",
    "print({f}.__name__); {n} = 6; print({n})",
    "from math import floor as {n}; {n} = {n}(2.5)",
)

WANTED = (
    "i, j",
    "a",
    "b, c",
    "d",
    "f(2)",
    "g(3), k",
    "h(1), a",
    "memo(4), memo(i)",
    "d['f'](2) if 'f' in d else d",
    "Sub(a).add(3), a, Box.size",
    "o.total(), o.size",
    "sorted(REGISTRY)",
    "grow(b), count(c)",
    "REGISTRY['f'](2) if 'f' in REGISTRY else None",
    "rng.random(), next(stream)",
)


@st.composite
def notebooks(draw: Any) -> tuple[list[str], str]:
    statements = [
        template.format(
            n=draw(st.sampled_from(NUMBERS)),
            m=draw(st.sampled_from(NUMBERS)),
            p=draw(st.sampled_from(LISTS)),
            q=draw(st.sampled_from(LISTS)),
            f=draw(st.sampled_from(FUNCTIONS)),
        )
        for template in draw(st.lists(st.sampled_from(TEMPLATES), min_size=1, max_size=14))
    ]
    return statements, draw(st.sampled_from(WANTED))


def outcome(space: dict[str, Any]) -> tuple[str, str]:
    try:
        answers = [space["run"](None), space["run"](None)]
    except Exception as error:
        return "error", type(error).__name__
    return "value", re.sub(r"0x[0-9a-f]+", "", repr(answers))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(notebooks())
def test_the_script_answers_as_the_notebook_does(notebook: tuple[list[str], str]) -> None:
    statements, wanted = notebook
    sources = [PRELUDE, "import contextlib\ncontextlib_null = lambda: contextlib.nullcontext(5)", *statements]
    body = f"def run(data):\n    return ({wanted},)"
    kernel: dict[str, Any] = {"__name__": "__main__"}
    alone: dict[str, Any] = {"__name__": "score"}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in sources:
            try:
                exec(source, kernel)
            except Exception:
                reject()
        found = capture(
            Cell("t", f"%%deploy svc --cells\n{body}", None), [Cell(None, text, n) for n, text in enumerate(sources)]
        )
        exec(found.script, alone)
        exec(body, kernel)
        # repr shows aliases that point into themselves; order of dictionaries counts.
        assert outcome(alone) == outcome(kernel), found.script
    assert len(found.included) <= found.total
