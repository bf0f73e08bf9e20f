"""The second opinion on leads and statistics: figures of a whole house, and persons who stand out together."""

from duckdb_judge import rule

# Too few cases for a share of things that are counted.
FEW = 30


def share(j, part, whole, per, few=True):
    """One hit a house of which part ÷ whole is above the reference."""
    least = f"AND {whole} >= {FEW}" if few else ""
    return j.run(f"SELECT fac FROM ({per}) GROUP BY fac HAVING {whole} > 0 {least}"
                 f" AND {part} / {whole} > {j.param('ceiling')}")


@rule("J01", "J02", "J03", "J04", "J05", "J06")
def of_bill(j):
    bills = f"SELECT f.fac, f.amt, ({j.items()}) AS own FROM f JOIN v USING (visit) WHERE {j.scope()}"
    return share(j, "coalesce(sum(amt) FILTER (own), 0)", "sum(amt)", bills, few=False)


@rule("A21", "J08")
def came_back(j):
    return share(j, "count(*) FILTER (back)", "count(*)", f"""
        SELECT fac, coalesce(bd - lag(ed) OVER o BETWEEN 0 AND {j.param('days')} AND dx[1:3] = lag(dx[1:3]) OVER o
          AND dx <> '', FALSE) AS back FROM v WHERE kind = 'inpatient' AND e IS NOT NULL
        WINDOW o AS (PARTITION BY fac, psn ORDER BY b, e, visit)""")


@rule("A23")
def nobody_paid(j):
    return share(j, "count(*) FILTER (own = 0 AND cash = 0)", "count(*)", """
        SELECT v.fac, s.own, s.cash FROM s JOIN v USING (visit) WHERE v.kind = 'inpatient' AND NOT s.cancelled
          AND s.own IS NOT NULL AND s.cash IS NOT NULL""")


@rule("F12-1")
def without_diagnosis(j):
    return share(j, "count(*) FILTER (NOT known)", "count(*)",
                 f"SELECT fac, visit IN (SELECT visit FROM dx) AS known FROM v WHERE {j.scope()}")


@rule("G05")
def not_scanned(j):
    return share(j, "count(*) FILTER (NOT scanned)", "count(*)", f"""
        SELECT f.fac, EXISTS (SELECT 1 FROM box WHERE box.visit = f.visit AND box.code = f.code) AS scanned
        FROM f JOIN v USING (visit) WHERE {j.scope()} AND {j.items()}
          AND f.fac IN (SELECT fac FROM box)""")


@rule("J12")
def one_department(j):
    return j.run(f"""
        WITH d AS (SELECT v.fac, v.dept, coalesce(sum(f.amt), 0) AS amt FROM v LEFT JOIN f ON f.visit = v.visit GROUP BY ALL),
        t AS (SELECT *, sum(amt) OVER (PARTITION BY fac) AS total, count(*) OVER (PARTITION BY fac) AS n FROM d)
        SELECT fac FROM t WHERE n >= 4 AND total > 0 AND dept <> '' AND amt / total > {j.param('ceiling')}""")


@rule("J09")
def dear_stay(j):
    return j.run(f"""
        WITH c AS (SELECT v.fac, v.visit, v.psn, v.dx[1:3] AS dx3, coalesce(sum(f.amt), 0) AS cost
          FROM v LEFT JOIN f ON f.visit = v.visit WHERE {j.scope()} AND v.dx <> '' AND v.e IS NOT NULL GROUP BY ALL),
        m AS (SELECT *, median(cost) OVER g AS mid, count(*) OVER g AS n FROM c WINDOW g AS (PARTITION BY fac, dx3)),
        s AS (SELECT *, median(abs(cost - mid)) OVER (PARTITION BY fac, dx3) AS off FROM m)
        SELECT fac, visit, psn FROM s WHERE n >= {j.param('count')} AND off > 0
          AND (cost - mid) / (1.4826 * off) > {j.param('z')}""")


@rule("J10")
def dear_month(j):
    return j.run(f"""
        WITH m AS (SELECT f.fac, year(f.d) * 12 + month(f.d) AS m, sum(f.amt) AS amt FROM f JOIN v USING (visit)
          WHERE {j.scope()} AND f.d IS NOT NULL GROUP BY ALL),
        i AS (SELECT * FROM m QUALIFY m > min(m) OVER (PARTITION BY fac) AND m < max(m) OVER (PARTITION BY fac))
        SELECT b.fac FROM i a JOIN i b ON b.fac = a.fac AND b.m = a.m + 1
        WHERE a.amt > 0 AND b.amt > a.amt * {j.param('factor')}""")


@rule("H04")
def end_of_year(j):
    late = f"month(f.d) = 12 AND day(f.d) > 31 - {int(j.param('days'))}"
    return j.run(f"""
        WITH y AS (SELECT f.fac, year(f.d) AS y, coalesce(sum(f.amt) FILTER ({late}), 0) AS late,
            sum(f.amt) FILTER (NOT ({late})) AS rest, count(DISTINCT f.d) FILTER (NOT ({late})) AS days
          FROM f JOIN v USING (visit) WHERE {j.scope()} AND f.d IS NOT NULL GROUP BY ALL)
        SELECT fac FROM y WHERE days >= 90 AND late > rest / days * {j.param('days')} * {j.param('factor')}""")


