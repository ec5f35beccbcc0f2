"""
``python -m tests.bench`` runs every benchmark, ``python -m tests.bench NAME ...`` some, ``--list`` names them.

A benchmark is a module of this folder with a ``main``. It prints a table and judges nothing: time on a shared machine
is no test. What can be counted is asserted in the tests.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def benchmarks() -> dict[str, str]:
    """Return the name of each benchmark and the first line of what it says about itself."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "\ndef main() -> None:" in source and path.name != "__main__.py":
            found[path.stem] = source.partition('"""')[2].strip().partition("\n")[0]
    return found


def main(arguments: list[str]) -> int:
    """Run what *arguments* name, or everything."""
    known = benchmarks()
    if arguments == ["--list"]:
        print("\n".join(f"{name:16} {purpose}" for name, purpose in known.items()))
        return 0
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in arguments or known:
        print(f"\n== {name}: {known[name]}\n", flush=True)
        importlib.import_module(f"tests.bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
