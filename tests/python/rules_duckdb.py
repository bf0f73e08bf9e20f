"""The rules a second time, in SQL: what others make of the same text.

    rules_duckdb.py CITY PACK [RULE,RULE,...]

CITY is a folder of CSV files in the import contract, PACK the folder of the national pack, of which only data is
read: parameters, lists of items, exclusions, knowledge points. What a rule means is written here once more, in
SQL, from the text of the rules (names, definitions, readings, worked cases). Prints one JSON object a finding:
rule, fixmedins_code, psn_no, mdtrt_id, bkkp_sn, code; rules that this program does not know are left out, and
`--rules` prints which it knows.
"""

import json
import pathlib
import sys

import duckdb

import rules_elsewhere  # noqa: F401 (its rules register themselves)
import rules_written  # noqa: F401
from duckdb_city import LAG, City, Pack, either, inside, prepare, quoted
from duckdb_judge import ITEM, LATER, RULES, SOONER, Judge, excess, lines_of, rule

@rule("A01")
def readmission(j):
    return j.run(f"""
        WITH w AS (SELECT *, lag(visit) OVER o AS v1, lag(ed) OVER o AS e1, lag(dx) OVER o AS dx1 FROM v
          WHERE kind = 'inpatient' WINDOW o AS (PARTITION BY fac, psn ORDER BY b, e, visit))
        SELECT fac, visit, [v1] AS also, psn, (SELECT list(sn) FROM f WHERE f.visit = w.visit) AS lines
        FROM w WHERE bd - e1 BETWEEN 0 AND {j.param('days')} AND dx[1:3] = dx1[1:3] AND dx <> ''""")


@rule("A03")
def empty_days(j):
    return j.run(f"""
        WITH busy AS (
          SELECT visit, CAST(b AS DATE) AS d FROM x UNION SELECT visit, CAST(ts AS DATE) FROM vital_of
          UNION SELECT visit, CAST(ts AS DATE) FROM note_of UNION SELECT visit, CAST(ts AS DATE) FROM op
          UNION SELECT visit, CAST(done AS DATE) FROM lab_of UNION SELECT visit, CAST(told AS DATE) FROM lab_of
          UNION SELECT visit, CAST(done AS DATE) FROM exam_of UNION SELECT visit, CAST(told AS DATE) FROM exam_of
          UNION SELECT visit, CAST(unnest(range(CAST(b AS DATE), CAST(e AS DATE) + 1, INTERVAL 1 DAY)) AS DATE) FROM leave_of),
        free AS (SELECT DISTINCT f.fac, f.visit, v.psn, f.d FROM f JOIN v USING (visit)
          WHERE {j.items()} AND v.kind = 'inpatient' AND f.d > v.bd AND f.d < v.ed
            AND NOT {j.young('exec', 'v.ed')} AND v.visit IN (SELECT visit FROM x)
            AND (f.visit, f.d) NOT IN (SELECT (visit, d) FROM busy WHERE d IS NOT NULL)),
        run AS (SELECT *, d - CAST(row_number() OVER (PARTITION BY visit ORDER BY d) AS INT) AS g FROM free),
        runs AS (SELECT fac, visit, any_value(psn) AS psn, min(d) AS a, max(d) AS z, count(*) AS n
          FROM run GROUP BY fac, visit, g),
        best AS (SELECT * FROM runs QUALIFY row_number() OVER (PARTITION BY visit ORDER BY n DESC, a) = 1)
        SELECT best.fac, best.visit, best.psn, list(f.sn) AS lines FROM best JOIN f
          ON f.visit = best.visit AND f.d BETWEEN a AND z AND {j.items()}
        WHERE n >= {j.param('days')} GROUP BY best.fac, best.visit, best.psn""")


@rule("A05")
def clinic_in_stay(j):
    return j.run("""
        SELECT o.fac, o.visit, [s.visit] AS also, o.psn,
          (SELECT list(sn) FROM f WHERE f.visit = o.visit) AS lines
        FROM v s JOIN v o ON o.psn = s.psn AND o.fac = s.fac AND o.kind IN ('outpatient', 'chronic')
          AND o.bd > s.bd AND o.bd < s.ed
        WHERE s.kind = 'inpatient' AND EXISTS (SELECT 1 FROM f WHERE f.visit = o.visit)
          AND NOT EXISTS (SELECT 1 FROM leave_of l WHERE l.visit = s.visit AND CAST(l.b AS DATE) <= o.bd
            AND coalesce(CAST(l.e AS DATE) >= o.bd, TRUE))""")


@rule("A07")
def after_death(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
          JOIN person p USING (psn) WHERE f.d > p.died + CAST({j.param('grace_days')} AS INT)
        GROUP BY f.fac, f.visit""")


@rule("A08")
def zero_day(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn, list(f.sn) AS lines FROM v JOIN f USING (visit)
        WHERE v.kind = 'inpatient' AND v.bd = v.ed GROUP BY v.fac, v.visit, v.psn
        HAVING sum(f.amt) > {j.param('amount')}""")


