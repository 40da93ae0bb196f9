"""Run the benchmarks: ``python -m tests.benchmarks [NAME …]`` (all by default).

Each ``bench_NAME.py`` has ``measure()`` that yields (what, figure, goal). Figures are ratios against a peer or a
baseline measured in the same run; they are no tests, because machines differ.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Measure and print one table a benchmark."""
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    unknown = set(names) - set(known)
    if unknown:
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}.", file=sys.stderr)
        return 2
    for name in names or known:
        print(f"\n{name}\n{'-' * len(name)}", flush=True)
        for what, figure, goal in importlib.import_module(f"tests.benchmarks.bench_{name}").measure():
            print(f"{what:72} {figure:>34}   goal {goal}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
