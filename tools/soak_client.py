"""The clients of the soak test: what they write, what they know, and what they check. See soak.py.

A document belongs to one client, and a client sends one request at a time. So it knows for each of its
documents the last acknowledged state, and the writes after that of which nobody knows whether they
happened. Reads settle those: what was seen once must stay.
"""

import array
import collections
import http.client
import json
import random
import signal
import string
import time

# What the driver tells the clients, in one shared array of integers: where the server is (its life and
# port in one number, 0 while it is down), what to do, and the number of the full-disk episode or 0.
SERVER, MODE, FULL = range(3)
LOAD, QUIET, FINAL, GIVE_UP = range(4)

ANSWER_SECONDS = 60       # no answer for this long is a violation
TOMBSTONE_SECONDS = 25    # well below the default of index.gc_deletes
VIOLATIONS_SHOWN = 20
NDJSON = "application/x-ndjson"
PADDING = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=1 << 20))


def source(value):
    """The source of a document: `value` is (nonce, length of the padding, counter)."""
    nonce, length, counter = value
    start = nonce * 7919 % (len(PADDING) - length)
    return '{"n":%d,"p":"%s","u":%d}' % (nonce, PADDING[start:start + length], counter)


def size(value):
    return 0 if value is None else len('{"n":,"p":"","u":}') + value[1] + len(f"{value[0]}{value[2]}")


