#!/usr/bin/env python3
"""What runs for long, or many times: memory, descriptors, disk and time stay as they are.

    Scripts/long-test.py                                       all of it: hours
    Scripts/long-test.py --rows 1000000 --epochs 3000 --runs 50   smaller
    Scripts/long-test.py --only predict
    MEPROP=/usr/bin/meprop Scripts/long-test.py

predict      --rows rows (10,000,000) through `predict` of all tasks but `images` by a pipe: memory
             in the last half is that of the first
checkpoints  a run of --epochs epochs (100,000), each with a checkpoint: memory, descriptors, bytes
             a row on the disk and time by epoch in the last tenth are those of the second
denormals    kernels take at most 5 % longer with numbers too small for full precision
runs         --runs short runs (1,000), --at-once (8) of them at the same time, in folders of their
             own: all give the same model and leave nothing behind, in temporary folders either

Data are made up. The exit code is 0 if all of that was so.
"""

import argparse
import concurrent.futures
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("crash_test", HERE / "crash-test/crash-test.py")
crash_test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(crash_test)

# What allocators keep, and what differs by chance between two halves.
MEMORY_SLACK = 8 << 20
failures = []


def check(is_so, text):
    print(("ok      " if is_so else "FAILED  ") + text, flush=True)
    if not is_so:
        failures.append(text)


