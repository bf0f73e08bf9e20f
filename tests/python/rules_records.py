"""The second opinion on rules about records: what must lie beside a charge, and machines and hands that were busy."""

from duckdb_city import LAG, either, inside, quoted
from duckdb_judge import by_item, kept, rule, step_by_step


SAME = "({a}.code = f.code AND f.code <> '' OR {a}.name <> '' AND (contains(f.name, {a}.name) OR contains({a}.name, f.name)))"


@rule("B20-1", "B29", "B29-1", "B29-2", "B29-3", "B29-4", "B31", "C29", "C31", "D03", "E12", "H05")
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
    # Where no time is asked for, each item of a visit counts once: joined line by line they are billions.
    def things(table, where="TRUE"):
        return f"(SELECT DISTINCT visit, code, name FROM {table} WHERE {where})" if days is None else f"(SELECT * FROM {table} WHERE {where})"
    def event(kinds):
        return f"EXISTS (SELECT 1 FROM {things('x', inside('kind', kinds))} x WHERE x.visit = f.visit AND {same('x')} AND {near('x.b')})"
    # Where a rule names what must lie beside the charge, only a report of that proves it.
    def told(a):
        return j.items(j.use["other"], a) if j.use.get("other") else same(a)
    def report(table, kind):
        return (f"EXISTS (SELECT 1 FROM {table} r WHERE r.visit = f.visit AND {told('r')} AND {near('r.done', 'r.told')})"
                f" OR EXISTS (SELECT 1 FROM x WHERE x.visit = f.visit AND x.kind = '{kind}' AND {told('x')} AND {near('x.b')})"
                if j.use.get("other") else
                f"EXISTS (SELECT 1 FROM {things(table)} r WHERE r.visit = f.visit AND {same('r')} AND {near('r.done', 'r.told')})"
                f" OR EXISTS (SELECT 1 FROM {things('x', f'kind = {quoted(kind)}')} x WHERE x.visit = f.visit AND {same('x')} AND {near('x.b')})")
    proofs = {
        "order": f"(EXISTS (SELECT 1 FROM ord WHERE ord.visit = f.visit AND ord.no = f.ordno AND f.ordno <> '')"
                 f" OR EXISTS (SELECT 1 FROM {things('ord')} ord WHERE ord.visit = f.visit AND {same('ord')}))",
        "exec": event(["order_exec", "nursing", "treat", "lab", "exam", "oprn", "anst"]),
        "nursing": event(["nursing"]), "treat": event(["treat", "order_exec"]),
        "oprn_event": event(["oprn"]), "anaesthesia": event(["anst"]),
        "lab": report("lab_of", "lab"), "exam": report("exam_of", "exam"),
        "operation": f"{chr(40)}{'f.charge = ' + quoted('06') if per_code else 'TRUE'} AND EXISTS (SELECT 1 FROM op WHERE op.visit = f.visit AND {near('op.ts')})){''}",
        "note": f"EXISTS (SELECT 1 FROM note_of n WHERE n.visit = f.visit AND {near('n.ts')})",
        "prescription": "(f.rx <> '' OR f.circ = '1')",
        "vital": f"EXISTS (SELECT 1 FROM vital_of n WHERE n.visit = f.visit AND {near('n.ts')})",
    }
    if j.use.get("other"):
        proofs["fee"] = (f"EXISTS (SELECT 1 FROM fee o WHERE o.visit = f.visit AND {j.items(j.use['other'], 'o')}"
                         f" AND {near('o.t')})")
    tables = {"order": "drord", "exec": "exec", "nursing": "exec", "treat": "exec", "oprn_event": "exec",
              "anaesthesia": "exec", "lab": "lab", "exam": "exam", "operation": "oprn", "note": "note",
              "vital": "vital", "fee": "fee_list_d", "prescription": "fee_list_d"}
    wanted = j.use["entity"]
    where = [f"NOT ({proofs[w]})" for w in wanted]
    where += [f"NOT {j.young(tables[w], 'greatest(coalesce(v.ed, f.d), f.d)', lag)}" for w in wanted]
    # A house that had no such record in the time of a visit says nothing of that visit.
    events = "SELECT w.fac, CAST(x.b AS DATE) AS d FROM x JOIN v w USING (visit) WHERE "
    told_of = lambda t, kind: (f"SELECT w.fac, CAST(coalesce(r.done, r.told) AS DATE) AS d FROM {t} r JOIN v w USING (visit)"
                               f" UNION ALL {events} x.kind = {quoted(kind)}")
    kinds_of = {
        "order": "SELECT w.fac, CAST(o.b AS DATE) AS d FROM ord o JOIN v w USING (visit)", "exec": events + "TRUE",
        "nursing": events + "x.kind = 'nursing'", "treat": events + "x.kind IN ('treat', 'order_exec')",
        "oprn_event": events + "x.kind = 'oprn'", "anaesthesia": events + "x.kind = 'anst'",
        "lab": told_of("lab_of", "lab"), "exam": told_of("exam_of", "exam"),
        "note": "SELECT w.fac, CAST(n.ts AS DATE) AS d FROM note_of n JOIN v w USING (visit)",
        "vital": "SELECT w.fac, CAST(n.ts AS DATE) AS d FROM vital_of n JOIN v w USING (visit)"}
    if not per_code:
        kinds_of["operation"] = "SELECT w.fac, CAST(op.ts AS DATE) AS d FROM op JOIN v w USING (visit)"
    # What would stand on the bill is there as long as the bill is.
    kinds_of = {w: kinds_of[w] for w in wanted if w in kinds_of and not {"fee", "prescription"} & set(wanted)}
    where.append(kept(j, kinds_of, "least(coalesce(v.bd, f.d), f.d)", "greatest(coalesce(v.ed, f.d), f.d)", per_code))
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
    return by_item(j, "TRUE", of=step_by_step(j, where))


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
