// What can be wrong with a model folder.

import Foundation

/// A model that cannot be used; `description` is one line.
public enum ModelFileError: OneLineError {
  /// A file of the model cannot be opened.
  case noModel(path: String, reason: String)
  /// A file is not the JSON that is expected.
  case notJSON(path: String, found: String)
  /// A version of the format that this program does not read.
  case otherVersion(path: String, expected: Int, found: Int, writtenBy: String)
  /// A key has a value that this program does not take, or that does not fit the others.
  case wrongField(path: String, key: String, expected: String, found: String)
  /// The weights' file lacks a tensor.
  case missingTensor(path: String, name: String)
  /// The weights' file has a tensor too many.
  case unexpectedTensor(path: String, name: String)
  /// A tensor does not have the shape that the model asks for.
  case wrongShape(path: String, name: String, expected: [Int], found: [Int])
  /// A file is not the one that was written, with what is wrong with which.
  case damaged(String, isOfRun: Bool)
  /// A weight is infinite or not a number.
  case notFinite(path: String, name: String, index: Int, found: String)

  /// One line: file, place, expected, found, what to do.
  public var description: String {
    let architecture = "the architecture in \(SavedModel.descriptionName)"
    switch self {
    case .noModel(let path, let reason):
      return "\(path): no model here (\(reason)); name the folder of a run, or the model folder in "
        + "it (a run has a model after its first epoch; 'meprop train … --resume' writes a lost "
        + "one anew)"
    case .notJSON(let path, let found):
      return "\(path): expected the JSON of a meprop model, found \(found); copy it again"
    case .otherVersion(let path, let expected, let found, let writtenBy):
      return "\(path): a model of format \(found), written by \(writtenBy); this version reads "
        + "format "
        + "\(expected): train the model again, or use the version that wrote it"
    case .wrongField(let path, let key, let expected, let found):
      return "\(path): key '\(key)': expected \(expected), found \(found); is this a model of "
        + "'meprop train' of this version?"
    case .missingTensor(let path, let name):
      return "\(path): expected a tensor '\(name)' by \(architecture), found none; copy all files "
        + "of the model again"
    case .unexpectedTensor(let path, let name):
      return "\(path): found a tensor '\(name)' that is not in \(architecture); copy all files of "
        + "the model again"
    case .wrongShape(let path, let name, let expected, let found):
      return "\(path): tensor '\(name)': expected shape \(expected) by \(architecture), found "
        + "\(found); copy all files of the model again"
    case .damaged(let error, let isOfRun):
      return "\(error); copy the model again"
        + (isOfRun ? ", or say 'meprop train … --resume', which writes it anew" : "")
    case .notFinite(let path, let name, let index, let found):
      return "\(path): tensor '\(name)': expected finite numbers, found \(found) at element "
        + "\(index); the model is damaged, train it again"
    }
  }
}
