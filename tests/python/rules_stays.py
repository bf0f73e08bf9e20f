"""The second opinion on rules about stays: days, hours, leave, who is in bed and where."""

from duckdb_judge import ITEM, LATER, SOONER, excess, lines_of, rule
from duckdb_judge import kept as kept_records


@rule("A01")
def readmission(j):
    return j.run(f"""
        WITH w AS (SELECT *, lag(visit) OVER o AS v1, lag(ed) OVER o AS e1, lag(dx) OVER o AS dx1 FROM v
          WHERE kind = 'inpatient' WINDOW o AS (PARTITION BY fac, psn ORDER BY b, e, visit))
        SELECT fac, visit, [v1] AS also, psn, (SELECT list(sn) FROM f WHERE f.visit = w.visit) AS lines
        FROM w WHERE bd - e1 BETWEEN 0 AND {j.param('days')} AND dx[1:3] = dx1[1:3] AND dx <> ''
          -- A stay in two because the year ended.
          AND NOT (bd - e1 <= 1 AND strftime(e1, '%m-%d') IN ('12-31', '01-01') AND strftime(bd, '%m-%d') IN ('12-31', '01-01'))""")


def nursed(j):
    """The house kept what nurses write and measure at the time of a stay."""
    return kept_records(j, {"nursing": "SELECT w.fac, CAST(x.b AS DATE) AS d FROM x JOIN v w USING (visit) WHERE x.kind = 'nursing'",
                    "vital": "SELECT w.fac, CAST(n.ts AS DATE) AS d FROM vital_of n JOIN v w USING (visit)"}, "v.bd", "v.ed", False)


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
            AND NOT {j.young('exec', 'v.ed')} AND v.visit IN (SELECT visit FROM x) AND {nursed(j)}
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
    # As elsewhere: a bill of which the fund paid nothing is no sign that the patient was there.
    return j.run(f"""
        SELECT o.fac, o.visit, [s.visit] AS also, o.psn,
          (SELECT list(sn) FROM fee f WHERE f.visit = o.visit AND {j.items()}) AS lines
        FROM v s JOIN v o ON o.psn = s.psn AND o.fac = s.fac AND o.kind IN ('outpatient', 'chronic')
          AND o.bd > s.bd AND o.bd < s.ed
        WHERE s.kind = 'inpatient' AND EXISTS (SELECT 1 FROM fee f WHERE f.visit = o.visit AND {j.items()})
          AND EXISTS (SELECT 1 FROM s p WHERE p.visit = o.visit AND NOT p.cancelled AND p.fund > 0)
          AND NOT EXISTS (SELECT 1 FROM leave_of l WHERE l.visit = s.visit AND CAST(l.b AS DATE) <= o.bd
            AND coalesce(CAST(l.e AS DATE) >= o.bd, TRUE))""")


@rule("A06-1")
def two_beds_here(j):
    # Told of the later stay, once: with the first of the earlier ones that shares enough billed days.
    return j.run(f"""
        WITH w AS (SELECT *, row_number() OVER (PARTITION BY fac, psn ORDER BY b, e, visit) AS no FROM v WHERE kind = 'inpatient'),
        day_of AS (SELECT DISTINCT visit, d FROM fee WHERE d IS NOT NULL),
        shared AS (SELECT y.fac, y.visit, y.psn, x.visit AS first, x.no, y.no AS own, d.d FROM w x
          JOIN w y ON y.fac = x.fac AND y.psn = x.psn AND x.no < y.no
          JOIN day_of d ON d.visit = y.visit AND d.d >= greatest(x.bd, y.bd) AND d.d < least(x.ed, y.ed)
          SEMI JOIN day_of o ON o.visit = x.visit AND o.d = d.d),
        pair AS (SELECT fac, visit, psn, first, no, list(d) AS days FROM shared GROUP BY fac, visit, psn, first, no
          HAVING count(*) >= {j.param('days')}
          QUALIFY row_number() OVER (PARTITION BY visit ORDER BY no) = 1)
        SELECT fac, visit, [first] AS also, psn,
          (SELECT list(sn) FROM fee WHERE fee.visit = pair.visit AND list_contains(pair.days, fee.d)) AS lines FROM pair""")


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


