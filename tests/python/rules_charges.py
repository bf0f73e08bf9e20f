"""The second opinion on rules about charges: pairs, limits, who may be billed for what."""

from duckdb_city import either, quoted
from duckdb_judge import ITEM, SOONER, by_item, excess, lines_of, rule


@rule("B01", "B02", "B11", "B14", "B17", "B18", "B21", "B23", "B24", "B37", "B38", "C16")
def pair(j):
    def meets(p):
        return (f"({j.match(p['code'], 'a.code', 'a.name')} AND {j.match(p['code_b'])} AND least(a.d, f.d)"
                f" BETWEEN DATE {quoted(p['begndate'])} AND DATE {quoted(p['enddate'] or '9999-12-31')})")
    points = j.pack.points[j.use["list"]]
    day = j.use["window"] == "day"
    # Two parts of the body that the names tell are no pair.
    parts = [[w for w in part.split("|") if w] for part in j.use.get("words", [])]
    of = lambda alias: [either(f"contains({alias}.name, {quoted(w)})" for w in part) for part in parts]
    both = either(f"({a} AND {b})" for a, b in zip(of("a"), of("f")))
    apart = f"{either(of('a'))} AND {either(of('f'))} AND NOT {both}" if parts else "FALSE"
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(DISTINCT f.sn) AS lines
        FROM f JOIN v USING (visit) JOIN fee a ON a.visit = f.visit AND {'a.d = f.d' if day else 'TRUE'}
          AND (a.code, a.name) <> (f.code, f.name) AND {either(map(meets, points))} AND NOT ({apart})
        WHERE {j.scope()} GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}{', f.d' if day else ''}""")


LIMIT = """(SELECT max(cap) FROM price p WHERE p.code = f.code AND coalesce(p.b - 1 <= f.d, TRUE)
    AND coalesce(p.e + 1 >= f.d, TRUE))"""


@rule("B03")
def above_limit(j):
    # What the patient bore of it; where nobody says, all of it if as much was outside the scope.
    over = f"least((f.price - {LIMIT}) * f.q, f.amt)"
    borne = f"coalesce(f.limited, CASE WHEN f.amt - f.inside * f.amt >= {over} THEN {over} END, 0)"
    return j.run(f"""
        SELECT f.fac, f.visit, any_value(v.psn) AS psn, list(f.sn) AS lines FROM f JOIN v USING (visit)
        WHERE {j.scope()} AND f.price > {LIMIT} + {j.param('tolerance')} AND {over} > {borne} GROUP BY f.fac, f.{ITEM.replace(', ', ', f.')}""")


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


@rule("B12", "B15", "B22", "B24-1")
def used(j):
    have = """(SELECT sum(coalesce(x.q, 1)) FROM x WHERE x.visit = g.visit AND (x.code = g.code OR x.name = g.name))"""
    return j.run(excess(lines_of(j, f"NOT {j.young('exec', 'v.ed')}"), ITEM, f"total - {have}"))


@rule("B30")
def ordered(j):
    of = "FROM ord WHERE ord.visit = g.visit AND (ord.code = g.code OR ord.name = g.name)"
    # A standing order without quantity says nothing; any other order is for one at least.
    have = f"(SELECT CASE WHEN bool_or(q IS NULL AND kind = '1') THEN NULL ELSE sum(coalesce(q, 1)) END {of})"
    return j.run(excess(lines_of(j, f"NOT {j.young('drord', 'v.ed')}"), ITEM, f"total - {have}"))


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
        now = f"f.d BETWEEN DATE {quoted(p['begndate'])} AND DATE {quoted(p['enddate'] or '9999-12-31')}"
        months = "(date_diff('month', p.birth, f.d) - CASE WHEN day(f.d) < day(p.birth) THEN 1 ELSE 0 END)"
        age = "f.d - p.birth" if p["unit"] in ("天", "日") else months if p["unit"] in ("月", "个月") else "date_diff('year', p.birth, f.d) - CASE WHEN (month(f.d), day(f.d)) < (month(p.birth), day(p.birth)) THEN 1 ELSE 0 END"
        return f"({j.match(p['code'])} AND {now} AND {wrong(age, p['value'])})"
    points = j.pack.points[j.use["list"]]
    return by_item(j, f"f.d >= p.birth AND {either(map(limit, points))}", "JOIN person p USING (psn)")


@rule("E02", "C03", "C04", "C19-2", "D01")
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
    # Where nobody is registered at all, the register was not brought in.
    return by_item(j, """f.dise <> '' AND EXISTS (SELECT 1 FROM registered) AND NOT EXISTS (SELECT 1 FROM registered r WHERE r.psn = v.psn
      AND r.dise = f.dise AND coalesce(r.b <= f.d, TRUE) AND coalesce(r.e >= f.d, TRUE))""")


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
