#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Where in the host the instructions of an operation of each of the benchmark's rows
are executed, by function, and how many in the guest, on minivmm and on KVM. Reads the
output of `bench --marks` and the symbols of the modules (standard input), the kernel's
symbols, and the lab's counts and places of the same boots. The JSON has each instruction."""

import argparse
import bisect
import itertools
import json
import sys

from privileged import executions, read_counts, read_sections

USER_END = 1 << 47
GUEST = -1
NOT_TOLD = 0.5  # instructions an operation


def read_symbols(lines):
    """[(address, name)] of /proc/kallsyms, in order; of those at one place the first."""
    symbols = {}
    for line in lines:
        address, kind, name, *module = line.split()
        if kind in "tTwW":
            symbols.setdefault(int(address, 16), " ".join([name, *module]))
    return sorted(symbols.items())


def device_symbols(output, kernel):
    """{device: symbols}, from the lines "symbol ..." after the line that names the device."""
    lines, device = {}, None
    for line in output:
        word, _, rest = line.partition(" ")
        if word == "device":
            device = rest.strip()
        elif word == "symbol":
            lines.setdefault(device, []).append(rest)
    return {device: read_symbols(kernel + own) for device, own in lines.items()}


def read_places(lines, counts):
    """(label, {address, or GUEST: count}) of section after section."""
    groups = itertools.groupby((line.split() for line in lines), lambda words: words[0])
    for (label, group), (_, classes) in zip(groups, read_counts(counts)):
        places = {int(address, 16): int(count) for _, address, count in group}
        yield int(label), {**places, GUEST: classes.get(("guest", "INSTRUCTIONS"), 0)}


def function_of(symbols, address):
    """(name, offset into it)"""
    if address == GUEST:
        return "guest", 0
    if address < USER_END:
        return "userspace", address
    index = bisect.bisect(symbols, (address, "\x7f")) - 1
    if index < 0:
        return "unknown", address
    return symbols[index][1], address - symbols[index][0]


def by_function(symbols, places):
    """{function: {offset: executions per operation}}"""
    functions = {}
    for address, count in places.items():
        if round(count, 2):
            name, offset = function_of(symbols, address)
            functions.setdefault(name, {})[f"{offset:x}"] = round(count, 2)
    return functions


def told(functions):
    """(instructions, function) from the most down, but for what is next to none."""
    sums = sorted(((sum(places.values()), name) for name, places in functions.items()), reverse=True)
    return [(total, name) for total, name in sums if abs(total) >= NOT_TOLD]


def print_account(row, functions):
    columns = [(device, told(functions[device])) for device in ("minivmm", "kvm")]
    print(f"{row}: " + ", ".join(
        f"{sum(total for total, _ in lines):.0f} on {device}" for device, lines in columns))
    for left, right in itertools.zip_longest(*(lines for _, lines in columns)):
        cells = [f"{cell[0]:8.1f} {cell[1]:42.42}" if cell else " " * 51 for cell in (left, right)]
        print(" ".join(cells).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", required=True, help="/proc/kallsyms of the kernel, not relocated")
    parser.add_argument("--counts", required=True,
                        help="FILE of tools/lab/run --instrument FILE; FILE.places is read, too")
    parser.add_argument("--output", required=True, help="the JSON file to write")
    args = parser.parse_args()

    output = sys.stdin.readlines()
    with open(args.symbols) as kernel:
        symbols = device_symbols(output, kernel.readlines())
    with open(args.counts) as counts, open(args.counts + ".places") as places:
        rows = executions(read_sections(output), read_places(places, counts))
    account = {row: {device: by_function(symbols[device], places) for device, places in devices.items()}
               for row, devices in rows.items()}
    for row, functions in account.items():
        print_account(row, functions)
    with open(args.output, "w") as file:
        json.dump(account, file, indent=1)


if __name__ == "__main__":
    main()
