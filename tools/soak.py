#!/usr/bin/env python3
"""Soak test: random writes on a small file system, with kills and full disks.

Client processes (soak_client.py) index, overwrite, compare and set, update, delete, load in bulk and
re-create indices, and check every answer and every read against what was acknowledged. This driver
kills and restarts the server, fills the file system with a ballast file, samples space and memory, and
at the end has every document read. A violation is anything that Occam promises not to do.

It needs Python 3.9 and a small file system of its own, which it FILLS (refused above 4 GiB):

    dd if=/dev/zero of=/tmp/soak.img bs=1M count=0 seek=1024
    mkfs.ext4 -q -F -m 0 /tmp/soak.img
    mkdir -p /tmp/soak.mnt && mount -o loop /tmp/soak.img /tmp/soak.mnt      # as root
    tools/soak.py --binary target/release/occam --directory /tmp/soak.mnt --minutes 30
    umount /tmp/soak.mnt

(or `mount -t tmpfs -o size=1g none /tmp/soak.mnt`, where a sync costs nothing). `--quick` takes a
minute. Data goes to DIR/soak-data, which is removed at the start and left at the end; the server's
stderr goes to a temporary file that is named at the start. `--seed` repeats the choices, not the
timing. Space and memory are reported; `--max-ratio` and `--max-rss` make them violations too. The last
line is `VIOLATIONS: n`; the exit code is 1 if n > 0.

Latencies are seen from the clients, which share the machine's cores with the server.
"""

import argparse
import array
import collections
import multiprocessing
import os
import random
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True      # no __pycache__ in the repository
from soak_client import FINAL, FULL, GIVE_UP, LOAD, MODE, QUIET, SERVER, VIOLATIONS_SHOWN, Client, Http

MIB = 1 << 20
FILE_SYSTEM_MAX = 4096 * MIB
START_SECONDS = 120
STOP_SECONDS = 30
RECOVER_SECONDS = 10      # writes must succeed again this long after there is room
FINAL_SECONDS = 300       # grace for the last audit


class GaveUp(Exception):
    """The server cannot be started any more."""