@rule("A09", "H11")
def many_visits(j):
    # Visits of one day are one coming; the longest run is told once, with no visit of its own.
    return j.run(f"""
        WITH days AS (SELECT DISTINCT fac, psn, bd FROM v WHERE {j.scope()}),
        n AS (SELECT fac, psn, bd, count(*) OVER (PARTITION BY fac, psn ORDER BY bd
          RANGE BETWEEN CURRENT ROW AND INTERVAL {int(j.param('days')) - 1} DAY FOLLOWING) AS n FROM days),
        best AS (SELECT * FROM n QUALIFY row_number() OVER (PARTITION BY fac, psn ORDER BY n DESC, bd) = 1)
        SELECT fac, psn, (SELECT list(visit) FROM v WHERE v.psn = best.psn AND v.fac = best.fac AND {j.scope()}
          AND v.bd >= best.bd AND v.bd < best.bd + {int(j.param('days'))}) AS also
        FROM best WHERE n >= {j.param('count')}""")


@rule("A12")
def checkup(j):
    other = j.items(j.use["other"])
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn, list(f.sn) AS lines FROM v JOIN f USING (visit)
        WHERE v.kind = 'inpatient' AND greatest(v.ed - v.bd, 1) <= {j.param('days')}
          AND v.visit NOT IN (SELECT visit FROM op)
        GROUP BY v.fac, v.visit, v.psn
        HAVING sum(f.amt) > 0 AND NOT bool_or(f.charge = '06')
          AND sum(f.amt) FILTER ({j.items()}) / sum(f.amt) >= {j.param('high')}
          AND coalesce(sum(f.amt) FILTER ({other}), 0) / sum(f.amt) <= {j.param('low')}""")


STAY = """greatest(ed - bd, 1) + CASE WHEN (SELECT dept <> '' AND left_dept <> '' AND dept <> left_dept
    FROM v w WHERE w.visit = g.visit) THEN 1 ELSE 0 END
    + CASE WHEN EXISTS (SELECT 1 FROM l WHERE l.visit = g.visit AND l.d = g.bd - 1) THEN 1 ELSE 0 END"""
HOURS = """greatest(ceil(date_diff('second', (SELECT b FROM v w WHERE w.visit = g.visit),
    (SELECT e FROM v w WHERE w.visit = g.visit)) / 3600.0), 1)"""


@rule("A14", "A15-1", "A18")
def days_of_stay(j):
    return j.run(excess(lines_of(j, "v.bd IS NOT NULL AND v.ed IS NOT NULL"), "visit", f"total - ({STAY})"))


@rule("B09", "B09-1")
def hours_of_stay(j):
    by = ITEM if j.use["per"] == "code" else "visit"
    return j.run(excess(lines_of(j, "v.b IS NOT NULL AND v.e IS NOT NULL"), by, f"total - ({HOURS})"))


@rule("B08")
def hours_of_day(j):
    return j.run(excess(lines_of(j), ITEM + ", d", "total - 24"))


@rule("B20")
def rescues(j):
    return j.run(excess(lines_of(j), "visit, d", f"total - {j.param('cap')}"))


@rule("A15")
def levels(j):
    # The dearest grade stays; the lines of the others are told.
    return j.run(f"""
        WITH l AS ({lines_of(j)}), best AS (SELECT visit, d, code, name FROM l
          QUALIFY row_number() OVER (PARTITION BY visit, d ORDER BY price DESC, amt DESC, {LATER}) = 1)
        SELECT l.fac, l.visit, any_value(l.psn) AS psn,
          list(l.sn) FILTER (l.code <> best.code OR l.name <> best.name) AS lines
        FROM l JOIN best USING (visit, d) GROUP BY l.fac, l.visit, l.d
        HAVING count(DISTINCT (l.code, l.name)) > 1""")


@rule("A16")
def nursing_days(j):
    have = """(SELECT count(DISTINCT d) FROM (SELECT CAST(b AS DATE) AS d FROM x WHERE x.visit = g.visit
      AND x.kind = 'nursing' UNION SELECT CAST(ts AS DATE) FROM vital_of WHERE vital_of.visit = g.visit))"""
    more = f"CASE WHEN {have} > 0 AND total > {have} + {j.param('tolerance')} THEN total - {have} ELSE 0 END"
    return j.run(excess(lines_of(j, f"NOT {j.young('exec', 'v.ed')}"), "visit", more))


@rule("A19")
def outside_stay(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND {j.items()} AND (f.d < v.bd - {int(j.param('before_days'))}
          OR f.d > v.ed + {int(j.param('after_days'))}) GROUP BY f.fac, f.visit""")


@rule("A20")
def done_after(j):
    return j.run(f"""
        WITH r AS (SELECT * FROM lab_of UNION ALL SELECT * FROM exam_of)
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM (SELECT sn FROM f WHERE f.visit = v.visit
          AND f.code = r.code ORDER BY {SOONER} LIMIT 1)) AS lines
        FROM r JOIN v USING (visit) WHERE {j.scope()} AND r.done - INTERVAL {int(j.param('hours'))} HOUR > v.e""")


