"""The second opinion on rules that rest on knowledge lists: whom an item is for, how much of it, and beside what.

A point means an item of the city by code, by the beginning of its code or by words of its name; it holds from its
first to its last day. The points of a list become a table (`points`), and what the list says of an item on a day is
one SQL over that table, the same for every rule that says the same.
"""

from duckdb_city import either, inside, quoted
from duckdb_judge import BILLED, LATER, SOONER, by_item, lines_of, rule


def points(j, name, table="pt"):
    """Every item of the city that a point of the list names: code, name, what the point says and since when."""
    parts = []
    for k, p in enumerate(j.pack.points[name]):
        until = quoted(p["enddate"]) if p["enddate"] else "'9999-12-31'"
        parts.append(f"""SELECT code, name, {k} AS k, CAST({quoted(p['begndate'])} AS DATE) AS since,
            CAST({until} AS DATE) AS until, CAST({p['value'] or 'NULL'} AS DECIMAL(18,6)) AS value, {quoted(p['unit'])} AS unit,
            string_split({quoted(p['text'])}, '|') AS words FROM item WHERE {j.match(p['code'], 'code', 'name')}""")
    j.city.db.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {' UNION ALL '.join(parts)}")
    return table


ON_LIST = "pt.code = f.code AND pt.name = f.name AND f.d BETWEEN pt.since AND pt.until"


def outside(j, fits, known="TRUE", join=""):
    """Lines of listed items that no point of the day lets pass."""
    points(j, j.use["list"])
    return by_item(j, f"""({known}) AND EXISTS (SELECT 1 FROM pt WHERE {ON_LIST})
        AND NOT EXISTS (SELECT 1 FROM pt WHERE {ON_LIST} AND ({fits}))""", join)


HOUSE = "JOIN house h ON h.fac = f.fac"


@rule("C06", "C21", "E05")
def level(j):
    return outside(j, "list_contains(pt.words, h.level)", "h.level <> ''", HOUSE)


@rule("E04-1")
def kind_of_house(j):
    return outside(j, "list_contains(pt.words, h.kind)", "h.kind <> ''", HOUSE)


@rule("C07", "C23", "E04")
def kind_of_visit(j):
    return outside(j, "list_contains(pt.words, v.med_type)", "v.med_type <> ''")


@rule("C10", "E07")
def insurance(j):
    return outside(j, "list_contains(pt.words, v.insutype)", "v.insutype <> ''")


@rule("C11")
def disease(j):
    return outside(j, "list_contains(pt.words, f.dise)", "f.dise <> ''")


@rule("D04", "E03")
def department(j):
    named = "len(list_filter(pt.words, lambda w: w <> '' AND contains(v.dept_name, w))) > 0"
    return outside(j, named, "v.dept_name <> ''")


WITH_DX = """EXISTS (SELECT 1 FROM dx WHERE dx.visit = f.visit
    AND len(list_filter(pt.words, lambda w: w <> '' AND starts_with(dx.code, w))) > 0)"""
ANY_DX = "EXISTS (SELECT 1 FROM dx WHERE dx.visit = f.visit)"


@rule("C01", "C19", "C30", "D07", "E08", "E09", "E10")
def without_diagnosis(j):
    return outside(j, WITH_DX, ANY_DX)


@rule("C19-1", "E11")
def with_diagnosis(j):
    # What forbids is enough once, whatever the other points say.
    points(j, j.use["list"])
    return by_item(j, f"EXISTS (SELECT 1 FROM pt WHERE {ON_LIST} AND {WITH_DX})")


@rule("C12", "C12-1")
def never_paid(j):
    return outside(j, "FALSE")


@rule("C13")
def alone(j):
    """Not paid for alone, and no herb off the list in the prescription, whoever paid for that one."""
    points(j, j.use["list"])
    return by_item(j, f"""EXISTS (SELECT 1 FROM pt WHERE {ON_LIST}) AND NOT EXISTS (SELECT 1 FROM fee o
        WHERE o.visit = f.visit AND {inside('o.list_type', j.use['other']['list_type'])}
          AND CASE WHEN f.rx <> '' AND o.rx <> '' THEN o.rx = f.rx ELSE o.d = f.d END
          AND NOT EXISTS (SELECT 1 FROM pt WHERE pt.code = o.code AND pt.name = o.name AND o.d BETWEEN pt.since AND pt.until))""")


# How a rule measures a line.
MEASURE = {"quantity": "q", "amount": "coalesce(inside, 1) * amt", "lines": "1"}


