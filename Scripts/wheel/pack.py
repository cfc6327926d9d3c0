"""Packs the Python package and its libraries as a wheel (PEP 427): same files, same bytes.

    pack.py PACKAGE_FOLDER LIBRARY_FOLDER PLATFORM TARGET_FOLDER
"""

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path


def main() -> None:
    source, libraries, platform, target = sys.argv[1:]
    package = Path(source) / "src" / "meprop"
    version_text = (package / "_version.py").read_text()
    version = re.search(r'__version__ = "([^"]+)"', version_text).group(1)
    project = (Path(source) / "pyproject.toml").read_text()

    def value(pattern: str) -> str:
        return re.search(pattern, project, re.MULTILINE).group(1)

    folder = f"meprop-{version}.dist-info"
    tag = f"py3-none-{platform}"
    needs = re.findall(r'"([^"]+)"', value(r"^dependencies = \[(.*)\]"))
    sklearn = value(r'^sklearn = \["([^"]+)"\]')
    readme = (Path(source) / "README.md").read_text()
    metadata = [
        "Metadata-Version: 2.1",
        "Name: meprop",
        f"Version: {version}",
        "Summary: " + value(r'^description = "(.*)"'),
        "Requires-Python: " + value(r'^requires-python = "(.*)"'),
        *[f"Requires-Dist: {need}" for need in needs],
        "Provides-Extra: sklearn",
        f'Requires-Dist: {sklearn}; extra == "sklearn"',
        "Description-Content-Type: text/markdown",
        "",
        readme,
    ]
    contents = {
        f"{folder}/METADATA": "\n".join(metadata).encode(),
        f"{folder}/WHEEL": (
            f"Wheel-Version: 1.0\nGenerator: meprop\nRoot-Is-Purelib: false\nTag: {tag}\n"
        ).encode(),
        f"{folder}/LICENSE": Path("LICENSE").read_bytes(),
    }
    for path in sorted(package.glob("*.py*")):
        if path.suffix in (".py", ".typed") or path.name == "py.typed":
            contents[f"meprop/{path.name}"] = path.read_bytes()
    for path in sorted(Path(libraries).iterdir()):
        contents[f"meprop/lib/{path.name}"] = path.read_bytes()

    record = []
    for name, data in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(data)}")
    record.append(f"{folder}/RECORD,,")
    contents[f"{folder}/RECORD"] = ("\n".join(record) + "\n").encode()

    wheel = Path(target) / f"meprop-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if "/lib/" in name else 0o644) << 16
            archive.writestr(entry, data)


main()
