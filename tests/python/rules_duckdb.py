"""The rules a second time, in SQL: what others make of the same text.

    rules_duckdb.py CITY PACK[:OVERLAY...] [RULE,RULE,...]

CITY is a folder of CSV files in the import contract, PACK the folder of the national pack, OVERLAY that of a region's
pack above it. Only data of them is read: parameters, lists of items, exclusions, knowledge points. What a rule means is written here once more, in
SQL, from the text of the rules (names, definitions, readings, worked cases). Prints one JSON object a finding:
rule, fixmedins_code, psn_no, mdtrt_id, bkkp_sn, code; rules that this program does not know are left out, and
`--rules` prints which it knows.
"""

import json
import os
import pathlib
import sys

import duckdb

# The rules by family; each file registers its own with duckdb_judge.
import rules_cards  # noqa: F401
import rules_charges  # noqa: F401
import rules_elsewhere  # noqa: F401
import rules_house  # noqa: F401
import rules_lists  # noqa: F401
import rules_records  # noqa: F401
import rules_stays  # noqa: F401
import rules_stock  # noqa: F401
import rules_written  # noqa: F401
from duckdb_city import City, Pack, prepare
from duckdb_judge import RULES, Judge


def main(arguments):
    if arguments == ["--rules"]:
        print("\n".join(sorted(RULES)))
        return
    packs = map(pathlib.Path, arguments[1].split(os.pathsep))
    city, pack = City(pathlib.Path(arguments[0])), Pack(*packs)
    prepare(city)
    wanted = arguments[2].split(",") if len(arguments) > 2 else sorted(RULES)
    found = []
    for name in wanted:
        lists = [pack.rules[name]["use"].get("list"), (pack.rules[name]["use"].get("items") or {}).get("list")]
        empty = any(l and not pack.points.get(l) for l in lists)
        if empty and not getattr(RULES[name], "lists_may_be_empty", False):
            continue
        try:
            found.extend(RULES[name](Judge(city, pack, name)))
        except duckdb.Error as cause:
            sys.exit(f"{name}: {cause}")
    key = lambda r: (r["rule"], r.get("mdtrt_id", ""), r.get("bkkp_sn", []), r.get("psn_no", ""), r.get("code", ""))
    for line in sorted(found, key=key):
        print(json.dumps(line, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
