// What the PyTorch programs of all tasks share: arguments, files, the recipe and its end.

/// The programs that train in PyTorch until they reach a target.
///
/// Each is run as `python -c PROGRAM FOLDER SETTINGS`, the latter the JSON object of
/// ``AccuracyTask/torchSettings(_:seed:target:)``. Its last line on standard output is `reached
/// EPOCH` or `missed PERCENT`; progress goes to standard error.
enum TorchTraining {
  /// Comes before each task's own part.
  ///
  /// Adam (fused) at a rate that falls as the recipe has it and, where the recipe has one, the
  /// running mean of `ParameterAverage`: every eight steps, forgetting its start.
  static let start = #"""
    import collections, glob, gzip, itertools, json, math, os, sys
    import torch
    import torch.nn.functional as F

    folder, settings = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(settings["seed"])
    torch.set_flush_denormal(True)


    def autocast():
        return torch.autocast(
            "cpu", dtype=torch.bfloat16, enabled=settings["precision"] == "bf16")


    def dropout(x, network):
        return F.dropout(x, settings["dropout"], network.training)


    def contents(pattern):
        """The bytes of a file of the folder, plain or compressed."""
        for name in pattern, pattern + ".gz":
            for path in sorted(glob.glob(os.path.join(glob.escape(folder), name))):
                with open(path, "rb") as file:
                    data = file.read()
                return gzip.decompress(data) if name.endswith(".gz") else data
        sys.exit(f"{folder}: expected a file {pattern} or {pattern}.gz, found neither")


    def rate_factor(progress):
        return {"constant": 1, "linear": 1 - progress,
                "cosine": 0.5 + 0.5 * math.cos(math.pi * progress)}[
                    settings["learning-rate-schedule"]]


    def train(network, make_batches, loss_of, score):
        """Goes over the data until the score of the mean of parameters reaches the target."""
        rate, decay, epochs = (
            settings[key] for key in ("learning-rate", "average", "epochs"))
        parameters = list(network.parameters())
        means = [parameter.detach().clone() for parameter in parameters]
        adam = torch.optim.Adam(parameters, lr=rate, fused=True)
        step, best = 0, 0.0
        for epoch in range(1, epochs + 1):
            network.train()
            batches = make_batches()
            for batch in batches:
                adam.param_groups[0]["lr"] = rate * rate_factor(
                    step / (epochs * len(batches)))
                adam.zero_grad(set_to_none=True)
                loss_of(batch).backward()
                adam.step()
                step += 1
                if decay and step % 8 == 0:
                    kept = min(decay, max(1 - 10 / (9 + step), 0)) ** 8
                    with torch.no_grad():
                        for mean, parameter in zip(means, parameters):
                            mean.lerp_(parameter, 1 - kept)
            network.eval()
            last = [parameter.data for parameter in parameters]
            if decay and step >= 8:
                for parameter, mean in zip(parameters, means):
                    parameter.data = mean
            with torch.inference_mode():
                percent = score()
            for parameter, data in zip(parameters, last):
                parameter.data = data
            best = max(best, percent)
            print(f"epoch {epoch}/{epochs}  dev {percent:.2f}", file=sys.stderr, flush=True)
            if percent >= settings["target"]:
                print("reached", epoch, flush=True)
                return
        print(f"missed {best:.2f}", flush=True)


    """#

  /// What the programs of tasks on treebanks have besides.
  static let treebank = #"""
    NONE, UNKNOWN, ROOT = 0, 1, 2


    def sentences(part):
        """The sentences of a part: lists of words, each a list of its ten columns."""
        found, words = [], []
        for line in contents(f"*-{part}.conllu").decode().split("\n"):
            columns = line.rstrip("\r").split("\t")
            if columns[0].isdigit():
                words.append(columns)
            elif columns == [""] and words:
                found.append(words)
                words = []
        return found + [words] if words else found


    class Numbers:
        """Numbers of the items of training data, from `first` on, the frequent ones before."""

        def __init__(self, items, first):
            ranked = collections.Counter(items).most_common()
            self.known = {item: first + rank for rank, (item, _) in enumerate(ranked)}
            self.count = first + len(ranked)
            self.rare = first + sum(count > 1 for _, count in ranked)

        def __call__(self, item):
            return self.known.get(item, UNKNOWN)


    """#
}