@rule("A24", "A11-1")
def on_leave(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND {j.items()} AND EXISTS (SELECT 1 FROM leave_of l WHERE l.visit = f.visit
          AND CAST(l.b AS DATE) < f.d AND CAST(l.e AS DATE) > f.d) GROUP BY f.fac, f.visit""")


@rule("B01", "B02", "B11", "B14", "B17", "B18", "B21", "B23", "B24", "B37", "B38")
def pair(j):
    def meets(p):
        return f"({j.match(p['code'], 'a.code', 'a.name')} AND {j.match(p['code_b'])})"
    points = j.pack.points[j.use["list"]]
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(DISTINCT f.sn) AS lines
        FROM f JOIN v USING (visit) JOIN f a ON a.visit = f.visit AND a.d = f.d
          AND (a.code, a.name) <> (f.code, f.name) AND {either(map(meets, points))}
        WHERE {j.scope()} GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}, f.d""")


LIMIT = """(SELECT max(cap) FROM price p WHERE p.code = f.code AND coalesce(p.b - 1 <= f.d, TRUE)
    AND coalesce(p.e + 1 >= f.d, TRUE))"""


@rule("B03")
def above_limit(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND f.price > {LIMIT} + {j.param('tolerance')} GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


@rule("B06")
def second_operation(j):
    return j.run(f"""
        WITH l AS ({lines_of(j)}), main AS (SELECT visit, d, code, name FROM l
          QUALIFY row_number() OVER (PARTITION BY visit, d ORDER BY price DESC, {SOONER}) = 1)
        SELECT f.fac, f.visit, any_value(f.psn) AS psn, list(f.sn) AS lines
        FROM l f JOIN main USING (visit, d) WHERE (f.code, f.name) <> (main.code, main.name)
          AND {LIMIT} > 0 AND f.price > {LIMIT} * {j.param('share')} GROUP BY f.fac, f.visit, f.d""")


@rule("B10")
def anaesthesia(j):
    # Each anaesthesia counts its own begun units.
    unit = int(j.param("unit_minutes")) * 60
    have = f"""(SELECT sum(ceil(greatest(date_diff('second', x.b, x.e), 0) / {unit}.0)) FROM x WHERE x.visit = g.visit
      AND (x.kind = 'anst' OR x.code = g.code OR x.name = g.name))"""
    return j.run(excess(lines_of(j, f"NOT {j.young('exec', 'v.ed')}"), ITEM, f"total - {have}"))


@rule("B22", "B24-1")
def used(j):
    have = """(SELECT sum(coalesce(x.q, 1)) FROM x WHERE x.visit = g.visit AND (x.code = g.code OR x.name = g.name))"""
    return j.run(excess(lines_of(j, f"NOT {j.young('exec', 'v.ed')}"), ITEM, f"total - {have}"))


@rule("B30")
def ordered(j):
    of = "FROM ord WHERE ord.visit = g.visit AND (ord.code = g.code OR ord.name = g.name)"
    # A standing order without quantity says nothing; any other order is for one at least.
    have = f"(SELECT CASE WHEN bool_or(q IS NULL AND kind = '1') THEN NULL ELSE sum(coalesce(q, 1)) END {of})"
    return j.run(excess(lines_of(j, f"NOT {j.young('drord', 'v.ed')}"), ITEM, f"total - {have}"))


def by_item(j, where, join=""):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit) {join}
        WHERE {j.scope()} AND {j.items()} AND {where} GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


@rule("B13", "B39")
def no_unit(j):
    words = either(f"u.kind = {quoted(w)} OR contains(u.name, {quoted(w)})" for w in j.use["words"])
    return by_item(j, f"""NOT EXISTS (SELECT 1 FROM unit u WHERE u.fac = f.fac AND {words}
      AND coalesce(u.b <= f.d, TRUE) AND coalesce(u.e >= f.d, TRUE))""")


@rule("B19", "B40")
def wrong_ward(j):
    names = ("v.dept_name || '/' || v.ward || '/' || coalesce((SELECT any_value(hosp_dept_name) FROM dept"
             " WHERE hosp_dept_codg = f.dept_code), '')")
    fits = either(f"contains({names}, {quoted(w)})" for w in j.use["words"])
    return by_item(j, f"NOT {fits} AND v.dept = v.left_dept")


@rule("B34")
def self_paid(j):
    return by_item(j, "f.covered > 0")


def outside_age(j, wrong):
    def limit(p):
        age = "f.d - p.birth" if p["unit"] == "天" else "date_diff('year', p.birth, f.d) - CASE WHEN (month(f.d), day(f.d)) < (month(p.birth), day(p.birth)) THEN 1 ELSE 0 END"
        return f"({j.match(p['code'])} AND {wrong(age, p['value'])})"
    points = j.pack.points[j.use["list"]]
    return by_item(j, f"f.d >= p.birth AND {either(map(limit, points))}", "JOIN person p USING (psn)")


@rule("E02", "C03", "C04", "D01")
def too_old(j):
    return outside_age(j, lambda age, value: f"({age}) > {value}")


@rule("C04-1")
def too_young(j):
    return outside_age(j, lambda age, value: f"({age}) < {value}")


@rule("E01", "C05", "D06", "H07")
def other_sex(j):
    def limit(p):
        return f"({j.match(p['code'])} AND p.sex <> {quoted(p['text'])})"
    points = j.pack.points[j.use["list"]]
    return by_item(j, f"p.sex IN ('1', '2') AND {either(map(limit, points))}", "JOIN person p USING (psn)")


