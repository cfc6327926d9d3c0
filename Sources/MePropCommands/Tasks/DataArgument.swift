// The data of a task as an argument: `meprop train table flats.csv`.

import ArgumentParser
import MePropTasks

/// What `--data` says, without the flag.
struct DataArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The data, as for --data.", valueName: "data"), completion: .file())
  var place: String?

  /// The flags of a task with the data among them.
  ///
  /// - Throws: `UsageError` where data are given twice.
  func joined(
    _ flags: [(key: String, value: String?)]
  ) throws -> [(key: String, value: String?)] {
    guard let place else { return flags }
    return try flags.map { flag in
      guard flag.key == "data" else { return flag }
      if let data = flag.value, data != place {
        throw UsageError("found data '\(place)' and --data '\(data)'; leave one out")
      }
      return (flag.key, place)
    }
  }
}
