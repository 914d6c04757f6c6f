#!/usr/bin/env python3
"""Documents to move about, and whether they arrived.

    documents.py fill URL INDEX N        creates an index with a mapping and N documents
    documents.py same URL INDEX OTHER    whether two indices hold the same documents, byte for byte
    documents.py count URL INDEX N       whether an index holds N documents

Needs Python 3 only. Ends with 1 if something is not as it should be.
"""

import json
import sys
import urllib.parse
import urllib.request

MAPPING = {
    "properties": {
        "number": {"type": "long"},
        "day": {"type": "date"},
        "word": {"type": "keyword"},
        "text": {"type": "text"},
        "nested": {"properties": {"flag": {"type": "boolean"}}},
    }
}


def ask(url, method, path, body=None, kind="application/json"):
    """Sends a request; returns what the JSON answer says, or fails."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(url + path, data, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def document(number):
    """A document, and an id that wants to be escaped."""
    source = {
        "number": number if number % 7 else 2**53 + number,
        "day": f"2024-02-{number % 28 + 1:02d}",
        "word": ["", "plain", "späť \u2603", 'quo"ted \\ \u0001'][number % 4],
        "text": "word " * (number % 50),
        "nested": {"flag": number % 2 == 0, "list": [1.0, None, 2.5], "objects": [{"deep": []}, {}]},
    }
    return f"{number}/ä %+#{number % 3}", source


def fill(url, index, count):
    """Creates an index with so many documents."""
    ask(url, "PUT", f"/{index}", json.dumps({"mappings": MAPPING}))
    lines = []
    for number in range(count):
        name, source = document(number)
        lines.append(json.dumps({"index": {"_id": name}}))
        lines.append(json.dumps(source, ensure_ascii=number % 2 == 0))
    body = "\n".join(lines) + "\n"
    answer = ask(url, "POST", f"/{index}/_bulk?refresh=true", body, "application/x-ndjson")
    if answer["errors"]:
        sys.exit(f"documents were refused: {json.dumps(answer)[:500]}")


def everything(url, index):
    """All documents of an index, by id."""
    found = {}
    answer = ask(url, "POST", f"/{index}/_search?scroll=1m", json.dumps({"size": 500}))
    while answer["hits"]["hits"]:
        for hit in answer["hits"]["hits"]:
            found[hit["_id"]] = hit["_source"]
        body = json.dumps({"scroll": "1m", "scroll_id": answer["_scroll_id"]})
        answer = ask(url, "POST", "/_search/scroll", body)
    return found


def same(url, index, other):
    """Compares two indices."""
    left, right = everything(url, index), everything(url, other)
    if left.keys() != right.keys():
        sys.exit(f"{len(left)} documents, {len(right)} of them arrived")
    changed = [name for name in left if left[name] != right[name]]
    if changed:
        name = changed[0]
        sys.exit(f"{len(changed)} differ, such as {name!r}: {left[name]} became {right[name]}")
    print(f"{len(left)} documents are the same in {index} and {other}")


def count(url, index, expected):
    """Counts."""
    quoted = urllib.parse.quote(index)
    found = ask(url, "GET", f"/{quoted}/_count")["count"]
    if found != expected:
        sys.exit(f"{index} holds {found} documents, expected {expected}")


def main():
    """Does what the command line says."""
    match sys.argv[1:]:
        case ["fill", url, index, number]:
            fill(url, index, int(number))
        case ["same", url, index, other]:
            same(url, index, other)
        case ["count", url, index, number]:
            count(url, index, int(number))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