@rule("B04", "B05", "B07", "C08", "C09-2", "C18", "C22", "D02", "D05", "E06")
def above(j):
    """More in a stretch than the point allows that held on its first line's day; the last lines are too much."""
    points(j, j.use["list"])
    stretch = {"day": "visit, d", "visit": "visit", "prescription": "visit, rx", "month": "psn, year(d), month(d)",
               "year": "psn, year(d)"}[j.use["window"]]
    key = f"fac, {stretch}, code, name, list_type, charge, lv"
    where = "f.rx <> ''" if j.use["window"] == "prescription" else "TRUE"
    if j.use.get("measure") == "dates":
        return dates(j, key)
    measure = MEASURE[j.use.get("measure", "quantity")]
    return j.run(f"""
        WITH l AS ({lines_of(j, where)}),
        g AS (SELECT *, {measure} AS n, first_value(d) OVER (PARTITION BY {key} ORDER BY {SOONER}) AS d0,
          row_number() OVER (PARTITION BY {key} ORDER BY {LATER}) AS back FROM l),
        t AS (SELECT *, sum(n) OVER (PARTITION BY {key}) AS total,
          sum(n) OVER (PARTITION BY {key} ORDER BY back) - n AS later,
          first_value(visit) OVER (PARTITION BY {key} ORDER BY back) AS told FROM g),
        c AS (SELECT t.*, (SELECT value FROM pt WHERE pt.code = t.code AND pt.name = t.name
          AND t.d0 BETWEEN pt.since AND pt.until ORDER BY k LIMIT 1) AS cap FROM t)
        SELECT fac, any_value(told) AS visit, any_value(psn) AS psn, list(sn) AS lines FROM c
        WHERE total > cap AND later < total - cap GROUP BY {key}""")


def dates(j, key):
    """Days with a charge; from the first operation on, where the rule asks and there is one, each 24 hours are a day."""
    cut = "CAST(NULL AS TIMESTAMP)"
    if "after_incision" in j.use.get("only", []):
        cut = "(SELECT min(op.ts) FROM op WHERE op.visit = l.visit)"
    bare = "date_trunc('day', {0}) = {0}"
    return j.run(f"""
        WITH l AS ({lines_of(j, "f.d IS NOT NULL")}), c AS (SELECT l.*, {cut} AS cut FROM l),
        n AS (SELECT *, CASE WHEN cut IS NULL THEN dense_rank() OVER (PARTITION BY {key} ORDER BY d) - 1
            WHEN {bare.format('cut')} OR {bare.format('t')} THEN greatest(d - CAST(cut AS DATE) - 1, 0)
            ELSE CAST(floor(date_diff('second', cut, t) / 86400.0) AS INT) END AS no,
          first_value(d) OVER (PARTITION BY {key} ORDER BY {SOONER}) AS d0 FROM c
          WHERE cut IS NULL OR CASE WHEN {bare.format('cut')} OR {bare.format('t')} THEN d >= CAST(cut AS DATE) ELSE t >= cut END),
        m AS (SELECT n.*, (SELECT value FROM pt WHERE pt.code = n.code AND pt.name = n.name
          AND n.d0 BETWEEN pt.since AND pt.until ORDER BY k LIMIT 1) AS cap FROM n)
        SELECT fac, visit, any_value(psn) AS psn, list(sn) AS lines FROM m WHERE no >= cap GROUP BY {key}""")


@rule("C14", "C20")
def many_kinds(j):
    return j.run(f"""
        SELECT fac, visit, any_value(psn) AS psn, list(sn) AS lines FROM ({lines_of(j, "f.rx <> ''")})
        GROUP BY fac, visit, rx HAVING count(DISTINCT code) > {j.param('cap')}""")


@rule("C17")
def one_class(j):
    points(j, j.use["list"])
    return j.run(f"""
        WITH l AS ({lines_of(j)}),
        own AS (SELECT l.*, (SELECT words FROM pt WHERE pt.code = l.code AND pt.name = l.name
            AND l.d BETWEEN pt.since AND pt.until ORDER BY k LIMIT 1) AS class,
          greatest(CAST(floor(coalesce(days, 0)) AS INT), 1) AS span,
          row_number() OVER (PARTITION BY visit ORDER BY {SOONER}) AS no FROM l)
        SELECT b.fac, b.visit, any_value(b.psn) AS psn, list(DISTINCT b.sn) AS lines FROM own b JOIN own a
          ON a.visit = b.visit AND a.class = b.class AND a.no < b.no AND (a.code, a.name) <> (b.code, b.name)
        WHERE least(a.d + a.span, b.d + b.span) - greatest(a.d, b.d) >= {j.param('days')}
        GROUP BY b.fac, b.visit, b.class""")


@rule("C02")
def second_line(j):
    """The first of a second-line drug that no first-line drug came before; told once a person and drug."""
    first = j.items(j.use["other"], "o")
    return j.run(f"""
        WITH l AS ({lines_of(j)}),
        bare AS (SELECT l.* FROM l WHERE NOT EXISTS (SELECT 1 FROM fee o JOIN v w ON w.visit = o.visit WHERE w.psn = l.psn
            AND w.fac = l.fac AND {first} AND o.d BETWEEN l.d - {int(j.param('days'))} AND l.d)
          QUALIFY row_number() OVER (PARTITION BY fac, psn, code, name ORDER BY {SOONER}) = 1)
        SELECT fac, visit, psn, [sn] AS lines FROM bare
        WHERE d - {int(j.param('days'))} >= (SELECT min(bd) FROM v WHERE v.fac = bare.fac)""")


