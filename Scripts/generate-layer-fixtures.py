"""Golden values for layers, combinators and losses from PyTorch, in double precision: outputs,
losses and all gradients.

usage: generate-layer-fixtures.py > Tests/MePropNNTests/Fixtures/layers.json      needs torch
"""
import json
import sys

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

SEED = 20240611


def rounded(tensor):
    """The nearest values in single precision, so that both sides start from the same numbers."""
    return tensor.to(torch.float32).to(torch.float64)


def normal(*shape, scale=1.0):
    return rounded(torch.randn(*shape) * scale)


def numbers(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().reshape(-1).tolist()}


def gradients(parameters):
    return {name: numbers(tensor.grad) for name, tensor in parameters.items()}


def values(parameters):
    return {name: numbers(tensor) for name, tensor in parameters.items()}


def trained(**tensors):
    return {name: tensor.requires_grad_() for name, tensor in tensors.items()}


def layer_norm(size, rows, epsilon):
    parameters = trained(gain=normal(size), bias=normal(size))
    x = normal(rows, size, scale=2.0).requires_grad_()
    projection = normal(rows, size)
    y = F.layer_norm(x, (size,), parameters["gain"], parameters["bias"], epsilon)
    (y * projection).sum().backward()
    return {
        "epsilon": epsilon, "input": numbers(x), "projection": numbers(projection),
        "parameters": values(parameters), "output": numbers(y), "inputGradient": numbers(x.grad),
        "gradients": gradients(parameters),
    }


def sentences(vocabulary, width, hidden, classes, lengths, bidirectional):
    """Embedding, LSTM, mean over words, linear classifier, cross-entropy."""
    embedding = nn.Embedding(vocabulary, width)
    lstm = nn.LSTM(width, hidden, bidirectional=bidirectional)
    output = nn.Linear(hidden * (2 if bidirectional else 1), classes)
    with torch.no_grad():
        for module in (embedding, lstm, output):
            for parameter in module.parameters():
                parameter.copy_(rounded(parameter))
        # One bias is enough, as gradients of both are the same.
        for name, parameter in lstm.named_parameters():
            if name.startswith("bias_hh"):
                parameter.zero_()
    symbols = [torch.randint(vocabulary, (length,)) for length in lengths]
    labels = torch.randint(classes, (len(lengths),))
    states, _ = lstm(pack_sequence([embedding(s) for s in symbols], enforce_sorted=False))
    padded, counts = pad_packed_sequence(states, batch_first=True)
    means = torch.stack([padded[i, :n].mean(0) for i, n in enumerate(counts.tolist())])
    logits = output(means)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    parameters = {"embedding": embedding.weight}
    directions = [("forward", ""), ("backward", "_reverse")]
    for direction, suffix in directions if bidirectional else directions[:1]:
        parameters[direction + ".inputWeight"] = getattr(lstm, "weight_ih_l0" + suffix)
        parameters[direction + ".recurrentWeight"] = getattr(lstm, "weight_hh_l0" + suffix)
        parameters[direction + ".bias"] = getattr(lstm, "bias_ih_l0" + suffix)
    parameters["output.weight"] = output.weight
    parameters["output.bias"] = output.bias
    return {
        "hiddenSize": hidden, "isBidirectional": bidirectional,
        "sentences": [s.tolist() for s in symbols], "labels": labels.tolist(),
        "parameters": values(parameters), "output": numbers(logits), "loss": loss.item(),
        "gradients": gradients(parameters),
    }


