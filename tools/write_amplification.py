#!/usr/bin/env python3
"""How many bytes the device writes for each byte of source: for a bulk load, then for random updates.

Loads --documents documents of --size bytes by _bulk, then overwrites random ones, for --seconds or for
--updates of them, from --clients connections, one by one or by --batch in a _bulk. The device under
--directory is asked what it wrote (sectors written in /sys/dev/block/*/stat, after a sync), so nothing
else should write to it: use a file system of its own, as in soak.py. How full the store is when the
updates begin is the caller's choice of documents, size and file system.

    tools/write_amplification.py --binary target/release/occam --directory /tmp/soak.mnt \\
        --documents 200000 --size 1000 --seconds 60

Beside it stands what the server asked for (write_bytes in /proc/PID/io); the rest is the file system's
journal. Single updates write whole blocks for each group that is synced, so their figure falls with
more clients. Data goes to DIR/amplification-data, removed before and after.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import shutil
import string
import subprocess
import sys
import time

MIB = 1 << 20
PADDING = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=MIB))


def source(rng, size):
    start = rng.randrange(MIB - size)
    return '{"p":"%s"}' % PADDING[start:start + size - len('{"p":""}')]


def call(connection, method, path, body, kind="application/json"):
    connection.request(method, path, body, {"Content-Type": kind})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status not in (200, 201):
        raise RuntimeError(f"{method} {path}: {response.status} {answer}")
    return answer


def bulk(connection, documents):
    """Indexes documents, (id, source) each. An item that fails ends the measurement."""
    lines = "".join('{"index":{"_id":"%d"}}\n%s\n' % document for document in documents)
    answer = call(connection, "POST", "/amplification/_bulk", lines, "application/x-ndjson")
    if answer["errors"]:
        raise RuntimeError(f"bulk: {next(i for i in answer['items'] if 'error' in i['index'])}")


def update(number, port, options, pipe):
    """One client's updates. Sends its latencies in ms, and the error that ended it, if any."""
    rng, taken, error = random.Random(f"{options.seed}/{number}"), [], None
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    count = options.updates // options.clients // options.batch if options.updates else sys.maxsize
    end = time.monotonic() + (float("inf") if options.updates else options.seconds)
    try:
        while len(taken) < count and (begin := time.monotonic()) < end:
            ids = [rng.randrange(options.documents) for _ in range(options.batch)]
            if options.batch == 1:
                call(connection, "PUT", f"/amplification/_doc/{ids[0]}", source(rng, options.size))
            else:
                bulk(connection, [(id, source(rng, options.size)) for id in ids])
            taken.append((time.monotonic() - begin) * 1000)
    except (RuntimeError, OSError, http.client.HTTPException) as failure:
        error = str(failure)[:500]
    pipe.send((taken, error))


def written(directory, pid):
    """Bytes the device and the server have written so far, and the time."""
    os.sync()
    device = os.stat(directory).st_dev
    path, sectors = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat", 0
    if os.path.exists(path):     # a tmpfs has no device
        with open(path) as file:
            sectors = int(file.read().split()[6])
    with open(f"/proc/{pid}/io") as file:
        server = int(dict(line.split(": ") for line in file)["write_bytes"])
    return sectors * 512, server, time.monotonic()


def report(phase, stored, before, after):
    device, server, seconds = (b - a for a, b in zip(before, after))
    print(f"{phase}: {stored / MIB:.1f} MiB of source in {seconds:.1f} s; per byte of it device "
          f"{device / stored:.3f} ({device / MIB:.1f} MiB), server {server / stored:.3f}", flush=True)


def measure(options, data, server):
    line = server.stdout.readline().decode()
    if not line.startswith("listening on "):
        sys.exit(f"no start: {line}")
    port = int(line.rsplit(":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    rng = random.Random(options.seed)
    empty = written(options.directory, server.pid)
    for start in range(0, options.documents, 1000):
        ids = range(start, min(start + 1000, options.documents))
        bulk(connection, [(id, source(rng, options.size)) for id in ids])
    loaded = written(options.directory, server.pid)
    report("load", options.documents * options.size, empty, loaded)

    clients, taken, errors = [], [], []
    for number in range(options.clients):
        clients.append(pipe := multiprocessing.Pipe())
        arguments = (number, port, options, pipe[1])
        multiprocessing.Process(target=update, args=arguments, daemon=True).start()
    for here, _ in clients:
        latencies, error = here.recv()
        taken, errors = taken + latencies, errors + ([error] if error else [])
    if not taken:
        sys.exit(f"no update: {errors[:1]}")
    report("updates", len(taken) * options.batch * options.size, loaded,
           written(options.directory, server.pid))
    taken.sort()
    print(f"  {len(taken)} requests of {options.batch}: p50 {taken[len(taken) // 2]:.2f} ms, "
          f"p99 {taken[int(len(taken) * 0.99)]:.2f} ms, max {taken[-1]:.0f} ms")
    used = sum(os.stat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(data) for name in names)
    print(f"  in the end used {used / MIB:.0f} MiB = {used / options.documents / options.size:.2f} x live")
    if errors:
        sys.exit(f"{len(errors)} clients stopped early, the first: {errors[0]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("--binary", "--directory"):
        parser.add_argument(name, required=True)
    for name, default in (("documents", 100_000), ("size", 1000), ("seconds", 30), ("updates", 0),
                          ("clients", 8), ("batch", 1), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    data = os.path.join(options.directory, "amplification-data")
    shutil.rmtree(data, ignore_errors=True)
    server = subprocess.Popen([options.binary, "--http", "127.0.0.1:0", "--data", data],
                              stdout=subprocess.PIPE)
    try:
        measure(options, data, server)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