class Http:
    """One connection. `call` answers (status, JSON, outcome); a status of None is a lost answer, and
    of 0 that nothing was sent."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        self.error = None

    def call(self, method, path, body=None, kind="application/json"):
        if self.connection.sock is None:
            try:
                self.connection.connect()
            except OSError as error:
                self.error = error
                return 0, None, None
        try:
            body = None if body is None else body.encode()
            self.connection.request(method, path, body, {"Content-Type": kind} if body else {})
            response = self.connection.getresponse()
            answer = json.loads(response.read())
            return response.status, answer, response.headers.get("X-Occam-Outcome")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.error = error
            self.connection.close()
            return None, None, None


class Document:
    """What a client knows: the last acknowledged state, and the writes after it that may have happened.
    `value` is None if it is not there, `version` 0 if it never was."""

    __slots__ = ("index", "id", "version", "seq_no", "term", "value", "maybe", "tried", "written")

    def __init__(self, index, id):
        self.index, self.id = index, id
        self.tried = 0      # the highest external version ever sent
        self.forget()

    def forget(self):
        self.version, self.seq_no, self.term, self.value = 0, -1, 0, None
        self.maybe = []     # of (value, external version or None, life)
        self.written = 0.0

    def state(self):
        return f"version {self.version} seq_no {self.seq_no} term {self.term} value {self.value}"


Write = collections.namedtuple("Write", "document action parameters body after version refused")


class Client:
    def __init__(self, number, options, shared, live, loaded):
        self.number, self.options = number, options
        self.shared, self.live, self.loaded = shared, live, loaded
        self.random = random.Random(f"{options.seed}/{number}")
        self.scratch = f"soak-scratch-{number}"
        self.scratch_uuid, self.scratch_known, self.scratch_due = None, False, 0.0
        names = [f"soak-{k}" for k in range(options.indices)] + ["soak-external", self.scratch]
        count = options.documents // options.clients
        self.documents = [Document(names[n % len(names)], f"c{number}-{n}") for n in range(count)]
        self.counts = collections.Counter()
        self.latencies = {"write": array.array("f"), "read": array.array("f")}
        self.violations = []
        self.bytes = 0
        self.nonce = (number + 1) * 10 ** 10
        self.http, self.server, self.life, self.audited = None, 0, 0, 0
        self.unloaded = [d for d in self.documents if self.random.random() < 0.8]

    # --- requests

    def run(self, pipe):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            mode = self.shared[MODE]
            if mode == GIVE_UP:
                break
            elif not self.connected():
                time.sleep(0.02)
            elif not self.scratch_known:
                self.settle_scratch()
            elif self.audited != self.life and mode != QUIET:
                if self.audit(everything=mode == FINAL):
                    self.audited = self.life
                    if mode == FINAL:
                        break
            elif mode == LOAD:
                self.load() if self.unloaded else self.step()
            else:
                self.http = None
                time.sleep(0.05)
        there = collections.Counter(d.index for d in self.documents if d.value is not None)
        latencies = {kind: taken.tobytes() for kind, taken in self.latencies.items()}
        pipe.send((self.counts, latencies, self.violations, there))

    def connected(self):
        server = self.shared[SERVER]
        if server != self.server or self.http is None:
            self.server, self.life, port = server, server >> 16, server & 0xFFFF
            self.http = Http(port) if port else None
        return self.http is not None

    def call(self, method, path, body=None, kind="application/json", measure=None):
        begin = time.monotonic()
        status, answer, outcome = self.http.call(method, path, body, kind)
        took = time.monotonic() - begin
        if status is None and took >= ANSWER_SECONDS:
            self.violation(f"no answer within {ANSWER_SECONDS} s: {method} {path}")
        elif not status and self.up():
            time.sleep(0.5)     # for the driver to notice that the server has gone
            if self.up():
                self.violation(f"a running server hung up: {method} {path} {self.http.error!r}")
        if measure and status in (200, 201, 404, 409):
            self.latencies[measure].append(took * 1000)
        return status, answer, outcome

    def up(self):
        return self.shared[SERVER] == self.server

    def violation(self, text):
        text = f"client {self.number}, life {self.life}: {text}"
        self.counts["violations"] += 1
        if len(self.violations) < VIOLATIONS_SHOWN:
            self.violations.append(text)
            print(f"{time.strftime('%H:%M:%S')} VIOLATION {text}", flush=True)

    # --- what to write

    def new_value(self):
        self.nonce += 1
        share = self.random.random()
        low, high = (500, 1500) if share < 0.85 else (10, 500) if share < 0.95 else (1500, 20_000)
        return self.nonce, self.random.randint(low, high), self.random.randrange(10 ** 8, 10 ** 9)

    def writable(self, document):
        """A write that was lost in this life of the server may still be under way."""
        return all(life != self.life for _, _, life in document.maybe)

    def plan(self, document, settled=True):
        """A random write. Where the outcome of an earlier one is open: one that replaces everything."""
        there, external = document.value is not None, document.index == "soak-external"
        if external:
            fresh = time.monotonic() - document.written < TOMBSTONE_SECONDS
            actions = {"index": 70, "delete": 15 if there else 3}
            if settled and document.version and (there or fresh):
                actions["stale"] = 10
        elif not settled:
            actions = {"index": 70, "delete": 30}
        elif there:
            actions = {"index": 35, "swap": 20, "update": 20, "delete": 10, "swap-delete": 4,
                       "stale": 6, "create": 5}
        else:
            actions = {"index": 55, "create": 30, "update": 5, "delete": 5,
                       "stale": 5 if document.version else 0}
        kind = self.random.choices(list(actions), actions.values())[0]
        action = {"swap": "index", "swap-delete": "delete", "stale": "index"}.get(kind, kind)
        parameters, refused, version = {}, None, None
        if external:
            version = document.tried + self.random.randint(1, 5)
            if kind == "stale":
                version, refused = self.random.randint(1, document.version), 409
            document.tried = max(document.tried, version)
            parameters = {"version": version, "version_type": "external"}
        elif kind in ("swap", "swap-delete", "stale"):
            seq_no, term = document.seq_no, document.term
            if kind == "stale":
                refused = 409
                if there:   # a tombstone is matched by nothing, not even by its own
                    seq_no, term = self.random.choice(
                        [(seq_no + 1, term), (max(seq_no - 1, 0), term + 1), (seq_no, term + 1)])
            parameters = {"if_seq_no": seq_no, "if_primary_term": term}
        elif kind == "create" and there:
            refused = 409
        elif kind == "update" and not there:
            refused = 404
        if action == "delete":
            return Write(document, action, parameters, None, None, version, refused)
        if action == "update":
            counter = self.random.randrange(10 ** 8, 10 ** 9)
            after = None if refused else document.value[:2] + (counter,)
            return Write(document, action, parameters, '{"doc":{"u":%d}}' % counter, after, None, refused)
        after = self.new_value()
        return Write(document, action, parameters, source(after), after, version, refused)

    # --- what to make of the answer

    def judge(self, write, status, answer, outcome):
        """Takes the answer to a write into the model. Says how it ended."""
        document, about = write.document, f"{write.action} {write.document.index}/{write.document.id}"
        error = (answer or {}).get("error")
        if status == 0:
            return "not sent"
        if status is None or outcome == "unknown" or status >= 500 and outcome != "not-applied":
            if status is not None:
                self.violation(f"{about}: {status} with outcome {outcome}: {error}")
            if write.refused is None:
                document.maybe.append((write.after, write.version, self.life))
            return "unknown"
        if status == 429 or status >= 500:
            return "refused"
        if write.refused is not None:
            if status == write.refused and error:
                return "conflict"
            self.violation(f"{about} {write.parameters}: {status}, not {write.refused}; {document.state()}")
            if error:
                return "wrong"
        there = document.value is not None
        made, missed = (404, 200) if write.action == "delete" else (201, 200)
        expected = (made, missed) if document.maybe else (missed if there else made,)
        if error or status not in expected:
            self.violation(f"{about} {write.parameters}: {status}, not {expected}; {document.state()}; "
                           f"open {document.maybe}; {answer}")
            if error:
                return "wrong"
        version, seq_no, term = (answer[k] for k in ("_version", "_seq_no", "_primary_term"))
        if write.version is not None:
            right = version == write.version
        elif there and not document.maybe:
            right = version == document.version + 1
        else:
            # A delete that is forgotten lets versions begin anew, with what is open or without.
            forgotten = not there and time.monotonic() - document.written > TOMBSTONE_SECONDS
            right = version > document.version or version == 1
            right = right or forgotten and version <= 1 + len(document.maybe)
        if not right or seq_no <= document.seq_no or term < document.term:
            self.violation(f"{about}: acknowledged as version {version} seq_no {seq_no} term {term} "
                           f"after {document.state()}; open {document.maybe}")
        self.become(document, version, seq_no, term, write.after)
        document.maybe.clear()
        return "ok"

    def become(self, document, version, seq_no, term, value):
        self.bytes += size(value) - size(document.value)
        document.version, document.seq_no, document.term, document.value = version, seq_no, term, value
        document.written = time.monotonic()
        self.live[self.number] = self.bytes

    def count(self, write, end, full):
        self.counts[f"{end} {write.action}" if end == "ok" else end] += 1
        if full:
            kind = "delete" if write.action == "delete" else "write"
            self.counts[f"full {kind} {end}"] += 1
        elif end == "refused":
            self.counts["refused outside of full-disk episodes"] += 1

    def check(self, document, found):
        """Compares what a read found with the model."""
        there = found.get("found")
        seen = None
        if there:
            body = found["_source"]
            seen = (body["n"], len(body["p"]), body["u"])
            if body != json.loads(source(seen)):
                self.violation(f"{document.index}/{document.id}: the source is mangled")
        version, seq_no, term = (found.get(k) for k in ("_version", "_seq_no", "_primary_term"))
        if seen == document.value and (not there or (version, seq_no, term) ==
                                       (document.version, document.seq_no, document.term)):
            if document.maybe:
                open_still = [m for m in document.maybe if m[2] == self.life]
                self.counts["unknown, was not applied"] += len(document.maybe) - len(open_still)
                document.maybe = open_still
            return
        for n, (value, external, _) in enumerate(document.maybe):
            if value == seen and (not there or seq_no > document.seq_no and term >= document.term and
                                  (external is None or version == external)):
                self.counts["unknown, was applied"] += 1
                open_still = [m for m in document.maybe[n + 1:] if m[2] == self.life]
                break
        else:
            open_still = []
            self.violation(f"{document.index}/{document.id}: read version {version} seq_no {seq_no} term "
                           f"{term} value {seen}; acknowledged {document.state()}; open {document.maybe}")
        if there:
            self.become(document, version, seq_no, term, seen)
        else:
            self.become(document, document.version, document.seq_no, document.term, None)
        document.maybe = open_still

    # --- steps

    def step(self):
        if time.monotonic() > self.scratch_due:
            return self.recreate_scratch()
        share = self.random.random()
        document = self.random.choice(self.documents)
        if share < 0.01:
            picked = self.random.choices(self.documents, k=self.random.randint(100, 2000))
            self.bulk([d for d in picked if self.writable(d)])
        elif share < 0.4 or not self.writable(document) or document.maybe and share < 0.7:
            self.read(document)
        else:
            self.write(document)

    def read(self, document):
        full = self.shared[FULL]
        status, answer, _ = self.call("GET", f"/{document.index}/_doc/{document.id}", measure="read")
        if status in (200, 404) and "error" not in answer:
            self.check(document, answer)
            self.counts["read"] += 1
        elif status and self.up():
            self.violation(f"read {document.index}/{document.id}: {status} {answer}")
        if full and self.shared[FULL] and status:
            self.counts[f"full read {'ok' if status in (200, 404) else 'refused'}"] += 1

    def write(self, document):
        write = self.plan(document, not document.maybe)
        path = f"/{document.index}/_{'doc' if write.action in ('index', 'delete') else write.action}"
        path += f"/{document.id}"
        if write.parameters:
            path += "?" + "&".join(f"{k}={v}" for k, v in write.parameters.items())
        method = {"delete": "DELETE", "update": "POST"}.get(write.action, "PUT")
        full = self.shared[FULL]
        status, answer, outcome = self.call(method, path, write.body, measure="write")
        end = self.judge(write, status, answer, outcome)
        self.count(write, end, full and self.shared[FULL])
        if end == "refused":
            time.sleep(0.01)

    def bulk(self, documents, plan=None):
        """A bulk in which a document may come twice; then the second write is one without condition."""
        seen, writes, lines = set(), [], []
        for document in documents:
            write = (plan or self.plan)(document, not document.maybe and document.id not in seen)
            seen.add(document.id)
            writes.append(write)
            place = {"_index": document.index, "_id": document.id, **write.parameters}
            lines.append(json.dumps({write.action: place}))
            if write.body is not None:
                lines.append(write.body)
        if not writes:
            return
        full = self.shared[FULL]
        status, answer, outcome = self.call("POST", "/_bulk", "\n".join(lines) + "\n", NDJSON)
        full = full and self.shared[FULL]
        answers = [(status, answer, outcome)] * len(writes)
        if status == 200:
            items = [item for one in answer["items"] for item in one.values()]
            answers = [(i["status"], i, i.get("error", {}).get("outcome")) for i in items]
            if len(items) != len(writes):
                self.violation(f"a bulk of {len(writes)} was answered with {len(items)} items")
        ends = [self.judge(write, *answer) for write, answer in zip(writes, answers)]
        for write, end in zip(writes, ends):
            self.count(write, end, full)
        self.counts["bulks"] += 1
        if "refused" in ends:
            time.sleep(0.05)

    def load(self):
        """Loads the next documents of the first load; `loaded` tells the driver when it is over."""
        def index(document, _settled):
            after, version, parameters = self.new_value(), None, {}
            if document.index == "soak-external":
                version = document.tried = document.tried + 1
                parameters = {"version": version, "version_type": "external"}
            return Write(document, "index", parameters, source(after), after, version, None)

        part, self.unloaded = self.unloaded[:1000], self.unloaded[1000:]
        self.bulk([d for d in part if self.writable(d)], index)
        self.loaded[self.number] = not self.unloaded

    def audit(self, everything):
        documents = [d for d in self.documents if everything or self.random.random() < 0.5]
        for start in range(0, len(documents), 500):
            part = documents[start:start + 500]
            body = json.dumps({"docs": [{"_index": d.index, "_id": d.id} for d in part]})
            status, answer, _ = self.call("POST", "/_mget", body)
            if status != 200:
                if status and self.up():
                    self.violation(f"mget: {status} {answer}")
                return False
            for document, found in zip(part, answer["docs"]):
                if "error" in found:
                    self.violation(f"mget {document.index}/{document.id}: {found['error']}")
                else:
                    self.check(document, found)
            self.counts["documents audited"] += len(part)
        self.counts["audits"] += 1
        return True

    # --- an index that comes and goes

    def recreate_scratch(self):
        self.scratch_due = time.monotonic() + self.random.uniform(20, 60)
        status, answer, outcome = self.call("DELETE", f"/{self.scratch}")
        if not status or outcome == "unknown":
            self.scratch_known = False      # either way; a read will tell
        elif status == 200:
            self.counts["ok index deletion"] += 1
            self.scratch_gone()
            self.settle_scratch()
        elif status != 429 and outcome != "not-applied":
            self.violation(f"delete {self.scratch}: {status} {answer}")

    def scratch_gone(self):
        self.scratch_uuid, self.scratch_known = None, False
        for document in self.documents:
            if document.index == self.scratch:
                self.become(document, 0, -1, 0, None)
                document.forget()

    def settle_scratch(self):
        """Finds out whether the index is there, and makes it if not."""
        status, answer, _ = self.call("GET", f"/{self.scratch}")
        if status == 200:
            uuid = answer[self.scratch]["settings"]["index"]["uuid"]
            if self.scratch_uuid not in (None, uuid):
                self.violation(f"{self.scratch} has the uuid {uuid}, not {self.scratch_uuid}")
            self.scratch_uuid, self.scratch_known = uuid, True
            self.scratch_due = time.monotonic() + self.random.uniform(20, 60)
        elif status == 404:
            if self.scratch_uuid is not None:
                self.scratch_gone()
            status, answer, outcome = self.call("PUT", f"/{self.scratch}", "{}")
            if status not in (0, None, 200, 429) and outcome is None:
                self.violation(f"create {self.scratch}: {status} {answer}")
            if status != 200:
                time.sleep(0.1)
        elif status and self.up():
            self.violation(f"get {self.scratch}: {status} {answer}")
