// Single operations in PyTorch: products, optimizer steps, and back propagation through wide
// layers.

/// What a PyTorch process runs for the rows of kernels and of wide layers.
enum TorchOperations {
  /// Reads a line of a kind, sizes and seconds, and answers it with times in microseconds.
  ///
  /// - `forward BATCH INPUTS OUTPUTS`: `F.linear` on an input of which 19 % is not zero.
  /// - `backward BATCH INPUTS OUTPUTS`: both products of a dense backward pass.
  /// - `adam ROWS COLUMNS`, `adagrad …`, `sgd …`: a step of the fused optimizer on a parameter
  ///   with a dense gradient.
  /// - `network BATCH WIDTH`: back propagation alone in 784-WIDTH-WIDTH-10.
  ///
  /// Data are made anew for each line, several times over where they are not larger than caches, so
  /// that each turn finds its own beyond the second-level cache. One round does not count.
  /// Denormals are flushed.
  static let program = """
    import sys, time, torch
    import torch.nn.functional as F
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_flush_denormal(True)
    amp = sys.argv[2] == "bf16"

    def timed(operation):
        def run():
            start = time.perf_counter()
            operation()
            return time.perf_counter() - start
        return run

    def products(kind, batch, inputs, outputs):
        x, w = torch.randn(batch, inputs), torch.randn(outputs, inputs)
        d = torch.randn(batch, outputs)
        if kind == "forward":
            x = x * (torch.rand(batch, inputs) < 0.19)
        def run():
            with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                if kind == "forward":
                    F.linear(x, w)
                else:
                    torch.mm(d, w)
                    torch.mm(d.t(), x)
        return timed(run)

    def optimizer(kind, rows, columns):
        weights = torch.nn.Parameter(torch.randn(rows, columns))
        weights.grad = torch.randn(rows, columns)
        method = {"adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad, "sgd": \
    torch.optim.SGD}[kind]
        try:
            return timed(method([weights], lr=1e-6, fused=True).step)
        except (TypeError, RuntimeError, ValueError):
            # Adam has been fused for long; the others may not be yet.
            if kind == "adam":
                raise
            return timed(method([weights], lr=1e-6).step)

    def network(batch, width):
        sizes = [784, width, width, 10]
        layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        images, labels = torch.randn(batch, 784), torch.randint(0, 10, (batch,))
        def run():
            layers.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                x = images
                for i, layer in enumerate(layers):
                    x = layer(x) if i == len(layers) - 1 else F.relu(layer(x))
            loss = F.cross_entropy(x.float(), labels)
            start = time.perf_counter()
            loss.backward()
            return time.perf_counter() - start
        return run

    def copies(make, floats, least):
        count = 1 if floats >= 1 << 26 else max(2, -(-least // (4 * floats)))
        return [make() for _ in range(count)]

    print("ready", flush=True)
    for line in sys.stdin:
        kind, *sizes, seconds = line.split()
        sizes, seconds = [int(size) for size in sizes], float(seconds)
        torch.manual_seed(0)
        if kind == "network":
            operations = [network(*sizes)]
        elif kind in ("forward", "backward"):
            operations = copies(lambda: products(kind, *sizes), sizes[1] * sizes[2], 8 << 20)
        else:
            operations = copies(lambda: optimizer(kind, *sizes), 4 * sizes[0] * sizes[1], 32 << 20)
        times, calls, begin = [], 0, time.perf_counter()
        while time.perf_counter() - begin < seconds or len(times) < 2:
            elapsed = operations[calls % len(operations)]()
            calls += 1
            if calls > len(operations):
                times.append(elapsed * 1e6)
        operations = None
        print(*("%.1f" % t for t in times), flush=True)
    """
}
