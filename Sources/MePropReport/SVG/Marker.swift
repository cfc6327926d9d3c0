// Shapes of points, so that series can be told apart without their colors.

/// Draws the marker of a series.
enum Marker {
  /// A marker about a point: circle, square, triangle, diamond, cross or inverted triangle.
  ///
  /// - Parameters:
  ///   - series: Which series it is for.
  ///   - center: The point.
  ///   - radius: Half its size.
  /// - Returns: The shape.
  static func element(series: Int, at center: SVGPoint, radius: Double = 3.2) -> SVGElement {
    let (x, y, r) = (center.x, center.y, radius)
    let style = "marker"
    func polygon(_ corners: [(Double, Double)]) -> SVGElement {
      let places = corners.map {
        "\(SVGText.number(x + $0.0 * r)),\(SVGText.number(y + $0.1 * r))"
      }
      return SVGElement("polygon", ["class": style, "points": places.joined(separator: " ")])
    }
    switch series % ChartStyle.seriesCount {
    case 0:
      return SVGElement(
        "circle",
        [
          "class": style, "cx": SVGText.number(x), "cy": SVGText.number(y), "r": SVGText.number(r),
        ])
    case 1: return polygon([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])
    case 2: return polygon([(0, -1.2), (1.15, 0.9), (-1.15, 0.9)])
    case 3: return polygon([(0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)])
    case 4:
      return polygon([
        (-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4), (0.4, 1.2),
        (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4),
      ])
    default: return polygon([(0, 1.2), (1.15, -0.9), (-1.15, -0.9)])
    }
  }
}
