#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Whether two runs of the benchmark, their JSON files, count the same, to the instruction
and the byte. KTAP lines, one a row."""

import json
import sys


def main():
    first, second = ({row["row"]: row for row in json.load(open(path))["rows"]} for path in sys.argv[1:3])
    if first.keys() != second.keys():
        sys.exit("compare: the runs have different rows")
    print(f"TAP version 13\n1..{len(first)}")
    failed = 0
    for number, name in enumerate(first, 1):
        figures = [(first[name][device], second[name][device]) for device in ("minivmm", "kvm")]
        good = all(a == b for a, b in figures)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} {name}: " +
              ", ".join(f"{a} and {b}" for a, b in figures))
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
