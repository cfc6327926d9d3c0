#!/usr/bin/env python3
"""Kills runs and lets their files fail, resumes them, and compares bit for bit.

    Scripts/crash-test/crash-test.py                        20 points of each task and fault
    Scripts/crash-test/crash-test.py --points 60 table      60 of each fault, this task only
    Scripts/crash-test/crash-test.py --faults kill,full     these faults only
    MEPROP=/usr/bin/meprop Scripts/crash-test/crash-test.py --seed 7

Faults: `kill` is SIGKILL between two changes of files, `tear` the same in the middle of a write,
`random` SIGKILL at any moment, `eio` one change that fails with EIO, `full` a disk that is full
from a change on. After each the run is resumed without a fault, and its model, checkpoints,
settings and figures must be those of a run that nothing happened to. A run that meets an error must
say so in one line and exit with 1, not with a signal; nothing but what a run folder holds may be
left behind.

Data are made up, so nothing has to be there. The exit code is 0 if all of that was so.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TASKS = ["digits", "tagger", "parser", "images", "table"]
FAULTS = ["kill", "tear", "random", "eio", "full"]
COMPARED = [
    "model/SHA256SUMS", "checkpoints/last/tensors.safetensors",
    "checkpoints/best/tensors.safetensors", "config.yaml",
]
LEFT_BEHIND = {".tmp", ".new", ".old", ".damaged"}


def write_bank(path, count, seed):
    """Sentences of made-up words, whose tags and heads follow from the words."""
    source = random.Random(seed)
    with open(path, "w") as file:
        for _ in range(count):
            for word in range(1, 3 + source.randrange(6)):
                kind = source.randrange(4)
                relation = "root" if word == 1 else f"r{kind}"
                form = f"w{source.randrange(50)}{'abcd'[kind]}"
                fields = [word, form, "_", f"T{kind}", f"X{kind}", "_", word - 1, relation]
                file.write("\t".join(map(str, fields)) + "\t_\t_\n")
            file.write("\n")


def write_images(folder, prefix, count, seed):
    """Images of which a bright row tells the class."""
    source = random.Random(seed)
    labels = bytes(source.randrange(6) for _ in range(count))
    pixels = bytes(
        source.randrange(120) + (100 if place // 6 == label else 0)
        for label in labels for place in range(36))
    header = struct.pack(">IIII", 0x803, count, 6, 6)
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(header + pixels)
    (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, count) + labels)


def write_table(path, count, seed):
    source = random.Random(seed)
    with open(path, "w") as file:
        file.write("a,b,c,y\n")
        for _ in range(count):
            a, b, c = source.random(), source.choice("xyz"), source.gauss(0, 1)
            y = "p" if a + (b == "x") * 0.5 + 0.1 * c > 0.7 else "q"
            file.write(f"{a:.3f},{b},{c:.3f},{y}\n")


def make_data(work):
    (work / "bank").mkdir()
    (work / "images").mkdir()
    write_bank(work / "bank/x-train.conllu", 300, 3)
    write_bank(work / "bank/x-dev.conllu", 50, 4)
    write_images(work / "images", "train", 900, 1)
    write_images(work / "images", "t10k", 60, 2)
    write_table(work / "table.csv", 1200, 5)


def settings(task, work):
    """The options of a run of about a tenth of a second."""
    options = {
        "digits": "--data {0}/images --classes 6 --dev-count 100 --hidden 40,20 --k 6 --batch 8 "
        "--dropout 0.2 --epochs 3",
        "tagger": "--data {0}/bank --hidden 16 --k 4 --batch 8 --epochs 3",
        "parser": "--data {0}/bank --hidden 24 --k 6 --batch 60 --embedding-size 8 --epochs 3",
        "images": "--data {0}/images --batch 20 --epochs 3 --layers",
        "table": "--data {0}/table.csv --target y --batch 20 --epochs 3",
    }[task]
    layers = ["conv 4 3x3 padding 1 pool 2, dense 8"] if task == "images" else []
    return options.format(work).split() + layers + ["--threads", "1"]


def figures(run):
    """The rows of metrics.jsonl without times."""
    rows = []
    for line in (run / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        rows.append({key: row[key] for key in ("epoch", "train", "dev", "test") if key in row})
    return rows


class Task:
    """One task: its run that nothing happened to, and what comes of the others."""

    def __init__(self, name, work, program, library, source):
        self.name, self.work, self.program = name, work, program
        self.library, self.source = library, source
        self.options = settings(name, work)
        self.whole = work / f"whole-{name}"
        count = work / "count"
        started = time.monotonic()
        code, error = self.train(self.whole, {"FILE_FAULT_COUNT": str(count)})
        self.seconds = time.monotonic() - started
        if code != 0:
            sys.exit(f"crash-test: {name} fails without a fault: {error}")
        self.changes = int(count.read_text())

    def train(self, run, environment, resume=False, kill_after=None):
        """Trains; returns the exit code, below 0 for a signal, and the last line on stderr."""
        variables = dict(os.environ, **environment)
        if environment:
            variables["LD_PRELOAD"] = str(self.library)
        command = [self.program, "train", self.name, *self.options, "--run", str(run)]
        process = subprocess.Popen(
            command + (["--resume"] if resume else []), env=variables, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            _, error = process.communicate(timeout=kill_after or 120)
        except subprocess.TimeoutExpired:
            process.kill()
            _, error = process.communicate()
            if kill_after is None:
                return None, "did not end within 120 s"
        return process.returncode, (error.splitlines() or [""])[-1]

    def problems(self, run):
        """What differs from the run that nothing happened to."""
        found = []
        for name in COMPARED:
            if (self.whole / name).read_bytes() != (run / name).read_bytes():
                found.append(f"{name} differs")
        if figures(self.whole) != figures(run):
            found.append("metrics.jsonl has other rows")
        check = subprocess.run(
            ["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=run / "model", capture_output=True)
        if check.returncode != 0:
            found.append("the model is not what its digests say")
        left = [p.name for p in run.rglob("*") if p.suffix in LEFT_BEHIND]
        return found + [f"left behind: {name}" for name in left]

    def point(self, fault, place):
        """Lets one fault happen and resumes; returns whether it did happen, and what is wrong."""
        run = self.work / "run"
        shutil.rmtree(run, ignore_errors=True)
        if fault == "random":
            code, error = self.train(run, {}, kill_after=place)
        else:
            code, error = self.train(run, {"FILE_FAULT": f"{fault}:{place}"})
        found = []
        if fault in ("eio", "full") and code not in (0, 1):
            found.append(f"exit code {code}: {error}")
        elif fault in ("kill", "tear") and code != -9:
            found.append(f"exit code {code}, expected that of SIGKILL: {error}")
        elif code == 1 and not error.startswith("error: "):
            found.append(f"no line that says what is wrong: {error}")
        if code == 0 and fault == "random":
            return False, found
        # What could not even begin is not resumed.
        again, error = self.train(run, {}, resume=run.exists())
        if again != 0:
            return True, found + [f"resumed with exit code {again}: {error}"]
        return True, found + self.problems(run)

    def places(self, fault, count):
        if fault == "random":
            return [self.source.uniform(0.01, self.seconds) for _ in range(count)]
        count = min(count, self.changes)
        return [1 + i * self.changes // count for i in range(count)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    program = os.environ.get("MEPROP")
    if program is None:
        shown = subprocess.run(
            ["swift", "build", "-c", "release", "--show-bin-path"], cwd=HERE.parent.parent,
            capture_output=True, text=True, check=True)
        program = shown.stdout.strip() + "/meprop"
    if not os.access(program, os.X_OK):
        sys.exit(f"crash-test: no {program}; build it first")
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        library = work / "file_faults.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", HERE / "file_faults.c", "-ldl",
             "-o", library], check=True)
        make_data(work)
        source = random.Random(arguments.seed)
        failures = points = 0
        for task_name in arguments.tasks:
            task = Task(task_name, work, program, library, source)
            for fault in arguments.faults.split(","):
                tried = wrong = 0
                for place in task.places(fault, arguments.points):
                    happened, found = task.point(fault, place)
                    tried += happened
                    wrong += bool(found)
                    for text in found:
                        print(f"{task_name} {fault}:{place}: {text}", flush=True)
                points += tried
                failures += wrong
                print(
                    f"{task_name} {fault}: {tried} points of {task.changes} changes, "
                    f"{tried - wrong} resumed bit for bit", flush=True)
        print(f"{points} points, {failures} failures")
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
