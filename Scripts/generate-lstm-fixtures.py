"""Golden values for the LSTM from PyTorch, in double precision: outputs and all gradients.

usage: generate-lstm-fixtures.py > Tests/MePropNNTests/Fixtures/lstm.json      needs torch
"""
import json
import sys

import torch
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

CASES = [
    dict(inputSize=3, hiddenSize=2, layers=1, bidirectional=False, lengths=[4]),
    dict(inputSize=3, hiddenSize=2, layers=2, bidirectional=True, lengths=[2, 4, 1]),
    dict(inputSize=4, hiddenSize=5, layers=1, bidirectional=True, lengths=[3, 1, 5, 3]),
]
SEED = 20170607


def case(settings):
    lstm = torch.nn.LSTM(
        settings["inputSize"], settings["hiddenSize"], settings["layers"],
        bidirectional=settings["bidirectional"]).double()
    for weights in lstm.parameters():
        torch.nn.init.uniform_(weights, -0.9, 0.9)
    inputs = [torch.randn(n, settings["inputSize"]).double().requires_grad_()
              for n in settings["lengths"]]
    packed = pack_sequence(inputs, enforce_sorted=False)
    padded, lengths = pad_packed_sequence(lstm(packed)[0], batch_first=True)
    outputs = [padded[i, :n] for i, n in enumerate(lengths)]
    projections = [torch.randn_like(output) for output in outputs]
    sum((o * p).sum() for o, p in zip(outputs, projections)).backward()
    parameters = {
        name: dict(shape=list(weights.shape), values=weights.flatten().tolist(),
                   gradient=weights.grad.flatten().tolist())
        for name, weights in lstm.named_parameters()}
    lists = dict(inputs=inputs, outputs=outputs, projections=projections,
                 inputGradients=[x.grad for x in inputs])
    return dict(settings, parameters=parameters,
                **{k: [t.tolist() for t in v] for k, v in lists.items()})


def shortened(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, list):
        return [shortened(v) for v in value]
    if isinstance(value, dict):
        return {k: shortened(v) for k, v in value.items()}
    return value


torch.manual_seed(SEED)
json.dump(shortened(dict(seed=SEED, torch=torch.__version__, cases=[case(c) for c in CASES])),
          sys.stdout)
print()
