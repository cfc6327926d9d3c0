// The settings that a plan compares: dense, and several k.

/// A setting that a plan measures.
struct PlanCandidate {
  var configuration: Configuration
  var policy: String
  /// k as it is written in a configuration; `nil` where dense.
  var k: String?
}

enum PlanCandidates {
  /// The shares of a layer's width that are tried.
  static let shares = [0.01, 0.02, 0.04, 0.08, 0.16]
  /// The keys that mean nothing, or are refused, where back propagation is dense.
  private static let sparseKeys = [
    "k", "k-epochs", "memory", "memory-scope", "group", "dense-start", "dense-every",
    "select-output",
  ]
  /// The keys by which the first steps or epochs depart from what the rest of the run does.
  private static let startKeys = ["k-epochs", "dense-start"]

  /// Dense first, then k from few to many; the k that a user asked for alone, if there is one.
  ///
  /// All of them do what most steps of a run do: none starts densely, and each keeps its own k in
  /// all epochs.
  ///
  /// - Throws: `ConfigurationError` where a plan has nothing to advise.
  static func all(of configuration: Configuration) throws -> [PlanCandidate] {
    try check(configuration)
    let policy = sparsePolicy(of: configuration)
    let isGiven =
      switch configuration.origin(of: "k") {
      case .flag, .assignment: true
      case .file, .defaultValue: false
      }
    var texts = [configuration.value("k").text]
    if !isGiven {
      texts += shares.map { ConfigurationValue.ratio($0).text }
    }
    var candidates = [try dense(configuration)]
    var seen: Set<Double> = []
    let sparse = try texts.map { text in
      (share: try share(of: text, configuration), text: text)
    }
    for (share, text) in sparse.sorted(by: { $0.share < $1.share })
    where seen.insert(share).inserted {
      var candidate = try self.sparse(configuration, policy: policy, k: text)
      for key in startKeys { try candidate.configuration.reset(key) }
      candidates.append(candidate)
    }
    return candidates
  }

  private static func check(_ configuration: Configuration) throws {
    if configuration.string("select") == "random-k" {
      throw configuration.conflict(
        "select",
        "random-k is a control for experiments and nothing to train with; plan top-k or unified")
    }
    if configuration.leavesSelectionOpen, configuration.value("k-epochs") != .none {
      throw configuration.conflict(
        "k-epochs", "--select auto chooses one k for all epochs; leave one of them out")
    }
  }

  /// The policy that is compared with dense back propagation: what was asked for, else the task's
  /// default.
  static func sparsePolicy(of configuration: Configuration) -> String {
    let asked = configuration.string("select")
    if asked != "auto", asked != "dense" { return asked }
    guard case .string(let usual)? = configuration.schema["select"]?.defaultValue, usual != "dense"
    else { return "top-k" }
    return usual
  }

  static func dense(_ configuration: Configuration) throws -> PlanCandidate {
    var result = configuration
    for key in sparseKeys where configuration.schema[key] != nil { try result.reset(key) }
    try result.set("select", to: "dense", from: configuration.origin(of: "select"))
    return PlanCandidate(configuration: result, policy: "dense", k: nil)
  }

  /// What a user set, with this policy and k in the place of what was asked for.
  static func sparse(
    _ configuration: Configuration, policy: String, k: String
  ) throws -> PlanCandidate {
    var result = configuration
    try result.set("select", to: policy, from: configuration.origin(of: "select"))
    // Not as a default: a preset would put its own k in the place of that.
    let origin = configuration.origin(of: "k")
    try result.set("k", to: k, from: origin == .defaultValue ? .assignment("k=\(k)") : origin)
    return PlanCandidate(configuration: result, policy: policy, k: k)
  }

  /// k as a share of the widest hidden layer.
  static func share(of k: String, _ configuration: Configuration) throws -> Double {
    var probe = configuration
    try probe.set("k", to: k, from: configuration.origin(of: "k"))
    switch probe.value("k") {
    case .ratio(let ratio): return ratio
    case .count(let count): return Double(count) / Double(max(widest(configuration), 1))
    default: return 1
    }
  }

  private static func widest(_ configuration: Configuration) -> Int {
    if case .intList(let widths) = configuration.value("hidden") { widths.max() ?? 1 } else { 1 }
  }
}

extension Configuration {
  /// Whether a plan has to decide which entries of gradients take part.
  package var leavesSelectionOpen: Bool { string("select") == "auto" }

  /// Throws if it does: a task trains with one setting.
  package func requireDecidedSelection() throws {
    guard !leavesSelectionOpen else {
      throw conflict(
        "select", "auto is decided by 'meprop train' and 'meprop plan'; choose a policy")
    }
  }

  /// Takes over policy and k of a run, which keeps what was decided for it.
  mutating func takeSelection(of run: Configuration) throws {
    for key in ["select", "k"] {
      try set(key, to: run.value(key).text, from: run.origin(of: key))
    }
  }
}
