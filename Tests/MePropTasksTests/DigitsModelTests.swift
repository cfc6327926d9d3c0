// Model folders: they come back as they were, other programs read them, bad ones are refused.

import Foundation
import MePropCore
import MePropNN
import MePropTasks
import Testing

@Suite("Digits model")
struct DigitsModelTests {
  private func model(hidden: [Int] = [12, 9]) -> DigitsModel {
    DigitsModel(
      network: .perceptron([30] + hidden + [4], seed: 3),
      imageRows: 6, imageColumns: 5, pixelScale: 1 / 255, dataSet: "mnist", developmentCount: 60)
  }

  private func writtenModel() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try model().write(to: folder.url)
    return folder
  }

  @Test("A model is read as it was written", arguments: [[12, 9], [7], [3, 3, 3, 3]])
  func roundTrip(hidden: [Int]) throws {
    let folder = try TemporaryFolder()
    try model(hidden: hidden).write(to: folder.url)
    #expect(try DigitsModel(at: folder.url) == model(hidden: hidden))
  }

  @Test("Names and shapes are those of PyTorch's Linear")
  func names() throws {
    let folder = try writtenModel()
    let tensors = try SafeTensors.read(from: folder("model.safetensors")).tensors
    #expect(
      tensors.map(\.name) == [
        "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.2.weight",
        "layers.2.bias",
      ])
    #expect(tensors.map(\.shape) == [[12, 30], [12], [9, 12], [9], [4, 9], [4]])
  }

  @Test(
    "A damaged architecture is refused in a line",
    arguments: [
      ("\"meprop-model\"", "\"other\"", "key 'format'"),
      ("\"version\" : 2", "\"version\" : 1", "a model of format 1, written by meprop "),
      ("\"version\" : 2", "\"version\" : \"2\"", "another type at key 'version'"),
      ("\"version\" :", "\"versio\" :", "key 'version': expected 2, found nothing"),
      ("\"digits\"", "\"tagger\"", "key 'task'"), ("\"relu\"", "\"gelu\"", "key 'activation'"),
      ("12,", "13,", "key 'network'"), ("→ 12", "→ 13", "key 'network'"),
      ("9,", "-9,", "key 'layers'"), ("9,", "9.5,", "expected the JSON"),
      ("\"imageRows\" : 6", "\"imageRows\" : 7", "as many pixels"),
      ("\"developmentCount\" : 60", "\"developmentCount\" : 0", "developmentCount"),
      ("{", "[", "not JSON"), ("\"network\"", "\"netwok\"", "key 'network'"),
      ("\"details\"", "\"detail\"", "no key 'details'"),
      ("\"pixelScale\"", "\"pixelScal\"", "no key 'pixelScale'"),
      ("\"imageRows\" : 6", "\"imageRows\" : 9223372036854775807", "imageRows"),
    ])
  func damagedArchitecture(old: String, new: String, expected: String) throws {
    let folder = try writtenModel()
    let text = try String(contentsOf: folder("model.json"), encoding: .utf8)
    let range = try #require(text.range(of: old))
    try text.replacingCharacters(in: range, with: new)
      .write(to: folder("model.json"), atomically: true, encoding: .utf8)
    let found = message { _ = try DigitsModel(at: folder.url) }
    #expect(found.contains(expected), "\(found)")
    #expect(found.contains("model."))
    #expect(!found.contains("\n"))
  }

  @Test("Truncated, empty, foreign and missing weights are refused")
  func damagedWeights() throws {
    let folder = try writtenModel()
    let file = folder("model.safetensors")
    let whole = try Data(contentsOf: file)
    for length in [0, 5, 8, 100, whole.count / 2, whole.count - 1] {
      try whole[..<length].write(to: file)
      #expect(message { _ = try DigitsModel(at: folder.url) }.contains("model.safetensors: "))
    }
    try Data("not a model at all, but long enough for a header".utf8).write(to: file)
    #expect(message { _ = try DigitsModel(at: folder.url) }.contains("not a safetensors file"))
    try FileManager.default.removeItem(at: file)
    #expect(message { _ = try DigitsModel(at: folder.url) }.contains("cannot be opened"))
    #expect(message { _ = try DigitsModel(at: folder("none")) }.contains("no model here"))
  }

  @Test("Weights that are missing, too many, misshapen or not finite are refused by name")
  func wrongTensors() throws {
    let folder = try writtenModel()
    let file = folder("model.safetensors")
    let tensors = try SafeTensors.read(from: file).tensors
    func refusal(_ change: (inout [NamedTensor]) -> Void) throws -> String {
      var changed = tensors
      change(&changed)
      try SafeTensors.write(changed, to: file)
      return message { _ = try DigitsModel(at: folder.url) }
    }
    #expect(try refusal { $0.remove(at: 3) }.contains("'layers.1.bias'"))
    #expect(
      try refusal { $0.append(.init(name: "extra", shape: [], values: [1])) }.contains("'extra'"))
    #expect(try refusal { $0[1].values[2] = .nan }.contains("found nan at element 2"))
    #expect(try refusal { $0[0].values[7] = .infinity }.contains("'layers.0.weight'"))
    #expect(try refusal { $0[2].shape = [12, 9] }.contains("expected shape [9, 12]"))
    #expect(try refusal { _ in } == "")
  }

  @Test("Python computes the same logits from the file")
  func python() throws {
    let folder = try writtenModel()
    let network = model().network
    let images = SyntheticDigits.images(5, seed: 9)
    let input = Matrix(
      rowCount: 5, columnCount: 30, elements: images.pixels.map { Float($0) / 255 })
    let expected = Predictor(network, context: ComputeContext()).withOutput(of: input) {
      $0.elements
    }
    guard let output = runPython(Self.script, [folder.url.path, "\(images.pixels)"]) else { return }
    let found = output.split(whereSeparator: \.isWhitespace).compactMap { Float($0) }
    try #require(found.count == expected.count, "\(output)")
    for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-4) }
  }

  private static let script = """
    import sys, json
    try:
        import numpy as np
        from safetensors.numpy import load_file
    except ImportError as error:
        print("SKIPPED", error); sys.exit()
    folder, pixels = sys.argv[1], json.loads(sys.argv[2])
    weights = load_file(folder + "/model.safetensors")
    about = json.load(open(folder + "/model.json"))["details"]
    x = np.array(pixels, dtype=np.float32).reshape(-1, about["layers"][0]) * about["pixelScale"]
    count = len(about["layers"]) - 1
    try:
        import torch
        from collections import OrderedDict
        net = torch.nn.Module()
        net.layers = torch.nn.ModuleList(
            [torch.nn.Linear(a, b) for a, b in zip(about["layers"], about["layers"][1:])])
        net.load_state_dict(OrderedDict((k, torch.tensor(v)) for k, v in weights.items()))
        y = torch.tensor(x, dtype=torch.float32)
        for i, layer in enumerate(net.layers):
            y = layer(y)
            if i < count - 1: y = torch.relu(y)
        y = y.detach().numpy()
    except ImportError:
        y = x
        for i in range(count):
            y = y @ weights[f"layers.{i}.weight"].T + weights[f"layers.{i}.bias"]
            if i < count - 1: y = np.maximum(y, 0)
    print(*[repr(float(v)) for v in y.ravel()])
    """

  /// The output of a Python script, or `nil` and a line that says what is not tested.
  private func runPython(_ script: String, _ arguments: [String]) -> String? {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let python = ProcessInfo.processInfo.environment["MEPROP_PYTHON"] ?? "python3"
    process.arguments = [python, "-c", script] + arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      print("SKIPPED logits in Python: \(error)")
      return nil
    }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    if process.terminationStatus == 127 || text.hasPrefix("SKIPPED") {
      print("SKIPPED logits in Python: \(text.isEmpty ? "no \(python)" : text)")
      return nil
    }
    #expect(process.terminationStatus == 0)
    return text
  }
}
