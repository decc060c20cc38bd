#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""How often an operation of each of the benchmark's rows has the host execute a
privileged or serialising instruction, on minivmm and on KVM, as KTAP lines and as
JSON. Reads the output of `bench --marks` (standard input) and the lab's counts of
the same boots. Exit status 1 when an instruction is executed more often than on KVM."""

import argparse
import fnmatch
import itertools
import json
import statistics
import sys

# Classes of the lab's (tools/lab/bochs-instrument) that decide, and as what they are
# added up. All others are told for information.
JUDGED = {
    "RDMSR*": "RDMSR", "WRMSR*": "WRMSR", "XSAVE*": "XSAVE*", "XRSTOR*": "XRSTOR*",
    "VMLOAD": "VMLOAD", "VMSAVE": "VMSAVE", "VMREAD": "VMREAD", "VMWRITE": "VMWRITE",
    "READ_CR[34]": "CR3, CR4 reads", "READ_CR?": "CR reads", "READ_DR": "DR reads",
    "WRITE_CR?": "CR writes", "WRITE_DR": "DR writes", "INV*": "INV*", "CLGI": "CLGI", "STGI": "STGI",
    "LOCK": "LOCK", "PAUSE": "PAUSE",
}

# The host's clock ticks may come more often in one measurement than in another.
TOLERANCE = 0.1

# What may be executed more often than on KVM, and why: "host kernel", rows, classes, how much more.
EXCEPTIONS = [
    ("*", ("self-ipi-halt", "halt-*"), ("XSAVE*", "XRSTOR*"), 1, "its handler sleeps"),
    # An interrupt may change what a VM exit brings back of the host: it is saved when a window begins.
    ("*", ("tsc-deadline",), ("VMSAVE",), 1.2, "a window, which the timer's interrupt ends"),
    # KVM alone may have the kernel keep CR4.VMXE; once for each window.
    ("intel 7.*", ("*-user", "*-user-debug"), ("CR3, CR4 reads",), 5, "a window: the kernel keeps its copies to itself"),
    ("intel 7.*", ("*-user", "*-user-debug"), ("CR writes",), 2, "a window: it begins and ends VMX operation"),
    ("intel 7.*", ("*-user", "*-user-debug"), ("VMREAD",), 41, "a window: with VMX operation the VMCS is gone"),
]


def read_sections(lines):
    """(device, row, labels of its sections, operations in each, the row without operations)."""
    device = None
    for line in lines:
        words = line.split()
        if words[:1] == ["device"]:
            device = words[1]
        elif words[:1] == ["sections"]:
            first = int(words[5]) if len(words) > 5 else 1
            labels = list(range(first, first + int(words[2])))
            yield device, words[1], labels, int(words[3]), words[4]


def class_name(name):
    return next((JUDGED[pattern] for pattern in JUDGED if fnmatch.fnmatchcase(name, pattern)), name)


def read_counts(lines):
    """(label, {(mode, class): count}) of section after section."""
    for label, group in itertools.groupby((line.split() for line in lines), lambda words: words[0]):
        counts = {}
        for _, mode, name, count in group:
            key = mode, class_name(name)
            counts[key] = counts.get(key, 0) + int(count)
        yield int(label), counts


def medians(counts):
    keys = set().union(*counts)
    return {key: statistics.median(section.get(key, 0) for section in counts) for key in keys}


def executions(sections, counts):
    """{row: {device: {(mode, class): executions per operation}}}"""
    rows, empty = {}, {}
    for device, row, labels, operations, without in sections:
        taken = list(itertools.islice(counts, len(labels)))
        if [label for label, _ in taken] != labels:
            sys.exit(f"bench: {device}, row {row}: {len(labels)} sections, but other ones were counted")
        total = medians([section for _, section in taken])
        if row == without:
            empty[device, row] = total
            continue
        less = empty[device, without]
        rows.setdefault(row, {})[device] = {
            key: (total.get(key, 0) - less.get(key, 0)) / operations for key in total.keys() | less.keys()}
    if next(counts, None):
        sys.exit("bench: more was counted than the rows' sections")
    if not rows:
        sys.exit("bench: this host measures none of these groups' rows")
    for row, devices in rows.items():
        if devices.keys() != {"minivmm", "kvm"}:
            sys.exit(f"bench: row {row} was measured on {', '.join(devices)} only")
    return rows


def exception(machine, row, name):
    """How much more often than on KVM, and why."""
    for machines, rows, names, more, reason in EXCEPTIONS:
        if (name in names and fnmatch.fnmatchcase(machine, machines) and
                any(fnmatch.fnmatchcase(row, pattern) for pattern in rows)):
            return more, reason
    return 0, ""


def judge(machine, row, name, figures):
    """A class's figures on both devices and what they are: "", "information", a reason, or "MORE"."""
    result = {"class": name, "minivmm": round(figures[0], 2), "kvm": round(figures[1], 2)}
    more, reason = exception(machine, row, name)
    if name not in JUDGED.values():
        verdict = "information"
    elif figures[0] <= figures[1] + TOLERANCE:
        verdict = ""
    elif figures[0] <= figures[1] + TOLERANCE + more:
        verdict = reason
    else:
        verdict = "MORE"
    return {**result, "verdict": verdict}


def judge_row(machine, row, devices):
    """The row's classes in both modes; those of guests are for information."""
    result = {"row": row, "root": [], "guest": []}
    keys = set().union(*devices.values()) - {("root", "INSTRUCTIONS"), ("guest", "INSTRUCTIONS")}
    for mode, name in sorted(keys, key=lambda key: (key[1] not in JUDGED.values(), key)):
        figures = [devices[device].get((mode, name), 0) for device in ("minivmm", "kvm")]
        if not any(round(figure, 2) for figure in figures):
            continue
        entry = judge(machine, row, name, figures)
        if mode == "guest":
            entry["verdict"] = "information"
        result[mode].append(entry)
    result["good"] = all(entry["verdict"] != "MORE" for entry in result["root"])
    return result


def print_table(results, title):
    print("TAP version 13")
    print(f"1..{len(results)}")
    print(f"# {title}; executions per operation in the host, not in the guest")
    print(f"# {'':8} {'operation':24} {'minivmm':>8} {'KVM':>8}")
    for number, result in enumerate(results, 1):
        verdict = "ok" if result["good"] else "not ok"
        print(f"{verdict} {number:<{9 - len(verdict)}} {result['row']}")
        for entry in result["root"]:
            print(f"# {'':8}   {entry['class']:22} {entry['minivmm']:8.2f} {entry['kvm']:8.2f}"
                  f"  {entry['verdict']}".rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--counts", required=True, help="the file of tools/lab/run --instrument")
    parser.add_argument("--output", required=True, help="the JSON file to write")
    args = parser.parse_args()

    with open(args.counts) as counts:
        rows = executions(list(read_sections(sys.stdin)), read_counts(counts))
    results = [judge_row(f"{args.host} {args.kernel}", row, devices) for row, devices in rows.items()]
    print_table(results, f"{args.host} host, kernel {args.kernel}")
    with open(args.output, "w") as file:
        json.dump({"host": args.host, "kernel": args.kernel, "rows": results}, file, indent=1)
    sys.exit(any(not result["good"] for result in results))


if __name__ == "__main__":
    main()