@rule("A13")
def more_than_beds(j):
    return j.run(f"""
        WITH night AS (SELECT fac, unnest(range(CAST(bd AS TIMESTAMP), CAST(ed AS TIMESTAMP), INTERVAL 1 DAY)) AS d FROM v
          WHERE kind = 'inpatient' AND ed - bd BETWEEN 0 AND 366)
        SELECT fac FROM night JOIN house USING (fac) WHERE house.beds > 0 GROUP BY fac, d, house.beds
        HAVING count(*) > house.beds * {j.param('share')}""")


@rule("A10")
def admitted_together(j):
    return j.run(f"""
        WITH p AS (SELECT v.fac, v.bd, v.dept, v.dx[1:3] AS dx3, v.psn, unnest([
            CASE WHEN length(p.tel) >= 7 THEN 'tel' || p.tel END, CASE WHEN p.employer <> '' THEN 'emp' || p.employer END]) AS shared
          FROM v JOIN person p USING (psn) WHERE v.kind = 'inpatient' AND v.dx <> '' AND v.dept <> '')
        SELECT fac FROM p WHERE shared IS NOT NULL GROUP BY fac, bd, dept, dx3, shared
        HAVING count(DISTINCT psn) >= {j.param('count')}""")


@rule("H14")
def one_telephone(j):
    return j.run(f"""
        SELECT v.fac FROM v JOIN person p USING (psn) WHERE length(p.tel) >= 7 GROUP BY v.fac, p.tel
        HAVING count(DISTINCT v.psn) > {j.param('count')}""")


@rule("I05")
def full_day(j):
    return j.run(f"""
        SELECT fac FROM v WHERE {j.scope()} AND doctor <> '' AND bd IS NOT NULL GROUP BY fac, doctor, bd
        HAVING count(DISTINCT psn) > {j.param('count')}""")


@rule("F14")
def same_note(j):
    return j.run(f"""
        WITH n AS (SELECT v.fac, v.psn, n.who, regexp_replace(n.words, '[^\\p{{L}}]', '', 'g') AS t FROM note_of n JOIN v USING (visit))
        SELECT fac FROM n WHERE length(t) >= 30 GROUP BY fac, who, t HAVING count(DISTINCT psn) >= {j.param('count')}""")


@rule("B32")
def same_result(j):
    return j.run(f"""
        SELECT v.fac FROM x JOIN v USING (visit) WHERE x.result <> '' GROUP BY v.fac, x.result, x.code
        HAVING count(DISTINCT v.psn) >= {j.param('count')}""")


@rule("H16")
def same_bill(j):
    return j.run(f"""
        WITH b AS (SELECT v.fac, v.visit, v.psn, v.doctor, v.bd, list_sort(list(f.code || '/' || f.name || '/' || f.q)) AS bill
          FROM f JOIN v USING (visit) WHERE {j.scope()} AND v.doctor <> '' AND v.bd IS NOT NULL GROUP BY ALL HAVING count(*) >= 5)
        SELECT fac FROM b GROUP BY fac, doctor, bd, bill HAVING count(DISTINCT psn) >= {j.param('count')}""")


@rule("H09")
def at_night(j):
    return j.run(f"""
        WITH w AS (SELECT * REPLACE (translate(value, '～~—–－−〜至到：０１２３４５６７８９', '---------:0123456789') AS value) FROM unit),
        h AS (SELECT fac, string_split(value, '-') AS span FROM w WHERE kind = 'hours' AND contains(value, '-')
          QUALIFY row_number() OVER (PARTITION BY fac ORDER BY name) = 1),
        o AS (SELECT fac, list_transform(span, lambda c: CAST(split_part(trim(c), ':', 1) AS INT) * 3600
            + CAST(split_part(trim(c), ':', 2) AS INT) * 60) AS s FROM h),
        c AS (SELECT s.visit, date_diff('second', date_trunc('day', s.ts), s.ts) AS clock FROM s WHERE NOT s.cancelled)
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM f WHERE f.visit = v.visit) AS lines
        FROM c JOIN v USING (visit) JOIN o USING (fac) WHERE {j.scope()} AND c.clock <> 0
          AND NOT CASE WHEN o.s[1] <= o.s[2] THEN c.clock BETWEEN o.s[1] AND o.s[2] ELSE c.clock >= o.s[1] OR c.clock <= o.s[2] END""")


@rule("G12")
def cheaply_bought(j):
    return j.run(f"""
        WITH paid AS (SELECT fac, code, max(price) AS price FROM bought WHERE price > 0 GROUP BY ALL)
        SELECT f.fac, f.code FROM f JOIN paid USING (fac, code) WHERE {j.items()} GROUP BY f.fac, f.code
        HAVING max(f.price) > max(paid.price) * {j.param('ratio')}""")


@rule("H02")
def many_cards(j):
    """Several persons pay one amount within minutes; a stretch is told once, and the next one begins after it."""
    rows = j.city.db.execute(f"""SELECT v.fac, s.total, epoch(s.ts), v.psn FROM s JOIN v USING (visit)
        WHERE {j.scope()} AND NOT s.cancelled AND s.total > 0 AND s.ts IS NOT NULL ORDER BY ALL""").fetchall()
    groups, out = {}, []
    for fac, total, ts, psn in rows:
        groups.setdefault((fac, total), []).append((ts, psn))
    for (fac, _), paid in groups.items():
        until = None
        for n, (ts, _) in enumerate(paid):
            end = ts + j.param("minutes") * 60
            if (until is None or ts > until) and len({p for t, p in paid[n:] if t <= end}) >= j.param("count"):
                out.append({"rule": j.name, "fixmedins_code": fac})
                until = end
    return out