def second_way(j):
    """The region counts the second way: both ends of a stay, both grades of a day, beds of people on leave."""
    return float(j.rule.get("params", {}).get("counting_rule", {}).get("value") or 1) == 2


def kept(j):
    """Each day of leave allows so many days more."""
    more = j.rule.get("params", {}).get("leave_days", {}).get("value")
    return f""" + {int(more)} * coalesce((SELECT sum(greatest(CAST(w.e AS DATE) - CAST(w.b AS DATE), 0))
        FROM leave_of w WHERE w.visit = g.visit), 0)""" if more else ""


STAY = """greatest(ed - bd, 1) + CASE WHEN (SELECT dept <> '' AND left_dept <> '' AND dept <> left_dept
    FROM v w WHERE w.visit = g.visit) THEN 1 ELSE 0 END
    + CASE WHEN EXISTS (SELECT 1 FROM l WHERE l.visit = g.visit AND l.d = g.bd - 1) THEN 1 ELSE 0 END"""
HOURS = """greatest(ceil(date_diff('second', (SELECT b FROM v w WHERE w.visit = g.visit),
    (SELECT e FROM v w WHERE w.visit = g.visit)) / 3600.0), 1)"""


@rule("A14", "A15-1", "A18")
def days_of_stay(j):
    return j.run(excess(lines_of(j, "v.bd IS NOT NULL AND v.ed IS NOT NULL"), "visit",
                        f"total - ({STAY}{' + CASE WHEN ed > bd THEN 1 ELSE 0 END' if second_way(j) else ''}{kept(j)})"))


@rule("B09", "B09-1")
def hours_of_stay(j):
    by = ITEM if j.use["per"] == "code" else "visit"
    return j.run(excess(lines_of(j, "v.b IS NOT NULL AND v.e IS NOT NULL"), by, f"total - ({HOURS})"))


@rule("B08")
def hours_of_day(j):
    # On the day of discharge a ward may write for the whole stay, as long as the stay had so many hours.
    whole = "(SELECT sum(q) FROM l WHERE (l.visit, l.code, l.name) = (g.visit, g.code, g.name))"
    posted = f"coalesce(d >= ed AND {whole} <= {HOURS}, FALSE)"
    return j.run(excess(lines_of(j), ITEM + ", d", f"CASE WHEN {posted} THEN 0 ELSE total - 24 END"))


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
        HAVING count(DISTINCT (l.code, l.name)) > {2 if second_way(j) else 1}""")


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
            -- Tests before a stay may have been made for it.
            AND NOT (f.d >= v.bd - {int(j.param('pre_days'))} AND {j.items(j.use['other'])})
          OR f.d > v.ed + {int(j.param('after_days'))}) GROUP BY f.fac, f.visit""")


@rule("A20")
def done_after(j):
    return j.run(f"""
        WITH r AS (SELECT * FROM lab_of UNION ALL SELECT * FROM exam_of)
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM (SELECT sn FROM fee f WHERE f.visit = v.visit
          AND f.code = r.code ORDER BY {SOONER} LIMIT 1)) AS lines
        FROM r JOIN v USING (visit) WHERE {j.scope()} AND r.done - INTERVAL {int(j.param('hours'))} HOUR > v.e
          AND NOT EXISTS (SELECT 1 FROM fee e WHERE e.visit = v.visit AND e.code = r.code AND e.etip = '1')""")


@rule("A24", "A24-1")
def on_leave(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND {j.items()} AND {"f.charge <> '01'" if second_way(j) else 'TRUE'}
          AND EXISTS (SELECT 1 FROM leave_of l WHERE l.visit = f.visit
          AND CAST(l.b AS DATE) < f.d AND CAST(l.e AS DATE) > f.d) GROUP BY f.fac, f.visit""")