@rule("C11-1")
def not_registered(j):
    # Where nobody of the house is registered at all, the register was not brought in.
    return by_item(j, """f.dise <> '' AND f.fac IN (SELECT w.fac FROM registered r JOIN v w ON w.psn = r.psn) AND NOT EXISTS (SELECT 1 FROM registered r WHERE r.psn = v.psn
      AND r.dise = f.dise AND coalesce(r.b <= f.d, TRUE) AND coalesce(r.e >= f.d, TRUE))""")


SAME = "({a}.code = f.code AND f.code <> '' OR {a}.name <> '' AND (contains(f.name, {a}.name) OR contains({a}.name, f.name)))"


@rule("B20-1", "B29", "B29-1", "B29-2", "B29-3", "B29-4", "B31", "E12")
def no_record(j):
    days = j.rule.get("params", {}).get("days", {}).get("value")
    per_code = j.use.get("per") == "code"
    lag = max(int(j.rule.get("params", {}).get("lag_days", {}).get("value", LAG)), LAG)
    def near(*times):
        if days is None:
            return "TRUE"
        return either(f"coalesce(abs(CAST({t} AS DATE) - f.d) <= {days}, FALSE)" for t in times)
    def same(a):
        return SAME.format(a=a) if per_code else "TRUE"
    def event(kinds):
        return f"EXISTS (SELECT 1 FROM x WHERE x.visit = f.visit AND {inside('x.kind', kinds)} AND {same('x')} AND {near('x.b')})"
    def report(table, kind):
        return (f"EXISTS (SELECT 1 FROM {table} r WHERE r.visit = f.visit AND {same('r')} AND {near('r.done', 'r.told')})"
                f" OR {event([kind])}")
    proofs = {
        "order": f"EXISTS (SELECT 1 FROM ord WHERE ord.visit = f.visit AND (ord.no = f.ordno AND f.ordno <> '' OR {same('ord')}))",
        "exec": event(["order_exec", "nursing", "treat", "lab", "exam", "oprn", "anst"]),
        "nursing": event(["nursing"]), "treat": event(["treat", "order_exec"]),
        "oprn_event": event(["oprn"]), "anaesthesia": event(["anst"]),
        "lab": report("lab_of", "lab"), "exam": report("exam_of", "exam"),
        "operation": f"{chr(40)}{'f.charge = ' + quoted('06') if per_code else 'TRUE'} AND EXISTS (SELECT 1 FROM op WHERE op.visit = f.visit AND {near('op.ts')})){''}",
        "note": f"EXISTS (SELECT 1 FROM note_of n WHERE n.visit = f.visit AND {near('n.ts')})",
        "vital": f"EXISTS (SELECT 1 FROM vital_of n WHERE n.visit = f.visit AND {near('n.ts')})",
    }
    if j.use.get("other"):
        proofs["fee"] = (f"EXISTS (SELECT 1 FROM f o WHERE o.visit = f.visit AND {j.items(j.use['other'], 'o')}"
                         f" AND {near('o.t')})")
    tables = {"order": "drord", "exec": "exec", "nursing": "exec", "treat": "exec", "oprn_event": "exec",
              "anaesthesia": "exec", "lab": "lab", "exam": "exam", "operation": "oprn", "note": "note",
              "vital": "vital", "fee": "fee_list_d"}
    wanted = j.use["entity"]
    where = [f"NOT ({proofs[w]})" for w in wanted]
    where += [f"NOT {j.young(tables[w], 'greatest(coalesce(v.ed, f.d), f.d)', lag)}" for w in wanted]
    # A kind of record that a house never keeps says nothing by its absence.
    kinds = {"nursing": "nursing", "treat": "treat", "oprn_event": "oprn", "anaesthesia": "anst"}
    where += [f"EXISTS (SELECT 1 FROM x JOIN v w USING (visit) WHERE w.fac = f.fac AND x.kind = '{kinds[w]}')"
              for w in wanted if w in kinds]
    if "order" in wanted:
        where.append("EXISTS (SELECT 1 FROM ord WHERE ord.visit = f.visit)")
    if wanted == ["treat"]:
        where.append("EXISTS (SELECT 1 FROM x JOIN v w USING (visit) WHERE w.fac = f.fac"
                     " AND x.kind IN ('treat', 'order_exec') AND (x.code = f.code OR x.name = f.name))")
    if per_code and wanted != ["treat"]:
        # What is billed every day (2 of 100 visits, 20 at least) and never once recorded is recorded elsewhere.
        known = {"order": "SELECT w.fac, o.code, o.name FROM ord o JOIN v w USING (visit) UNION ALL"
                          " SELECT f.fac, f.code, f.name FROM f JOIN ord o ON o.visit = f.visit AND o.no = f.ordno",
                 "exec": "SELECT w.fac, x.code, x.name FROM x JOIN v w USING (visit) WHERE x.kind IN"
                         " ('order_exec', 'nursing', 'treat', 'oprn', 'anst', 'lab', 'exam')",
                 "lab": "SELECT w.fac, r.code, r.name FROM lab_of r JOIN v w USING (visit) UNION ALL"
                        " SELECT w.fac, x.code, x.name FROM x JOIN v w USING (visit) WHERE x.kind = 'lab'",
                 "exam": "SELECT w.fac, r.code, r.name FROM exam_of r JOIN v w USING (visit) UNION ALL"
                         " SELECT w.fac, x.code, x.name FROM x JOIN v w USING (visit) WHERE x.kind = 'exam'"}
        known = " UNION ALL ".join(known[w] for w in wanted if w in known)
        operations = "f.charge = '06'" if "operation" in wanted else "FALSE"
        j.city.db.execute("DROP TABLE IF EXISTS routine")
        j.city.db.execute(f"""CREATE TEMP TABLE routine AS
            WITH k AS (SELECT DISTINCT * FROM ({known})), l AS (SELECT f.fac, f.visit, f.code, f.name, {operations} AS o
              FROM f JOIN v USING (visit) WHERE {j.scope()} AND {j.items()}),
            n AS (SELECT fac, code, name, count(DISTINCT visit) AS n, bool_or(o) AS o FROM l GROUP BY ALL),
            f AS (SELECT * FROM n JOIN (SELECT fac, count(DISTINCT visit) AS total FROM l GROUP BY fac) USING (fac)
              WHERE n >= 20 AND n * 1000 >= total * 20 AND NOT o)
            SELECT f.fac, f.code, f.name FROM f WHERE NOT EXISTS (SELECT 1 FROM k WHERE k.fac = f.fac AND {SAME.format(a='k')})""")
        where.append("(f.fac, f.code, f.name) NOT IN (SELECT (fac, code, name) FROM routine)")
    if j.use.get("other"):
        where.append(f"EXISTS (SELECT 1 FROM raw o WHERE o.fac = f.fac AND {j.items(j.use['other'], 'o')})")
    return by_item(j, " AND ".join(where))


