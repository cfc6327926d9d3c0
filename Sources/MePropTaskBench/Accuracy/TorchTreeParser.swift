// A parser of the size of `train parser`, trained in PyTorch.

/// What a PyTorch process runs for the task parser.
enum TorchTreeParser {
  /// The default recipe's network, rate, dropout and running mean with the arc-standard system and
  /// its static oracle (Nivre, 2004), dense; projective training trees only.
  ///
  /// All sentences are parsed at once, a transition of each a step. An example is 48 symbols: words
  /// and tags of 18 nodes and the labels of 12 of them (Chen and Manning, 2014).
  static let program =
    TorchTraining.start + TorchTraining.treebank + #"""
      training, development = sentences("train"), sentences("dev")
      every = [row for words in training for row in words]
      words = Numbers((row[1].lower() for row in every), 3)
      tags = Numbers((row[3] + " " + row[4] for row in every), 3)
      labels = Numbers((row[7] for row in every), 3)
      arcs = labels.count - 3
      FIRST_TAG, FIRST_LABEL = words.count, words.count + tags.count
      symbols = FIRST_LABEL + labels.count
      universal = Numbers((row[7].split(":")[0] for row in every), 3)
      universal_of = torch.zeros(labels.count, dtype=torch.long)
      for label, number in labels.known.items():
          universal_of[number] = universal(label.split(":")[0])


      class Trees:
          """Sentences as rows: the root, the words, and columns that stand for no word."""

          def __init__(self, data):
              self.lengths = torch.tensor([len(rows) for rows in data])
              shape = len(data), int(self.lengths.max()) + 4
              self.words = torch.full(shape, NONE, dtype=torch.int32)
              self.tags = torch.full(shape, FIRST_TAG + NONE, dtype=torch.int32)
              self.heads, self.labels, self.universal = (
                  torch.zeros(shape, dtype=torch.long) for _ in range(3))
              self.words[:, 0], self.tags[:, 0] = ROOT, FIRST_TAG + ROOT
              for place, rows in enumerate(data):
                  part = slice(1, len(rows) + 1)
                  self.words[place, part] = torch.tensor(
                      [words(row[1].lower()) for row in rows], dtype=torch.int32)
                  self.tags[place, part] = torch.tensor(
                      [FIRST_TAG + tags(row[3] + " " + row[4]) for row in rows], dtype=torch.int32)
                  self.heads[place, part] = torch.tensor([int(row[6]) for row in rows])
                  self.labels[place, part] = torch.tensor([labels(row[7]) for row in rows])
                  self.universal[place, part] = torch.tensor(
                      [universal(row[7].split(":")[0]) for row in rows])
              column = torch.arange(shape[1])
              self.is_word = (column > 0) & (column <= self.lengths[:, None])


      class States:
          """A state a sentence. Transition 0 shifts, the next `arcs` make the second of the stack
          a dependent of the first, the last `arcs` the first one of the second."""

          def __init__(self, trees):
              self.trees = trees
              count, columns = trees.words.shape
              nowhere = columns - 1
              self.stack = torch.full((count, columns + 3), nowhere)
              self.stack[:, 3] = 0
              self.top = torch.full((count,), 3)
              self.next = torch.ones(count, dtype=torch.long)
              # The outermost dependents and those beside them, left and right.
              self.left, self.left2, self.right, self.right2 = (
                  torch.full((count, columns), nowhere) for _ in range(4))
              self.heads = torch.zeros(count, columns, dtype=torch.long)
              self.labels = torch.full((count, columns), FIRST_LABEL + NONE, dtype=torch.int32)

          def unfinished(self):
              return ((self.next <= self.trees.lengths) | (self.top > 3)).nonzero().flatten()

          def first_two(self, at):
              return self.stack[at, self.top[at]], self.stack[at, self.top[at] - 1]

          def allowed(self, at):
              second = self.first_two(at)[1]
              more, two = self.next[at] <= self.trees.lengths[at], self.top[at] > 3
              return more, two & (second != 0), two & ((second != 0) | ~more)

