// The network of `train tagger`, trained in PyTorch.

/// What a PyTorch process runs for the task tagger.
enum TorchTagger {
  /// The default recipe in floats and dense: embeddings of a word and of its seven features, a
  /// bidirectional LSTM, dropout, rate and running mean; XPOS tags.
  ///
  /// Sentences of a batch are of similar length, padded and packed; those that are evaluated
  /// together are of the same length.
  static let program =
    TorchTraining.start + TorchTraining.treebank + #"""
      training, development = sentences("train"), sentences("dev")


      def shape(form):
          kinds = ("X" if c.isupper() else "x" if c.islower() else "d" if c.isnumeric() else c
                   for c in form)
          return "".join(kind for kind, _ in itertools.groupby(kinds))


      def features_of(form):
          low = form.lower()
          return ([f"{n}<{low[:n]}" for n in (1, 2, 3)] + [f"{n}>{low[-n:]}" for n in (1, 2, 3)]
                  + ["=" + shape(form)])


      every = [row for rows in training for row in rows]
      words = Numbers((row[1].lower() for row in every), 2)
      features = Numbers((f for row in every for f in features_of(row[1])), 2)
      tags = Numbers((row[4] for row in every), 2)


      class Part:
          def __init__(self, data):
              rows = [row for words_of in data for row in words_of]
              self.lengths = [len(words_of) for words_of in data]
              self.words = torch.tensor([words(row[1].lower()) for row in rows])
              self.features = torch.tensor(
                  [[features(f) for f in features_of(row[1])] for row in rows])
              self.tags = torch.tensor([tags(row[4]) for row in rows]).split(self.lengths)

          def hide_rare(self):
              """Words and features, of which those seen once are unknown every second time."""
              def hidden(numbers, rare):
                  return torch.where(
                      (numbers >= rare) & (torch.rand(numbers.shape) < 0.5), UNKNOWN, numbers)
              return (hidden(self.words, words.rare).split(self.lengths),
                      hidden(self.features, features.rare).split(self.lengths))


      class Network(torch.nn.Module):
          def __init__(self):
              super().__init__()
              word_size, feature_size = settings["word-size"], settings["feature-size"]
              self.words = torch.nn.Embedding(words.count, word_size)
              self.features = torch.nn.Embedding(features.count, feature_size)
              for table in self.words, self.features:
                  torch.nn.init.normal_(table.weight, std=settings["embedding-scale"])
              self.lstm = torch.nn.LSTM(
                  word_size + 7 * feature_size, settings["hidden"], settings["layers"],
                  dropout=settings["dropout"] if settings["layers"] > 1 else 0,
                  bidirectional=True)
              self.out = torch.nn.Linear(2 * settings["hidden"], tags.count)

          def forward(self, word_lists, feature_lists):
              """Scores of all words, sentence after sentence."""
              lengths = [len(numbers) for numbers in word_lists]
              x = torch.cat((self.words(torch.cat(word_lists)),
                             self.features(torch.cat(feature_lists)).flatten(1)), 1)
              x = dropout(x, self)
              if min(lengths) == max(lengths):
                  x = x.view(len(lengths), lengths[0], -1).transpose(0, 1)
                  h = self.lstm(x)[0].transpose(0, 1).flatten(0, 1)
              else:
                  padded = torch.nn.utils.rnn.pad_sequence(x.split(lengths))
                  packed = torch.nn.utils.rnn.pack_padded_sequence(
                      padded, lengths, enforce_sorted=False)
                  h, _ = torch.nn.utils.rnn.pad_packed_sequence(
                      self.lstm(packed)[0], batch_first=True)
                  h = torch.cat([states[:n] for states, n in zip(h, lengths)])
              return self.out(dropout(h, self))


      train_part, dev_part = Part(training), Part(development)
      network = Network()


      def make_batches():
          global epoch_words, epoch_features
          epoch_words, epoch_features = train_part.hide_rare()
          order = torch.randperm(len(train_part.lengths)).tolist()
          order.sort(key=train_part.lengths.__getitem__)
          found = [order[at:at + settings["batch"]]
                   for at in range(0, len(order), settings["batch"])]
          return [found[at] for at in torch.randperm(len(found)).tolist()]


      def loss_of(chosen):
          with autocast():
              scores = network([epoch_words[at] for at in chosen],
                               [epoch_features[at] for at in chosen])
          return F.cross_entropy(scores.float(), torch.cat([train_part.tags[at] for at in chosen]))


      def score():
          word_lists = dev_part.words.split(dev_part.lengths)
          feature_lists = dev_part.features.split(dev_part.lengths)
          places = collections.defaultdict(list)
          for at, length in enumerate(dev_part.lengths):
              places[length].append(at)
          right = 0
          for group in places.values():
              for start in range(0, len(group), 64):
                  chosen = group[start:start + 64]
                  scores = network([word_lists[at] for at in chosen],
                                   [feature_lists[at] for at in chosen])
                  gold = torch.cat([dev_part.tags[at] for at in chosen])
                  right += (scores.argmax(1) == gold).sum().item()
          return 100 * right / len(dev_part.words)


      train(network, make_batches, loss_of, score)
      """#
}