@rule("B26")
def machine_log(j):
    return j.run(f"""
        WITH m AS (SELECT fac, no, codes AS code FROM machine WHERE NOT regexp_matches(codes, '[,;|、 ]')),
        l AS (SELECT f.fac, f.code, f.d, sum(f.q) AS q, list(f.sn) AS lines FROM f
          WHERE (f.fac, f.code) IN (SELECT (fac, code) FROM m) GROUP BY f.fac, f.code, f.d),
        c AS (SELECT m.fac, m.code, k.d, sum(k.uses) AS uses, count(*) AS n FROM m JOIN counted k USING (no) GROUP BY ALL)
        SELECT l.fac, l.code, l.lines FROM l JOIN c USING (fac, code, d) JOIN (SELECT DISTINCT fac FROM v) v USING (fac)
        WHERE c.n = (SELECT count(*) FROM m WHERE m.fac = l.fac AND m.code = l.code)
          AND l.q > c.uses + {j.param('tolerance')} AND NOT {j.young('equip_log', 'l.d')}""")


@rule("B27")
def machine_stopped(j):
    able = "list_contains(regexp_split_to_array(m.codes, '[,;|、 ]+'), f.code) AND m.fac = f.fac"
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE f.etip <> '1' AND EXISTS (SELECT 1 FROM machine m WHERE {able})
          AND NOT EXISTS (SELECT 1 FROM machine m WHERE {able} AND coalesce(m.since <= f.d, TRUE)
            AND NOT (coalesce(m.stop < f.d, FALSE) AND coalesce(m.again > f.d, TRUE)))
        GROUP BY f.fac, f.visit""")


CLASH = """date_diff('second', greatest(x1.b, x2.b), least(x1.e, x2.e)) > {minutes} * 60"""


@rule("B28")
def patient_twice(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn FROM x x2 JOIN v USING (visit) WHERE x2.kind IN ('treat', 'exam')
          AND EXISTS (SELECT 1 FROM x x1 WHERE x1.visit = x2.visit AND x1.kind IN ('treat', 'exam')
            AND (x1.b, x1.no) < (x2.b, x2.no) AND (x1.code, x1.name) <> (x2.code, x2.name)
            AND {CLASH.format(minutes=int(j.param('minutes')))})""")


