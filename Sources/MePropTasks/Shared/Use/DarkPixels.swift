// Images whose pixels are not what they look like.

import MePropData

/// Says where bytes of pixels are shares from 0 to 1 that somebody rounded.
enum DarkPixels {
  /// Tells the user where there is no pixel above 1.
  ///
  /// - Parameters:
  ///   - pixels: Of some images.
  ///   - place: The folder or file that they are from.
  static func tell(of pixels: some Sequence<UInt8>, in place: String) {
    var hasOne = false
    for pixel in pixels {
      if pixel > 1 { return }
      if pixel == 1 { hasOne = true }
    }
    Notices.tell(
      hasOne
        ? "\(place): pixels are 0 and 1, expected 0 (background) to 255, so that all images are "
          + "nearly black; multiply pixels by 255 first"
        : "\(place): all pixels are 0, so that there is nothing to see")
  }
}
