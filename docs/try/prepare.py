"""Puts beside the page what it needs: a network, and the runtime from npm, which is too large here.

python docs/try/prepare.py --onnx monet.onnx
python -m http.server --directory docs/try
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

RUNTIME = "onnxruntime-web@1.30.0"
# What the page loads of it (MIT licence, Microsoft Corporation), and its SHA-256.
FILES = {
    "ort.wasm.min.js": "faece07e84faa9001f5104bbe4e5c70861d06cb2376a0dea1fa0ad33a67adc81",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",  # noqa: E501
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",  # noqa: E501
}
PAGE = Path(__file__).parent
OWN = ("index.html", "try.js")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--onnx", type=Path, required=True, help="as export writes it")
    parser.add_argument(
        "--output", type=Path, default=PAGE, help="folder for the whole page (default: this one)"
    )
    arguments = parser.parse_args()
    if not arguments.onnx.is_file():
        parser.error(f"{arguments.onnx} does not exist; write it with python -m cyclegan_tf.export")
    if not shutil.which("npm"):
        parser.error("npm is not installed, which fetches the runtime; install Node.js")
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.output.resolve() != PAGE.resolve():
        for name in OWN:
            shutil.copy(PAGE / name, arguments.output)
    shutil.copy(arguments.onnx, arguments.output / "model.onnx")
    fetch(arguments.output / "ort")
    print(f"python -m http.server --directory {arguments.output}")
    return 0


def fetch(folder: Path) -> None:
    """Fills a folder with the runtime's files, unless they are there.

    Raises:
        subprocess.CalledProcessError: if npm cannot fetch it.
        ValueError: if a file is another one than this page was tested with.
    """
    if all((folder / name).is_file() and _is_known(folder / name) for name in FILES):
        return
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", RUNTIME, "--json", "--silent", "--ignore-scripts"]
        packed = subprocess.run(command, cwd=scratch, check=True, capture_output=True).stdout
        with tarfile.open(Path(scratch, json.loads(packed)[0]["filename"])) as archive:
            for name in FILES:
                content = archive.extractfile(f"package/dist/{name}").read()
                (folder / name).write_bytes(content)
                if not _is_known(folder / name):
                    (folder / name).unlink()
                    raise ValueError(f"{name} of {RUNTIME} is not the file that it should be")


def _is_known(path: Path) -> bool:
    return hashlib.sha256(path.read_bytes()).hexdigest() == FILES[path.name]


if __name__ == "__main__":
    sys.exit(main())
