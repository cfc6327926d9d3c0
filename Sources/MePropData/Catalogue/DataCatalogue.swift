// The data sets that are known by name: their files, where they come from, how they are verified.

/// One file of a data set.
public struct CataloguedFile: Sendable, Equatable {
  /// Its name when unpacked.
  public let name: String
  /// Its size when unpacked, in bytes.
  public let unpackedSize: Int
  /// The SHA-256 of the unpacked contents, 64 lower-case hexadecimal digits.
  ///
  /// Of the unpacked contents, because mirrors pack the same file in different ways.
  public let sha256: String
  /// Whether mirrors serve it as gzip, with `.gz` appended to its name.
  public let isServedPacked: Bool

  /// Creates a description of a file.
  public init(name: String, unpackedSize: Int, sha256: String, isServedPacked: Bool = true) {
    self.isServedPacked = isServedPacked
    self.name = name
    self.unpackedSize = unpackedSize
    self.sha256 = sha256
  }

  /// The name under which mirrors serve the file and downloads keep it.
  public var servedName: String { isServedPacked ? name + ".gz" : name }
}

/// A data set that can be found and downloaded by name.
public struct CataloguedDataSet: Sendable, Equatable {
  /// The name by which users ask for it, also the name of its folder.
  public let name: String
  /// What it is, in one line.
  public let summary: String
  /// All its files.
  public let files: [CataloguedFile]
  /// Addresses of folders that hold the files, each ending in `/`; tried in this order.
  public let mirrors: [String]
  /// Folders in which system packages install it.
  public let systemFolders: [String]
  /// The licence it is distributed under.
  public let license: String
  /// Whom to cite.
  public let citation: String

  /// Creates a description of a data set.
  public init(
    name: String, summary: String, files: [CataloguedFile], mirrors: [String],
    systemFolders: [String] = [], license: String, citation: String
  ) {
    self.name = name
    self.summary = summary
    self.files = files
    self.mirrors = mirrors
    self.systemFolders = systemFolders
    self.license = license
    self.citation = citation
  }
}

/// The list of data sets known by name.
public enum DataCatalogue {
  /// All data sets, in the order in which they are listed.
  public static let all = [mnist, fashionMNIST, englishEWT]

  /// Handwritten digits, 28 x 28, 60,000 for training and 10,000 for testing.
  public static let mnist = CataloguedDataSet(
    name: "mnist",
    summary: "handwritten digits, 28 x 28 grey, 60,000 train + 10,000 test",
    files: imageFiles(digests: [
      "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
      "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
      "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
      "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ]),
    mirrors: [
      "https://ossci-datasets.s3.amazonaws.com/mnist/",
      "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ],
    license: "CC BY-SA 3.0 (Yann LeCun and Corinna Cortes)",
    citation: "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to "
      + "document recognition. Proceedings of the IEEE 86(11), 1998")

  /// Articles of clothing in the shape of MNIST.
  public static let fashionMNIST = CataloguedDataSet(
    name: "fashion-mnist",
    summary: "articles of clothing, 28 x 28 grey, 60,000 train + 10,000 test",
    files: imageFiles(digests: [
      "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
      "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
      "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
      "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ]),
    mirrors: [
      "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
      "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ],
    systemFolders: ["/usr/share/datasets/fashion-mnist"],
    license: "MIT (Zalando SE)",
    citation: "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, a novel image dataset for "
      + "benchmarking machine learning algorithms. arXiv 1708.07747, 2017")

  /// English text from the web with parts of speech and dependencies, release 2.16.
  public static let englishEWT = CataloguedDataSet(
    name: "ud-english-ewt",
    summary: "English Web Treebank of Universal Dependencies 2.16, 254,818 words in CoNLL-U",
    files: [
      ("train", 14_203_025, "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b"),
      ("dev", 1_805_545, "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6"),
      ("test", 1_804_515, "e266e515a0a7547657ed3d90d9ba46487d6bd251f27ad4269d4e8a427c8555cd"),
    ].map { part, size, sha256 in
      CataloguedFile(
        name: "en_ewt-ud-\(part).conllu", unpackedSize: size, sha256: sha256,
        isServedPacked: false)
    },
    mirrors: [
      "https://raw.githubusercontent.com/UniversalDependencies/UD_English-EWT/r2.16/",
      "https://github.com/UniversalDependencies/UD_English-EWT/raw/r2.16/",
    ],
    license: "CC BY-SA 4.0 (Universal Dependencies contributors)",
    citation:
      "N. Silveira, T. Dozat, M.-C. de Marneffe, S. Bowman, M. Connor, J. Bauer, C. Manning: "
      + "A gold standard dependency corpus for English. LREC 2014")

  /// Returns the data set called `name`.
  ///
  /// - Throws: `DataLocationError.unknownName` with the names there are.
  public static func dataSet(named name: String) throws -> CataloguedDataSet {
    guard let dataSet = all.first(where: { $0.name == name }) else {
      throw DataLocationError.unknownName(name: name, known: all.map(\.name))
    }
    return dataSet
  }

  /// The four files of a data set in the shape of MNIST; digests in the order below.
  private static func imageFiles(digests: [String]) -> [CataloguedFile] {
    let files = [
      ("train-images-idx3-ubyte", 47_040_016), ("train-labels-idx1-ubyte", 60_008),
      ("t10k-images-idx3-ubyte", 7_840_016), ("t10k-labels-idx1-ubyte", 10_008),
    ]
    return zip(files, digests).map {
      CataloguedFile(name: $0.0, unpackedSize: $0.1, sha256: $1)
    }
  }
}
