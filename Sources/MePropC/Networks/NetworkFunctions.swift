import CMePropInterface
import MePropCore
import MePropNN

private func network(_ handle: meprop_network) throws -> Network {
  try Handles.object(handle, "network")
}

/// See meprop.h.
@c @implementation
public func meprop_network_description_defaults(
  _ description: UnsafeMutablePointer<meprop_network_description>!
) -> meprop_status {
  attempt("meprop_network_description_defaults") {
    let description = try place(description, "description")
    description.pointee = NetworkSettings.defaults
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_create(
  _ context: meprop_context, _ description: UnsafePointer<meprop_network_description>!,
  _ network: UnsafeMutablePointer<meprop_network>!
) -> meprop_status {
  attempt("meprop_network_create") {
    let network = try place(network, "network")
    let workplace: Workplace = try Handles.object(context, "context")
    let settings = try NetworkSettings(description)
    network.pointee = Handles.add(workplace.compute { Network(settings, workplace) })
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_free(_ network: meprop_network) -> meprop_status {
  attempt("meprop_network_free") {
    try Handles.remove(network, "network", as: Network.self)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_describe(
  _ handle: meprop_network, _ description: UnsafeMutablePointer<meprop_network_description>!
) -> meprop_status {
  attempt("meprop_network_describe") {
    try write(try network(handle).settings.fields, to: description, "description")
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_hidden_sizes(
  _ handle: meprop_network, _ sizes: UnsafeMutablePointer<Int64>!, _ capacity: Int
) -> meprop_status {
  attempt("meprop_network_hidden_sizes") {
    let hidden = try network(handle).settings.hiddenSizes
    guard !hidden.isEmpty else { return }
    let sizes = try place(sizes, "sizes")
    try require(
      capacity >= hidden.count, "room for \(capacity) sizes, expected \(hidden.count)")
    for (index, size) in hidden.enumerated() { sizes[index] = Int64(size) }
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_layer(
  _ handle: meprop_network, _ layer: Int, _ weights: UnsafeMutablePointer<Float>!,
  _ weight_count: Int, _ biases: UnsafeMutablePointer<Float>!, _ bias_count: Int
) -> meprop_status {
  attempt("meprop_network_layer") {
    let (weights, biases) = (try place(weights, "weights"), try place(biases, "biases"))
    let layers = try network(handle).model().inner.layers
    try require(
      layers.indices.contains(layer), "layer \(layer), expected 0 to \(layers.count - 1)")
    let (weight, bias) = (layers[layer].weight.value.elements, layers[layer].bias.value.elements)
    try require(
      weight_count == weight.count && bias_count == bias.count,
      "room for \(weight_count) weights and \(bias_count) biases, expected \(weight.count) and "
        + "\(bias.count)")
    weights.update(from: weight, count: weight.count)
    biases.update(from: bias, count: bias.count)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_step_count(
  _ handle: meprop_network, _ count: UnsafeMutablePointer<Int64>!
) -> meprop_status {
  attempt("meprop_network_step_count") {
    let count = try place(count, "count")
    count.pointee = Int64(try network(handle).use { $0.stepCount })
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_set_learning_rate(
  _ handle: meprop_network, _ learning_rate: Float
) -> meprop_status {
  attempt("meprop_network_set_learning_rate") {
    let network = try network(handle)
    try require(
      learning_rate > 0 && learning_rate.isFinite,
      "learning_rate is \(learning_rate), expected a number above 0")
    try network.setLearningRate(learning_rate)
  }
}

// MARK: Training

extension CallerData {
  /// Reads examples and targets for a network.
  ///
  /// - Throws: `InterfaceError`.
  init(
    _ inputs: UnsafePointer<meprop_rows>?, _ targets: UnsafePointer<meprop_targets>?,
    for settings: NetworkSettings
  ) throws {
    self.inputs = try CallerRows(inputs, columnCount: settings.inputSize)
    let given = try read(targets, "targets", defaults: meprop_targets())
    let count = self.inputs.exampleCount
    switch settings.lossKind {
    case .softmax:
      self.targets = .classes(
        try CallerClasses(given.classes, count: count, classCount: settings.outputSize))
    case .binary, .squaredError:
      let values = try CallerRows(
        given.values, "targets.values", count: count, columnCount: settings.outputSize,
        stride: given.value_stride)
      if settings.lossKind == .binary { try values.checkShares("targets.values") }
      self.targets = .values(values)
    }
    weights = try MePropC.weights(given.weights, count: count)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_fit_options_defaults(
  _ options: UnsafeMutablePointer<meprop_fit_options>!
) -> meprop_status {
  attempt("meprop_fit_options_defaults") {
    let options = try place(options, "options")
    options.pointee = defaultOptions
  }
}

private var defaultOptions: meprop_fit_options {
  var options = meprop_fit_options()
  options.struct_size = MemoryLayout<meprop_fit_options>.size
  options.batch_size = 32
  options.epoch_count = 1
  options.first_epoch = 1
  return options
}

/// See meprop.h.
@c @implementation
public func meprop_network_fit(
  _ handle: meprop_network, _ inputs: UnsafePointer<meprop_rows>!,
  _ targets: UnsafePointer<meprop_targets>!, _ options: UnsafePointer<meprop_fit_options>!,
  _ losses: UnsafeMutablePointer<Double>!, _ epochs_done: UnsafeMutablePointer<Int64>!
) -> meprop_status {
  attempt("meprop_network_fit") {
    epochs_done?.pointee = 0
    let network = try network(handle)
    let options = try read(options, "options", defaults: defaultOptions)
    for (name, value) in [
      ("batch_size", options.batch_size), ("epoch_count", options.epoch_count),
      ("first_epoch", options.first_epoch),
    ] {
      try require(
        (1...1 << 31).contains(value), "\(name) is \(value), expected 1 to \(1 << 31)")
    }
    try require(
      (0...Int32(MEPROP_SCHEDULE_COSINE)).contains(options.schedule),
      "schedule is \(options.schedule), expected 0 to \(MEPROP_SCHEDULE_COSINE)")
    try require(
      (0...1 << 31).contains(options.schedule_epochs),
      "schedule_epochs is \(options.schedule_epochs), expected 0 or more")
    let data = try CallerData(inputs, targets, for: network.settings)
    try network.fit(data, options) { epoch, loss in
      let done = epoch - Int(options.first_epoch)
      losses?[done] = loss
      epochs_done?.pointee = Int64(done + 1)
      return options.on_epoch.map { $0(options.user_data, Int64(epoch), loss) == 0 } ?? true
    }
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_step(
  _ handle: meprop_network, _ inputs: UnsafePointer<meprop_rows>!,
  _ targets: UnsafePointer<meprop_targets>!, _ epoch: Int64, _ loss: UnsafeMutablePointer<Double>!
) -> meprop_status {
  attempt("meprop_network_step") {
    let network = try network(handle)
    try require((1...1 << 31).contains(epoch), "epoch is \(epoch), expected 1 to \(1 << 31)")
    let data = try CallerData(inputs, targets, for: network.settings)
    let value = try network.change {
      try $0.train(
        data, batchSize: data.inputs.exampleCount, epoch: Int(epoch), factor: { _ in 1 },
        shouldStop: { false })
    }
    if let value { loss?.pointee = value }
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_interrupt(_ handle: meprop_network) -> meprop_status {
  attempt("meprop_network_interrupt") { try network(handle).interrupt() }
}

// MARK: Use

/// See meprop.h.
@c @implementation
public func meprop_network_predict(
  _ handle: meprop_network, _ inputs: UnsafePointer<meprop_rows>!, _ output: Int32,
  _ outputs: UnsafeMutablePointer<Float>!, _ output_stride: Int64
) -> meprop_status {
  attempt("meprop_network_predict") {
    let network = try network(handle)
    let outputs = try place(outputs, "outputs")
    try require(
      (Int64(network.settings.outputSize)...CallerRows.maximumCount).contains(output_stride),
      "output_stride is \(output_stride), expected at least \(network.settings.outputSize)")
    try require(
      (0...Int32(MEPROP_OUTPUT_PROBABILITIES)).contains(output),
      "output is \(output), expected 0 to \(MEPROP_OUTPUT_PROBABILITIES)")
    try network.predict(
      try CallerRows(inputs, columnCount: network.settings.inputSize),
      probabilities: output == Int32(MEPROP_OUTPUT_PROBABILITIES), to: outputs,
      stride: Int(output_stride))
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_evaluate(
  _ handle: meprop_network, _ inputs: UnsafePointer<meprop_rows>!,
  _ targets: UnsafePointer<meprop_targets>!, _ loss: UnsafeMutablePointer<Double>!
) -> meprop_status {
  attempt("meprop_network_evaluate") {
    let loss = try place(loss, "loss")
    let network = try network(handle)
    let data = try CallerData(inputs, targets, for: network.settings)
    loss.pointee = try network.use { try $0.evaluate(data) }
  }
}

// MARK: States

/// See meprop.h.
@c @implementation
public func meprop_network_state(
  _ handle: meprop_network, _ bytes: UnsafeMutablePointer<UInt8>!, _ capacity: Int,
  _ size: UnsafeMutablePointer<Int>!
) -> meprop_status {
  attempt("meprop_network_state") {
    let size = try place(size, "size")
    let network = try network(handle)
    let state = try network.use {
      NetworkState(settings: network.settings, stepCount: $0.stepCount, tensors: $0.state)
    }
    guard let bytes else {
      size.pointee = state.byteCount
      return
    }
    let written = state.bytes
    size.pointee = written.count
    try require(
      capacity >= written.count, "room for \(capacity) bytes, expected \(written.count)")
    bytes.update(from: written, count: written.count)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_from_state(
  _ context: meprop_context, _ bytes: UnsafePointer<UInt8>!, _ size: Int,
  _ network: UnsafeMutablePointer<meprop_network>!
) -> meprop_status {
  attempt("meprop_network_from_state") {
    let network = try place(network, "network")
    let workplace: Workplace = try Handles.object(context, "context")
    let state = try NetworkState(bytes, size)
    try state.checkSizes()
    let restored = workplace.compute {
      Network(
        state.settings, workplace, weights: state.settings.makeNetwork(initialized: false))
    }
    try restored.restore(state)
    network.pointee = Handles.add(restored)
  }
}

/// See meprop.h.
@c @implementation
public func meprop_network_restore(
  _ handle: meprop_network, _ bytes: UnsafePointer<UInt8>!, _ size: Int
) -> meprop_status {
  attempt("meprop_network_restore") {
    try network(handle).restore(try NetworkState(bytes, size))
  }
}

extension NetworkState {
  /// Reads a caller's bytes.
  ///
  /// - Throws: `InterfaceError`.
  fileprivate init(_ bytes: UnsafePointer<UInt8>?, _ size: Int) throws {
    let bytes = try given(bytes, "bytes")
    try require(size >= 0, "size is \(size), expected the number of bytes")
    try self.init(UnsafeRawBufferPointer(start: bytes, count: size))
  }
}
