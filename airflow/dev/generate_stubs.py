"""Generates the gRPC code in `src/sluice_airflow/_proto` from the repository's
`proto/sluice/v1/jobs.proto`.

    python dev/generate_stubs.py            # writes the files
    python dev/generate_stubs.py FOLDER     # writes them below FOLDER instead

The version of grpcio-tools is pinned in pyproject.toml (extra `test`), so that
the same input gives the same files.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent.parent
PROTO = HERE.parent / "proto" / "proto" / "sluice" / "v1" / "jobs.proto"
PACKAGE = "sluice_airflow/_proto"
FILES = ("jobs_pb2.py", "jobs_pb2.pyi", "jobs_pb2_grpc.py")


def generate(out: Path) -> list[Path]:
    """Writes the files below `out` and returns their paths."""
    with tempfile.TemporaryDirectory() as scratch:
        # The path of the .proto file determines the imports of the generated code.
        source = Path(scratch, PACKAGE, "jobs.proto")
        source.parent.mkdir(parents=True)
        shutil.copyfile(PROTO, source)
        out.mkdir(parents=True, exist_ok=True)
        code = protoc.main(
            [
                "protoc",
                f"-I{scratch}",
                f"-I{files('grpc_tools') / '_proto'}",
                f"--python_out={out}",
                f"--pyi_out={out}",
                f"--grpc_python_out={out}",
                f"{PACKAGE}/jobs.proto",
            ]
        )
        if code != 0:
            raise SystemExit(f"protoc ended with {code}")
    return [out / PACKAGE / name for name in FILES]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "src"
    for path in generate(target):
        print(path)
