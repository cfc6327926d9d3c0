#!/usr/bin/env python3
"""Writes the golden values of Tests/MePropNNTests/Fixtures: optimizers.json and networks.json.

usage: Scripts/generate-optimizer-fixtures.py    (numpy and torch; see "versions" in the files)

Everything is computed in double precision by PyTorch's own optimizers and autograd, except what
PyTorch does not have: AdaGrad with epsilon inside the root (NumPy), and Adam on touched rows only
inside a network (torch, by hand; alone it is checked against SparseAdam). Settings are rounded to
single precision first, inputs are multiples of 2^-8 or 2^-10, so both sides start from the same
numbers.
"""
import json
from pathlib import Path

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "MePropNNTests" / "Fixtures"
VERSIONS = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}


def single(value):
    return float(np.float32(value))


def rounded(array, bits):
    """To the nearest odd multiple of 2^-bits: never zero, exact in single precision."""
    return (2 * np.floor(np.asarray(array) * 2.0 ** (bits - 1)) + 1) / 2.0**bits


def numbers(array):
    return [float(f"{value:.12g}") for value in np.asarray(array, dtype=np.float64).ravel()]


# ---- optimizers on given gradients ---------------------------------------------------------------

OPTIMIZERS = [
    dict(name="sgd", method="sgd", learningRate=0.05),
    dict(name="sgd with L2", method="sgd", learningRate=0.05, l2=0.1),
    dict(name="sgd with decoupled decay", method="sgd", learningRate=0.05, weightDecay=0.3),
    dict(name="momentum", method="sgd", learningRate=0.02, momentum=0.9),
    dict(name="momentum, L2, clip by value", method="sgd", learningRate=0.02, momentum=0.8, l2=0.05,
         clipValue=0.5),
    dict(name="adagrad", method="adagrad", learningRate=0.1, epsilon=1e-6),
    dict(name="adagrad, large epsilon, L2", method="adagrad", learningRate=0.1, epsilon=0.5,
         l2=0.1),
    dict(name="adam", method="adam", learningRate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8),
    dict(name="adam, other settings", method="adam", learningRate=0.02, beta1=0.8, beta2=0.95,
         epsilon=0.01),
    dict(name="adam with L2", method="adam", learningRate=0.01, beta1=0.9, beta2=0.999,
         epsilon=1e-8, l2=0.1),
    dict(name="adamw", method="adam", learningRate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8,
         weightDecay=0.2),
    dict(name="adam, clip by value", method="adam", learningRate=0.01, beta1=0.9, beta2=0.999,
         epsilon=1e-8, clipValue=0.25),
]


def in_single(case):
    return {key: single(value) if isinstance(value, float) else value
            for key, value in case.items()}


def torch_optimizer(case, parameters):
    case = in_single(case)
    rate, l2, decay = case["learningRate"], case.get("l2", 0), case.get("weightDecay", 0)
    if case["method"] == "adam":
        kind = torch.optim.AdamW if decay else torch.optim.Adam
        return kind(parameters, lr=rate, betas=(case["beta1"], case["beta2"]), eps=case["epsilon"],
                    weight_decay=decay or l2)
    return torch.optim.SGD(parameters, lr=rate, momentum=case.get("momentum", 0), weight_decay=l2)


