#!/usr/bin/env python3
"""Checks the documents: links, commands with their options, and the Swift examples.

    check-documents.py links                 links between files, articles and figures
    check-documents.py site FOLDER           links within a site that DocC made
    check-documents.py commands PROGRAM      against the help of the built program
    check-documents.py swift FOLDER          writes a package with the examples, to be built

Prints a line for each fault and ends with 1 if there is one. Links to other hosts are not followed.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / f"{name}.md" for name in
         ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY", "RESULTS", "Tests/RELIABILITY")]
ARTICLES = sorted(ROOT.glob("Sources/*/*.docc/**/*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)


def place(path, text, offset):
    return f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, offset) + 1}"


def without_code(text):
    """The text with code blanked out, each character at its old place."""
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"`[^`\n]+`", blank, re.sub(r"^(    |\t).*$", blank, FENCE.sub(blank, text),
                                              flags=re.M))


def check_links():
    names = {article.stem for article in ARTICLES}
    for path in PAGES + ARTICLES:
        text = path.read_text(encoding="utf-8")
        prose = without_code(text)
        for match in re.finditer(r"<doc:([\w-]+)>|\]\(doc:([\w-]+)\)", prose):
            name = match[1] or match[2]
            if name not in names:
                yield f"{place(path, text, match.start())}: no article {name}"
        for match in re.finditer(r"(!?)\[[^]\n]*\]\(([^)\s]+)\)|^\[[^]\n]+\]:\s*(\S+)", prose,
                                 re.M):
            target = (match[2] or match[3]).split("#")[0]
            if not target or re.match(r"(https?|doc|mailto):", target):
                continue
            if match[1] and path in ARTICLES:
                folder = next(parent for parent in path.parents if parent.suffix == ".docc")
                files = [folder / "Resources" / f"{target}{end}.svg" for end in ("", "~dark")]
            else:
                files = [path.parent / target]
            for file in files:
                if not file.exists():
                    yield f"{place(path, text, match.start())}: no file {target}"
        for match in re.finditer(r'(?:src|srcset)="([^"]+)"', text):
            if not (path.parent / match[1]).exists():
                yield f"{place(path, text, match.start())}: no file {match[1]}"


def check_site(folder):
    site = Path(folder)
    pages = sorted((site / "data").rglob("*.json"))
    if not pages:
        yield f"{site}: no pages"
    for page in pages:
        references = json.loads(page.read_text(encoding="utf-8")).get("references", {})
        for reference in references.values():
            url = reference.get("url", "")
            if url.startswith(("/documentation", "/tutorials")):
                if not (site / f"data{url.split('#')[0]}.json").exists():
                    yield f"{page.relative_to(site)}: no page {url}"
            for variant in reference.get("variants", []):
                if isinstance(variant, dict) and variant.get("url", "").startswith("/"):
                    if not (site / variant["url"][1:]).exists():
                        yield f"{page.relative_to(site)}: no file {variant['url']}"


class Help:
    """What the program says of its commands, asked once each."""

    def __init__(self, program):
        self.program = program
        self.texts = {}

    def text(self, command):
        if command not in self.texts:
            self.texts[command] = subprocess.run(
                [self.program, "help", *command], capture_output=True, text=True,
                check=True).stdout
        return self.texts[command]

    def subcommands(self, command):
        section = self.text(command).partition("SUBCOMMANDS:\n")[2].partition("\n\n")[0]
        return re.findall(r"^  (\S+)", section, re.M)

    def options(self, command):
        return set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", self.text(command), re.M)) | {
            "--help", "--version", "--generate-completion-script", "--generate-manual"}

    def all_options(self, command=()):
        found = self.options(command)
        for name in self.subcommands(command):
            found |= self.all_options((*command, name))
        return found


def shell_lines(path, text):
    """Lines of shell in a document, and commands within its sentences, with their places."""
    for match in FENCE.finditer(text):
        if match[1] in ("sh", ""):
            offset = match.start(2)
            for line in match[2].splitlines(keepends=True):
                yield offset, line.strip()
                offset += len(line)
    outside = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for match in re.finditer(r"^    (.+)$", outside, re.M):
        yield match.start(), match[1]
    for match in re.finditer(r"`((?:[^`\n]|\n(?!\n))+)`", outside):
        yield match.start(), " ".join(match[1].split())


def check_command(words, tool):
    if words[0] == "help":
        words = words[1:]
    command = ()
    words = list(words)
    while words and tool.subcommands(command) and not words[0].startswith("-"):
        name = words.pop(0)
        if name in ("SUBCOMMAND", "…"):
            return
        if name == "TASK":
            name = tool.subcommands(command)[0]
        if name not in tool.subcommands(command):
            yield f"no command 'meprop {' '.join((*command, name))}'"
            return
        command += (name,)
    known = tool.all_options(command)
    for word in words:
        option = re.match(r"--[\w-]+", word)
        if option and option[0] not in known:
            yield f"'meprop {' '.join(command)}' has no option {option[0]}"


def check_commands(program):
    tool = Help(program)
    every = tool.all_options()
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    count = 0
    # Old versions had what they had, so the changelog is left out.
    for path in [page for page in PAGES if page.stem != "CHANGELOG"] + ARTICLES:
        text = path.read_text(encoding="utf-8")
        for offset, line in shell_lines(path, text):
            for part in re.split(r" \| | && |; |(?<!\S)#", line):
                words = part.split()
                while words and re.match(r"\w+=", words[0]):
                    words.pop(0)
                if len(words) > 1 and words[0] == "make" and words[1] not in targets:
                    yield f"{place(path, text, offset)}: no target 'make {words[1]}'"
                if len(words) > 1 and words[0] == "meprop":
                    count += 1
                    for fault in check_command(words[1:], tool):
                        yield f"{place(path, text, offset)}: {fault}"
            if path in ARTICLES and re.match(r"--[a-z]", line):
                option = re.match(r"--[\w-]+", line)[0]
                if option not in every:
                    yield f"{place(path, text, offset)}: no option {option}"
    print(f"{count} commands checked")
    if count < 50:
        yield f"only {count} commands were found in the documents, expected 50 or more"


MANIFEST = """// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "DocumentExamples",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "meprop", path: "%s")],
  targets: [%s].map {
    .executableTarget(
      name: $0, dependencies: [.product(name: "MePropTraining", package: "meprop")])
  },
  swiftLanguageModes: [.v6]
)
"""


def write_swift(folder):
    """All Swift blocks of a page are one program."""
    folder = Path(folder)
    names = []
    for path in PAGES + ARTICLES:
        blocks = [match[2] for match in FENCE.finditer(path.read_text(encoding="utf-8"))
                  if match[1] == "swift"]
        if blocks:
            names.append(f"Of{path.stem}")
            source = folder / "Sources" / names[-1] / "main.swift"
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text("\n".join(blocks), encoding="utf-8")
    if not names:
        yield "no Swift examples were found in the documents"
    (folder / "Package.swift").write_text(
        MANIFEST % (ROOT, ", ".join(f'"{name}"' for name in names)), encoding="utf-8")
    print("\n".join(names))


def main():
    checks = {"links": check_links, "site": check_site, "commands": check_commands,
              "swift": write_swift}
    if len(sys.argv) < 2 or sys.argv[1] not in checks:
        sys.exit(__doc__)
    faults = list(checks[sys.argv[1]](*sys.argv[2:]))
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
