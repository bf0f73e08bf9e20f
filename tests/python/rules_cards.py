"""The second opinion on rules about codes, cards, counters and who signed."""

from duckdb_city import inside, quoted
from duckdb_judge import BILLED, rule


@rule("F01")
def odd_settlement(j):
    return j.run("""
        SELECT v.fac, v.visit, any_value(v.psn) AS psn FROM s JOIN v USING (visit) WHERE NOT s.cancelled
          AND (s.fund > s.total OR CAST(s.ts AS DATE) < v.bd) GROUP BY v.fac, v.visit""")


@rule("F02", "F02-1", "F02-2")
def fields(j):
    # A field that nobody of the house sends is not looked at; one that is missing in many visits is told once of the
    # house. Nobody orders at a counter, which is counted by itself.
    what = {"code": "f.code = ''", "q": "f.q IS NULL", "price": "f.price IS NULL", "amt": "f.amt IS NULL",
            "dr": "f.dr = '' AND v.kind <> 'pharmacy'"}
    known = {"code": "TRUE", "q": "q IS NOT NULL", "price": "price IS NOT NULL", "amt": "amt IS NOT NULL", "dr": "dr <> ''"}
    rows = " UNION ALL ".join(f"""SELECT f.fac, f.visit, v.psn, f.sn, v.kind = 'pharmacy' AS counter, '{name}' AS field
        FROM f JOIN v USING (visit) WHERE {j.scope()} AND ({lacks})
          AND f.fac IN (SELECT fac FROM raw WHERE {known[name]})""" for name, lacks in what.items())
    wide = f"""
        WITH m AS ({rows}), visits AS (SELECT f.fac, v.kind = 'pharmacy' AS counter, count(DISTINCT f.visit) AS n
          FROM f JOIN v USING (visit) WHERE {j.scope()} GROUP BY ALL),
        wide AS (SELECT m.fac, m.counter, m.field FROM m JOIN visits USING (fac, counter) GROUP BY ALL
          HAVING count(DISTINCT m.visit) >= {j.param('count')}
            AND count(DISTINCT m.visit) > any_value(visits.n) * {j.param('ceiling')})"""
    if j.use["form"] == "fields_share":
        return j.run(f"{wide} SELECT fac FROM wide GROUP BY fac, counter")
    return j.run(f"""{wide} SELECT fac, visit, any_value(psn) AS psn, list(DISTINCT sn) AS lines FROM m
        WHERE (fac, counter, field) NOT IN (SELECT (fac, counter, field) FROM wide) GROUP BY fac, visit""")


@rule("F04")
def operation_fee(j):
    return j.run(f"""
        SELECT DISTINCT v.fac, v.visit, v.psn FROM op JOIN v USING (visit) WHERE {j.scope()}
          AND NOT EXISTS (SELECT 1 FROM f WHERE f.visit = v.visit AND {j.items()})
          AND {BILLED}""")


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
                 lambda p: f"p.sex IN ('1', '2') AND NOT {inside('p.sex', p['text'].split('|'))}")


@rule("F09")
def coded_age(j):
    return coded(j, "dx", lambda p: f"v.bd >= p.birth AND v.bd - p.birth > {p['value']}")


@rule("F12")
def no_diagnosis(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn FROM v WHERE {j.scope()} AND v.visit NOT IN (SELECT visit FROM dx)
          AND v.visit IN (SELECT visit FROM f)""")


@rule("H01")
def split_settlement(j):
    return j.run(f"""
        WITH w AS (SELECT v.fac, v.visit, v.psn, s.ts, s.total, lag(s.ts) OVER o AS at0, lag(s.total) OVER o AS total0,
          lag(v.visit) OVER o AS v0 FROM s JOIN v USING (visit) WHERE NOT s.cancelled AND s.total > 0 AND {j.scope()}
          WINDOW o AS (PARTITION BY v.fac, v.psn ORDER BY s.ts, s.total, v.b, v.visit))
        SELECT fac, visit, [v0] AS also, psn, (SELECT list(sn) FROM fee f WHERE f.visit = w.visit) AS lines FROM w
        WHERE total = total0 AND date_diff('second', at0, ts) <= {j.param('seconds')}""")


@rule("H10")
def suspended(j):
    return j.run("""
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM fee f WHERE f.visit = v.visit) AS lines
        FROM s JOIN v USING (visit) WHERE NOT s.cancelled AND s.fund > 0 AND CAST(s.ts AS DATE) = v.bd
          AND EXISTS (SELECT 1 FROM unit u WHERE u.fac = v.fac AND u.kind = 'suspension' AND u.b < v.bd
            AND coalesce(u.e > v.bd, TRUE))""")


@rule("H12")
def prescriptions(j):
    return j.run(f"""
        WITH g AS (SELECT fac, psn, bd, doctor, dx[1:3] AS dx3, list(visit ORDER BY b, e, visit) AS all_of FROM v
          WHERE {j.scope()} AND doctor <> '' AND dx <> '' GROUP BY ALL HAVING count(*) >= {j.param('count')})
        SELECT fac, all_of[-1] AS visit, all_of AS also, psn,
          (SELECT list(sn) FROM fee f WHERE list_contains(g.all_of[2:], f.visit)) AS lines FROM g""")


@rule("H13")
def not_insured(j):
    return j.run(f"""
        SELECT v.fac, v.visit, v.psn, (SELECT list(sn) FROM fee f WHERE f.visit = v.visit) AS lines FROM v
        WHERE {j.scope()} AND v.psn IN (SELECT psn FROM insured_in)
          AND v.psn NOT IN (SELECT psn FROM insured_in WHERE b IS NULL)
          AND NOT EXISTS (SELECT 1 FROM insured_in i WHERE i.psn = v.psn AND i.b - {int(j.param('before_days'))} <= greatest(coalesce(v.ed, v.bd), v.bd)
            AND coalesce(i.e + {int(j.param('after_days'))} >= v.bd, TRUE))
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
