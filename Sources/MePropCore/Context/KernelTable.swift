import CMePropKernels

/// The kernels of one instruction set, each with the type of its arguments.
///
/// What they compute, and the contract that holds for all of them, is in `meprop_kernels.h`. Made
/// once from the table in C: what every variant must have is there, or making it fails.
package struct KernelTable {
  // Activations and losses.

  /// Bias, activation and dropout in place.
  package let activate: Kernel<meprop_activate_arguments>
  /// Gradients at pre-activations, and their sums.
  package let gradient: Kernel<meprop_gradient_arguments>
  /// Losses, predictions and gradients of logits.
  package let crossEntropy: Kernel<meprop_cross_entropy_arguments>
  /// Logits to probabilities in place.
  package let softmax: Kernel<meprop_softmax_arguments>

  // Selection.

  /// The entries of largest magnitude of each row.
  package let select: Kernel<meprop_select_arguments>
  /// Sums of magnitudes over groups of examples.
  package let groupMagnitudes: Kernel<meprop_group_magnitudes_arguments>
  /// The entries of each row that reach a threshold.
  package let listLargest: Kernel<meprop_list_largest_arguments>
  /// Entries of each row by threshold sampling.
  package let listSampled: Kernel<meprop_list_sampled_arguments>

  // Sparse products and updates.

  /// Gradients of the input from kept entries.
  package let inputGradient: Kernel<meprop_input_gradient_arguments>
  /// Gradient rows of weights, stored or applied at once.
  package let weightRows: Kernel<meprop_weight_rows_arguments>
  /// An optimizer step on rows with a stored gradient.
  package let updateRows: Kernel<meprop_update_rows_arguments>

  // Forward products.

  /// Lists of the entries of an input that are not zero.
  package let nonzeros: Kernel<meprop_nonzeros_arguments>
  /// Products of such lists.
  package let gatherProduct: Kernel<meprop_gather_product_arguments>
  /// Products of few examples as dot products.
  package let smallProduct: Kernel<meprop_small_product_arguments>
  /// Products of few rows, with a bias.
  package let thinProduct: Kernel<meprop_thin_product_arguments>
  /// The transpose of a matrix.
  package let transpose: Kernel<meprop_transpose_arguments>
  /// The transpose of some rows, in place in that of all.
  package let transposeRows: Kernel<meprop_transpose_rows_arguments>

  // Numbers of 16 bits.

  /// Rows of floats rounded to bf16.
  package let roundRows: Kernel<meprop_round_rows_arguments>
  /// Products of bf16 operands.
  package let bf16Product: Kernel<meprop_bf16_product_arguments>
  /// Products of lists with rounded weights.
  package let gatherBF16: Kernel<meprop_gather_bf16_arguments>
  /// The transpose, rounded, in the order that such products read.
  package let transposeBF16: Kernel<meprop_transpose_bf16_arguments>

  // Sums and conversions.

  /// Bytes to floats.
  package let bytes: Kernel<meprop_bytes_arguments>
  /// Sums of partial sums.
  package let reduce: Kernel<meprop_reduce_arguments>
  /// Sums over all rows.
  package let columnSums: Kernel<meprop_column_sums_arguments>

  // LSTM layers.

  /// One step forward.
  package let lstmStep: Kernel<meprop_lstm_step_arguments>
  /// All steps backward with selection.
  package let lstmBackward: Kernel<meprop_lstm_backward_arguments>
  /// One step backward without selection.
  package let lstmBackwardStep: Kernel<meprop_lstm_backward_arguments>
  /// Positions times the masks of their sentences.
  package let lstmMask: Kernel<meprop_lstm_mask_arguments>

  // Numbers of eight bits.

  /// Rows of floats rounded to eight bits.
  package let quantizeRows: Kernel<meprop_quantize_arguments>
  /// Weights rounded to eight bits, as products read them.
  package let packBytes: Kernel<meprop_pack_bytes_arguments>
  /// Products of an LSTM's input.
  package let byteProduct: Kernel<meprop_byte_product_arguments>
  /// Products of a linear layer, finished.
  package let byteLinear: Kernel<meprop_byte_linear_arguments>
  /// All steps forward.
  package let byteLSTM: Kernel<meprop_byte_lstm_arguments>

  // Layers that are sums over features.

  /// Sums of what features add.
  package let featureForward: Kernel<meprop_feature_forward_arguments>
  /// Gradients, and the update of the weights.
  package let featureBackward: Kernel<meprop_feature_backward_arguments>
  /// Sums of listed rows of two tables.
  package let rowSums: Kernel<meprop_row_sums_arguments>
  /// The cube, or its derivative.
  package let cube: Kernel<meprop_cube_arguments>

  // Convolution and pooling of images.

  /// Products of a kernel at each position, finished and pooled.
  package let convolve: Kernel<meprop_convolve_arguments>
  /// The dense gradient of a kernel.
  package let convolutionWeights: Kernel<meprop_convolution_weights_arguments>
  /// The dense gradient of images.
  package let convolutionSpread: Kernel<meprop_convolution_spread_arguments>
  /// Rows of a kernel's gradient from kept entries, stored or applied at once.
  package let convolutionRows: Kernel<meprop_convolution_rows_arguments>
  /// Gradients of images from kept entries.
  package let convolutionInputs: Kernel<meprop_convolution_inputs_arguments>
  /// Rows of pixels to another place.
  package let moveImages: Kernel<meprop_move_arguments>
  /// Some channels of images.
  package let gatherChannels: Kernel<meprop_gather_channels_arguments>
  /// Maxima or means of windows.
  package let pool: Kernel<meprop_pool_arguments>
  /// Gradients of windows back to their pixels.
  package let unpool: Kernel<meprop_unpool_arguments>
  /// Sums by channel.
  package let channelSums: Kernel<meprop_channel_sums_arguments>
  /// Sums by channel that batch normalization needs.
  package let normSums: Kernel<meprop_norm_sums_arguments>
  /// Normalized channels.
  package let norm: Kernel<meprop_norm_arguments>
  /// Their gradients.
  package let normGradient: Kernel<meprop_norm_gradient_arguments>

  // What only some variants have.

  /// Products by matrix tiles; `nil`: the variant has none.
  package let tiles: TileKernels?
  /// Products of pairs of bf16 numbers; `nil`: the variant has none.
  package let pairs: PairKernels?

  // Plain functions.

  /// The sum of squares of so many floats, a multiple of 16, in double and in a fixed order.
  package let sumOfSquares: @convention(c) (UnsafePointer<Float>?, Int) -> Double
  /// The 32-bit numbers of a row, a multiple of 64, as dropout draws them.
  package let randomBits:
    @convention(c) (UInt64, UInt64, UInt32, UnsafeMutablePointer<UInt32>?, Int) -> Void

  /// Gives the kernels of a variant their types.
  ///
  /// - Parameter table: The variant's table. A kernel that it lacks though every variant must have
  ///   it, and half of a group that some have, is a mistake of this build and ends the program.
  package init(_ table: meprop_kernels) {
    let variant = Variant(name: String(cString: table.name))
    activate = variant.kernel(table.activate, "activate")
    gradient = variant.kernel(table.gradient, "gradient")
    crossEntropy = variant.kernel(table.cross_entropy, "cross_entropy")
    softmax = variant.kernel(table.softmax, "softmax")
    select = variant.kernel(table.select, "select")
    groupMagnitudes = variant.kernel(table.group_magnitudes, "group_magnitudes")
    listLargest = variant.kernel(table.list_largest, "list_largest")
    listSampled = variant.kernel(table.list_sampled, "list_sampled")
    inputGradient = variant.kernel(table.input_gradient, "input_gradient")
    weightRows = variant.kernel(table.weight_rows, "weight_rows")
    updateRows = variant.kernel(table.update_rows, "update_rows")
    nonzeros = variant.kernel(table.nonzeros, "nonzeros")
    gatherProduct = variant.kernel(table.gather_product, "gather_product")
    smallProduct = variant.kernel(table.small_product, "small_product")
    thinProduct = variant.kernel(table.thin_product, "thin_product")
    transpose = variant.kernel(table.transpose, "transpose")
    transposeRows = variant.kernel(table.transpose_rows, "transpose_rows")
    roundRows = variant.kernel(table.round_rows, "round_rows")
    bf16Product = variant.kernel(table.bf16_product, "bf16_product")
    gatherBF16 = variant.kernel(table.gather_bf16, "gather_bf16")
    transposeBF16 = variant.kernel(table.transpose_bf16, "transpose_bf16")
    bytes = variant.kernel(table.bytes, "bytes")
    reduce = variant.kernel(table.reduce, "reduce")
    columnSums = variant.kernel(table.column_sums, "column_sums")
    lstmStep = variant.kernel(table.lstm_step, "lstm_step")
    lstmBackward = variant.kernel(table.lstm_backward, "lstm_backward")
    lstmBackwardStep = variant.kernel(table.lstm_backward_step, "lstm_backward_step")
    lstmMask = variant.kernel(table.lstm_mask, "lstm_mask")
    quantizeRows = variant.kernel(table.quantize_rows, "quantize_rows")
    packBytes = variant.kernel(table.pack_bytes, "pack_bytes")
    byteProduct = variant.kernel(table.byte_product, "byte_product")
    byteLinear = variant.kernel(table.byte_linear, "byte_linear")
    byteLSTM = variant.kernel(table.byte_lstm, "byte_lstm")
    featureForward = variant.kernel(table.feature_forward, "feature_forward")
    featureBackward = variant.kernel(table.feature_backward, "feature_backward")
    rowSums = variant.kernel(table.row_sums, "row_sums")
    cube = variant.kernel(table.cube, "cube")
    convolve = variant.kernel(table.convolve, "convolve")
    convolutionWeights = variant.kernel(table.convolution_weights, "convolution_weights")
    convolutionSpread = variant.kernel(table.convolution_spread, "convolution_spread")
    convolutionRows = variant.kernel(table.convolution_rows, "convolution_rows")
    convolutionInputs = variant.kernel(table.convolution_inputs, "convolution_inputs")
    moveImages = variant.kernel(table.move_images, "move_images")
    gatherChannels = variant.kernel(table.gather_channels, "gather_channels")
    pool = variant.kernel(table.pool, "pool")
    unpool = variant.kernel(table.unpool, "unpool")
    channelSums = variant.kernel(table.channel_sums, "channel_sums")
    normSums = variant.kernel(table.norm_sums, "norm_sums")
    norm = variant.kernel(table.norm, "norm")
    normGradient = variant.kernel(table.norm_gradient, "norm_gradient")
    tiles =
      table.pack_tiles == nil && table.tile_product == nil
      ? nil
      : TileKernels(
        pack: variant.kernel(table.pack_tiles, "pack_tiles"),
        product: variant.kernel(table.tile_product, "tile_product"))
    pairs =
      table.pack_pairs == nil && table.pair_product == nil
      ? nil
      : PairKernels(
        pack: variant.kernel(table.pack_pairs, "pack_pairs"),
        product: variant.kernel(table.pair_product, "pair_product"))
    sumOfSquares = variant.function(table.sum_of_squares, "sum_of_squares")
    randomBits = variant.function(table.random_bits, "random_bits")
  }
}

/// The kernels of products by matrix tiles, which come together.
package struct TileKernels {
  /// Examples as tiles of rounded numbers.
  package let pack: Kernel<meprop_pack_tiles_arguments>
  /// The product of packed examples.
  package let product: Kernel<meprop_tile_product_arguments>
}

/// The kernels of products of pairs of bf16 numbers, which come together.
package struct PairKernels {
  /// Rows rounded into pairs.
  package let pack: Kernel<meprop_pack_pairs_arguments>
  /// The product with packed rows.
  package let product: Kernel<meprop_pair_product_arguments>
}

/// The variant whose table is read, for the text of a failure.
private struct Variant {
  let name: String

  /// A kernel that the variant must have; its type is what the property it is for says.
  func kernel<Arguments>(_ part: meprop_part?, _ kernel: StaticString) -> Kernel<Arguments> {
    Kernel(function(part, kernel))
  }

  /// A function that the variant must have.
  func function<Function>(_ function: Function?, _ kernel: StaticString) -> Function {
    guard let function else {
      preconditionFailure("kernels of \(name): found no \(kernel), expected one")
    }
    return function
  }
}
