#!/usr/bin/env python3
"""Predicts how training scales, from what `meprop bench mpi --json` measured.

    mpirun -n 2 meprop bench mpi --json > two.json
    Scripts/scaling-model.py two.json [four.json ...]

A process has b examples a step and computes for c seconds. R processes need

    step = c + n ceil(log2 R) L + 2 (R - 1) / R g / W

where n are the collective calls of a step, L the latency of one message, W the bytes a second of a
link, and g the bytes of the gradient rows that travel: all of them for dense training, the measured
share for unified selection. Nothing is taken off for exchanges that overlap with computing, because
here they do not. Prints Markdown: first the model against the measurements, then what it says.
"""

import json
import math
import sys

# Collective calls of a step: losses, agreement of rows, the end of the backward pass, the signal;
# for each selecting layer the agreement on its support, of which a long one takes two; and both
# halves of the sum of each block of numbers that travels.
CALLS = {"dense": 4, "unified 4 %": 8}
BLOCK = 1 << 19
LINKS = [("10 Gb/s, 20 µs", 10e9 / 8, 20e-6), ("100 Gb/s, 3 µs", 100e9 / 8, 3e-6)]
NODES = [2, 4, 8, 16, 32, 64]


def step(compute, policy, nodes, gradient, bandwidth, latency):
    """Seconds of a step of so many processes, which exchange so many bytes of gradients."""
    calls = CALLS[policy] + 2 * math.ceil(gradient / 4 / BLOCK)
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
    runs = [json.load(open(path)) for path in sys.argv[1:]]
    if not runs:
        sys.exit(__doc__)
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
                row["policy"],
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
        for row in run["steps"]:
            if row["policy"] not in CALLS:
                continue
            compute = row["secondsAlone"] / run["processes"]
            times = [
                nodes
                * compute
                / step(
                    compute,
                    row["policy"],
                    nodes,
                    4 * row["parameters"] * share(row),
                    bandwidth,
                    latency,
                )
                for nodes in NODES
            ]
            print(
                f"| {row['network']}, {row['batch'] // run['processes']}, {row['policy']} | "
                + " | ".join(f"{value:.1f}" for value in times)
                + " |"
            )


if __name__ == "__main__":
    main()
