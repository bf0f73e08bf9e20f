"""Judges the JSON of a bundle by programs of others: jsonschema, and RFC 8785 in Python.

    bundle.py FOLDER SCHEMAS

FOLDER is the unpacked EVID-… folder, SCHEMAS the JSON Schemas of record, statement, journal line and log
entry. Prints one JSON object with what was judged; exit 1 with one line per fault on standard error.
"""

import json
import pathlib
import sys

import jsonschema

folder, schemas = map(pathlib.Path, sys.argv[1:3])
faults = []
judged = {"record": 0, "statement": 0, "journal": 0, "recording_log": 0, "entry": 0, "canonical": 0}


def validator(name):
    schema = json.loads((schemas / f"{name}.schema.json").read_text("utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def no_twins(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError("a member twice")
    return dict(pairs)


def canonical(value):
    """RFC 8785 for what our files may hold: no fractions, so numbers are plain integers."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(canonical(k) + ":" + canonical(v) for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float) or (type(value) is int and abs(value) > 2**53):
        raise ValueError("a number that is no safe integer")
    return json.dumps(value, ensure_ascii=False)


def judge(name, raw, schema=None, kind=None):
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=no_twins)
        if canonical(value).encode("utf-8") != raw:
            raise ValueError("not in RFC 8785 form")
        judged["canonical"] += 1
        if schema is not None:
            for error in schema.iter_errors(value):
                faults.append(f"{name}: {error.json_path} {error.message[:200]}")
            judged[kind] += 1
    except ValueError as error:
        faults.append(f"{name}: {error}")


record, statement = validator("record-1"), validator("statement-1")
line, entry = validator("journal-entry-1"), validator("log-entry-1")
judge("record.json", (folder / "data/record.json").read_bytes(), record, "record")
judge("statement.json", (folder / "metadata/statement.json").read_bytes(), statement, "statement")
for path in ("receipts/center.entry.json", "metadata/time.entry.json"):
    judge(path, (folder / path).read_bytes(), entry, "entry")
logs = [(folder / "data/journal.jsonl", "journal")]
logs += [(path, "recording_log") for path in sorted((folder / "data/media").glob("*.log.jsonl"))]
for path, kind in logs:
    raw = path.read_bytes()
    if not raw.endswith(b"\n"):
        faults.append(f"{path.name}: the last line does not end")
    for number, text in enumerate(raw.splitlines(), 1):
        judge(f"{path.name}:{number}", text, line, kind)
for path in sorted((folder / "data").rglob("*.json")):
    if path.name != "record.json":
        judge(path.name, path.read_bytes())

print(json.dumps(judged))
for fault in faults:
    print(fault, file=sys.stderr)
sys.exit(1 if faults else 0)