@rule("I03")
def surgeon_twice(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn FROM x x2 JOIN v USING (visit) WHERE x2.kind = 'oprn' AND x2.who <> ''
          AND EXISTS (SELECT 1 FROM x x1 JOIN v w ON w.visit = x1.visit WHERE x1.who = x2.who AND x1.kind = 'oprn'
            AND x1.visit <> x2.visit AND w.fac = v.fac AND (x1.b, x1.no) < (x2.b, x2.no)
            AND {CLASH.format(minutes=int(j.param('minutes')))})
          AND coalesce((SELECT bool_or(kind IN ('', '1')) FROM member m WHERE m.code = x2.who), TRUE)""")


@rule("C09", "C09-1", "C26")
def supply(j):
    return j.run(f"""
        SELECT fac, visit, any_value(psn) AS psn, list(sn) AS lines FROM ({lines_of(j, "f.rx <> ''")})
        GROUP BY fac, {ITEM}, rx HAVING sum(floor(coalesce(days, 0))) > {j.param('cap')}""")


@rule("C24", "C25")
def refill(j):
    # Days left of what was fetched before; each day's fetching comes after the ones before it.
    rows = j.city.db.execute(f"""SELECT fac, visit, psn, code, name, list_type, charge, lv, d,
        CAST(floor(coalesce(days, 0)) AS INT) AS days, sn FROM ({lines_of(j)})
        WHERE d IS NOT NULL AND floor(coalesce(days, 0)) > 0 ORDER BY t, sn""").fetchall()
    state, out = {}, []
    share = j.rule["params"].get("share")
    for fac, visit, psn, code, name, *kind, d, days, sn in rows:
        day = d.toordinal()
        until, last = state.get((fac, psn, code, name, *kind), (day, None))
        left = max(until - day, 0)
        if share:
            told = last and day > last[0] and day - last[0] < last[1] * float(share["value"])
        else:
            most = j.param("days")
            told = last and day > last[0] and left + days > max(most, days)
        if told:
            out.append({"rule": j.name, "fixmedins_code": fac, "psn_no": psn, "mdtrt_id": visit,
                        "code": code, "bkkp_sn": [sn]})
        state[(fac, psn, code, name, *kind)] = (max(until, day) + days, (day, days))
    return out


@rule("C27")
def same_drug(j):
    span = int(j.param("days"))
    return j.run(f"""
        WITH l AS ({lines_of(j)}), days AS (SELECT DISTINCT fac, psn, code, name, d FROM l),
        n AS (SELECT *, count(*) OVER (PARTITION BY fac, psn, code, name ORDER BY d
          RANGE BETWEEN CURRENT ROW AND INTERVAL {span - 1} DAY FOLLOWING) AS n FROM days),
        best AS (SELECT * FROM n QUALIFY row_number() OVER (PARTITION BY fac, psn, code, name ORDER BY n DESC, d) = 1),
        own AS (SELECT l.*, row_number() OVER (PARTITION BY l.fac, l.psn, l.code, l.name ORDER BY {SOONER}) AS k
          FROM best JOIN l USING (fac, psn, code, name)
          WHERE best.n > {j.param('count')} AND l.d >= best.d AND l.d < best.d + {span})
        SELECT fac, arg_max(visit, (t, sn)) AS visit, psn, list(sn) FILTER (k > {j.param('count')}) AS lines
        FROM own GROUP BY fac, psn, code, name""")


@rule("F01")
def odd_settlement(j):
    return j.run("""
        SELECT v.fac, v.visit, any_value(v.psn) AS psn FROM s JOIN v USING (visit) WHERE NOT s.cancelled
          AND (s.fund > s.total OR CAST(s.ts AS DATE) < v.bd) GROUP BY v.fac, v.visit""")


@rule("F02")
def fields(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND (f.q IS NULL OR f.price IS NULL OR f.amt IS NULL OR f.code = '' OR f.dr = '')
        GROUP BY f.fac, f.visit""")


@rule("F04")
def operation_fee(j):
    return j.run(f"""
        SELECT DISTINCT v.fac, v.visit, v.psn FROM op JOIN v USING (visit) WHERE {j.scope()}
          AND NOT EXISTS (SELECT 1 FROM f WHERE f.visit = v.visit AND {j.items()})""")


def coded(j, table, wrong):
    """The longest prefix is the point that means a code."""
    points = sorted(j.pack.points[j.use["list"]], key=lambda p: len(p["code"]), reverse=True)
    cases = " ".join(f"WHEN {j.match(p['code'], 'c.code', quoted(''))} THEN {wrong(p)}" for p in points)
    return j.run(f"""
        SELECT DISTINCT v.fac, v.visit, v.psn FROM {table} c JOIN v USING (visit) JOIN person p USING (psn)
        WHERE CASE {cases} ELSE FALSE END""")


@rule("F05", "F08")
def coded_sex(j):
    return coded(j, "op" if j.use["form"] == "operation" else "dx",
                 lambda p: f"p.sex IN ('1', '2') AND p.sex <> {quoted(p['text'])}")


@rule("F09")
def coded_age(j):
    return coded(j, "dx", lambda p: f"v.bd >= p.birth AND v.bd - p.birth > {p['value']}")