def two_heads(inputs, width, classes, targets, rows, factor, delta, weighted):
    """A residual network with a head for classes and one for numbers."""
    def linear(n, m):
        return {"weight": normal(m, n, scale=n ** -0.5), "bias": normal(m, scale=0.3)}

    layers = {
        "0": linear(inputs, width), "1.0": linear(width, width + 3),
        "1.1": linear(width + 3, width), "3.first": linear(width, classes),
        "3.second": linear(width, targets),
    }
    parameters = trained(**{
        name + "." + part: tensor
        for name, parts in layers.items() for part, tensor in parts.items()
    }, **{"2.gain": normal(width), "2.bias": normal(width)})

    def apply(name, x):
        return F.linear(x, parameters[name + ".weight"], parameters[name + ".bias"])

    x = normal(rows, inputs).requires_grad_()
    labels = torch.randint(classes, (rows,))
    wanted = normal(rows, targets, scale=2.0)
    weights = rounded(torch.rand(rows) + 0.5) if weighted else torch.ones(rows)
    h = torch.tanh(apply("0", x))
    h = h + apply("1.1", torch.relu(apply("1.0", h)))
    h = F.layer_norm(h, (width,), parameters["2.gain"], parameters["2.bias"], 1e-5)
    first, second = apply("3.first", h), apply("3.second", h)
    mean = weights / weights.sum()
    loss = (F.cross_entropy(first, labels, reduction="none") * mean).sum()
    loss = loss + factor * (
        F.huber_loss(second, wanted, reduction="none", delta=delta).sum(1) * mean).sum()
    loss.backward()
    return {
        "factor": factor, "delta": delta, "weights": weights.tolist() if weighted else [],
        "input": numbers(x), "labels": labels.tolist(), "targets": numbers(wanted),
        "parameters": values(parameters), "output": numbers(torch.cat([first, second], 1)),
        "loss": loss.item(), "inputGradient": numbers(x.grad), "gradients": gradients(parameters),
    }


def binary(rows, labels, weighted):
    """BCE with a weight for each label; PyTorch's mean is over labels, ours a sum."""
    y = normal(rows, labels, scale=3.0).requires_grad_()
    targets = (torch.rand(rows, labels) < 0.4).to(torch.float64)
    weights = rounded(torch.rand(labels) * 2) if weighted else None
    loss = F.binary_cross_entropy_with_logits(y, targets, weight=weights) * labels
    loss.backward()
    return {
        "classWeights": weights.tolist() if weighted else [], "output": numbers(y),
        "targets": numbers(targets), "loss": loss.item(), "gradient": numbers(y.grad),
    }


def cross_entropy(rows, classes, weighted):
    y = normal(rows, classes, scale=3.0).requires_grad_()
    labels = torch.randint(classes, (rows,))
    weights = rounded(torch.rand(classes) * 2) if weighted else None
    loss = F.cross_entropy(y, labels, weight=weights)
    loss.backward()
    return {
        "classWeights": weights.tolist() if weighted else [], "output": numbers(y),
        "labels": labels.tolist(), "loss": loss.item(), "gradient": numbers(y.grad),
    }


def main():
    torch.manual_seed(SEED)
    torch.set_default_dtype(torch.float64)
    result = {
        "about": "written by Scripts/generate-layer-fixtures.py",
        "seed": SEED, "python": sys.version.split()[0], "torch": torch.__version__,
        "layerNorms": [layer_norm(7, 4, 1e-5), layer_norm(33, 3, 0.125)],
        "sentences": [
            sentences(11, 4, 5, 3, [3, 1, 6, 2], True),
            sentences(7, 3, 18, 4, [2, 5, 1], False),
        ],
        "twoHeads": [
            two_heads(5, 8, 4, 2, 6, 1.0, 1.0, False), two_heads(6, 19, 3, 3, 9, 0.25, 0.5, True),
        ],
        "binary": [binary(5, 4, False), binary(6, 5, True)],
        "crossEntropy": [cross_entropy(5, 4, False), cross_entropy(7, 5, True)],
    }
    # Eleven digits are more than single precision needs, and keep the file small.
    text = json.dumps(result, default=float)
    text = json.dumps(json.loads(text, parse_float=lambda digits: float(f"{float(digits):.11g}")))
    print(text.replace('], "', '],\n "'))


main()
