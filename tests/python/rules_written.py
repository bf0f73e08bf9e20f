"""The second opinion on rules that hold a bill against what was written: orders, prescriptions, labels, tills.

Registers itself with duckdb_judge, as rules_elsewhere does.
"""

from duckdb_city import LAG, either, inside, quoted
from duckdb_judge import BILLED, ITEM, SOONER, excess, lines_of, rule


def points_of(j, name):
    return j.pack.points[name]


def value_of(j, name, code, text):
    """The greatest value of the points that mean an item."""
    cases = [f"CASE WHEN {j.match(p['code'], code, text)} THEN {p['value']} END" for p in points_of(j, name)]
    return f"greatest({', '.join(cases)})"


@rule("A17")
def grade(j):
    billed = value_of(j, "A17", "f.code", "f.name")
    ordered = value_of(j, "A17", "o.code", "o.name")
    return j.run(f"""
        WITH o AS (SELECT o.visit, {ordered} AS rank, CAST(o.b AS DATE) AS a, CAST(o.e AS DATE) AS z FROM ord o),
        l AS (SELECT f.*, v.psn, {billed} AS rank FROM f JOIN v USING (visit) WHERE {j.scope()} AND {j.items()}),
        h AS (SELECT l.*, (SELECT max(o.rank) FROM o WHERE o.visit = l.visit AND o.a <= l.d
          AND coalesce(o.z >= l.d, TRUE)) AS most FROM l)
        SELECT fac, visit, any_value(psn) AS psn, list(sn) AS lines FROM h WHERE rank > most GROUP BY fac, {ITEM}""")


@rule("B16")
def machine(j):
    able = "m.fac = f.fac AND list_contains(string_split(m.codes, ','), f.code)"
    def below(p):
        fits = either(f"contains(m.name || m.model, {quoted(w)})" for w in p["text"].split("|"))
        return f"({j.match(p['code'])} AND NOT EXISTS (SELECT 1 FROM machine m WHERE {able} AND {fits}))"
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.items()} AND EXISTS (SELECT 1 FROM machine m WHERE {able}) AND {either(map(below, points_of(j, 'B16')))}
        GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


@rule("B33", "D08")
def swapped(j):
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.items()} AND f.ordno <> ''
          AND EXISTS (SELECT 1 FROM x WHERE x.visit = f.visit AND x.ordno = f.ordno AND (x.code <> '' OR x.name <> ''))
          AND NOT EXISTS (SELECT 1 FROM x WHERE x.visit = f.visit AND x.ordno = f.ordno
            AND (x.code = f.code AND x.code <> '' OR x.name = f.name AND x.name <> ''))
        GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


@rule("B35")
def consent(j):
    words = either(f"contains(n.kind, {quoted(w)})" for w in j.use["words"])
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND {j.items()}
          AND f.fac IN (SELECT w.fac FROM note_of n JOIN v w ON w.visit = n.visit WHERE {words})
          AND NOT EXISTS (SELECT 1 FROM note_of n WHERE n.visit = f.visit AND {words})
          AND NOT {j.young('note', 'greatest(coalesce(v.ed, f.d), f.d)')}
        GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


@rule("B36")
def brought(j):
    said = either(f"contains(n.words, {quoted(w)})" for w in ["自备", "外购"])
    return j.run(f"""
        SELECT DISTINCT v.fac, v.visit, v.psn, o.code FROM ord o JOIN v USING (visit)
        WHERE {j.scope()} AND {inside('o.item_type', j.use['items']['list_type'])} AND (o.code <> '' OR o.name <> '')
          AND EXISTS (SELECT 1 FROM note_of n WHERE n.visit = v.visit AND {said})
          AND NOT EXISTS (SELECT 1 FROM f WHERE f.visit = v.visit
            AND (f.code = o.code AND o.code <> '' OR f.name = o.name AND o.name <> ''))
          AND v.ed IS NOT NULL AND NOT {j.young('fee_list_d', 'v.ed')} AND {BILLED}""")


@rule("C15")
def herbs(j):
    # Only where every entry of the herb in the visit names its whole dose in grams.
    own = "FROM written r WHERE r.visit = g.visit AND r.name = g.name"
    have = f"(SELECT CASE WHEN bool_and(r.q IS NOT NULL AND r.unit IN ('', 'g', '克')) THEN sum(r.q) END {own})"
    more = f"CASE WHEN total > {have} + {j.param('tolerance')} THEN total - {have} ELSE 0 END"
    return j.run(excess(lines_of(j), ITEM, more))


PAID_BY_GROUP = """SELECT s.visit, s.fac, s.total, g.code FROM s JOIN grouped g USING (setl)
    WHERE NOT s.cancelled AND g.way NOT IN ('', 'item') AND g.code <> ''"""


