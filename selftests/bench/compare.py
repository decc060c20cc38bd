#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Whether two runs of the benchmark, their JSON files, count the same: each figure within
1 % or 2 instructions. Not to the instruction, since where the files that a run reads lie on
the emulated disk differs from run to run. KTAP lines, one a row."""

import json
import sys


def same(first, second):
    return abs(first - second) <= max(2, first / 100)


def main():
    first, second = ({row["row"]: row for row in json.load(open(path))["rows"]} for path in sys.argv[1:3])
    if first.keys() != second.keys():
        sys.exit("compare: the runs have different rows")
    print(f"TAP version 13\n1..{len(first)}")
    failed = 0
    for number, name in enumerate(first, 1):
        figures = [(first[name][device], second[name][device]) for device in ("minivmm", "kvm")]
        good = all(same(*pair) for pair in figures)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} {name}: " +
              ", ".join(f"{a} and {b}" for a, b in figures))
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
