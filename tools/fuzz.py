#!/usr/bin/env python3
"""Runs the fuzz targets of `fuzz/` in turn, and keeps what they reached in `fuzz/corpus`.

Each target gets so many seconds of one processor, in slices, so that all of them get some early. What
they find is in `fuzz/found`, crashes are in `fuzz/artifacts`. At the end each corpus is minimised and
the smallest inputs are taken into `fuzz/corpus`, which the tests replay, within a bound. Needs
`cargo fuzz`; the tool chain may be a stable one.

    tools/fuzz.py --seconds 60             a minute of each target
    tools/fuzz.py --seconds 600 requests   ten minutes of one
"""

import argparse
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ = ROOT / "fuzz"
BUILT = ROOT / "target" / "fuzz"

# An allocation beyond this fails, also one that is never touched.
ADDRESS_SPACE_BYTES = 8 << 30
# A target that crashed so often is not run on: it would find the same again.
CRASHES_MAX = 5
# What a corpus in the repository may take, and a single input.
CORPUS_BYTES_MAX = 20_000
INPUT_BYTES_MAX = 3_000
LENGTH_MAX = {"damaged_log": 49, "entries": 1_024, "filter_path": 1_024, "layout": 1_024,
              "log_files": 1_024, "names": 256, "queries": 1_024, "target": 512}


class Target:
    """A target and what became of it so far."""

    def __init__(self, name, binary):
        self.name, self.binary = name, binary
        self.cpu_seconds = 0.0
        self.executions = self.coverage = self.features = self.crashes = 0

    def run(self, slice_seconds):
        """Fuzzes for one slice; returns what there is to say about it."""
        found, artifacts = FUZZ / "found" / self.name, FUZZ / "artifacts" / self.name
        for directory in (found, artifacts):
            directory.mkdir(parents=True, exist_ok=True)
        command = ["nice", "-n", "19", self.binary, f"-max_total_time={slice_seconds}"]
        command += ["-rss_limit_mb=2048", "-timeout=30", "-print_final_stats=1", "-verbosity=1"]
        command += [f"-max_len={LENGTH_MAX.get(self.name, 4_096)}", f"-artifact_prefix={artifacts}/"]
        dictionary = FUZZ / "dictionaries" / f"{self.name}.dict"
        if dictionary.exists():
            command.append(f"-dict={dictionary}")
        began = cpu_of_children()
        ran = run(command + [found, FUZZ / "corpus" / self.name])
        self.cpu_seconds += cpu_of_children() - began
        stated = re.findall(r"stat::number_of_executed_units: +(\d+)", ran.stderr)
        self.executions += sum(map(int, stated))
        for coverage, features in re.findall(r"cov: (\d+) ft: (\d+)", ran.stderr):
            self.coverage = max(self.coverage, int(coverage))
            self.features = max(self.features, int(features))
        if ran.returncode == 0:
            return ""
        self.crashes += 1
        why = re.findall(r"panicked at .*\n.*|^SUMMARY.*|ERROR: libFuzzer.*", ran.stderr, re.M)
        where = re.findall(r"Test unit written to (.*)", ran.stderr)
        return "\n".join(["CRASH"] + [line[:2_000] for line in why] + where)

    def figures(self):
        """One line of a table."""
        return (f"{self.name:12} {self.executions:>11,} executions {self.coverage:>7,} edges "
                f"{self.features:>7,} features {self.crashes:>2} crashes {self.cpu_seconds:>8.1f} s")


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command):
    """Runs a fuzzer within its bounds."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          errors="replace", preexec_fn=limit, check=False)


def build(into):
    """Builds all targets; returns the directory of the binaries."""
    command = ["cargo", "fuzz", "build", "-s", "none", "--target-dir", str(BUILT)]
    subprocess.run(command, cwd=ROOT, check=True)
    releases = sorted(BUILT.glob("*/release"))
    into.mkdir(parents=True, exist_ok=True)
    for name in names():
        shutil.copy2(releases[0] / name, into / name)
    return into


def names():
    return sorted(path.stem for path in (FUZZ / "fuzz_targets").glob("*.rs"))


def minimise(target):
    """Takes the inputs that cover everything found into the corpus, the smallest first."""
    corpus = FUZZ / "corpus" / target.name
    with tempfile.TemporaryDirectory() as scratch:
        merged = pathlib.Path(scratch)
        run(["nice", "-n", "19", target.binary, "-set_cover_merge=1", "-rss_limit_mb=2048", merged,
             corpus, FUZZ / "found" / target.name])
        kept = {path.name for path in corpus.glob("seed-*")} | {p.name for p in corpus.glob("crash-*")}
        room = CORPUS_BYTES_MAX - sum((corpus / name).stat().st_size for name in kept)
        known = {(corpus / name).read_bytes() for name in kept}
        for path in sorted(merged.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
            size = path.stat().st_size
            if size > min(room, INPUT_BYTES_MAX) or path.read_bytes() in known:
                continue
            shutil.copy2(path, corpus / path.name)
            kept.add(path.name)
            room -= size
        for path in corpus.iterdir():
            if path.name not in kept:
                path.unlink()
    print(f"{target.name:12} {len(kept):>5} inputs, {CORPUS_BYTES_MAX - room:>7,} bytes", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="all, if none is named")
    parser.add_argument("--seconds", type=float, default=60, help="of one processor, for each")
    parser.add_argument("--slice", type=int, default=300, help="seconds before the next has a turn")
    parser.add_argument("--binaries", type=pathlib.Path, help="built before; not built again")
    parser.add_argument("--keep-corpus", action="store_true", help="leave fuzz/corpus as it is")
    options = parser.parse_args()
    binaries = options.binaries or build(BUILT / "binaries")
    targets = [Target(name, binaries / name) for name in options.targets or names()]
    waiting = list(targets)
    while waiting:
        for target in list(waiting):
            left = options.seconds - target.cpu_seconds
            said = target.run(max(1, min(options.slice, round(left))))
            total = sum(target.cpu_seconds for target in targets)
            print(f"{time.strftime('%H:%M:%S')} {target.figures()} of {total:,.0f} s", flush=True)
            if said:
                print(said, flush=True)
            if target.crashes >= CRASHES_MAX or target.cpu_seconds + 1 > options.seconds:
                waiting.remove(target)
    print("\nin all", flush=True)
    for target in targets:
        print(target.figures(), flush=True)
    if not options.keep_corpus:
        for target in targets:
            minimise(target)
    sys.exit(1 if any(target.crashes for target in targets) else 0)


if __name__ == "__main__":
    main()