          def features(self, at):
              first, second = self.first_two(at)
              ahead = self.next[at]
              nodes = [first, second, self.stack[at, self.top[at] - 2], ahead, ahead + 1, ahead + 2]
              for node in first, second:
                  nodes += [side[at, node] for side in
                            (self.left, self.right, self.left2, self.right2)]
              for node in first, second:
                  nodes += [side[at, side[at, node]] for side in (self.left, self.right)]
              nodes, at = torch.stack(nodes, 1), at[:, None]
              return torch.cat((self.trees.words[at, nodes], self.trees.tags[at, nodes],
                                self.labels[at, nodes[:, 6:]]), 1)

          def advance(self, at, transitions):
              shifts = at[transitions == 0]
              self.top[shifts] += 1
              self.stack[shifts, self.top[shifts]] = self.next[shifts]
              self.next[shifts] += 1
              is_left = (transitions > 0) & (transitions <= arcs)
              is_right = transitions > arcs
              for chosen, outer, inner, offset in ((is_left, self.left, self.left2, 1),
                                                   (is_right, self.right, self.right2, 1 + arcs)):
                  rows = at[chosen]
                  first, second = self.first_two(rows)
                  head, dependent = (first, second) if outer is self.left else (second, first)
                  self.heads[rows, dependent] = head
                  self.labels[rows, dependent] = (
                      FIRST_LABEL + 3 + transitions[chosen] - offset).int()
                  inner[rows, head] = outer[rows, head]
                  outer[rows, head] = dependent
                  self.top[rows] -= 1
                  self.stack[rows, self.top[rows]] = head


      def examples(trees):
          """The features and transitions on the way to each tree that can be built."""
          states, steps = States(trees), []
          missing = torch.zeros_like(trees.heads).scatter_add_(
              1, trees.heads, trees.is_word.long())
          possible = torch.ones(len(trees.lengths), dtype=torch.bool)
          while len(at := states.unfinished()):
              first, second = states.first_two(at)
              shift, left, right = states.allowed(at)
              left = left & (trees.heads[at, second] == first)
              right = right & (trees.heads[at, first] == second) & (missing[at, first] == 0)
              stuck = ~(shift | left | right)
              if stuck.any():
                  possible[at[stuck]] = False
                  states.top[at[stuck]] = 3
                  continue
              gold = torch.where(left, 1 + trees.labels[at, second] - 3, torch.where(
                  right, 1 + arcs + trees.labels[at, first] - 3, 0))
              steps.append((at, states.features(at), gold))
              missing[at, torch.where(left, first, second)] -= (left | right).long()
              states.advance(at, gold)
          at, features, gold = (torch.cat(column) for column in zip(*steps))
          return features[possible[at]], gold[possible[at]]


      class Network(torch.nn.Module):
          def __init__(self):
              super().__init__()
              size, scale = settings["embedding-size"], settings["embedding-scale"]
              self.table = torch.nn.Embedding(symbols, size)
              torch.nn.init.uniform_(self.table.weight, -scale, scale)
              sizes = [48 * size, *settings["hidden"], 1 + 2 * arcs]
              self.layers = torch.nn.ModuleList(
                  torch.nn.Linear(inputs, outputs) for inputs, outputs in zip(sizes, sizes[1:]))

          def forward(self, features):
              x = self.table(features).flatten(1)
              for layer in self.layers[:-1]:
                  x = dropout(F.relu(layer(x)), self)
              return self.layers[-1](x)


      train_trees, dev_trees = Trees(training), Trees(development)
      x, y = examples(train_trees)
      network = Network()


      def loss_of(chosen):
          # In half of the batches a word that was seen once is one that never was.
          names = torch.arange(symbols, dtype=torch.int32)
          names[words.rare:words.count][torch.rand(words.count - words.rare) < 0.5] = UNKNOWN
          with autocast():
              scores = network(names[x[chosen]])
          return F.cross_entropy(scores.float(), y[chosen])


      def score():
          states = States(dev_trees)
          while len(at := states.unfinished()):
              scores = network(states.features(at))
              kinds = torch.stack(states.allowed(at), 1)
              permitted = kinds.repeat_interleave(torch.tensor([1, arcs, arcs]), dim=1)
              states.advance(at, scores.masked_fill(~permitted, -torch.inf).argmax(1))
          found = universal_of[(states.labels - FIRST_LABEL).long()]
          right = (states.heads == dev_trees.heads) & (found == dev_trees.universal)
          return 100 * right[dev_trees.is_word].double().mean().item()


      train(network, lambda: torch.randperm(len(x)).split(settings["batch"]), loss_of, score)
      """#
}