@rule("F12")
def no_diagnosis(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn FROM v WHERE {j.scope()} AND v.visit NOT IN (SELECT visit FROM dx)
          AND v.visit IN (SELECT visit FROM f)""")


@rule("G01", "G02")
def supply_of_house(j):
    into = inside("kind", ["101", "103", "106", "110"])
    outof = inside("kind", ["102", "104", "105", "107", "111"])
    return j.run(f"""
        WITH first AS (SELECT fac, code, min(CAST(ts AS DATE)) AS d FROM shelf GROUP BY fac, code),
        opening AS (SELECT fac, code, any_value(first.d) AS d, sum(q) AS q FROM shelf JOIN first USING (fac, code)
          WHERE CAST(ts AS DATE) = first.d GROUP BY fac, code),
        come AS (SELECT fac, code, ts, abs(q) AS q FROM bought UNION ALL SELECT fac, code, ts, -abs(q) FROM sent_back
          UNION ALL SELECT fac, code, ts, CASE WHEN {into} THEN abs(q) WHEN {outof} THEN -abs(q) ELSE 0 END FROM moved),
        have AS (SELECT o.fac, o.code, o.d, o.q + coalesce((SELECT sum(q) FROM come WHERE come.fac = o.fac
          AND come.code = o.code AND CAST(ts AS DATE) >= o.d), 0) AS q FROM opening o),
        used AS (SELECT f.fac, f.code, max(f.d) AS last, sum(f.q) FILTER (f.d > have.d) AS q FROM f
          JOIN have ON have.fac = f.fac AND have.code = f.code WHERE {j.items()} GROUP BY f.fac, f.code)
        SELECT used.fac, used.code FROM used JOIN have USING (fac, code)
        WHERE used.q > have.q + greatest(have.q, 0) * {j.param('tolerance')}
          AND NOT EXISTS (SELECT 1 FROM sold WHERE sold.fac = used.fac AND sold.code = used.code AND split = '1')
          AND used.last - {LAG} <= (SELECT max(d) FROM cut WHERE cut.fac = used.fac AND what = 'inv_purchase')""")


FIRST_LINE = f"(SELECT list(sn) FROM (SELECT sn FROM f WHERE f.visit = k.visit AND f.code = k.code ORDER BY {SOONER} LIMIT 1))"
LIVE_BOX = """box k LEFT JOIN s ON s.setl = k.setl LEFT JOIN v ON v.visit = k.visit
    WHERE k.back <> '1' AND NOT coalesce(s.cancelled, FALSE)"""


@rule("G03")
def box_twice(j):
    return j.run(f"""
        WITH live AS (SELECT k.* FROM {LIVE_BOX} AND k.setl <> '' AND coalesce(v.kind, '') <> 'inpatient'),
        twice AS (SELECT fac, box FROM live WHERE (fac, box) NOT IN (SELECT (fac, box) FROM opened)
          GROUP BY fac, box HAVING count(DISTINCT setl) > 1),
        k AS (SELECT live.* FROM live JOIN twice USING (fac, box)
          WHERE NOT EXISTS (SELECT 1 FROM box r LEFT JOIN s ON s.setl = r.setl WHERE r.box = live.box
            AND (r.back = '1' OR coalesce(s.cancelled, FALSE)))
          QUALIFY row_number() OVER (PARTITION BY fac, box ORDER BY ts DESC, setl DESC) = 1)
        SELECT k.fac, k.visit, v.psn, {FIRST_LINE} AS lines FROM k LEFT JOIN v USING (visit)""")


@rule("G06")
def box_of_another(j):
    return j.run(f"""
        WITH b AS (SELECT fac, code, trim(unnest(string_split(boxes, ','))) AS box FROM bought WHERE boxes <> ''),
        k AS (SELECT k.* FROM {LIVE_BOX})
        SELECT k.fac, k.visit, v.psn, {FIRST_LINE} AS lines FROM k LEFT JOIN v USING (visit)
        WHERE k.box IN (SELECT box FROM b WHERE b.fac = k.fac)
          AND (k.box, k.code) NOT IN (SELECT (box, code) FROM b)""")


@rule("G08")
def sold_but_there(j):
    return j.run(f"""
        WITH c AS (SELECT fac, CAST(ts AS DATE) AS d, trim(unnest(string_split(boxes, ','))) AS box FROM shelf WHERE boxes <> ''),
        k AS (SELECT k.*, c.d AS seen FROM box k JOIN c ON c.fac = k.fac AND c.box = k.box WHERE CAST(k.ts AS DATE) < c.d
          AND NOT EXISTS (SELECT 1 FROM box r LEFT JOIN s ON s.setl = r.setl WHERE r.box = k.box
            AND (r.back = '1' OR coalesce(s.cancelled, FALSE)))
          QUALIFY row_number() OVER (PARTITION BY k.fac, k.box, c.d ORDER BY k.ts, k.setl) = 1)
        SELECT k.fac, k.visit, v.psn, {FIRST_LINE} AS lines FROM k LEFT JOIN v USING (visit)
        WHERE coalesce(v.kind, '') <> 'inpatient' AND (k.fac, k.box) NOT IN (SELECT (fac, box) FROM opened)""")


@rule("G10")
def no_invoice(j):
    return j.run("SELECT fac, code FROM bought WHERE invoice = '' GROUP BY fac, code")


@rule("G11")
def shelf_and_books(j):
    into = inside("kind", ["101", "103", "106", "110"])
    outof = inside("kind", ["102", "104", "105", "107", "111"])
    return j.run(f"""
        WITH c AS (SELECT fac, code, CAST(ts AS DATE) AS d, sum(q) AS q FROM shelf GROUP BY ALL),
        w AS (SELECT *, lag(d) OVER o AS d0, lag(q) OVER o AS q0 FROM c WINDOW o AS (PARTITION BY fac, code ORDER BY d)),
        m AS (SELECT fac, code, CAST(ts AS DATE) AS d, abs(q) AS q FROM bought
          UNION ALL SELECT fac, code, CAST(ts AS DATE), -abs(q) FROM sent_back
          UNION ALL SELECT fac, code, CAST(ts AS DATE), -abs(q) FROM sold
          UNION ALL SELECT fac, code, CAST(ts AS DATE), abs(q) FROM taken_back
          UNION ALL SELECT fac, code, CAST(ts AS DATE), CASE WHEN {into} THEN abs(q) WHEN {outof} THEN -abs(q) ELSE 0 END FROM moved),
        t AS (SELECT w.*, q0 + coalesce((SELECT sum(q) FROM m WHERE m.fac = w.fac AND m.code = w.code AND m.d > d0 AND m.d < w.d), 0) AS theory
          FROM w WHERE d0 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM m WHERE m.fac = w.fac AND m.code = w.code
            AND m.q <> 0 AND m.d IN (w.d, w.d0)))
        SELECT fac, code FROM t WHERE abs(q - theory) > greatest({j.param('least')}, abs(theory) * {j.param('share')})""")


@rule("H01")
def split_settlement(j):
    return j.run(f"""
        WITH w AS (SELECT v.fac, v.visit, v.psn, s.ts, s.total, lag(s.ts) OVER o AS at0, lag(s.total) OVER o AS total0,
          lag(v.visit) OVER o AS v0 FROM s JOIN v USING (visit) WHERE NOT s.cancelled AND s.total > 0 AND {j.scope()}
          WINDOW o AS (PARTITION BY v.fac, v.psn ORDER BY s.ts, s.total, v.b, v.visit))
        SELECT fac, visit, [v0] AS also, psn, (SELECT list(sn) FROM f WHERE f.visit = w.visit) AS lines FROM w
        WHERE total = total0 AND date_diff('second', at0, ts) <= {j.param('seconds')}""")


@rule("H10")
def suspended(j):
    return j.run("""
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM f WHERE f.visit = v.visit) AS lines
        FROM s JOIN v USING (visit) WHERE NOT s.cancelled AND s.fund > 0 AND CAST(s.ts AS DATE) = v.bd
          AND EXISTS (SELECT 1 FROM unit u WHERE u.fac = v.fac AND u.kind = 'suspension' AND u.b < v.bd
            AND coalesce(u.e > v.bd, TRUE))""")


@rule("H12")
def prescriptions(j):
    return j.run(f"""
        WITH g AS (SELECT fac, psn, bd, doctor, dx[1:3] AS dx3, list(visit ORDER BY b, e, visit) AS all_of FROM v
          WHERE {j.scope()} AND doctor <> '' AND dx <> '' GROUP BY ALL HAVING count(*) >= {j.param('count')})
        SELECT fac, all_of[-1] AS visit, all_of AS also, psn,
          (SELECT list(sn) FROM f WHERE list_contains(g.all_of[2:], f.visit)) AS lines FROM g""")


@rule("H13")
def not_insured(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM f WHERE f.visit = v.visit) AS lines FROM v
        WHERE {j.scope()} AND v.psn IN (SELECT psn FROM insured_in)
          AND v.psn NOT IN (SELECT psn FROM insured_in WHERE b IS NULL)
          AND NOT EXISTS (SELECT 1 FROM insured_in i WHERE i.psn = v.psn AND i.b <= v.bd AND coalesce(i.e >= v.bd, TRUE))
          AND EXISTS (SELECT 1 FROM s WHERE s.visit = v.visit AND NOT s.cancelled AND s.fund > 0)""")


