"""One slice of fuzzing: `python tests/fuzz/one.py TARGET [libFuzzer's options and folders]`, in the fuzzer's own environment."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import atheris

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[1:3]]  # tests/ and the repository, as it is now
# Ours, and the parsers of the standard library that ours stand upon: where they branch, the fuzzer sees it.
INSTRUMENTED = ["securelist", "email", "quopri", "base64", "tomllib", "json"]

warnings.simplefilter("ignore")
with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from fuzz.judging import feed
    from fuzz.targets import TARGETS


def main() -> None:
    """Feeds the target until libFuzzer has had enough; whatever the target raises ends the process as a finding."""
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    # libFuzzer runs this again, through a shell, to minimise a corpus.
    again = f"{sys.executable} {Path(__file__).resolve()} {name}"
    atheris.Setup([again, f"-max_len={target.longest}", *options], lambda octets: feed(target, octets) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
