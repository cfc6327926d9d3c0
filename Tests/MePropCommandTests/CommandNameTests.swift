// What the command says to those who mistype a name, or leave out what it is to work on.

import Testing

@Suite("Names on the command line")
struct CommandNameTests {
  @Test(
    "An unknown name is told with the near one",
    arguments: [
      (["traon"], "meprop: found 'traon', which is no subcommand; did you mean 'train'?"),
      (["help", "evalute"], "did you mean 'evaluate'?"),
      (["data", "gte", "mnist"], "meprop data: found 'gte'"),
      (
        ["train", "digit"], "meprop train: found 'digit', which is no task; did you mean 'digits'?"
      ),
      // Not the options that follow are wrong.
      (["train", "pasrer", "--epochs", "3"], "did you mean 'parser'?"),
      (["Trian", "digits", "--epochs", "3"], "did you mean 'train'?"),
      (["plan", "cooking"], "expected one of digits, tagger, parser"),
      (["train", "digits", "--epoch", "3"], "Did you mean '--epochs'?"),
      (["evaluate", "runs/none", "--spilt", "dev"], "Did you mean '--split'?"),
    ])
  func suggestions(arguments: [String], text: String) throws {
    let outcome = try Tool().run(arguments)
    #expect(outcome.status == 64)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errorLines.count == 1 && outcome.lastLine.contains(text), "\(outcome.error)")
  }

  @Test("train without a task lists them, with a command to begin with")
  func train() throws {
    let outcome = try Tool().run(["train"])
    #expect(outcome.status == 0 && outcome.error.isEmpty)
    for text in ["  digits  Train a classifier", "  meprop train digits  ", "meprop plan digits"] {
      #expect(outcome.output.contains(text), "\(outcome.output)")
    }
  }

  @Test(
    "Commands that need a model name the newest run, or the command that makes one",
    arguments: ["evaluate", "predict"])
  func model(command: String) throws {
    let tool = try Tool()
    let without = try tool.run([command])
    #expect(without.status == 64)
    #expect(without.lastLine.contains("train one first: 'meprop train digits'"))
    for run in ["runs/second", "runs/first"] {
      #expect(try tool.train(["--epochs", "1", "--run", run]).status == 0)
    }
    let with = try tool.run([command])
    #expect(with.status == 64)
    #expect(with.lastLine.contains("'meprop \(command) runs/first"), "\(with.error)")
    #expect(try tool.run([command, "--help"]).output.contains("meprop \(command) <model>"))
  }
}
