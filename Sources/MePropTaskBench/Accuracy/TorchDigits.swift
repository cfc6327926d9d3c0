// The network of `train digits`, trained in PyTorch.

/// What a PyTorch process runs for the task digits.
enum TorchDigits {
  /// Linear layers with ReLU between them and normal weights after He et al., as the default recipe
  /// has them; its first training images are for development.
  static let program =
    TorchTraining.start + #"""
      def images(name):
          data = torch.frombuffer(bytearray(contents(name)), dtype=torch.uint8)
          rows, columns = (int.from_bytes(bytes(data[at:at + 4].tolist()), "big") for at in (8, 12))
          return data[16:].view(-1, rows * columns).float() / 255


      def labels(name):
          return torch.frombuffer(bytearray(contents(name)), dtype=torch.uint8)[8:].long()


      x, y = images("train-images-idx3-ubyte"), labels("train-labels-idx1-ubyte")
      held = settings["dev-count"]
      dev_x, dev_y, x, y = x[:held], y[:held], x[held:], y[held:]
      sizes = [x.shape[1], *settings["hidden"], settings["classes"]]
      layers = []
      for inputs, outputs in zip(sizes, sizes[1:]):
          layer = torch.nn.Linear(inputs, outputs)
          torch.nn.init.kaiming_normal_(layer.weight)
          torch.nn.init.zeros_(layer.bias)
          layers += [layer, torch.nn.ReLU(), torch.nn.Dropout(settings["dropout"])]
      network = torch.nn.Sequential(*layers[:-2])


      def loss_of(chosen):
          with autocast():
              scores = network(x[chosen])
          return F.cross_entropy(scores.float(), y[chosen])


      def score():
          return 100 * (network(dev_x).argmax(1) == dev_y).double().mean().item()


      train(network, lambda: torch.randperm(len(x)).split(settings["batch"]), loss_of, score)
      """#
}