@rule("H15")
def own_price(j):
    return j.run(f"""
        WITH own AS (SELECT fac, code, CAST(ts AS DATE) AS d, min(price) AS price FROM sold
          WHERE (paid = '2' OR paid = '' AND setl = '') AND split <> '1' GROUP BY ALL)
        SELECT f.fac, f.visit, v.psn, [f.sn] AS lines FROM f JOIN v USING (visit)
          JOIN own ON own.fac = f.fac AND own.code = f.code AND own.d = f.d
        WHERE {j.scope()} AND {j.items()} AND own.price > 0 AND f.price > own.price""")


WHO = "CASE WHEN f.orderer <> '' THEN f.orderer ELSE f.dr END"
NOW = "coalesce(m.b <= f.d, TRUE) AND coalesce(m.e >= f.d, TRUE)"


def by_doctor(j, where):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND {j.items()} AND {where} GROUP BY f.fac, f.visit, {WHO}""")


@rule("I01")
def no_doctor(j):
    words = inside("m.kind", j.use["words"])
    return by_doctor(j, f"""(SELECT count(*) > 0 AND NOT bool_or({words}) FROM member m
      WHERE m.code = {WHO} AND m.kind <> '' AND {NOW})""")


@rule("I02")
def left(j):
    return by_doctor(j, f"""(SELECT count(*) > 0 AND bool_and(coalesce(m.e < f.d, FALSE) OR coalesce(m.b > f.d, FALSE))
      FROM member m WHERE m.code = {WHO})""")


@rule("I07")
def no_contract(j):
    return by_doctor(j, f"(SELECT count(*) > 0 AND bool_and(m.insured = '0') FROM member m WHERE m.code = {WHO} AND {NOW})")


def main(arguments):
    if arguments == ["--rules"]:
        print("\n".join(sorted(RULES)))
        return
    city, pack = City(pathlib.Path(arguments[0])), Pack(pathlib.Path(arguments[1]))
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
