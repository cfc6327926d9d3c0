// Where data are found: --data, MEPROP_DATA, the cache, system folders, then the mirrors.

import Foundation

/// Finds the folder of a data set; all it knows of the machine is the environment it is given.
///
/// The order is: the folder that the user names; `$MEPROP_DATA` (the folder itself, or its
/// subfolder with the name of the data set); the cache (`$XDG_CACHE_HOME/meprop/NAME`, else
/// `$HOME/.cache/meprop/NAME`); the folders of system packages; and at last a download to the
/// cache.
public struct DataLocator: Sendable {
  /// The environment variables.
  public let environment: [String: String]
  /// The data sets known by name.
  public let catalogue: [CataloguedDataSet]

  /// Creates a locator.
  ///
  /// - Parameters:
  ///   - environment: The variables to look at, usually `ProcessInfo.processInfo.environment`.
  ///   - catalogue: The data sets known by name.
  public init(environment: [String: String], catalogue: [CataloguedDataSet] = DataCatalogue.all) {
    self.environment = environment
    self.catalogue = catalogue
  }

  /// What a user's `--data` stands for.
  public enum Request: Sendable, Equatable {
    /// A folder, taken as it is.
    case folder(URL)
    /// A data set of the catalogue, to be searched for.
    case dataSet(CataloguedDataSet)
  }

  /// Understands the value of `--data`: a name of the catalogue, or else a folder that exists.
  ///
  /// A folder that is called like a data set is meant by `./NAME`.
  ///
  /// - Parameters:
  ///   - argument: What the user wrote; `nil` where nothing.
  ///   - defaultName: The data set to take where the user wrote nothing.
  /// - Returns: The folder, which can be listed, or the data set.
  /// - Throws: `DataLocationError.unknownName`, or `.folderUnreadable` for what looks like a path.
  public func request(_ argument: String?, defaultName: String) throws -> Request {
    let text = argument ?? defaultName
    if let dataSet = catalogue.first(where: { $0.name == text }) { return .dataSet(dataSet) }
    let folder = URL(fileURLWithPath: text, isDirectory: true)
    do {
      _ = try DataFolder(folder)
    } catch {
      if text.contains("/") || FileManager.default.fileExists(atPath: text) { throw error }
      throw DataLocationError.unknownName(name: text, known: catalogue.map(\.name))
    }
    return .folder(folder)
  }

  /// Finds the folder that `argument` stands for, on this machine only.
  ///
  /// - Parameters: As for `request(_:defaultName:)`.
  /// - Returns: The folder. One that the user named may lack files: loading tells which.
  /// - Throws: `DataLocationError`; `.notFound` lists every place looked at and what was there.
  public func locate(_ argument: String?, defaultName: String) throws -> URL {
    switch try request(argument, defaultName: defaultName) {
    case .folder(let folder): return folder
    case .dataSet(let dataSet):
      let (folder, searched) = search(for: dataSet)
      guard let folder else {
        throw DataLocationError.notFound(
          name: dataSet.name, searched: searched, files: dataSet.files.map(\.name))
      }
      return folder
    }
  }

  /// Finds the folder that `argument` stands for, and downloads the data set where it is nowhere.
  ///
  /// - Parameters:
  ///   - argument: What the user wrote; `nil` where nothing.
  ///   - defaultName: The data set to take where the user wrote nothing.
  ///   - downloader: Fetches and verifies the files; blocks until done.
  ///   - progress: Called while files arrive, on an arbitrary thread.
  /// - Returns: The folder.
  /// - Throws: `DataLocationError`, `DownloadError`, `FileWriteError`.
  public func locateOrDownload(
    _ argument: String?, defaultName: String, downloader: Downloader = Downloader(),
    progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> URL {
    switch try request(argument, defaultName: defaultName) {
    case .folder(let folder): return folder
    case .dataSet(let dataSet):
      if let folder = search(for: dataSet).found { return folder }
      let folder = try downloadFolder(for: dataSet)
      try downloader.download(dataSet, to: folder, progress: progress)
      return folder
    }
  }

  /// The folder in the cache to which a data set is downloaded.
  ///
  /// - Throws: `DataLocationError.noCacheFolder` where the environment names no home.
  public func downloadFolder(for dataSet: CataloguedDataSet) throws -> URL {
    guard let cache = cacheFolder else {
      throw DataLocationError.noCacheFolder(name: dataSet.name)
    }
    return cache.appendingPathComponent(dataSet.name, isDirectory: true)
  }

  /// Looks in every local place in turn for a folder that holds all files of `dataSet`.
  ///
  /// - Returns: The first such folder, and the places looked at before it with what was missing.
  public func search(
    for dataSet: CataloguedDataSet
  ) -> (found: URL?, searched: [SearchedPlace]) {
    var searched: [SearchedPlace] = []
    for (origin, folder) in places(for: dataSet) {
      guard let folder else {
        let finding =
          origin == "cache" ? "neither XDG_CACHE_HOME nor HOME is set" : "not set"
        searched.append(SearchedPlace(origin: origin, path: "", finding: finding))
        continue
      }
      let finding: String
      do {
        let missing = try DataFolder(folder).missing(dataSet.files.map(\.name))
        if missing.isEmpty { return (folder, searched) }
        finding =
          missing.count == dataSet.files.count
          ? "none of its files" : "missing \(missing.joined(separator: ", "))"
      } catch DataLocationError.folderUnreadable(_, let reason) {
        finding = reason
      } catch {
        finding = "\(error)"
      }
      searched.append(SearchedPlace(origin: origin, path: folder.path, finding: finding))
    }
    return (nil, searched)
  }

  /// `…/meprop` in the user's cache; XDG asks that a relative path be ignored.
  var cacheFolder: URL? {
    if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
      return URL(fileURLWithPath: cache, isDirectory: true)
        .appendingPathComponent("meprop", isDirectory: true)
    }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    return URL(fileURLWithPath: home, isDirectory: true)
      .appendingPathComponent(".cache/meprop", isDirectory: true)
  }

  private func places(for dataSet: CataloguedDataSet) -> [(origin: String, folder: URL?)] {
    var places: [(origin: String, folder: URL?)] = []
    if let data = environment["MEPROP_DATA"], !data.isEmpty {
      let folder = URL(fileURLWithPath: data, isDirectory: true)
      // The subfolder first: the folder itself may hold files of another set of the same shape.
      places.append(
        ("MEPROP_DATA", folder.appendingPathComponent(dataSet.name, isDirectory: true)))
      places.append(("MEPROP_DATA", folder))
    } else {
      places.append(("MEPROP_DATA", nil))
    }
    places.append(
      ("cache", cacheFolder?.appendingPathComponent(dataSet.name, isDirectory: true)))
    for folder in dataSet.systemFolders {
      places.append(("system folder", URL(fileURLWithPath: folder, isDirectory: true)))
    }
    return places
  }
}
