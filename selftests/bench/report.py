#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The benchmark's rows of both devices (standard input) as KTAP lines in columns,
as JSON and as a chart. Exit status 1 when a ratio is above its bar."""

import argparse
import json
import sys


def read_rows(lines):
    """{row: {device: figure}} in the order of the first device."""
    rows, device = {}, None
    for line in lines:
        words = line.split()
        if words[:1] == ["device"]:
            device = words[1]
        elif words[:1] == ["row"]:
            rows.setdefault(words[1], {})[device] = int(words[2])
    return rows


def read_bar(text, extra):
    """(bar, goal) of "GOAL", "GOAL/BAR" where the goal is not reached, or "-"."""
    if text == "-":
        return None, None
    goal, _, bar = text.partition("/")
    return float(bar or goal) + extra, float(goal) + extra


def read_bars(path, host, extra):
    """{row: (bar, goal)} of the host's column; none at all for an empty file."""
    table = [line.split() for line in open(path) if line.strip() and line[0] != "#"]
    if not table:
        return {"default": (None, None)}
    column = table[0].index(host)
    return {words[0]: read_bar(words[column], extra) for words in table[1:]}


def judge(rows, bars):
    """One result a row: its figures, ratio, bar, and whether it is good."""
    for name, figures in rows.items():
        minivmm, kvm = figures.get("minivmm"), figures.get("kvm")
        bar, goal = bars.get(name, bars["default"])
        ratio = None
        if minivmm is not None and kvm is not None:
            ratio = round(minivmm / kvm if kvm else float(minivmm > 0), 3)
        yield {"row": name, "minivmm": minivmm, "kvm": kvm, "ratio": ratio, "bar": bar, "goal": goal,
               "good": ratio is not None and (bar is None or ratio <= bar)}


def misses_goal(result):
    return None not in (result["ratio"], result["goal"]) and result["ratio"] > result["goal"]


def print_table(results, title):
    print("TAP version 13")
    print(f"1..{len(results)}")
    print(f"# {title}; ratios to KVM, instructions")
    print(f"# {'':8} {'operation':24} {'minivmm':>12} {'KVM':>12} {'ratio':>6} {'goal':>6}")
    for number, result in enumerate(results, 1):
        figures = [("-" if result[key] is None else f"{result[key]:{form}}")
                   for key, form in (("minivmm", "d"), ("kvm", "d"), ("ratio", ".2f"), ("goal", ".2f"))]
        verdict = "ok" if result["good"] else "not ok"
        missed = misses_goal(result)
        print(f"{verdict} {number:<{9 - len(verdict)}} {result['row']:24}"
              " {:>12} {:>12} {:>6} {:>6}".format(*figures) +
              (f"  goal missed, bar {result['bar']:.2f}" if missed else ""))


def chart(results, title):
    """Horizontal bars of the ratios, cut off at 1.2; a tick where the goal is."""
    height, left, width = 16, 190, 400
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width * 1.2 + 60:.0f}"'
             f' height="{(len(results) + 3) * height}" font-family="sans-serif" font-size="11">',
             f'<text x="4" y="{height}" font-weight="bold">{title}: cost in instructions, KVM = 1</text>']
    for index, result in enumerate(results):
        y = (index + 2) * height
        ratio = result["ratio"] or 0
        color = "#c44" if not result["good"] else "#d93" if misses_goal(result) else "#4a7"
        lines.append(f'<text x="{left - 6}" y="{y + 11}" text-anchor="end">{result["row"]}</text>')
        lines.append(f'<rect x="{left}" y="{y + 2}" width="{min(ratio, 1.2) * width:.1f}"'
                     f' height="{height - 5}" fill="{color}"/>')
        lines.append(f'<text x="{left + min(ratio, 1.2) * width + 4:.1f}" y="{y + 11}">{ratio:.2f}</text>')
        if result["goal"] is not None:
            x = left + result["goal"] * width
            lines.append(f'<path d="M{x:.1f} {y + 1}v{height - 3}" stroke="#000"/>')
    bottom = (len(results) + 2) * height
    lines.append(f'<path d="M{left + width} {height + 8}V{bottom}" stroke="#888" stroke-dasharray="3"/>')
    return "\n".join(lines + ["</svg>", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--bars", required=True, help="the file of bars; empty: none")
    parser.add_argument("--extra", type=float, default=0, help="what is added to each bar")
    parser.add_argument("--output", required=True, help="OUTPUT.json and OUTPUT.svg are written")
    args = parser.parse_args()

    results = list(judge(read_rows(sys.stdin), read_bars(args.bars, args.host, args.extra)))
    title = f"{args.host} host, kernel {args.kernel}"
    print_table(results, title)
    with open(args.output + ".json", "w") as file:
        json.dump({"host": args.host, "kernel": args.kernel, "rows": results}, file, indent=1)
    with open(args.output + ".svg", "w") as file:
        file.write(chart(results, title))
    sys.exit(not results or any(not result["good"] for result in results))


if __name__ == "__main__":
    main()
