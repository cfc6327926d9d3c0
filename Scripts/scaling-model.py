#!/usr/bin/env python3
"""Predicts how training scales, from what `meprop bench mpi --json` measured.

    mpirun -n 2 meprop bench mpi --json > two.json
    Scripts/scaling-model.py two.json [four.json ...]
    Scripts/scaling-model.py two.json --step "tagger, top-k" 0.035 14 8.2e6

With --step it also says what follows for another network: its name, seconds of computing a step,
collective calls without those of the sum, and bytes of gradient rows.

A process has b examples a step and computes for c seconds. R processes need

    step = c + n ceil(log2 R) L + 2 (R - 1) / R g / W

where n are the collective calls of a step, L the latency of one message, W the bytes a second of a
link, and g the bytes of the gradient rows that travel: all of them for dense training, the measured
share for unified selection. Nothing is taken off for exchanges that overlap with computing, because
here they do not. Prints Markdown: first the model against the measurements, then what it says.
"""

import argparse
import json
import math

# Collective calls of a step: losses, agreement of rows, the end of the backward pass, the signal;
# for each selecting layer the agreement on its support, of which a long one takes two; and both
# halves of the sum of each block of numbers that travels.
CALLS = {"dense": 4, "unified 4 %": 8}
BLOCK = 1 << 19
LINKS = [("10 Gb/s, 20 µs", 10e9 / 8, 20e-6), ("100 Gb/s, 3 µs", 100e9 / 8, 3e-6)]
NODES = [2, 4, 8, 16, 32, 64]


def step(compute, calls, nodes, gradient, bandwidth, latency):
    """Seconds of a step of so many processes, which exchange so many bytes of gradients."""
    calls += 2 * math.ceil(gradient / 4 / BLOCK)
    return (
        compute
        + calls * math.ceil(math.log2(nodes)) * latency
        + 2 * (nodes - 1) / nodes * gradient / bandwidth
    )


def link(measured):
    """Bandwidth and latency of the largest and the smallest message of a measurement."""
    others = measured["processes"] - 1
    largest = max(measured["exchanges"], key=lambda row: row["bytes"])
    smallest = min(measured["exchanges"], key=lambda row: row["bytes"])
    rounds = math.ceil(math.log2(measured["processes"]))
    return others * largest["bytes"] / largest["seconds"], smallest["seconds"] / rounds


def share(row):
    """What travels, of the whole gradient."""
    return row["bytesSent"] / row["denseBytes"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="what bench mpi --json printed")
    parser.add_argument(
        "--step",
        nargs=4,
        action="append",
        default=[],
        metavar=("NAME", "SECONDS", "CALLS", "BYTES"),
    )
    arguments = parser.parse_args()
    runs = [json.load(open(path)) for path in arguments.files]
    print(
        "| network, batch, policy | processes | alone ms | step ms | model ms "
        "| MB sent | of dense |"
    )
    print("|---|---|---|---|---|---|---|")
    for run in runs:
        bandwidth, latency = link(run)
        for row in run["steps"]:
            if row["policy"] not in CALLS:
                continue
            processes = run["processes"]
            model = step(
                row["secondsAlone"] / processes,
                CALLS[row["policy"]],
                processes,
                4 * row["parameters"] * share(row),
                bandwidth,
                latency,
            )
            print(
                f"| {row['network']}, {row['batch']}, {row['policy']} | {processes} "
                f"| {1e3 * row['secondsAlone']:.2f} | {1e3 * row['seconds']:.2f} "
                f"| {1e3 * model:.2f} | {1e-6 * row['bytesSent']:.2f} | {100 * share(row):.1f} % |"
            )
    run = runs[0]
    for name, bandwidth, latency in LINKS:
        print(f"\n{name}: times faster than one node\n")
        print("| network, examples a node, policy | " + " | ".join(map(str, NODES)) + " |")
        print("|---" * (len(NODES) + 1) + "|")
        cases = [
            (
                f"{row['network']}, {row['batch'] // run['processes']}, {row['policy']}",
                row["secondsAlone"] / run["processes"],
                CALLS[row["policy"]],
                4 * row["parameters"] * share(row),
            )
            for row in run["steps"]
            if row["policy"] in CALLS
        ]
        cases += [
            (name, float(seconds), int(calls), float(size))
            for name, seconds, calls, size in arguments.step
        ]
        for title, compute, calls, gradient in cases:
            times = [
                nodes * compute / step(compute, calls, nodes, gradient, bandwidth, latency)
                for nodes in NODES
            ]
            print(f"| {title} | " + " | ".join(f"{value:.1f}" for value in times) + " |")


if __name__ == "__main__":
    main()
