#!/usr/bin/env python3
"""Damages files and reads them with the built command, which must end with a line and a code.

    Scripts/damage-test.py                    100 damaged files of each kind
    Scripts/damage-test.py --count 1000 table png
    MEPROP=/usr/bin/meprop Scripts/damage-test.py --seed 7

Kinds are table, png, jpeg, cifar, idx, csv, conllu, vectors, model, tensors, config, and `records`:
files of runs in which one number is replaced by one that is too large, or is none. A file is
damaged by changed, removed, repeated and inserted bytes. A signal, an exit code other than 0, 1 and
64, more than 20 s, or more memory than --megabytes is a failure; what did it is kept in --keep.
Data are made up.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import pathlib
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("crash_test", HERE / "crash-test/crash-test.py")
crash_test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(crash_test)

NUMBERS = [
    "1e19", "-1e19", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e308",
    "1e400", "-1", "0.5", "NaN", '"x"', "null", "[]", "{}", "true",
]
MARK = "@@number@@"


def damaged(source, data):
    """Some bytes of a file changed."""
    data = bytearray(data)
    for _ in range(source.choice([1, 1, 2, 8])):
        place = source.randrange(len(data) + 1)
        length = source.choice([1, 1, 2, 4, 16, 200])
        kind = source.randrange(6)
        if kind == 0:
            data[place:place + length] = source.randbytes(len(data[place:place + length]))
        elif kind == 1:
            del data[place:place + length]
        elif kind == 2:
            data[place:place] = data[place:place + length] * source.choice([1, 2, 50])
        elif kind == 3:
            data[place:place] = source.choice(
                [b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", b"\n", b'"', b",", b"\t", b"1e400", b"-"])
        elif kind == 4 and place < len(data):
            data[place] ^= 1 << source.randrange(8)
        else:
            del data[source.randrange(len(data) + 1):]
    return bytes(data)


def places(value, path=()):
    """Where there is anything but lists and objects."""
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], path + (key,))
    elif isinstance(value, list):
        for index in range(min(len(value), 2)):
            yield from places(value[index], path + (index,))
    else:
        yield path


def with_number(source, text, is_lines):
    """JSON text, or its first line, with one value replaced."""
    first, rest = text.split("\n", 1) if is_lines else (text, "")
    value = json.loads(first)
    path = source.choice(list(places(value)))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = MARK
    return json.dumps(value).replace(f'"{MARK}"', source.choice(NUMBERS)) + "\n" + rest


def fit_digests(folder):
    """Makes the digests of a checkpoint those of its files, so that what is behind them is read."""
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    names = [line.split("  ", 1)[1] for line in lines]
    (folder / "SHA256SUMS").write_text("".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names))


def png(width, height, pixels):
    """A picture of red, green and blue."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(
        b"\0" + pixels[start:start + 3 * width] for start in range(0, len(pixels), 3 * width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def jpeg():
    """A grey picture of 8 x 8, whose only codes are those of a zero and of the end of a block."""
    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    code = bytes([1] + [0] * 15 + [0])
    return (b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
            + segment(0xC0, struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0))
            + segment(0xC4, b"\x00" + code) + segment(0xC4, b"\x10" + code)
            + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\x3f\xff\xd9")


class Trial:
    """Files that are whole, and what is done with one of them that is not."""

    def __init__(self, work, program, source, arguments):
        self.work, self.program, self.source = work, program, source
        self.limit, self.keep = arguments.megabytes << 20, pathlib.Path(arguments.keep)
        crash_test.make_data(work)
        for task in ("digits", "tagger", "table", "images"):
            options = [*crash_test.settings(task, work), "--epochs", "1"]
            subprocess.run(
                [program, "train", task, *options, "--run", work / f"run-{task}"], check=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(
            [program, "report", work / "run-digits"], check=True, stdout=subprocess.DEVNULL)
        words = [f"w{i % 50}{'abcd'[i // 50]} {i} 2 3" for i in range(200)]
        (work / "vectors.txt").write_text("\n".join(words) + "\n")
        rows = [",".join(str(i * j % 256) for j in range(36)) for i in range(20)]
        (work / "rows.csv").write_text("\n".join(rows) + "\n")
        self.failures = 0

    def run(self, *arguments):
        def limit():
            # Of addresses, of which a runtime takes more than it uses.
            resource.setrlimit(resource.RLIMIT_DATA, (self.limit, self.limit))

        try:
            done = subprocess.run(
                [self.program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                capture_output=True, timeout=20, preexec_fn=limit)
        except subprocess.TimeoutExpired:
            return None, "more than 20 s"
        lines = done.stderr.decode("utf-8", "replace").splitlines() or [""]
        return done.returncode, lines[-1]

    def judge(self, kind, number, files, *arguments):
        code, line = self.run(*arguments)
        said = code == 0 or line.startswith("error: ")
        if code in (0, 1, 64) and said:
            return
        self.failures += 1
        kept = self.keep / f"{kind}-{number}"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for file in files:
            shutil.copy(file, kept)
        print(f"{kind} {number}: exit code {code}: {line}; kept in {kept}", flush=True)

    def plain(self, kind, number, source_file, *arguments):
        """A damaged copy of a file, whose name takes the place of None in the arguments."""
        file = self.work / f"damaged{pathlib.Path(source_file).suffix}"
        file.write_bytes(damaged(self.source, pathlib.Path(source_file).read_bytes()))
        self.judge(kind, number, [file], *(file if a is None else a for a in arguments))

    def copy(self, run):
        folder = self.work / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.work / f"run-{run}", folder)
        return folder

    def pictures(self, kind, number):
        file = self.work / f"picture.{kind}"
        if not file.exists():
            pixels = random.Random(1).randbytes(9 * 7 * 3)
            file.write_bytes(png(9, 7, pixels) if kind == "png" else jpeg())
            code, line = self.run("predict", self.work / "run-images", file)
            if code != 1 or "expected" not in line:
                sys.exit(f"damage-test: the whole {kind}: exit code {code}: {line}")
        self.plain(kind, number, file, "predict", self.work / "run-images", None)

    def cifar(self, number):
        folder = self.work / "cifar"
        folder.mkdir(exist_ok=True)
        whole = b"".join(bytes([i % 10]) + bytes([i]) * 3072 for i in range(40))
        for name in ("data_batch_1.bin", "test_batch.bin"):
            (folder / name).write_bytes(damaged(self.source, whole))
        (folder / "batches.meta.txt").write_bytes(b"".join(b"c%d\n" % i for i in range(10)))
        self.judge("cifar", number, folder.iterdir(), "check", "images", "--data", folder)

    def model(self, number):
        run = self.copy("table")
        file = run / "model/model.json"
        text = with_number(self.source, file.read_text(), False)
        file.write_bytes(damaged(self.source, text.encode()) if number % 2 else text.encode())
        (run / "model/SHA256SUMS").unlink()
        self.judge("model", number, [file], "predict", run, self.work / "table.csv")

    def tensors(self, number):
        run = self.copy("digits")
        file = run / "model/model.safetensors"
        data = file.read_bytes()
        # Where all is said: the header.
        head = 8 + int.from_bytes(data[:8], "little")
        file.write_bytes(damaged(self.source, data[:head]) + data[head:])
        (run / "model/SHA256SUMS").unlink()
        self.judge("tensors", number, [file], "predict", run, self.work / "rows.csv")

    def records(self, number):
        run = self.copy("digits")
        name = self.source.choice(
            ["metrics.jsonl", "confusion.json", "details.jsonl", "run.json",
             "checkpoints/last/state.json"])
        file = run / name
        file.write_text(
            with_number(self.source, file.read_text(), name.endswith(".jsonl")))
        if name.startswith("checkpoints"):
            fit_digests(file.parent)
            self.judge("records", number, [file], "train", "digits", "--run", run, "--resume")
        else:
            self.judge("records", number, [file], "report", run)

    def one(self, kind, number):
        work = self.work
        if kind in ("png", "jpeg"):
            return self.pictures(kind, number)
        if kind in ("cifar", "model", "tensors", "records"):
            return getattr(self, kind)(number)
        file, *arguments = {
            "table": [work / "table.csv", "check", "table", None, "--target", "y"],
            "idx": [work / "images/t10k-images-idx3-ubyte", "predict", work / "run-digits", None],
            "csv": [work / "rows.csv", "predict", work / "run-digits", None],
            "conllu": [work / "bank/x-dev.conllu", "predict", work / "run-tagger", None],
            "vectors": [
                work / "vectors.txt", "train", "tagger", "--data", work / "bank", "--hidden", "4",
                "--k", "2", "--word-size", "3", "--epochs", "1", "--threads", "1", "--train-limit",
                "5", "--run", work / f"v{number}", "--vectors", None],
            "config": [work / "run-digits/config.yaml", "inspect", "--task", "digits", None],
        }[kind]
        self.plain(kind, number, file, *arguments)


def main():
    kinds = ["table", "png", "jpeg", "cifar", "idx", "csv", "conllu", "vectors", "model", "tensors",
             "config", "records"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", default=kinds)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--keep", default=".build-damage")
    arguments = parser.parse_args()
    program = os.environ.get("MEPROP")
    if program is None:
        shown = subprocess.run(
            ["swift", "build", "-c", "release", "--show-bin-path"], cwd=HERE.parent,
            capture_output=True, text=True, check=True)
        program = shown.stdout.strip() + "/meprop"
    with tempfile.TemporaryDirectory() as name:
        trial = Trial(pathlib.Path(name), program, random.Random(arguments.seed), arguments)
        for kind in arguments.kinds:
            before = trial.failures
            for number in range(arguments.count):
                trial.one(kind, number)
            wrong = trial.failures - before
            print(f"{kind}: {arguments.count} files, {wrong} failures", flush=True)
    return 1 if trial.failures else 0


if __name__ == "__main__":
    sys.exit(main())
