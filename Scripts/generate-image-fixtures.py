"""Golden values for convolution, pooling and batch normalization from PyTorch, in double precision:
outputs and all gradients, in our order of numbers (channels fastest).

usage: generate-image-fixtures.py > Tests/MePropNNTests/Fixtures/images.json      needs torch
"""
import json
import sys

import torch
from torch.nn import functional as F

SEED = 20251130


def normal(*shape, scale=1.0):
    """The nearest values in single precision, so that both sides start from the same numbers."""
    return (torch.randn(*shape) * scale).to(torch.float32).to(torch.float64)


def numbers(tensor):
    return {"shape": list(tensor.shape), "values": tensor.detach().reshape(-1).tolist()}


def rows(images):
    """[batch, channels, height, width] to a row an image, channels fastest."""
    return images.permute(0, 2, 3, 1).reshape(images.shape[0], -1)


def kernels(weight):
    """[out, in, height, width] to a row an output channel, input channels fastest."""
    return weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)


def convolution(batch, height, width, channels, outputs, kernel, stride, padding, pool, relu):
    x = normal(batch, channels, height, width).requires_grad_()
    fan_in = channels * kernel[0] * kernel[1]
    weight = normal(outputs, channels, *kernel, scale=fan_in ** -0.5).requires_grad_()
    bias = normal(outputs, scale=0.3).requires_grad_()
    y = F.conv2d(x, weight, bias, stride, padding)
    if pool:
        y = F.max_pool2d(y, pool)
    if relu:
        y = F.relu(y)
    projection = normal(*y.shape)
    (y * projection).sum().backward()
    return {
        "height": height, "width": width, "channels": channels, "outputs": outputs,
        "kernel": kernel, "stride": stride, "padding": padding, "pool": pool, "relu": relu,
        "input": numbers(rows(x)), "projection": numbers(rows(projection)),
        "weight": numbers(kernels(weight)), "bias": numbers(bias), "output": numbers(rows(y)),
        "inputGradient": numbers(rows(x.grad)), "weightGradient": numbers(kernels(weight.grad)),
        "biasGradient": numbers(bias.grad),
    }


def average_pool(batch, height, width, channels, window, stride):
    x = normal(batch, channels, height, width).requires_grad_()
    y = F.avg_pool2d(x, window, stride)
    projection = normal(*y.shape)
    (y * projection).sum().backward()
    return {
        "height": height, "width": width, "channels": channels, "window": window,
        "stride": stride, "input": numbers(rows(x)), "projection": numbers(rows(projection)),
        "output": numbers(rows(y)), "inputGradient": numbers(rows(x.grad)),
    }


def batch_norm(batch, height, width, channels, epsilon):
    x = normal(batch, channels, height, width, scale=2.0).requires_grad_()
    gain = normal(channels).requires_grad_()
    bias = normal(channels).requires_grad_()
    y = F.batch_norm(x, None, None, gain, bias, training=True, eps=epsilon)
    projection = normal(*y.shape)
    (y * projection).sum().backward()
    return {
        "height": height, "width": width, "channels": channels, "epsilon": epsilon,
        "input": numbers(rows(x)), "projection": numbers(rows(projection)),
        "gain": numbers(gain), "bias": numbers(bias), "output": numbers(rows(y)),
        "inputGradient": numbers(rows(x.grad)), "gainGradient": numbers(gain.grad),
        "biasGradient": numbers(bias.grad),
    }


def main():
    torch.manual_seed(SEED)
    torch.set_default_dtype(torch.float64)
    result = {
        "about": "written by Scripts/generate-image-fixtures.py",
        "seed": SEED, "python": sys.version.split()[0], "torch": torch.__version__,
        "convolutions": [
            convolution(3, 6, 7, 1, 5, [3, 3], [1, 1], [0, 0], None, False),
            convolution(2, 8, 8, 3, 17, [5, 5], [1, 1], [2, 2], [2, 2], True),
            convolution(3, 7, 6, 2, 4, [3, 2], [2, 1], [1, 0], None, True),
            convolution(2, 5, 5, 16, 3, [1, 1], [2, 2], [0, 0], None, False),
        ],
        "averagePools": [
            average_pool(2, 6, 4, 3, [2, 2], [2, 2]), average_pool(2, 5, 7, 2, [3, 2], [2, 3]),
        ],
        "batchNorms": [batch_norm(4, 3, 5, 3, 1e-5), batch_norm(17, 2, 2, 18, 0.125)],
    }
    # Eleven digits are more than single precision needs, and keep the file small.
    text = json.dumps(result, default=float)
    text = json.dumps(json.loads(text, parse_float=lambda digits: float(f"{float(digits):.11g}")))
    print(text.replace('], "', '],\n "'))


main()
