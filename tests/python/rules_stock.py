"""The second opinion on rules about boxes, shelves and what was bought."""

from duckdb_city import LAG, inside
from duckdb_judge import SOONER, rule


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


FIRST_LINE = f"(SELECT list(sn) FROM (SELECT sn FROM fee f WHERE f.visit = k.visit AND f.code = k.code ORDER BY {SOONER} LIMIT 1))"
LIVE_BOX = """box k LEFT JOIN s ON s.setl = k.setl LEFT JOIN v ON v.visit = k.visit
    WHERE k.back <> '1' AND NOT coalesce(s.cancelled, FALSE)"""


@rule("G03")
def box_twice(j):
    return j.run(f"""
        -- What was uploaded of boxes, and what the stock says of its sales: a sale that both tell is one.
        WITH told AS (SELECT o.fac, trim(unnest(string_split(o.boxes, ','))) AS box, o.setl, s.visit, o.code, coalesce(o.ts, s.ts) AS ts,
            '' AS back FROM sold o JOIN s ON s.setl = o.setl WHERE o.boxes <> '' AND o.setl <> ''),
        boxes AS (SELECT fac, box, setl, visit, code, ts, back FROM box UNION ALL
          SELECT DISTINCT * FROM told WHERE box <> '' AND (box, setl) NOT IN (SELECT (box, setl) FROM box)),
        live AS (SELECT k.* FROM {LIVE_BOX.replace('box k', 'boxes k')} AND k.setl <> '' AND coalesce(v.kind, '') <> 'inpatient'),
        twice AS (SELECT fac, box FROM live WHERE (fac, box) NOT IN (SELECT (fac, box) FROM opened)
            AND (fac, box) NOT IN (SELECT (fac, box) FROM returned)
          GROUP BY fac, box HAVING count(DISTINCT setl) > 1),
        k AS (SELECT live.* FROM live JOIN twice USING (fac, box)
          WHERE NOT EXISTS (SELECT 1 FROM boxes r LEFT JOIN s ON s.setl = r.setl WHERE r.box = live.box
            AND (r.back = '1' OR coalesce(s.cancelled, FALSE)))
          QUALIFY row_number() OVER (PARTITION BY fac, box ORDER BY ts DESC, setl DESC) = 1)
        SELECT k.fac, k.visit, v.psn, {FIRST_LINE} AS lines FROM k LEFT JOIN v USING (visit)""")


# Every sale of a box that some house settled, a sale a settlement; what became of it, and what is against asking.
SALES = """
    sale AS (SELECT k.fac, k.box, k.setl, min(k.ts) AS ts, any_value(k.visit) AS visit, any_value(k.code) AS code,
        coalesce(any_value(v.kind), '') AS kind,
        bool_or(k.back = '1' OR coalesce(s.cancelled, FALSE)) OR (k.fac, k.box) IN (SELECT (fac, box) FROM returned) AS back,
        (k.fac, k.box) IN (SELECT (fac, box) FROM opened) AS piece
      FROM box k LEFT JOIN s ON s.setl = k.setl LEFT JOIN v ON v.visit = k.visit
      WHERE k.setl <> '' GROUP BY k.fac, k.box, k.setl),
    -- A box on a way that boxes go in this house itself.
    known AS (SELECT fac, box FROM sale WHERE back OR piece UNION SELECT fac, box FROM opened
      UNION SELECT fac, box FROM returned)"""


def others(j, here, before="TRUE"):
    """Other houses settled the box of `here`, one of these sales stands, and nothing explains it."""
    there = f"FROM sale o WHERE o.box = {here}.box AND o.fac <> {here}.fac"
    return f"""EXISTS (SELECT 1 {there} AND NOT o.back AND o.kind <> 'inpatient' AND {before})
        AND NOT EXISTS (SELECT 1 {there} AND o.piece)
        AND (SELECT count(*) {there}) <= {j.param('count')}
        AND ({here}.fac, {here}.box) NOT IN (SELECT (fac, box) FROM known)"""


@rule("G04")
def box_of_two_houses(j):
    return j.run(f"""
        WITH {SALES},
        k AS (SELECT * FROM sale WHERE NOT back AND kind <> 'inpatient' AND {others(j, "sale")}
          QUALIFY row_number() OVER (PARTITION BY fac, box ORDER BY ts DESC, setl DESC) = 1)
        SELECT k.fac, k.visit, v.psn, {FIRST_LINE} AS lines FROM k LEFT JOIN v USING (visit)""")


@rule("G07")
def shelf_of_another(j):
    return j.run(f"""
        WITH {SALES},
        c AS (SELECT fac, code, CAST(ts AS DATE) AS d, trim(unnest(string_split(boxes, ','))) AS box FROM shelf WHERE boxes <> '')
        SELECT c.fac, c.code FROM c WHERE {others(j, "c", "CAST(o.ts AS DATE) < c.d")} GROUP BY c.fac, c.code, c.d""")


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
        WHERE coalesce(v.kind, '') <> 'inpatient' AND (k.fac, k.box) NOT IN (SELECT (fac, box) FROM opened)
          AND (k.fac, k.box) NOT IN (SELECT (fac, box) FROM returned)""")


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