def resident(process):
    """Bytes of memory that a process has now; 0 once it is gone."""
    try:
        with open(f"/proc/{process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def descriptors(process):
    try:
        return len(os.listdir(f"/proc/{process.pid}/fd"))
    except OSError:
        return 0


def cpu_seconds(process):
    """Seconds of processor that a process has used; 0 once it is gone."""
    try:
        with open(f"/proc/{process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def train(program, task, work, run, *more):
    options = crash_test.settings(task, work)
    subprocess.run(
        [program, "train", task, *options, "--run", run, *more], check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def blocks(task, work):
    """What goes before all rows, and a block of rows with their number."""
    if task == "digits":
        pixels = ",".join(str(i * 7 % 256) for i in range(36)) + "\n"
        return b"", pixels.encode() * 5_000, 5_000
    if task == "table":
        return b"a,b,c\n", b"0.5,x,1.25\n" * 5_000, 5_000
    sentences = (work / "bank/x-dev.conllu").read_bytes()
    return b"", sentences * 20, 20 * sum(line[:1].isdigit() for line in sentences.splitlines())


def predict(program, work, row_count):
    # A row of `tagger` and `parser` is a word.
    for task in ("digits", "table", "tagger", "parser"):
        run = work / f"predict-{task}"
        train(program, task, work, run, "--epochs", "1")
        head, block, rows = blocks(task, work)
        process = subprocess.Popen(
            [program, "predict", run, "--threads", "1"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        received = [0]

        def count():
            while data := process.stdout.read(1 << 20):
                received[0] += data.count(b"\n")

        reader = threading.Thread(target=count)
        reader.start()
        peaks = [0, 0]
        sent = 0
        started = time.monotonic()
        process.stdin.write(head)
        while sent < row_count:
            process.stdin.write(block)
            sent += rows
            # What a process needs at all it has after the first tenth.
            if sent > row_count // 10:
                half = 1 if sent > row_count // 2 else 0
                peaks[half] = max(peaks[half], resident(process))
        process.stdin.close()
        reader.join()
        code = process.wait()
        seconds = time.monotonic() - started
        check(
            code == 0 and received[0] >= sent and peaks[1] - peaks[0] < MEMORY_SLACK,
            f"predict {task}: exit code {code}, {sent} rows in {seconds:.0f} s, {received[0]} "
            f"lines back, {peaks[0] >> 20} MB in the first half, {peaks[1] >> 20} MB in the second")


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def checkpoints(program, work, epoch_count):
    run = work / "long"
    process = subprocess.Popen(
        [program, "train", "digits", "--data", work / "images", "--classes", "6", "--dev-count",
         "20", "--train-limit", "8", "--hidden", "8", "--k", "4", "--batch", "8", "--threads", "1",
         "--epochs", str(epoch_count), "--learning-rate-schedule", "constant", "--run", run],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    tenth = max(epoch_count // 10, 1)
    marks = {}
    for line in process.stderr:
        if line.startswith("epoch "):
            epoch = int(line.split()[1].split("/")[0])
            if epoch % tenth == 0:
                marks[epoch] = (
                    cpu_seconds(process), resident(process), descriptors(process), size_of(run),
                    size_of(run / "checkpoints" / "last"))
    code = process.wait()
    check(code == 0, f"checkpoints: exit code {code} after {epoch_count} epochs")
    epochs = sorted(marks)
    # The last mark may come when the process is nearly gone, so the one before it is taken.
    first, second, before, last = epochs[0], epochs[1], epochs[-3], epochs[-2]
    early, late = ([b - a for a, b in zip(marks[x], marks[y])]
                   for x, y in ((first, second), (before, last)))
    check(
        late[0] < 1.25 * early[0] + 0.1,
        f"checkpoints: {1e3 * early[0] / tenth:.2f} ms of processor an epoch in the second tenth, "
        f"{1e3 * late[0] / tenth:.2f} ms in the last but one")
    # The history of the run is in memory, a few hundred bytes an epoch.
    grown = marks[last][1] - marks[second][1]
    check(
        grown < MEMORY_SLACK + 2048 * (last - second),
        f"checkpoints: {marks[second][1] >> 20} MB after epoch {second}, {marks[last][1] >> 20} MB "
        f"after epoch {last}, {grown / (last - second):.0f} bytes an epoch")
    check(
        marks[last][2] <= marks[first][2],
        f"checkpoints: {marks[first][2]} descriptors, then {marks[last][2]}")
    check(
        late[3] < 1.25 * early[3],
        f"checkpoints: {early[3] / tenth:.0f} bytes an epoch on the disk in the second tenth, "
        f"{late[3] / tenth:.0f} in the last but one")
    check(
        marks[last][4] < 1.05 * marks[first][4],
        f"checkpoints: the checkpoint has {marks[first][4]} bytes, then {marks[last][4]}")
    shutil.rmtree(run)


def denormals(work):
    sources = HERE.parent / "Sources/CMePropKernels"
    program = work / "denormals"
    subprocess.run(
        ["clang", "-std=c11", "-O2", "-I", sources / "include", *sorted(sources.glob("*.c")),
         HERE / "pool-check/denormals.c", "-o", program, "-lm", "-lpthread"], check=True)
    result = subprocess.run([program], capture_output=True, text=True)
    for line in result.stdout.splitlines():
        print("        " + line)
    check(result.returncode == 0, "denormals: at most 5 % slower")


def many_runs(program, work, run_count, at_once):
    temporary = work / "tmp"
    temporary.mkdir()
    folder = work / "runs"
    environment = dict(os.environ, TMPDIR=str(temporary))

    def one(number):
        run = folder / str(number)
        return subprocess.run(
            [program, "train", "digits", *crash_test.settings("digits", work), "--epochs", "1",
             "--run", run], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL).returncode

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        codes = list(pool.map(one, range(run_count)))
    sums = {(folder / str(n) / "model/SHA256SUMS").read_text() for n in range(run_count)}
    names = {frozenset(
        str(path.relative_to(folder / str(n))) for path in (folder / str(n)).rglob("*")
        if not path.name.startswith("events.out.")) for n in range(run_count)}
    check(
        not any(codes) and len(sums) == 1 and len(names) == 1,
        f"runs: {run_count} runs, {at_once} at once, exit codes {sorted(set(codes))}, "
        f"{len(sums)} different models, {len(names)} different lists of files")
    left = [path.name for path in temporary.iterdir()]
    check(not left, f"runs: {len(left)} files left in the temporary folder {left[:3]}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--epochs", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--only", choices=["predict", "checkpoints", "denormals", "runs"])
    arguments = parser.parse_args()
    if arguments.epochs < 100:
        parser.error("--epochs: expected 100 or more, of which tenths are compared")
    program = os.environ.get("MEPROP")
    if program is None:
        shown = subprocess.run(
            ["swift", "build", "-c", "release", "--show-bin-path"], cwd=HERE.parent,
            capture_output=True, text=True, check=True)
        program = shown.stdout.strip() + "/meprop"
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        crash_test.make_data(work)
        if arguments.only in (None, "predict"):
            predict(program, work, arguments.rows)
        if arguments.only in (None, "checkpoints"):
            checkpoints(program, work, arguments.epochs)
        if arguments.only in (None, "denormals"):
            denormals(work)
        if arguments.only in (None, "runs"):
            many_runs(program, work, arguments.runs, arguments.at_once)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