@rule("F10")
def operated(j):
    return j.run(f"""
        WITH p AS ({PAID_BY_GROUP})
        SELECT DISTINCT v.fac, v.visit, v.psn, (SELECT list(sn) FROM fee f WHERE f.visit = v.visit) AS lines
        FROM p JOIN v USING (visit) WHERE {j.scope()} AND regexp_matches(p.code, '^[A-Z][A-J][0-9]')
          AND v.bd IS NOT NULL AND v.ed IS NOT NULL AND NOT {j.young('fee_list_d', 'v.ed')}
          AND p.visit IN (SELECT s.visit FROM s JOIN grouped g USING (setl) WHERE g.way = 'drg')
          AND NOT EXISTS (SELECT 1 FROM x WHERE x.visit = v.visit AND x.kind IN ('oprn', 'anst'))
          AND NOT EXISTS (SELECT 1 FROM fee f WHERE f.visit = v.visit AND f.charge = '06')""")


operated.lists_may_be_empty = True


@rule("F11")
def short(j):
    return j.run(f"""
        WITH one AS (SELECT visit FROM s WHERE NOT cancelled GROUP BY visit HAVING count(*) = 1),
        p AS (SELECT q.*, greatest(v.ed - v.bd, 1) AS days FROM ({PAID_BY_GROUP}) q JOIN v USING (visit)
          WHERE v.kind = 'inpatient' AND v.visit IN (SELECT visit FROM one) AND v.ed >= v.bd AND q.total IS NOT NULL),
        m AS (SELECT fac, code, count(*) AS n, list_sort(list(days))[count(*) // 2 + 1] AS days,
          list_sort(list(total))[count(*) // 2 + 1] AS total FROM p GROUP BY fac, code)
        SELECT v.fac, v.visit, v.psn FROM p JOIN m USING (fac, code) JOIN v USING (visit)
        WHERE m.n >= {j.param('count')} AND p.days <= m.days * {j.param('share')} AND p.total <= round(m.total * {j.param('share')}, 6)""")


@rule("G09")
def goods(j):
    same = "(f.code = k.code AND k.code <> '' OR f.name = k.name)"
    return j.run(f"""
        WITH k AS (SELECT sold.*, s.visit FROM sold JOIN s USING (setl) WHERE sold.setl <> '' AND NOT s.cancelled),
        odd AS (SELECT DISTINCT k.setl FROM k WHERE (k.code <> '' OR k.name <> '')
          AND NOT EXISTS (SELECT 1 FROM fee f WHERE f.setl = k.setl AND {same}))
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit) JOIN odd USING (setl)
        WHERE {j.items()} AND NOT EXISTS (SELECT 1 FROM k WHERE k.setl = f.setl AND {same}) GROUP BY f.fac, f.visit, f.setl""")


def prescriptions(j):
    return f"""
        SELECT fac, who, rx, visit, psn, t, sn FROM (
          SELECT *, CASE WHEN orderer <> '' THEN orderer ELSE dr END AS who FROM ({lines_of(j, "f.rx <> ''")}))
        WHERE who <> '' QUALIFY row_number() OVER (PARTITION BY fac, who, visit, rx ORDER BY {SOONER}) = 1"""


@rule("H06")
def hour(j):
    span = int(j.param("minutes")) * 60
    return j.run(f"""
        WITH r AS ({prescriptions(j)}),
        n AS (SELECT *, CAST(t AS DATE) AS d, count(*) OVER (PARTITION BY fac, who, CAST(t AS DATE) ORDER BY t
          RANGE BETWEEN CURRENT ROW AND INTERVAL {span - 1} SECOND FOLLOWING) AS n FROM r),
        best AS (SELECT * FROM n QUALIFY row_number() OVER (PARTITION BY fac, who, d ORDER BY n DESC, t) = 1)
        SELECT best.fac, list(r.sn) AS lines FROM best JOIN r ON r.fac = best.fac AND r.who = best.who
          AND r.t >= best.t AND CAST(r.t AS DATE) = best.d AND date_diff('second', best.t, r.t) < {span}
        WHERE best.n > {j.param('count')} GROUP BY best.fac, best.who, best.d""")


@rule("I04")
def gap(j):
    # Two of one second follow each other.
    return j.run(f"""
        WITH r AS ({prescriptions(j)})
        SELECT fac, list(sn) AS lines FROM r WHERE EXISTS (SELECT 1 FROM r a WHERE a.fac = r.fac AND a.who = r.who
          AND a.psn <> r.psn AND a.t <= r.t AND CAST(a.t AS DATE) = CAST(r.t AS DATE)
          AND date_diff('second', a.t, r.t) < {j.param('seconds')})
        GROUP BY fac, who, CAST(t AS DATE) HAVING count(*) > {j.param('count')}""")
