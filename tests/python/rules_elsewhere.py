"""The second opinion on rules that look at what a person did at other facilities."""

from duckdb_judge import rule


@rule("A02")
def handed_on(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn FROM v WHERE v.kind = 'inpatient' AND v.dx <> '' AND EXISTS (
          SELECT 1 FROM v o WHERE o.psn = v.psn AND o.fac <> v.fac AND o.kind = 'inpatient'
            AND o.dx0[1:3] = v.dx[1:3] AND o.bd <> v.bd
            AND (o.bd - v.ed BETWEEN 0 AND {j.param('days')} OR v.bd - o.ed BETWEEN 0 AND {j.param('days')}))""")


@rule("A04")
def clinic_elsewhere(j):
    # A bill of which the fund paid nothing is no sign that the patient was there.
    return j.run("""
        SELECT bed.fac, bed.visit, bed.psn FROM v bed JOIN v o ON o.psn = bed.psn AND o.fac <> bed.fac
          AND o.kind IN ('outpatient', 'chronic', 'pharmacy') AND o.bd > bed.bd AND o.bd < bed.ed
        WHERE bed.kind = 'inpatient'
          AND NOT EXISTS (SELECT 1 FROM f e WHERE e.visit = bed.visit AND e.etip = '1' AND e.d = o.bd)
          AND (SELECT sum(fund) FROM s0 WHERE s0.visit = o.visit) > 0
          AND NOT EXISTS (SELECT 1 FROM leave_of l WHERE l.visit = bed.visit AND CAST(l.b AS DATE) <= o.bd
            AND coalesce(CAST(l.e AS DATE) >= o.bd, TRUE))""")


@rule("A06")
def two_beds(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM f WHERE f.visit = v.visit) AS lines
        FROM v JOIN v o ON o.psn = v.psn AND o.fac <> v.fac AND o.kind = 'inpatient'
        WHERE v.kind = 'inpatient' AND least(v.ed, o.ed) - greatest(v.bd, o.bd) >= {j.param('days')}""")


@rule("C28")
def collected(j):
    return j.run(f"""
        WITH own AS (SELECT f.fac, v.psn, f.code, f.d, f.fac AS house, f.q FROM f JOIN v USING (visit)
          WHERE {j.scope()} AND {j.items()}),
        pair AS (SELECT DISTINCT fac, psn, code FROM own),
        taken AS (SELECT * FROM own UNION ALL
          SELECT p.fac, p.psn, p.code, r.d, r.fac, r.q FROM pair p
          JOIN v o ON o.psn = p.psn AND o.fac <> p.fac AND o.kind NOT IN ('inpatient', 'day_surgery')
          JOIN raw r ON r.visit = o.visit AND r.code = p.code AND r.list_type IN ('101', '102', '103', '104')),
        first_of AS (SELECT DISTINCT fac, psn, code, d FROM taken),
        window_of AS (SELECT b.fac, b.psn, b.code, b.d, count(DISTINCT t.house) AS houses, sum(t.q) AS q
          FROM first_of b JOIN taken t USING (fac, psn, code)
          WHERE t.d >= b.d AND t.d < b.d + {int(j.param('days'))} GROUP BY b.fac, b.psn, b.code, b.d)
        SELECT DISTINCT fac, psn, code FROM window_of
        WHERE houses >= {j.param('count')} AND q > {j.param('quantity')}""")


@rule("H03")
def two_counters(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM f WHERE f.visit = v.visit) AS lines
        FROM v WHERE {j.scope()} AND EXISTS (SELECT 1 FROM v o WHERE o.psn = v.psn AND o.fac <> v.fac
          AND o.kind NOT IN ('inpatient', 'day_surgery', 'unknown')
          -- From the doctor to the chemist next door.
          AND NOT CASE WHEN v.b <= o.b THEN v.kind <> 'pharmacy' AND o.kind = 'pharmacy'
            ELSE o.kind <> 'pharmacy' AND v.kind = 'pharmacy' END
          AND abs(date_diff('second', v.b, o.b)) < {j.param('minutes')} * 60)""")
