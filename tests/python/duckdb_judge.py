"""What the second opinion on the rules is made of: one rule over one city, and the SQL that many rules share."""

from duckdb_city import LAG, City, Pack, either, inside, judged_by, prepare, quoted  # noqa: F401

RULES = {}


def rule(*ids):
    def known(function):
        for name in ids:
            RULES[name] = function
        return function
    return known


class Judge:
    """One rule over one city; its SQL gives fac, visit, also, psn, code, lines."""

    def __init__(self, city, pack, name):
        self.city, self.pack, self.name = city, pack, name
        self.rule = pack.rules[name]
        self.use = self.rule["use"]
        self.fund = self.rule.get("fund", not self.rule.get("no_loss", False))
        judged_by(city.db, self.fund)

    def param(self, name):
        return self.pack.param(self.name, name)

    def match(self, cell, code="f.code", name="f.name"):
        cell = cell.strip()
        if cell.startswith("~"):
            words = [w.strip() for w in cell[1:].split("&") if w.strip()]
            return "(" + " AND ".join(
                f"NOT contains({name}, {quoted(w[1:])})" if w[0] == "!" else f"contains({name}, {quoted(w)})" for w in words) + ")"
        if cell.endswith("*"):
            return f"starts_with({code}, {quoted(cell[:-1])})"
        return f"{code} = {quoted(cell)}"

    def items(self, of=None, alias="f"):
        """Which lines the rule means."""
        of = self.use.get("items") if of is None else of
        parts = []
        code, name = f"{alias}.code", f"{alias}.name"
        if of:
            for key, column in [("charge", "charge"), ("list_type", "list_type"), ("level", "lv")]:
                if of.get(key):
                    parts.append(inside(f"{alias}.{column}", of[key]))
            if of.get("code"):
                parts.append(either(self.match(c, code, name) for c in of["code"]))
            if of.get("name"):
                parts.append(either(f"contains({name}, {quoted(w)})" for w in of["name"]))
            parts += [f"NOT contains({name}, {quoted(w)})" for w in of.get("not_name", [])]
            if of.get("list"):
                parts.append(either(self.match(p["code"], code, name) for p in self.pack.points[of["list"]]))
        if self.use.get("list"):
            points = self.pack.points[self.use["list"]]
            if points and "code_b" in points[0] and not any(p["code_b"] for p in points):
                parts.append(either(self.match(p["code"], code, name) for p in points))
        exclude = self.rule.get("exclude", [])
        if "external" in exclude:
            parts.append(f"{alias}.etip <> '1'")
        if "take_home" in exclude:
            parts.append(f"{alias}.home <> '1'")
        if "take_home" in self.use.get("only", []):
            parts.append(f"{alias}.home = '1'")
        return " AND ".join(parts) if parts else "TRUE"

    def scope(self, alias="v"):
        return inside(f"{alias}.kind", self.use["scope"]) if self.use.get("scope") else "TRUE"

    def young(self, what, day, lag=LAG):
        return (f"({day}) > coalesce((SELECT max(d) FROM cut WHERE cut.fac = v.fac AND what = '{what}'),"
                f" (SELECT max(d) FROM cut WHERE cut.fac = v.fac)) - {lag}")

    def run(self, sql):
        excluded = [e for e in self.rule.get("exclude", []) if e not in ("external", "take_home", "split", "grouped")]
        cursor = self.city.db.execute(sql)
        names = [c[0] for c in cursor.description]
        rows = [dict(zip(names, row)) for row in cursor.fetchall()]
        if excluded:
            any_of = " OR ".join(excluded)
            bad = {r[0] for r in self.city.db.execute(f"SELECT visit FROM trait WHERE {any_of}").fetchall()}
            rows = [r for r in rows if not (({r.get("visit")} | set(r.get("also") or [])) & bad)]
        own = set()
        if self.fund:
            own = {s[0] for s in self.city.db.execute("SELECT sn FROM fee WHERE inside <= 0 AND amt > 0").fetchall()}
        for r in rows:
            if r.get("lines") and own:
                r["lines"] = [sn for sn in r["lines"] if sn not in own]
                if not r["lines"]:
                    continue
            out = {"rule": self.name, "fixmedins_code": r["fac"]}
            for key, name in [("psn", "psn_no"), ("visit", "mdtrt_id"), ("code", "code")]:
                if r.get(key):
                    out[name] = r[key]
            if r.get("lines"):
                out["bkkp_sn"] = sorted(r["lines"])
            yield out


# Lines at one time: the higher number at the end of the serial came later.
LATER = "t DESC, coalesce(try_cast(regexp_extract(sn, '([0-9]{1,9})$', 1) AS BIGINT), 0) DESC"
SOONER = LATER.replace(" DESC", "")


def lines_of(judge, where="TRUE"):
    return f"SELECT f.*, v.psn, v.kind, v.bd, v.ed FROM f JOIN v USING (visit) WHERE {judge.scope()} AND {judge.items()} AND {where}"


