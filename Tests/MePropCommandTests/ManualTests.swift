// The manual page, and the version.

import Foundation
import MePropTraining
import Testing

@Suite("Manual and version")
struct ManualTests {
  @Test("The manual page has every command and option")
  func page() throws {
    let tool = try Tool()
    let page = try tool.run(["--generate-manual"])
    #expect(page.status == 0 && page.error.isEmpty)
    let lines = page.output.split(separator: "\n")
    for line in [
      ".SH NAME", ".SS meprop train digits", ".SS meprop data get",
      "\\fB\\-\\-epochs\\fR \\fIn\\fR",
    ] {
      #expect(lines.contains(Substring(line)), "\(line)")
    }
    // Nothing of a text is taken for a request of the formatter.
    let requests = Set(lines.filter { $0.hasPrefix(".") }.map { $0.prefix(3) })
    #expect(requests.isSubset(of: [".TH", ".SH", ".SS", ".B ", ".I ", ".TP", ".PP", ".IP"]))
    #expect(!lines.contains { $0.hasPrefix("'") })
    #expect(!page.output.contains("generate\\-manual"))
  }

  @Test("The formatter of manual pages has nothing to complain about")
  func formatting() throws {
    let tool = try Tool()
    let outcome = try tool.shell(
      """
      command -v groff >/dev/null || exit 77
      "$meprop" --generate-manual | groff -man -K utf8 -T utf8 -ww -z
      """)
    if outcome.status == 77 { return print("SKIPPED groff: it is not installed") }
    #expect(outcome.status == 0)
    #expect(outcome.error.isEmpty, "\(outcome.error)")
  }

  @Test("The version has the commit in parentheses")
  func version() throws {
    let output = try Tool().run(["--version"]).output
    let pattern = #/\d+\.\d+\.\d+( \([0-9a-f]{7,12}(\+|\ or\ later)?\))?\n/#
    #expect(output.wholeMatch(of: pattern) != nil, "\(output)")
    #expect(output.hasPrefix(MePropVersion.current))
    #expect(output == MePropVersion.description + "\n")
  }
}
