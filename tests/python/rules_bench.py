"""DuckDB as the peer of the rules' benchmark (budgets.md P1): its own file, one thread.

    rules_bench.py load CITY FACILITY FILE       typed tables of one house into FILE
    rules_bench.py run FILE PACK [FINDINGS]      derived tables and all rules; prints times as one JSON object

`load` is not counted. `run` makes everything that follows from the typed tables anew, in temporary tables.
"""

import json
import os
import pathlib
import resource
import sys
import time

import duckdb

from duckdb_city import City, Pack, prepare, quoted
from rules_duckdb import RULES, Judge

# Rows without a facility of their own belong to the house by visit, settlement, machine or person.
BY = [
    ("mdtrt_id", "mdtrt_d"),
    ("setl_id", "setl_d"),
    ("equip_no", "equip"),
    ("psn_no", "mdtrt_d"),
]


class Derived:
    """Runs what `prepare` derives, in temporary tables; typed tables are there already."""

    def __init__(self, db):
        self.db = db

    def execute(self, sql, *values):
        return self.db.execute(sql.replace("CREATE TABLE ", "CREATE OR REPLACE TEMP TABLE ", 1), *values)


class Loaded:
    """The city as `prepare` and `Judge` know it, over a file that was loaded before."""

    def __init__(self, db):
        self.db = Derived(db)
        self.tables = {r[0] for r in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}

    def view(self, *_):
        pass


class Typed(City):
    """Loads the typed tables only: what is derived is run over empty results and thrown away."""

    def __init__(self, folder, house, file):
        self.db = duckdb.connect(file)
        self.folder, self.house = folder, house
        self.tables, self.known = set(), {}
        for path in sorted(folder.glob("*.csv")):
            if path.stem != "truth":
                self.tables.add(path.stem)
                text = self.text(path.stem)
                self.known[path.stem] = {r[0] for r in self.db.execute(f"DESCRIBE SELECT * FROM {text}").fetchall()}

    def text(self, table):
        path = str(self.folder / f"{table}.csv")
        return f"read_csv({quoted(path)}, all_varchar=true, header=true, delim=',', quote='\"', escape='\"')"

    def of_house(self, table):
        known = self.known[table]
        if "fixmedins_code" in known:
            return f"fixmedins_code = {quoted(self.house)}"
        for key, owner in BY:
            if key in known and table != owner:
                return f"{key} IN (SELECT {key} FROM {self.text(owner)} WHERE fixmedins_code = {quoted(self.house)})"
        return "TRUE"

    def columns(self, table):
        return self.known[table]

    def view(self, name, table, columns, where="TRUE"):
        if table in self.tables:
            self.db.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT * FROM {self.text(table)} WHERE {self.of_house(table)}")
        super().view(name, table, columns, where)


DERIVED = {"v", "dx", "s", "trait", "op", "opened", "cut0", "cut", "raw", "gone", "fee", "item"}


def load(folder, house, file):
    begun = time.perf_counter()
    city = Typed(folder, house, file)
    real = city.db
    # What P9 is compared with: the text of all fee lines into a table, and nothing checked.
    at = time.perf_counter()
    real.execute(f"CREATE TEMP TABLE as_read AS SELECT * FROM {city.text('fee_list_d')}")
    read = time.perf_counter() - at
    real.execute("DROP TABLE as_read")

    class Loader:
        def execute(self, sql, *values):
            head = sql.split()
            if head[:2] == ["CREATE", "TABLE"] and head[2] in DERIVED:
                return self
            if head[0] in ("DELETE", "UPDATE") or "TEMP VIEW f AS" in sql or (head[0] == "SELECT" and "FROM raw" in sql):
                return self
            return real.execute(sql, *values)

        def fetchall(self):
            return []

    city.db = Loader()
    prepare(city)
    # Rules look into the small tables as they came, too.
    for table in sorted(city.tables - {"fee_list_d"}):
        real.execute(f"DROP VIEW IF EXISTS temp.{table}")
        real.execute(f"CREATE TABLE {table} AS SELECT * FROM {city.text(table)} WHERE {city.of_house(table)}")
    lines = real.execute("SELECT count(*) FROM raw0").fetchone()[0]
    real.execute("CHECKPOINT")
    real.close()
    print(json.dumps({"wall": time.perf_counter() - begun, "lines": lines, "read_csv": read}))


def run(file, folder, findings):
    pack = Pack(folder)
    begun, cpu = time.perf_counter(), time.process_time()
    # The machine has other work, too; what does not fit goes to files of its own.
    limit = os.environ.get("DUCKDB_MEMORY", "8GB")
    db = duckdb.connect(file, read_only=True, config={"threads": 1, "memory_limit": limit})
    city = Loaded(db)
    prepare(city)
    derive = time.perf_counter() - begun
    found, per_rule, ran = [], {}, []
    for name in sorted(RULES):
        use = pack.rules[name]["use"]
        lists = [use.get("list"), (use.get("items") or {}).get("list")]
        if any(l and not pack.points.get(l) for l in lists):
            continue
        at = time.perf_counter()
        found.extend(RULES[name](Judge(city, pack, name)))
        per_rule[name] = time.perf_counter() - at
        ran.append(name)
    said = {"wall": time.perf_counter() - begun, "cpu": time.process_time() - cpu, "derive": derive}
    if findings:
        with open(findings, "w", encoding="utf-8") as out:
            out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(said | {"rules": ran, "per_rule": per_rule, "hits": len(found), "peak_kib": peak}))


if __name__ == "__main__":
    if sys.argv[1] == "load":
        load(pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        run(sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else None)