def wanted(j, column):
    """The point that a code of a list of codes means: code, day → the rows of points as SQL values."""
    rows = [f"({k}, {quoted(p['code'])}, {quoted(p['text'])}, DATE {quoted(p['begndate'])}, "
            f"DATE {quoted(p['enddate'] or '9999-12-31')})" for k, p in enumerate(j.pack.points[j.use["list"]])]
    fits = (f"CASE WHEN ends_with(w.code, '*') THEN starts_with({column}, left(w.code, -1))"
            f" ELSE {column} = w.code END")
    return f"(VALUES {', '.join(rows)}) w(k, code, words, since, until)", fits


@rule("F03")
def untreated(j):
    table, fits = wanted(j, "dx.code")
    billed = either(f"w.k = {k} AND {j.match(p['code_b'])}"
                    for k, p in enumerate(j.pack.points[j.use["list"]]) if p["code_b"])
    return j.run(f"""
        WITH w AS (SELECT * FROM {table}),
        due AS (SELECT DISTINCT v.visit, w.k FROM v JOIN dx USING (visit) JOIN w ON {fits} AND v.bd BETWEEN w.since AND w.until
          WHERE {j.scope()})
        SELECT v.fac, v.visit, v.psn FROM v WHERE v.visit IN (SELECT visit FROM due)
          AND NOT EXISTS (SELECT 1 FROM f JOIN due w ON w.visit = f.visit WHERE f.visit = v.visit AND {billed})
          AND v.ed IS NOT NULL AND NOT {j.young('fee_list_d', 'v.ed')} AND {BILLED}""")


@rule("F06")
def operation_for_another(j):
    table, fits = wanted(j, "op.code")
    return j.run(f"""
        WITH w AS (SELECT * FROM {table}),
        due AS (SELECT op.visit, op.code, string_split(w.words, '|') AS words FROM op JOIN v USING (visit)
          JOIN w ON {fits} AND coalesce(CAST(op.ts AS DATE), v.bd) BETWEEN w.since AND w.until WHERE {j.scope()})
        SELECT DISTINCT v.fac, v.visit, v.psn FROM due JOIN v USING (visit) WHERE v.visit IN (SELECT visit FROM dx)
          AND NOT EXISTS (SELECT 1 FROM due o JOIN dx ON dx.visit = o.visit WHERE o.visit = due.visit AND o.code = due.code
            AND len(list_filter(o.words, lambda x: x <> '' AND starts_with(dx.code, x))) > 0)""")


@rule("F15")
def operated_outside(j):
    return j.run("""
        SELECT v.fac, v.visit, v.psn FROM op JOIN v USING (visit)
        WHERE CAST(op.ts AS DATE) < v.bd OR CAST(op.ts AS DATE) > v.ed""")


@rule("B25", "I06")
def hands(j):
    """Minutes of one therapist on one day by the standard of each thing done."""
    each = " ".join(f"WHEN {j.match(p['code'], 'x.code', 'x.name')} AND CAST(x.b AS DATE) BETWEEN DATE {quoted(p['begndate'])}"
                    f" AND DATE {quoted(p['enddate'] or '9999-12-31')} THEN {p['value']}" for p in j.pack.points[j.use["list"]])
    return j.run(f"""
        WITH e AS (SELECT v.fac, x.who, CAST(x.b AS DATE) AS d, x.visit, x.code, x.name,
            CASE {each} END * coalesce(x.q, 1) AS minutes FROM x JOIN v USING (visit) WHERE x.who <> '' AND x.b IS NOT NULL),
        m AS (SELECT * FROM e WHERE minutes IS NOT NULL),
        much AS (SELECT fac, who, d FROM m GROUP BY ALL HAVING sum(minutes) > {j.param('shift_minutes')})
        SELECT fac, (SELECT list(DISTINCT f.sn) FROM m JOIN f ON f.visit = m.visit AND f.d = m.d
            AND (f.code = m.code AND m.code <> '' OR f.name = m.name AND m.name <> '')
            WHERE m.fac = much.fac AND m.who = much.who AND m.d = much.d) AS lines FROM much""")


@rule("B26-1")
def machines(j):
    """Minutes that were billed on a day against all machines of the house that can do the item, day and night."""
    points(j, j.use["list"])
    able = "list_contains(regexp_split_to_array(m.codes, '[,;|、 ]+'), g.code) AND m.fac = g.fac"
    return j.run(f"""
        WITH g AS (SELECT f.fac, f.code, any_value(f.name) AS name, f.d, sum(f.q) AS q, list(f.sn) AS lines
          FROM f JOIN v USING (visit) WHERE (f.code, f.name) IN (SELECT (code, name) FROM pt) GROUP BY f.fac, f.code, f.d)
        SELECT g.fac, g.code, g.lines FROM g WHERE (SELECT count(*) FROM machine m WHERE {able}) > 0
          AND g.q * (SELECT value FROM pt WHERE pt.code = g.code AND pt.name = g.name AND g.d BETWEEN since AND until
            ORDER BY k LIMIT 1) > {j.param('day_minutes')} * (SELECT count(*) FROM machine m WHERE {able})""")