# A bill of which everything was taken back says nothing, not even by what it lacks.
BILLED = "(v.visit IN (SELECT visit FROM fee) OR v.visit NOT IN (SELECT visit FROM raw))"
ITEM = "visit, code, name, list_type, charge, lv"


def excess(of, partition, more):
    """The last lines of a group that make up what is too much."""
    return f"""
        WITH l AS ({of}), g AS (SELECT *, sum(q) OVER (PARTITION BY {partition}) AS total,
          sum(q) OVER (PARTITION BY {partition} ORDER BY {LATER}) - q AS later FROM l)
        SELECT fac, visit, any_value(psn) AS psn, list(sn) AS lines FROM
          (SELECT *, ({more}) AS more FROM g) WHERE more > 0 AND later < more
        GROUP BY fac, {partition}"""


def step_by_step(j, wheres):
    """The lines of a rule that pass every condition, as a table. In one query DuckDB keeps a copy of all lines for each
    condition that asks other tables: tens of gigabytes for twelve million."""
    db = j.city.db
    where = f"{j.scope()} AND {j.items()}"
    db.execute(f"CREATE OR REPLACE TEMP TABLE passed AS SELECT f.* FROM f JOIN v USING (visit) WHERE {where}")
    for where in wheres:
        db.execute(f"CREATE OR REPLACE TEMP TABLE passing AS SELECT f.* FROM passed f JOIN v USING (visit) WHERE {where}")
        db.execute("DROP TABLE passed")
        db.execute("ALTER TABLE passing RENAME TO passed")
    return "passed"


def by_item(j, where, join="", of="f"):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM {of} f JOIN v USING (visit) {join}
        WHERE {j.scope()} AND {j.items()} AND {where} GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


# Of fewer visits nobody can say that a time had no records.
FEW = 5


def kept(j, kinds, first, last, each):
    """True where a house kept the records that a rule looks for: `kinds` is SQL of fac and d by kind. A kind is lacking
    where the house has none of it in any month of the visit, or the visit ended before the first of them, and that time
    holds five visits or more with such charges. `each`: no kind may be lacking; else one that is there is enough."""
    if not kinds:
        return "TRUE"
    month = "(year({0}) * 12 + month({0}))".format
    db = j.city.db
    db.execute("CREATE OR REPLACE TEMP TABLE kept AS " + " UNION ALL ".join(
        f"SELECT fac, '{w}' AS what, {month('d')} AS m, min(d) AS d FROM ({sql}) WHERE d IS NOT NULL GROUP BY ALL"
        for w, sql in kinds.items()))
    db.execute(f"""CREATE OR REPLACE TEMP TABLE billing AS SELECT f.fac, f.visit, {month('coalesce(any_value(v.bd), max(f.d))')} AS m,
        greatest(coalesce(any_value(v.ed), max(f.d)), max(f.d)) AS last FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND {j.items()} AND f.d IS NOT NULL GROUP BY f.fac, f.visit""")
    db.execute(f"""CREATE OR REPLACE TEMP TABLE kept_from AS SELECT k.*, (SELECT count(*) FROM billing b WHERE b.fac = k.fac AND b.last < k.d) AS n
        FROM (SELECT fac, what, min(d) AS d, min(m) AS m, (SELECT min({month('w.bd')}) FROM v w WHERE w.fac = kept.fac) AS m0
          FROM kept GROUP BY fac, what) k""")
    db.execute("""CREATE OR REPLACE TEMP TABLE gaps AS
        WITH e AS (SELECT fac, what, m AS lo, coalesce(lead(m) OVER w, 999999) AS hi FROM kept WINDOW w AS (PARTITION BY fac, what ORDER BY m)
          UNION ALL SELECT fac, what, -1, min(m) FROM kept GROUP BY fac, what)
        SELECT e.*, (SELECT count(*) FROM billing b WHERE b.fac = e.fac AND b.m > e.lo AND b.m < e.hi) AS n FROM e""")
    # By distinct spans first: asked line by line, the join takes gigabytes.
    lacks = f"""((o.m > o.m0 AND s.b < o.d AND o.n >= {FEW}) OR EXISTS (SELECT 1 FROM gaps g WHERE g.fac = o.fac AND g.what = o.what
        AND g.lo < {month('s.a')} AND g.hi > {month('s.b')} AND g.n >= {FEW}))"""
    db.execute(f"""CREATE OR REPLACE TEMP TABLE lacking AS
        WITH s AS (SELECT DISTINCT v.fac, {first} AS a, {last} AS b FROM v LEFT JOIN f ON f.visit = v.visit AND {j.items()} WHERE {j.scope()})
        SELECT s.fac, a, b FROM s JOIN kept_from o ON o.fac = s.fac GROUP BY s.fac, a, b
        HAVING count(*) FILTER ({lacks}) >= {'1' if each else 'count(*)'}""")
    return f"NOT coalesce((v.fac, {first}, {last}) IN (SELECT fac, a, b FROM lacking), FALSE)"
