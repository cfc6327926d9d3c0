import CMePropInterface
import MePropCore
import MePropNN

/// What a network of the interface is: the caller's description, checked.
struct NetworkSettings: Equatable {
  /// What is made small.
  enum LossKind: Int32 { case softmax, binary, squaredError }
  /// The fields that are numbers.
  var fields: meprop_network_description
  var hiddenSizes: [Int]
  var classWeights: [Float]

  static let maximumSize: Int64 = 100_000_000
  static let maximumWeightCount = 1_000_000_000
  static let maximumLayerCount = 1_000

  /// What fields have where a caller says nothing.
  static var defaults: meprop_network_description {
    var fields = meprop_network_description()
    fields.struct_size = MemoryLayout<meprop_network_description>.size
    fields.activation = Int32(MEPROP_ACTIVATION_RELU)
    fields.loss = Int32(MEPROP_LOSS_SOFTMAX)
    fields.select = Int32(MEPROP_SELECT_DENSE)
    fields.optimizer = Int32(MEPROP_OPTIMIZER_ADAM)
    fields.k_ratio = 0.1
    fields.learning_rate = 0.001
    fields.beta1 = 0.9
    fields.beta2 = 0.999
    fields.epsilon = 1e-8
    fields.momentum = 0.9
    fields.seed = 1
    return fields
  }

  /// Reads and checks a caller's description.
  ///
  /// - Throws: `InterfaceError`.
  init(_ pointer: UnsafePointer<meprop_network_description>?) throws {
    let fields = try read(pointer, "description", defaults: Self.defaults)
    try require(
      (0...Self.maximumLayerCount).contains(fields.hidden_count),
      "\(fields.hidden_count) hidden layers, expected at most \(Self.maximumLayerCount)")
    var sizes: [Int64] = []
    if fields.hidden_count > 0 {
      let given = try given(fields.hidden_sizes, "description.hidden_sizes")
      sizes = Array(UnsafeBufferPointer(start: given, count: fields.hidden_count))
    }
    try self.init(fields, sizes)
    if let weights = fields.class_weights {
      classWeights = Array(UnsafeBufferPointer(start: weights, count: Int(fields.output_size)))
    }
    self.fields.class_weights = nil
    try checkClassWeights()
  }

  /// Checks all but the weights of classes.
  ///
  /// - Throws: `InterfaceError`.
  init(_ fields: meprop_network_description, _ hiddenSizes: [Int64]) throws {
    self.fields = fields
    self.fields.hidden_sizes = nil
    self.fields.hidden_count = hiddenSizes.count
    self.fields.class_weights = nil
    self.hiddenSizes = []
    classWeights = []
    for (name, size) in [("input_size", fields.input_size), ("output_size", fields.output_size)]
      + hiddenSizes.map({ ("a hidden size", $0) })
    {
      try require(
        (1...Self.maximumSize).contains(size),
        "\(name) is \(size), expected 1 to \(Self.maximumSize)")
    }
    self.hiddenSizes = hiddenSizes.map(Int.init)
    try require(
      zip(sizes, sizes.dropFirst()).allSatisfy { $0 * $1 <= Self.maximumWeightCount },
      "a layer of \(sizes) has more than \(Self.maximumWeightCount) weights")
    try checkChoices()
    try checkNumbers()
  }

  private func checkChoices() throws {
    for (name, value, count) in [
      ("activation", fields.activation, MEPROP_ACTIVATION_SIGMOID),
      ("loss", fields.loss, MEPROP_LOSS_SQUARED_ERROR),
      ("select", fields.select, MEPROP_SELECT_RANDOM),
      ("optimizer", fields.optimizer, MEPROP_OPTIMIZER_ADAGRAD),
      ("untouched_rows", fields.untouched_rows, MEPROP_UNTOUCHED_SKIP),
      ("precision", fields.precision, MEPROP_PRECISION_INT8),
      ("initialization", fields.initialization, MEPROP_INITIALIZATION_UNIFORM_FAN_IN),
    ] {
      try require(
        (0...Int32(count)).contains(value), "\(name) is \(value), expected 0 to \(count)")
    }
    try require(
      fields.loss != Int32(MEPROP_LOSS_SOFTMAX) || fields.output_size >= 2,
      "output_size is \(fields.output_size), expected 2 classes or more")
  }

