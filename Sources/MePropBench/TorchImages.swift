// The network of `meprop train images --network lenet` in PyTorch.

/// What a PyTorch process runs for the rows of images.
enum TorchImages {
  /// How images lie in memory: as PyTorch comes, and channels fastest.
  static let formats = ["contiguous", "channels_last"]

  /// Reads `FORMAT BATCH SECONDS` lines and answers each with the times of dense training steps in
  /// microseconds.
  ///
  /// Denormals are flushed, Adam is the fused one; a network keeps training from request to
  /// request.
  static let program = """
    import sys, time, torch
    import torch.nn.functional as F
    torch.set_num_threads(int(sys.argv[1]))
    torch.set_flush_denormal(True)
    amp = sys.argv[2] == "bf16"

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Conv2d(1, 32, 5), torch.nn.Conv2d(32, 64, 5)
            self.third, self.output = torch.nn.Linear(1024, 256), torch.nn.Linear(256, 10)

        def forward(self, x):
            x = F.relu(F.max_pool2d(self.first(x), 2))
            x = F.relu(F.max_pool2d(self.second(x), 2))
            return self.output(F.relu(self.third(x.flatten(1))))

    known = {}
    print("ready", flush=True)
    for line in sys.stdin:
        format, batch, seconds = line.split()
        batch, seconds = int(batch), float(seconds)
        if (format, batch) not in known:
            torch.manual_seed(0)
            layout = torch.channels_last if format == "channels_last" else torch.contiguous_format
            network = Network().to(memory_format=layout)
            images = torch.rand(16, batch, 1, 28, 28) * (torch.rand(16, batch, 1, 28, 28) < 0.19)
            known[format, batch] = (network, torch.optim.Adam(network.parameters(), fused=True), \
    [image.to(memory_format=layout) for image in images],
                                    torch.randint(0, 10, (16, batch)), [])
        network, adam, images, labels, done = known[format, batch]
        times, begin = [], time.perf_counter()
        while time.perf_counter() - begin < seconds or len(times) < 3:
            place = len(done) % 16
            start = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                scores = network(images[place])
            loss = F.cross_entropy(scores.float(), labels[place])
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
            done.append(0)
            if len(done) > 5:
                times.append((time.perf_counter() - start) * 1e6)
        print(*("%.1f" % t for t in times), flush=True)
    """
}