class Driver:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.data = os.path.join(options.directory, "soak-data")
        self.ballast = os.path.join(options.directory, "soak-ballast")
        self.stderr = tempfile.NamedTemporaryFile("w+b", prefix="soak-stderr-", delete=False)
        self.shared = multiprocessing.Array("q", 3, lock=False)
        self.live = multiprocessing.Array("d", options.clients, lock=False)
        self.loaded = multiprocessing.Array("q", options.clients, lock=False)
        self.process, self.port, self.lives, self.starved = None, 0, 0, None
        self.counts, self.notes, self.violations = collections.Counter(), [], []
        self.starts, self.recoveries, self.stops = [], [], []
        self.latencies = collections.defaultdict(lambda: array.array("f"))
        self.settled = 0.0      # the ratio of used to live bytes after some time without writes
        self.samples = []       # (seconds, used, live, resident, highest resident, warm)
        self.warm = self.over = False
        self.begin = time.monotonic()

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def violation(self, text):
        text = f"driver, life {self.lives}, second {time.monotonic() - self.begin:.0f}: {text}"
        self.counts["violations"] += 1
        self.violations.append(text)
        self.say(f"VIOLATION {text}")

    # --- the server

    def start(self):
        """Starts the server; if that fails, without the ballast, and then some more times."""
        for attempt in range(4):
            reason = self.try_start()
            if reason is None:
                return
            full = os.path.exists(self.ballast)
            self.violation(f"no start{' on a full disk' if full else ''}: {reason}")
            self.counts["starts that failed" + (" on a full disk" if full else "")] += 1
            self.remove_ballast()
            time.sleep(attempt)
        raise GaveUp(reason)

    def try_start(self):
        mark, begin = os.path.getsize(self.stderr.name), time.monotonic()
        command = [self.options.binary, "--http", "127.0.0.1:0", "--data", self.data]
        if self.options.memory:
            command += ["--memory", self.options.memory]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.stderr, start_new_session=True)
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("listening on http://127.0.0.1:"):
            self.process.kill()
            code = self.process.wait()
            return f"exit code {code} after {time.monotonic() - begin:.1f} s; {self.stderr_since(mark)}"
        self.starts.append(time.monotonic() - begin)
        self.port, self.lives = int(line.rsplit(":", 1)[1]), self.lives + 1
        self.shared[SERVER] = self.lives << 16 | self.port
        self.say(f"life {self.lives}: ready after {self.starts[-1]:.2f} s, pid {self.process.pid}")
        return None

    def stderr_since(self, mark):
        with open(self.stderr.name, "rb") as file:
            file.seek(max(mark, os.path.getsize(self.stderr.name) - 600))
            return "stderr: " + file.read().decode(errors="replace").strip()

    def stop(self, how):
        """Ends the server: with SIGKILL, or with SIGTERM, which it must answer with exit code 0."""
        self.shared[SERVER] = 0
        begin = time.monotonic()
        self.process.send_signal(how)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = f"{self.process.wait()} (killed after {STOP_SECONDS} s)"
        self.counts[how.name] += 1
        if how == signal.SIGTERM:
            self.stops.append(time.monotonic() - begin)
            if code != 0:
                self.violation(f"exit code {code} after SIGTERM; {self.stderr_since(0)}")

    def watch(self, seconds):
        """Waits, notices when the server goes by itself, and whether it takes writes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(0.1, left))
            if self.process.poll() is not None:
                self.shared[SERVER] = 0
                self.counts["exits by itself"] += 1
                self.violation(f"exit by itself: code {self.process.returncode}; {self.stderr_since(0)}")
                self.start()
            elif not self.shared[FULL] and self.shared[MODE] == LOAD and time.monotonic() > self.probed + 1:
                self.probe()

    def probe(self):
        """Writes one document. Says whether that worked; refusals for long are a violation."""
        self.probed = time.monotonic()
        status, answer, _ = Http(self.port).call("PUT", "/soak-probe/_doc/1", '{"probe":1}')
        if status in (200, 201):
            self.starved = None
        elif self.starved is None:
            self.starved = self.probed
        elif 0 < self.starved < self.probed - RECOVER_SECONDS:
            free = shutil.disk_usage(self.options.directory).free
            self.violation(f"no write for {RECOVER_SECONDS} s without ballast: used {self.used() // MIB} "
                           f"MiB, live {sum(self.live) / MIB:.0f} MiB, free {free // MIB} MiB; {answer}")
            self.starved = -1   # said once, until a write succeeds
        return status in (200, 201)

    # --- full disks

    def fill(self):
        with open(self.ballast, "ab") as file:
            chunk, end = 64 * MIB, os.path.getsize(self.ballast)
            while chunk >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), end, chunk)
                    end += chunk
                except OSError:
                    chunk //= 2
        return end

    def remove_ballast(self):
        self.shared[FULL] = 0
        if os.path.exists(self.ballast):
            os.remove(self.ballast)

    def full_disk(self):
        """Fills the disk for a while. A greedy ballast takes what is freed meanwhile, too."""
        greedy, kill = self.random.random() < 0.5, self.random.random() < 0.4
        hold = self.random.uniform(5, 15) * (0.4 if self.options.quick else 1)
        ballast = self.fill()
        self.counts["full-disk episodes"] += 1
        self.shared[FULL] = episode = self.counts["full-disk episodes"]
        self.say(f"full disk {episode}: ballast {ballast // MIB} MiB for {hold:.1f} s"
                 f"{', greedy' if greedy else ''}{', with a kill' if kill else ''}")
        end, kill_at = time.monotonic() + hold, time.monotonic() + hold * self.random.uniform(0.2, 0.7)
        while time.monotonic() < end and self.shared[FULL]:
            self.watch(0.5)
            if greedy and self.shared[FULL]:
                self.fill()
            if kill and time.monotonic() > kill_at:
                kill = False
                self.counts["kills on a full disk"] += 1
                self.stop(signal.SIGKILL)
                self.start()
        self.remove_ballast()
        begin, self.starved = time.monotonic(), None
        while not self.probe() and self.starved != -1:
            if self.process.poll() is not None:
                return      # `watch` will tell
            time.sleep(0.02)
        if self.starved is None:
            self.recoveries.append(time.monotonic() - begin)
            self.say(f"full disk {episode}: writes succeed {self.recoveries[-1]:.2f} s after it")

    # --- samples

    def used(self):
        total = 0
        for directory, _, files in os.walk(self.data):
            for name in files:
                try:
                    total += os.stat(os.path.join(directory, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
        return total

    def sample(self):
        """A thread: every second space and memory, every half minute a line."""
        while not self.over:
            memory = {}
            try:
                with open(f"/proc/{self.process.pid}/status") as file:
                    memory = dict(line.split(":", 1) for line in file)
            except (OSError, AttributeError):
                pass
            resident, highest = (int(memory.get(k, "0").split()[0]) * 1024 for k in ("VmRSS", "VmHWM"))
            second = time.monotonic() - self.begin
            self.samples.append((second, self.used(), sum(self.live), resident, highest, self.warm))
            if len(self.samples) % 30 == 0:
                _, used, live, *_ = self.samples[-1]
                self.say(f"used {used // MIB} MiB, live {live / MIB:.0f} MiB, ratio "
                         f"{used / max(live, 1):.2f}, resident {resident // MIB} MiB")
            time.sleep(1)

    # --- the run

    def run(self):
        shutil.rmtree(self.data, ignore_errors=True)
        self.remove_ballast()
        os.makedirs(self.data)
        self.probed = 0.0
        clients = []
        try:
            self.shared[MODE] = QUIET
            self.start()
            threading.Thread(target=self.sample, daemon=True).start()
            self.create_indices()
            for number in range(self.options.clients):
                here, there = multiprocessing.Pipe()
                client = Client(number, self.options, self.shared, self.live, self.loaded)
                process = multiprocessing.Process(target=client.run, args=(there,), daemon=True)
                process.start()
                there.close()
                clients.append((here, process))
            self.phases(clients)
        except GaveUp as reason:
            self.violation(f"given up: {reason}")
            self.shared[MODE] = GIVE_UP
            self.collect(clients)
        finally:
            self.over = True
            self.shared[SERVER] = 0
            for _, process in clients:
                process.kill()
            self.remove_ballast()
            if self.process is not None and self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        return self.report()

    def create_indices(self):
        for k, name in enumerate([f"soak-{k}" for k in range(self.options.indices)] + ["soak-external"]):
            body = '{"settings":{"number_of_shards":%d}}' % (k % 3 + 1)
            status, answer, _ = Http(self.port).call("PUT", f"/{name}", body)
            if status != 200:
                raise GaveUp(f"cannot create {name}: {status} {answer}")

    def phases(self, clients):
        quick = self.options.quick
        settle = 8 if quick else 30
        end = self.begin + self.options.minutes * 60 - settle - (5 if quick else 20)
        self.shared[MODE] = LOAD
        while time.monotonic() < end:
            warm = all(self.loaded)
            if warm and not self.warm:
                self.say(f"loaded: live {sum(self.live) / MIB:.0f} MiB")
            self.warm = self.warm or warm
            pause = self.random.uniform(3, 7) if quick else self.random.uniform(10, 30)
            self.watch(min(pause, max(0, end - time.monotonic())))
            if self.warm and self.starved is None and self.random.random() < 0.4:
                self.full_disk()
            else:
                self.stop(signal.SIGKILL if self.random.random() < 0.75 else signal.SIGTERM)
                self.start()
        self.say(f"settling for {settle} s without writes")
        self.shared[MODE] = QUIET
        self.watch(settle)
        self.warm = False
        self.settled = self.used() / max(sum(self.live), 1)
        self.stop(signal.SIGTERM)
        self.shared[MODE] = FINAL
        self.start()
        self.collect(clients)
        self.stop(signal.SIGTERM)

    def collect(self, clients):
        """Waits for the last audit of each client, and compares the numbers of documents."""
        final = complete = self.shared[MODE] == FINAL
        deadline, there = time.monotonic() + FINAL_SECONDS, collections.Counter()
        for number, (pipe, _) in enumerate(clients):
            while not pipe.poll(0.1) and time.monotonic() < deadline:
                self.watch(0.1 if final else 0)
            try:
                counts, latencies, violations, documents = pipe.recv() if pipe.poll() else None
            except (EOFError, TypeError):
                self.violation(f"client {number} did not finish")
                complete = False
                continue
            self.counts.update(counts)
            self.violations += violations
            there.update(documents)
            for kind, taken in latencies.items():
                self.latencies[kind].frombytes(taken)
        for index in sorted(there) if complete else []:
            status, answer, _ = Http(self.port).call("GET", f"/{index}/_count")
            if status != 200 or answer["count"] != there[index]:
                self.violation(f"{index} counts {answer}, the clients {there[index]}")

    def report(self):
        counts, warm = self.counts, [s for s in self.samples if s[5] and s[2] > 0]
        ratios = sorted(used / live for _, used, live, *_ in warm)
        p99 = ratios[int(len(ratios) * 0.99)] if ratios else 0
        highest = max((s[4] for s in self.samples), default=0)
        if self.options.max_ratio and p99 > self.options.max_ratio:
            self.violation(f"space: the ratio's p99 is {p99:.2f}")
        if self.options.max_rss and highest > self.options.max_rss * MIB:
            self.violation(f"memory: {highest // MIB} MiB resident")

        def several(*names):
            return ", ".join(f"{name} {counts[name]}" for name in names)

        def times(taken):
            return f"median {statistics.median(taken):.2f} s, max {max(taken):.2f} s" if taken else "none"

        kinds = [kind for kind in sorted(counts) if kind.startswith("ok ")]
        acknowledged = sum(counts[kind] for kind in kinds)
        print(f"\nseed {self.options.seed}, {time.monotonic() - self.begin:.0f} s, "
              f"{self.options.documents} documents, {self.options.clients} clients")
        print(f"acknowledged writes: {acknowledged} ({several(*kinds)}); reads: {counts['read']}; "
              f"{several('bulks')}; right refusals: {counts['conflict']}")
        print(f"refused for room or load: {several('refused', 'refused outside of full-disk episodes')}")
        print(f"unknown outcomes: {several('unknown', 'unknown, was applied', 'unknown, was not applied')}")
        print(several("audits", "documents audited"))
        print(f"lives: {self.lives}; "
              f"{several('SIGKILL', 'SIGTERM', 'exits by itself', 'starts that failed')}; "
              f"ready: {times(self.starts)}; stopped: {times(self.stops)}")
        print(several("full-disk episodes", "kills on a full disk", "starts that failed on a full disk")
              + f"; writes again: {times(self.recoveries)}")
        print(several(*(f"full {kind} {end}" for kind in ("write", "delete", "read")
                        for end in ("ok", "refused", "unknown"))))
        if warm:
            print(f"memory: highest {highest // MIB} MiB, "
                  f"median {statistics.median(s[3] for s in warm) / MIB:.0f} MiB")
            print(f"space: used {max(s[1] for s in warm) // MIB} MiB at most, live {warm[-1][2] / MIB:.0f} "
                  f"MiB in the end; ratio: median {statistics.median(ratios):.2f}, p99 {p99:.2f}, "
                  f"max {ratios[-1]:.2f}, settled {self.settled:.2f}")
        for kind, taken in sorted(self.latencies.items()):
            taken = sorted(taken) or [0]
            print(f"{kind} ms: p50 {taken[len(taken) // 2]:.2f}, "
                  f"p99 {taken[int(len(taken) * 0.99)]:.1f}, max {taken[-1]:.0f}")
        for text in self.violations[:VIOLATIONS_SHOWN]:
            print(f"  {text[:1000]}")
        print(f"VIOLATIONS: {counts['violations']}", flush=True)
        return 1 if counts["violations"] else 0


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--directory", required=True, help="on a small file system of its own")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--documents", type=int, help="default: their sources fill about a ninth")
    parser.add_argument("--memory", help="passed to the server")
    parser.add_argument("--indices", type=int, default=3, help="besides one with external versions and one "
                        "for each client that it deletes and creates again")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--max-ratio", type=float, help="bound of the p99 of used by live bytes")
    parser.add_argument("--max-rss", type=int, metavar="MIB", help="bound of the server's resident memory")
    parser.add_argument("--quick", action="store_true", help="about a minute, with shorter pauses")
    options = parser.parse_args()
    space = os.statvfs(options.directory)
    if (total := space.f_blocks * space.f_frsize) > FILE_SYSTEM_MAX:
        sys.exit(f"{options.directory} is on a file system of {total // MIB} MiB, and this would fill it")
    if options.quick:
        options.minutes = 1
    if options.documents is None:
        options.documents = total // 10_000
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    driver = Driver(options)
    driver.say(f"seed {options.seed}, {options.documents} documents, stderr in {driver.stderr.name}")
    sys.exit(driver.run())


if __name__ == "__main__":
    main()
