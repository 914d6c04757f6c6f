#!/usr/bin/env python3
"""Checks the checker: plants each bug of crates/simulator/bugs and has the simulator find it.

    tools/hunt.py            each bug: builds the simulator with it and runs seeds until one fails
    tools/hunt.py --check    only that every patch still applies; takes a moment

Each patch makes one believable mistake in the product; its first lines say which promise that breaks.
The bugs are planted in a scratch worktree of the last commit, with a target directory of its own, and
both are removed in the end. Ends with 1 if a bug was not found or a patch does not apply or build.
Needs git, cargo and Python 3.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUGS = ROOT / "crates" / "simulator" / "bugs"
FAILED = re.compile(r"^seed (\d+) failed: \[([^]]+)\]", re.MULTILINE)
HANGS = re.compile(r"^seed Some\((\d+)\) hangs", re.MULTILINE)


def run(*command, cwd=ROOT, env=None):
    """Runs a command, its output in one piece."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def promise_of(patch):
    """The lines of a patch that say in words what it breaks."""
    lines = patch.read_text("utf-8").split("\ndiff ", 1)[0].splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))


def check(patches):
    """Says of each patch that does not apply, or says nothing, why; returns how many there are."""
    faults = 0
    for patch in patches:
        applied = run("git", "apply", "--check", patch)
        why = applied.stdout.strip() if applied.returncode else ""
        if not why and not promise_of(patch):
            why = "it does not say which promise it breaks"
        if why:
            faults += 1
            print(f"{patch.stem}: {why}")
    print(f"{len(patches)} bugs, {faults} patches at fault")
    return faults


class Ground:
    """A scratch worktree and a target directory, both gone in the end."""

    def __init__(self, target):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="hunt-"))
        self.tree = self.scratch / "tree"
        self.target = target or self.scratch / "target"

    def __enter__(self):
        added = run("git", "worktree", "add", "--detach", self.tree, "HEAD")
        if added.returncode:
            self.__exit__()
            sys.exit(f"no worktree: {added.stdout}")
        return self

    def __exit__(self, *_):
        run("git", "worktree", "remove", "--force", self.tree)
        shutil.rmtree(self.scratch, ignore_errors=True)
        run("git", "worktree", "prune")

    def build(self):
        """Builds the simulator as the tree is now; its output if that failed."""
        environment = dict(os.environ, CARGO_TARGET_DIR=str(self.target))
        command = ("cargo", "build", "--profile", "ci", "-p", "simulator", "--locked", "--quiet")
        built = run(*command, cwd=self.tree, env=environment)
        return built.stdout if built.returncode else None

    def simulate(self, seeds, threads):
        """Runs seeds until one fails: its number and the rule, or nothing."""
        simulator = self.target / "ci" / "simulator"
        ran = run(simulator, "run", "--seeds", seeds, "--from", 0, "--threads", threads)
        found = [(int(seed), rule) for seed, rule in FAILED.findall(ran.stdout)]
        found += [(int(seed), "it hangs") for seed in HANGS.findall(ran.stdout)]
        if ran.returncode and not found:
            sys.exit(f"the simulator failed by itself:\n{ran.stdout[-2000:]}")
        return min(found, default=None)


def hunt(patches, seeds, threads, target):
    """Plants each bug and has it found; returns the rows of the table."""
    rows = []
    with Ground(target) as ground:
        for patch in patches:
            applied = run("git", "apply", patch, cwd=ground.tree)
            wrong = applied.stdout if applied.returncode else ground.build()
            began = time.monotonic()
            found = None if wrong else ground.simulate(seeds, threads)
            seconds = time.monotonic() - began
            run("git", "checkout", "--quiet", "--", ".", cwd=ground.tree)
            if wrong:
                print(wrong[-4000:])
                row = (patch.stem, None, "it does not build" if not applied.returncode
                       else "it does not apply", seconds)
            elif found:
                row = (patch.stem, found[0], found[1], seconds)
            else:
                row = (patch.stem, None, f"not found in {seeds} seeds", seconds)
            show(row)
            rows.append(row)
    return rows


def show(row):
    """One line of the table."""
    name, seed, rule, seconds = row
    print(f"| {name} | {'' if seed is None else seed} | {rule} | {seconds:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only that every patch still applies")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these bugs, not all")
    parser.add_argument("--seeds", type=int, default=10_000, help="how many each (10000)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--target", type=pathlib.Path, help="a target directory to use and to leave")
    arguments = parser.parse_args()

    patches = sorted(BUGS.glob("*.patch"))
    if arguments.only:
        unknown = set(arguments.only) - {patch.stem for patch in patches}
        if unknown:
            sys.exit(f"no such bug: {', '.join(sorted(unknown))}")
        patches = [patch for patch in patches if patch.stem in arguments.only]
    if not patches:
        sys.exit(f"no bugs in {BUGS}")
    if arguments.check:
        sys.exit(1 if check(patches) else 0)

    # So that the scratch is removed then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print("| bug | found at seed | by the rule | seconds |\n|---|---|---|---|")
    rows = hunt(patches, arguments.seeds, arguments.threads, arguments.target)
    found = [seed + 1 for _, seed, _, _ in rows if seed is not None]
    median = f"{statistics.median(found):.0f}" if found else "none"
    print(f"\n{len(found)} of {len(rows)} found; median number of seeds: {median}")
    missed = [name for name, seed, _, _ in rows if seed is None]
    if missed:
        print(f"not found: {', '.join(missed)}")
        sys.exit(1)


if __name__ == "__main__":
    main()