  private func checkNumbers() throws {
    func check(_ name: String, _ value: Float, _ holds: Bool, _ expected: String) throws {
      try require(holds && value.isFinite, "\(name) is \(value), expected \(expected)")
    }
    if fields.select != Int32(MEPROP_SELECT_DENSE) {
      try require(
        fields.k >= 1 || (fields.k == 0 && fields.k_ratio > 0 && fields.k_ratio <= 1),
        "k is \(fields.k) and k_ratio \(fields.k_ratio), expected a count of 1 or more, or a "
          + "share above 0 and at most 1")
    }
    for (name, value) in [("memory", fields.memory)] {
      try check(name, value, value >= 0 && value <= 1, "0 to 1")
    }
    for (name, value) in [
      ("dropout", fields.dropout), ("beta1", fields.beta1), ("beta2", fields.beta2),
      ("momentum", fields.momentum), ("average_decay", fields.average_decay),
    ] {
      try check(name, value, value >= 0 && value < 1, "0 or more and below 1")
    }
    for (name, value) in [("learning_rate", fields.learning_rate), ("epsilon", fields.epsilon)] {
      try check(name, value, value > 0, "a number above 0")
    }
    for (name, value) in [
      ("l2", fields.l2), ("weight_decay", fields.weight_decay), ("clip_norm", fields.clip_norm),
    ] {
      try check(name, value, value >= 0, "a number of 0 or more")
    }
  }

  func checkClassWeights() throws {
    try require(
      classWeights.isEmpty || fields.loss != Int32(MEPROP_LOSS_SQUARED_ERROR),
      "class_weights are not null, and the loss is not of classes")
    for (index, weight) in classWeights.enumerated() {
      try require(
        weight >= 0 && weight.isFinite,
        "class_weights: that of \(index) is \(weight), expected finite numbers of 0 or more")
    }
  }

  /// The numbers of inputs, of units of hidden layers, and of outputs.
  var sizes: [Int] { [Int(fields.input_size)] + hiddenSizes + [Int(fields.output_size)] }
  var outputSize: Int { Int(fields.output_size) }
  var inputSize: Int { Int(fields.input_size) }
  var lossKind: LossKind { LossKind(rawValue: fields.loss) ?? .softmax }
  var precision: Precision { Self.precisions[Int(fields.precision)] }
  /// In the order of the interface.
  static let precisions: [Precision] = [.f32, .bf16, .int8]

  /// What follows each hidden layer.
  var activation: Activation {
    let activations: [Activation] = [.identity, .relu, .tanh, .sigmoid]
    return activations[Int(fields.activation)]
  }

  /// What is kept of gradients.
  var selection: SelectionPolicy {
    let k: SelectionCount =
      fields.k > 0 ? .count(Int(min(fields.k, Self.maximumSize))) : .ratio(fields.k_ratio)
    return switch Int(fields.select) {
    case MEPROP_SELECT_TOP: .top(k: k, memory: fields.memory)
    case MEPROP_SELECT_UNIFIED: .unified(k: k, memory: fields.memory)
    case MEPROP_SELECT_BATCH_TOP: .batchTop(k: k, memory: fields.memory)
    case MEPROP_SELECT_SAMPLED: .sampled(k: k, memory: fields.memory)
    case MEPROP_SELECT_RANDOM: .random(k: k)
    default: .dense
    }
  }

  /// How parameters follow their gradients.
  var optimizer: Optimizer {
    let method: Optimizer.Method =
      switch Int(fields.optimizer) {
      case MEPROP_OPTIMIZER_SGD: .gradientDescent(momentum: fields.momentum)
      case MEPROP_OPTIMIZER_ADAGRAD: .adaGrad(epsilon: fields.epsilon)
      default: .adam(beta1: fields.beta1, beta2: fields.beta2, epsilon: fields.epsilon)
      }
    var optimizer = Optimizer(
      method, learningRate: fields.learning_rate,
      untouchedRows: fields.untouched_rows == Int32(MEPROP_UNTOUCHED_SKIP) ? .skip : .update)
    optimizer.l2 = fields.l2
    optimizer.weightDecay = fields.weight_decay
    optimizer.clipNorm = fields.clip_norm > 0 ? fields.clip_norm : nil
    return optimizer
  }

  /// A network of these sizes; with initial weights unless they come from elsewhere.
  func makeNetwork(initialized: Bool) -> PerceptronNetwork {
    let initializations: [Initialization] = [.heNormal, .glorotUniform, .uniformFanIn]
    return Stack.perceptron(
      sizes, activation: activation, dropout: fields.dropout, precision: precision,
      initialization: initialized ? initializations[Int(fields.initialization)] : nil,
      seed: fields.seed
    ).named("layers")
  }

  static func == (left: NetworkSettings, right: NetworkSettings) -> Bool {
    left.bytes == right.bytes
  }
}

/// Linear layers; parameters are `layers.0.weight`, `layers.0.bias`, …, as in models of digits.
typealias PerceptronNetwork = Named<Stack<Linear>>
