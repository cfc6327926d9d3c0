// The parser's network in PyTorch.

/// What a PyTorch process runs for the parser's rows.
enum TorchParser {
  /// Reads `step BATCH SIZE WIDTHS SECONDS` lines and answers each with the times of dense training
  /// steps in microseconds; for `score` instead of `step`, with those of forward passes.
  ///
  /// 48 symbols an example, of which few are frequent; embeddings of SIZE numbers are looked up in
  /// one table and laid side by side. Denormals are flushed, Adam is the fused one.
  static let program = """
    import sys, time, torch
    import torch.nn.functional as F
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_flush_denormal(True)
    amp = sys.argv[2] == "bf16"
    SYMBOLS, POSITIONS, OUTPUTS = 17000, 48, 103

    class Network(torch.nn.Module):
        def __init__(self, size, widths):
            super().__init__()
            sizes = [POSITIONS * size] + widths + [OUTPUTS]
            self.table = torch.nn.Embedding(SYMBOLS, size)
            self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, \
    sizes[1:]))

        def forward(self, symbols):
            x = self.table(symbols).flatten(1)
            for layer in self.layers[:-1]:
                x = F.relu(layer(x))
            return self.layers[-1](x)

    known = {}
    print("ready", flush=True)
    for line in sys.stdin:
        kind, batch, size, widths, seconds = line.split()
        batch, size, seconds = int(batch), int(size), float(seconds)
        if (batch, size, widths) not in known:
            torch.manual_seed(0)
            network = Network(size, [int(width) for width in widths.split(",")])
            symbols = (torch.rand(8, batch, POSITIONS) ** 6 * SYMBOLS).int()
            known[batch, size, widths] = (network, torch.optim.Adam(network.parameters(), \
    fused=True), symbols,
                                    torch.randint(0, OUTPUTS, (8, batch)), [])
        network, adam, symbols, labels, done = known[batch, size, widths]
        times, begin = [], time.perf_counter()
        while time.perf_counter() - begin < seconds or not times:
            place = len(done) % 8
            start = time.perf_counter()
            if kind == "score":
                with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16, \
    enabled=amp):
                    network(symbols[place]).float().argmax(1)
            else:
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                    scores = network(symbols[place])
                loss = F.cross_entropy(scores.float(), labels[place])
                adam.zero_grad(set_to_none=True)
                loss.backward()
                adam.step()
            done.append(0)
            if len(done) > 2:
                times.append((time.perf_counter() - start) * 1e6)
        print(*("%.1f" % t for t in times), flush=True)
    """
}