def run_optimizer(case, weights, gradients):
    """The weights after half of the steps and after all."""
    exact, snapshots = in_single(case), []
    w = torch.tensor(weights)
    accumulated = np.zeros_like(weights)
    optimizer = None if case["method"] == "adagrad" else torch_optimizer(case, [w])
    for step, g in enumerate(gradients, 1):
        g = torch.tensor(g)
        if "clipValue" in case:
            g = g.clamp(-exact["clipValue"], exact["clipValue"])
        if optimizer is None:
            g = g.numpy() + exact.get("l2", 0) * w.numpy()
            accumulated += g * g
            w -= torch.tensor(exact["learningRate"] * g / np.sqrt(accumulated + exact["epsilon"]))
        else:
            if case["method"] == "sgd" and "weightDecay" in case:
                w *= 1 - exact["learningRate"] * exact["weightDecay"]
            w.grad = g
            optimizer.step()
        if step in (len(gradients) // 2, len(gradients)):
            snapshots.append(numbers(w))
    return dict(settings=case, halfway=snapshots[0], final=snapshots[1])


def run_sparse_adam(generator, rows, columns, steps, k):
    """SparseAdam on the rows that top-k of d touches: gradient s' x."""
    w = torch.tensor(rounded(generator.normal(size=(rows, columns)), 8))
    case = dict(name="sparse adam", method="adam", learningRate=0.01, beta1=0.9, beta2=0.999,
                epsilon=1e-8)
    exact = in_single(case)
    start, ds, xs, touched_rows = numbers(w), [], [], []
    optimizer = torch.optim.SparseAdam([w], lr=exact["learningRate"],
                                       betas=(exact["beta1"], exact["beta2"]), eps=exact["epsilon"])
    for _ in range(steps):
        d = rounded(generator.normal(size=(2, rows)), 8)
        x = rounded(generator.normal(size=(2, columns)), 8)
        kept = np.zeros_like(d)
        for example in range(2):
            order = np.argsort(-np.abs(d[example]), kind="stable")[:k]
            kept[example, order] = d[example, order]
        touched = np.flatnonzero(np.abs(kept).sum(0))
        gradient = kept.T @ x
        w.grad = torch.sparse_coo_tensor(torch.tensor(touched)[None],
                                         torch.tensor(gradient[touched]), w.shape,
                                         check_invariants=False)
        optimizer.step()
        ds.append(numbers(d)), xs.append(numbers(x)), touched_rows.append(touched.tolist())
    return dict(settings=case, rows=rows, columns=columns, k=k, weights=start, outputGradients=ds,
                inputs=xs, touchedRows=touched_rows, final=numbers(w))


def optimizers():
    generator = np.random.default_rng(7)
    rows, columns, steps = 3, 19, 30
    weights = rounded(generator.normal(size=(rows, columns)), 8)
    gradients = [rounded(generator.normal(size=(rows, columns)), 8) for _ in range(steps)]
    return dict(generator="Scripts/generate-optimizer-fixtures.py", versions=VERSIONS, seed=7,
                rows=rows, columns=columns, weights=numbers(weights),
                gradients=[numbers(g) for g in gradients],
                cases=[run_optimizer(case, weights, gradients) for case in OPTIMIZERS],
                sparseAdam=run_sparse_adam(generator, 6, 19, 20, 2))


# ---- a whole network -----------------------------------------------------------------------------

SIZES = [7, 9, 8, 3]
BATCHES = [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]
ADAM = dict(method="adam", learningRate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8)
NETWORKS = [
    dict(name="dense, relu, adam", activation="relu", **ADAM),
    dict(name="dense, tanh, momentum", activation="tanh", method="sgd", learningRate=0.1,
         momentum=0.9),
    dict(name="dense, sigmoid, adam", activation="sigmoid", **ADAM),
    dict(name="dense, relu, sgd, clip by norm", activation="relu", method="sgd", learningRate=0.5,
         clipNorm=0.25),
    dict(name="dense, tanh, adamw, clip by norm", activation="tanh", weightDecay=0.5,
         clipNorm=0.125, **ADAM),
    dict(name="top 3, relu, adam", activation="relu", select="top", k=3, **ADAM),
    dict(name="top 3, tanh, sgd", activation="tanh", select="top", k=3, method="sgd",
         learningRate=0.5),
    dict(name="top 3, relu, adam, skip", activation="relu", select="top", k=3, untouched="skip",
         **ADAM),
    dict(name="top 2, tanh, adam, skip, clip by norm", activation="tanh", select="top", k=2,
         untouched="skip", clipNorm=0.125, **ADAM),
    dict(name="top 3 with memory 0.9, tanh, adam", activation="tanh", select="top", k=3, memory=0.9,
         **ADAM),
    dict(name="top 3 with memory 0.9, relu, adam, skip", activation="relu", select="top", k=3,
         memory=0.9, untouched="skip", **ADAM),
    dict(name="unified 4, sigmoid, adam", activation="sigmoid", select="unified", k=4, **ADAM),
    dict(name="unified 4 with memory 0.75, tanh, adam, skip", activation="tanh", select="unified",
         k=4, memory=0.75, untouched="skip", **ADAM),
    dict(name="unified 3 in groups of 2, relu, adam, skip", activation="relu", select="unified",
         k=3, groupSize=2, untouched="skip", **ADAM),
]


class TooClose(Exception):
    """Two magnitudes at the border of a selection that rounding could swap."""


def chosen(magnitudes, k):
    values, order = magnitudes.sort(descending=True, stable=True)
    if values[k - 1] > 0 and values[k - 1] - values[k] < 1e-4 * values[k - 1]:
        raise TooClose
    mask = torch.zeros_like(magnitudes, dtype=torch.bool)
    mask[order[:k]] = True
    return mask & (magnitudes > 0)


class SelectingLinear(torch.autograd.Function):
    """y = x w' + b; backward: d = dy + beta m, s = select(d), m <- mean(d - s).

    Products use s, and db is the sum of d.
    """

    @staticmethod
    def forward(ctx, x, w, b, layer):
        ctx.save_for_backward(x, w)
        ctx.layer = layer
        return torch.nn.functional.linear(x, w, b)

    @staticmethod
    def backward(ctx, dy):
        (x, w), layer = ctx.saved_tensors, ctx.layer
        d = dy + layer["beta"] * layer["memory"]
        if layer["select"] == "top":
            mask = torch.stack([chosen(row, layer["k"]) for row in d.abs()])
        else:
            group = layer["group"] or len(d)
            mask = torch.cat([chosen(part.abs().sum(0), layer["k"]).expand(len(part), -1)
                              for part in d.split(group)])
        s = torch.where(mask, d, 0.0)
        layer["memory"] = (d - s).mean(0)
        layer["touched"] = mask.any(0)
        return s @ w, s.t() @ x, d.sum(0), None


def run_network(case, layers, inputs, labels):
    exact = in_single(case)
    weights = [torch.tensor(w, requires_grad=True) for w, _ in layers]
    biases = [torch.tensor(b, requires_grad=True) for _, b in layers]
    state = [dict(beta=exact.get("memory", 0), memory=torch.zeros(w.shape[0]), k=case.get("k"),
                  select=case.get("select"), group=case.get("groupSize"), touched=None)
             for w in weights]
    skips = case.get("untouched") == "skip"
    without_decay = {key: value for key, value in case.items() if key != "weightDecay"}
    weight_optimizer = None if skips else torch_optimizer(case, weights)
    bias_optimizer = torch_optimizer(dict(without_decay, method=case["method"]), biases)
    moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
    losses = []
    for step in range(1, 11):
        batch = BATCHES[(step - 1) % len(BATCHES)]
        x, y = torch.tensor(inputs[batch]), torch.tensor(labels[batch])
        for index, (w, b) in enumerate(zip(weights, biases)):
            last = index == len(weights) - 1
            x = (torch.nn.functional.linear(x, w, b) if last or not case.get("select")
                 else SelectingLinear.apply(x, w, b, state[index]))
            if not last:
                x = getattr(torch, case["activation"])(x)
        loss = torch.nn.functional.cross_entropy(x, y)
        for parameter in weights + biases:
            parameter.grad = None
        loss.backward()
        losses.append(loss.item() * len(batch))
        if "clipNorm" in case:
            # By hand: clip_grad_norm_ adds 1e-6 to the norm.
            norm = torch.sqrt(sum((p.grad**2).sum() for p in weights + biases)).item()
            for parameter in weights + biases:
                parameter.grad *= min(1.0, exact["clipNorm"] / norm)
        bias_optimizer.step()
        if not skips:
            weight_optimizer.step()
            continue
        with torch.no_grad():
            for w, (m, v), layer in zip(weights, moments, state):
                rows = layer["touched"]
                if rows is None:
                    rows = torch.ones(len(w), dtype=torch.bool)
                g = w.grad[rows]
                m[rows] = exact["beta1"] * m[rows] + (1 - exact["beta1"]) * g
                v[rows] = exact["beta2"] * v[rows] + (1 - exact["beta2"]) * g * g
                mean = m[rows] / (1 - exact["beta1"]**step)
                square = v[rows] / (1 - exact["beta2"]**step)
                w[rows] -= exact["learningRate"] * mean / (square.sqrt() + exact["epsilon"])
    with torch.no_grad():
        return dict(settings=case, losses=numbers(losses), weights=[numbers(w) for w in weights],
                    biases=[numbers(b) for b in biases])


def networks():
    for seed in range(100):
        generator = np.random.default_rng(seed)
        inputs = rounded(generator.normal(size=(12, SIZES[0])), 8)
        labels = generator.integers(0, SIZES[-1], 12)
        layers = [(rounded(generator.uniform(-1.5, 1.5, (n, m)) / m**0.5, 10),
                   rounded(generator.uniform(-0.5, 0.5, n), 10)) for m, n in zip(SIZES, SIZES[1:])]
        try:
            cases = [run_network(case, layers, inputs, labels) for case in NETWORKS]
        except TooClose:
            continue
        return dict(generator="Scripts/generate-optimizer-fixtures.py", versions=VERSIONS,
                    seed=seed, sizes=SIZES, batches=BATCHES,
                    inputs=[numbers(row) for row in inputs], labels=labels.tolist(),
                    weights=[numbers(w) for w, _ in layers],
                    biases=[numbers(b) for _, b in layers], cases=cases)
    raise SystemExit("no seed without near ties")


def compact(value):
    """JSON with one line for each array of numbers."""
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {compact(item)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + "\n}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return "[\n" + ",\n".join(compact(item) for item in value) + "\n]"
    return json.dumps(value)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in (("optimizers.json", optimizers()), ("networks.json", networks())):
        (FOLDER / name).write_text(compact(content) + "\n")
        print(f"{name}: seed {content['seed']}, {(FOLDER / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
