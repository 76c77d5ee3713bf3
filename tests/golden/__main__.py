"""python tests/golden [--update]: which golden numbers have changed? With --update, the new ones are written.

A kind whose numbers have changed must have a new version: --update refuses it while the version stands. For a
case that was itself changed, delete its entry first.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from cases import CASES, EXPECTED, TOLERANCE, Bench, differences


def main(update: bool) -> int:
    torch.set_num_threads(1)
    expected = json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.is_file() else {}
    refused, largest = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        found = {name: bench.found(name) for name in CASES}
    for name, case in found.items():
        before = expected.get(name)
        if before is None:
            print(f"{name}: new")
            continue
        exact = differences(before, case, 1e-12)
        largest = max(largest, _largest(before, case))
        for metric in case["metrics"].keys() - before["metrics"].keys():
            print(f"{name}/metrics/{metric}: new")
        moved = differences(before, case, TOLERANCE)
        for line in moved:
            print(f"{name}{line}")
        if moved and before["version"] == case["version"]:
            refused.append(f"{name} (kind {case['kind']}, version {case['version']})")
        elif exact and not moved:
            found[name] = before  # the same but for kernels: what was promised stays
    print(f"{len(found)} cases; the largest departure of a number: {largest:.2g}")
    if refused:
        print("numbers moved while the version stands: " + "; ".join(refused), file=sys.stderr)
        return 1
    if update:
        text = json.dumps(found, indent=0, sort_keys=True)
        EXPECTED.write_text(text + "\n", encoding="utf-8")
    return 0


def _largest(expected: object, found: object) -> float:
    if isinstance(expected, dict) and isinstance(found, dict):
        pairs = [(value, found.get(name)) for name, value in expected.items() if name != "version"]
        return max((_largest(*pair) for pair in pairs), default=0.0)
    if isinstance(expected, list) and isinstance(found, list):
        return max((_largest(one, other) for one, other in zip(expected, found, strict=False)), default=0.0)
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return abs(expected - found) / max(1.0, abs(expected))
    return 0.0


if __name__ == "__main__":
    sys.exit(main("--update" in sys.argv[1:]))
