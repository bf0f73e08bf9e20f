"""A city of CSV files as tables of DuckDB: typed, refunds set off, natural causes named.

What the second opinion (rules_duckdb.py) reads its rules over.
"""

import csv
import tomllib
from datetime import timedelta

import duckdb

# Natural causes by diagnosis (domain.md 4.7).
CHEMO = ["Z51.0", "Z51.1", "Z51.2", "Z51.5", "Z51.8"]
DIALYSIS = ["Z49", "Z99.2", "N18.0", "N18.5", "N18.6", "N18.7"]
BIRTH = ["O34", "O42"] + [f"O{n}" for n in range(60, 76)] + ["O80", "O81", "O82", "O83", "O84", "Z37", "Z38", "P"]
DELIVERY = ["72", "73", "74"]
FEMALE = ["O", "C53", "C54", "C56", "N80", "N83", "D25"]
MALE = ["N40", "N41", "N47", "C61", "C62"]
LAG = 3


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def either(parts):
    parts = list(parts)
    return "(" + " OR ".join(parts) + ")" if parts else "FALSE"


def starts(column, prefixes):
    return either(f"starts_with({column}, {quoted(p)})" for p in prefixes)


def inside(column, values):
    return f"{column} IN ({', '.join(map(quoted, values))})"


class Pack:
    """The national pack, and the packs of regions laid over it: a point replaces those that say it of the same items, an
    adjustment the values of parameters."""

    def __init__(self, folder, *overlays):
        self.rules, self.points = {}, {}
        for path in sorted(folder.glob("*.toml")):
            for rule in tomllib.loads(path.read_text("utf-8")).get("rule", []):
                self.rules[rule["id"]] = rule
        for pack in (folder, *overlays):
            for path in sorted(pack.glob("*.toml")):
                for adjust in tomllib.loads(path.read_text("utf-8")).get("adjust", []):
                    self.rules[adjust["id"]].setdefault("params", {}).update(adjust.get("params", {}))
            for path in sorted(pack.glob("*.kp.csv")):
                rows = list(csv.DictReader(path.open(encoding="utf-8")))
                own = {(r["code"], r["code_b"]) for r in rows}
                kept = self.points.get(path.name.removesuffix(".kp.csv"), [])
                kept = [r for r in kept if (r["code"], r["code_b"]) not in own]
                self.points[path.name.removesuffix(".kp.csv")] = kept + rows

    def param(self, rule, name):
        return float(self.rules[rule]["params"][name]["value"])


class City:
    def __init__(self, folder):
        self.db = duckdb.connect()
        self.tables = set()
        for path in sorted(folder.glob("*.csv")):
            if path.stem == "truth":
                continue
            self.db.execute(
                f"CREATE TABLE {path.stem} AS SELECT * FROM read_csv({quoted(str(path))},"
                " all_varchar=true, header=true, delim=',', quote='\"', escape='\"')"
            )
            self.tables.add(path.stem)

    def columns(self, table):
        return {row[0] for row in self.db.execute(f"DESCRIBE {table}").fetchall()}

    def view(self, name, table, columns, where="TRUE"):
        """A typed table; columns or whole files that are missing are NULL."""
        if table not in self.tables:
            picked = ", ".join(f"CAST(NULL AS {kind}) AS {new}" for new, _, kind in columns)
            self.db.execute(f"CREATE TABLE {name} AS SELECT {picked} WHERE FALSE")
            return
        known = self.columns(table)
        parts = []
        for new, old, kind in columns:
            if old not in known:
                parts.append(f"CAST(NULL AS {kind}) AS {new}")
            elif kind == "VARCHAR":
                parts.append(f"coalesce({old}, '') AS {new}")
            else:
                parts.append(f"try_cast(nullif({old}, '') AS {kind}) AS {new}")
        self.db.execute(f"CREATE TABLE {name} AS SELECT {', '.join(parts)} FROM {table} WHERE {where}")


TEXT, TIME, NUMBER = "VARCHAR", "TIMESTAMP", "DECIMAL(18,6)"


def prepare(city):
    db = city.db
    valid = "coalesce(vali_flag, '') <> '0'"
    city.view("person", "psn", [
        ("psn", "psn_no", TEXT), ("sex", "gend", TEXT), ("birth", "brdy", "DATE"),
        ("died", "die_date", "DATE"), ("employer", "emp_no", TEXT), ("tel", "tel", TEXT)])
    city.view("v0", "mdtrt_d", [
        ("visit", "mdtrt_id", TEXT), ("psn", "psn_no", TEXT), ("fac", "fixmedins_code", TEXT),
        ("med_type", "med_type", TEXT), ("insutype", "insutype", TEXT),
        ("b", "begntime", TIME), ("e", "endtime", TIME),
        ("dept", "adm_dept_codg", TEXT), ("dept_name", "adm_dept_name", TEXT),
        ("left_dept", "dscg_dept_codg", TEXT), ("ward", "wardarea_bed", TEXT),
        ("doctor", "chfpdr_code", TEXT), ("dx0", "dscg_maindiag_code", TEXT),
        ("way", "dscg_way", TEXT)], valid)
    city.view("house", "fixmedins_b", [
        ("fac", "fixmedins_code", TEXT), ("level", "hosp_lv", TEXT), ("kind", "fixmedins_type", TEXT),
        ("beds", "aprv_bed_cnt", "BIGINT")])
    city.view("diagnosis", "diag", [
        ("visit", "mdtrt_id", TEXT), ("code", "diag_code", TEXT), ("main", "maindiag_flag", TEXT)])
    db.execute("""
        CREATE TABLE v AS SELECT v0.* REPLACE (upper(dx0) AS dx0), CAST(b AS DATE) AS bd, CAST(e AS DATE) AS ed,
          CASE WHEN med_type[1:2] IN ('21','22','23','24','25','26','27','52') THEN 'inpatient'
               WHEN med_type[1:2] = '28' THEN 'day_surgery'
               WHEN med_type[1:2] IN ('11','12','16','19','51','53','81') THEN 'outpatient'
               WHEN med_type[1:2] = '13' THEN 'emergency'
               WHEN med_type[1:2] IN ('14','15') THEN 'chronic'
               WHEN med_type[1:2] = '41' THEN 'pharmacy' ELSE 'unknown' END AS kind,
          CASE WHEN dx0 <> '' THEN upper(dx0) ELSE coalesce((SELECT min(upper(code)) FROM diagnosis d
               WHERE d.visit = v0.visit AND d.main = '1'), '') END AS dx
        FROM v0""")
    db.execute("""
        CREATE TABLE dx AS SELECT DISTINCT visit, code FROM (SELECT visit, upper(code) AS code FROM diagnosis
          UNION ALL SELECT visit, dx FROM v) WHERE code <> ''""")
    city.view("leave_of", "leave", [
        ("visit", "mdtrt_id", TEXT), ("b", "begntime", TIME), ("e", "endtime", TIME)])
    city.view("s0", "setl_d", [
        ("setl", "setl_id", TEXT), ("visit", "mdtrt_id", TEXT), ("fac", "fixmedins_code", TEXT),
        ("ts", "setl_time", TIME), ("total", "medfee_sumamt", NUMBER),
        ("fund", "fund_pay_sumamt", NUMBER), ("own", "psn_pay", NUMBER), ("cash", "cash_payamt", NUMBER), ("flag", "refd_setl_flag", TEXT),
        ("init", "init_setl_id", TEXT)], valid)
    db.execute("""
        CREATE TABLE s AS SELECT s0.*, (flag = '1' OR coalesce(total < 0, FALSE)) OR
          (b.n IS NOT NULL AND (b.n > b.known OR coalesce(b.back >= s0.total, TRUE))) AS cancelled,
          (flag = '1' OR coalesce(total < 0, FALSE)) AS takes_back,
          coalesce(b.n = b.known AND b.back >= s0.total, FALSE) AS all_back
        FROM s0 LEFT JOIN (SELECT init, count(*) AS n, count(total) AS known, sum(abs(total)) AS back FROM s0
          WHERE init <> '' AND (flag = '1' OR coalesce(total < 0, FALSE)) GROUP BY init) b ON b.init = s0.setl""")
    lines(city)
    city.view("o0", "oprn", [
        ("setl", "setl_id", TEXT), ("code", "oprn_oprt_code", TEXT), ("ts", "oprn_oprt_date", TIME)])
    db.execute("CREATE TABLE op AS SELECT s.visit, o0.* REPLACE (upper(code) AS code) FROM o0 JOIN s USING (setl)")
    db.execute(f"""
        CREATE TABLE trait AS SELECT v.visit,
          bool_or({starts('dx.code', CHEMO)}) AS chemo,
          bool_or({starts('dx.code', DIALYSIS)}) AS dialysis,
          any_value(v.kind = 'emergency' OR starts_with(v.med_type, '24')) AS emergency,
          any_value(v.way IN ('2', '3') OR starts_with(v.med_type, '23')) AS transfer,
          any_value(v.dept <> '' AND v.left_dept <> '' AND v.dept <> v.left_dept) AS ward_change,
          any_value(v.way = '5') AS death,
          any_value(v.kind = 'day_surgery') AS day_surgery,
          any_value(v.visit IN (SELECT visit FROM leave_of)) AS leave,
          any_value(coalesce(v.bd - p.birth <= 28, FALSE))
            OR ((bool_or({starts('dx.code', BIRTH)})
                OR any_value(v.visit IN (SELECT visit FROM op WHERE {starts('op.code', DELIVERY)})))
              AND any_value(coalesce(p.sex, '') <> '1'
                AND coalesce(v.bd - p.birth BETWEEN 14 * 365 AND 56 * 365 - 1, TRUE))) AS newborn,
          FALSE AS external, FALSE AS take_home,
          any_value(coalesce(p.sex, '') NOT IN ('1', '2') OR p.birth IS NULL)
            OR (any_value(coalesce(p.sex, '')) = '1' AND bool_or({starts('dx.code', FEMALE)}))
            OR (any_value(coalesce(p.sex, '')) = '2' AND bool_or({starts('dx.code', MALE)})) AS identity
        FROM v LEFT JOIN dx USING (visit) LEFT JOIN person p USING (psn) GROUP BY v.visit""")
    city.view("x", "exec", [
        ("visit", "mdtrt_id", TEXT), ("kind", "evt_type", TEXT), ("code", "item_code", TEXT),
        ("name", "item_name", TEXT), ("b", "begntime", TIME), ("e", "endtime", TIME),
        ("who", "exec_psn_code", TEXT), ("q", "cnt", NUMBER), ("no", "evt_no", TEXT),
        ("ordno", "drord_no", TEXT), ("result", "result_hash", TEXT)])
    city.view("vital_of", "vital", [("visit", "mdtrt_id", TEXT), ("ts", "rcd_time", TIME)])
    city.view("note_of", "note", [
        ("visit", "mdtrt_id", TEXT), ("ts", "note_time", TIME), ("kind", "note_type", TEXT),
        ("words", "text", TEXT), ("who", "psn_code", TEXT)])
    city.view("written", "rx", [
        ("visit", "mdtrt_id", TEXT), ("name", "rx_detl_name", TEXT), ("q", "drug_used_idose", NUMBER),
        ("unit", "drug_used_dosunt", TEXT)], "coalesce(vali_flag, '') <> '0'")
    city.view("grouped", "grp", [
        ("setl", "setl_id", TEXT), ("way", "pay_way", TEXT), ("code", "grp_code", TEXT)])
    city.view("lab_of", "lab", [
        ("visit", "mdtrt_id", TEXT), ("code", "exam_item_code", TEXT),
        ("name", "exam_item_name", TEXT), ("done", "sapl_date", TIME), ("told", "rpt_date", TIME)],
        "coalesce(vali_flag, '') <> '0'")
    city.view("exam_of", "exam", [
        ("visit", "mdtrt_id", TEXT), ("code", "exam_item_code", TEXT),
        ("name", "exam_item_name", TEXT), ("done", "exam_date", TIME), ("told", "rpt_date", TIME)],
        "coalesce(vali_flag, '') <> '0'")
    city.view("ord", "drord", [
        ("visit", "mdtrt_id", TEXT), ("no", "drord_no", TEXT), ("kind", "drord_type", TEXT),
        ("code", "drord_detl_code", TEXT), ("name", "drord_detl_name", TEXT),
        ("item_type", "drord_item_type", TEXT), ("b", "medc_begntime", TIME), ("e", "drord_endtime", TIME),
        ("q", "dismed_cnt", NUMBER)], "coalesce(vali_flag, '') <> '0'")
    city.view("price", "catalogue", [
        ("code", "med_list_codg", TEXT), ("cap", "pric_uplmt_amt", NUMBER), ("b", "begndate", "DATE"),
        ("e", "enddate", "DATE")])
    city.view("unit", "fac_unit", [
        ("fac", "fixmedins_code", TEXT), ("kind", "unit_type", TEXT), ("name", "unit_name", TEXT),
        ("b", "begntime", "DATE"), ("e", "endtime", "DATE"), ("value", "value", TEXT)])
    city.view("member", "staff", [
        ("fac", "fixmedins_code", TEXT), ("code", "prac_psn_code", TEXT),
        ("kind", "prac_psn_type", TEXT), ("insured", "hi_dr_flag", TEXT), ("b", "begntime", "DATE"),
        ("e", "endtime", "DATE")])
    city.view("machine", "equip", [
        ("no", "equip_no", TEXT), ("fac", "fixmedins_code", TEXT), ("since", "in_use_date", "DATE"),
        ("stop", "stop_begn", "DATE"), ("again", "stop_end", "DATE"), ("codes", "item_codes", TEXT),
        ("name", "name", TEXT), ("model", "model", TEXT)])
    city.view("counted", "equip_log", [
        ("no", "equip_no", TEXT), ("d", "log_date", "DATE"), ("uses", "use_cnt", NUMBER)])
    city.view("box", "trace", [
        ("box", "drug_trac_codg", TEXT), ("fac", "fixmedins_code", TEXT), ("setl", "setl_id", TEXT),
        ("visit", "mdtrt_id", TEXT), ("code", "med_list_codg", TEXT), ("ts", "setl_time", TIME),
        ("back", "refd_flag", TEXT)])
    stock = [("fac", "fixmedins_code", TEXT), ("code", "med_list_codg", TEXT), ("name", "fixmedins_hilist_name", TEXT)]
    boxes = ("boxes", "drug_trac_codg", TEXT)
    city.view("bought", "inv_purchase", stock + [
        ("q", "purc_retn_cnt", NUMBER), ("ts", "purc_retn_stoin_time", TIME),
        ("invoice", "purc_invo_no", TEXT), ("price", "finl_trns_pric", NUMBER), boxes])
    city.view("sent_back", "inv_purchase_return", stock + [
        ("q", "purc_retn_cnt", NUMBER), ("ts", "purc_retn_stoin_time", TIME)])
    city.view("sold", "inv_sale", stock + [
        ("q", "sel_retn_cnt", NUMBER), ("ts", "sel_retn_time", TIME),
        ("price", "finl_trns_pric", NUMBER), ("split", "trdn_flag", TEXT),
        ("paid", "hi_feesetl_type", TEXT), ("setl", "setl_id", TEXT), boxes])
    # Boxes sold by the piece: many sales of one code are natural.
    db.execute("""CREATE TABLE opened AS SELECT DISTINCT fac, trim(unnest(string_split(boxes, ','))) AS box
        FROM sold WHERE split = '1' AND boxes <> ''""")
    city.view("taken_back", "inv_sale_return", stock + [
        ("q", "sel_retn_cnt", NUMBER), ("ts", "sel_retn_time", TIME), boxes])
    db.execute("""CREATE TABLE returned AS SELECT DISTINCT fac, trim(unnest(string_split(boxes, ','))) AS box
        FROM taken_back WHERE boxes <> ''""")
    city.view("shelf", "inv_check", stock + [("q", "inv_cnt", NUMBER), ("ts", "invdate", TIME), boxes])
    city.view("moved", "inv_change", stock + [
        ("q", "cnt", NUMBER), ("ts", "inv_chg_time", TIME), ("kind", "inv_chg_type", TEXT)])
    city.view("insured_in", "insu", [
        ("psn", "psn_no", TEXT), ("b", "begndate", "DATE"), ("e", "enddate", "DATE")])
    city.view("registered", "opsp_reg", [
        ("psn", "psn_no", TEXT), ("dise", "dise_codg", TEXT), ("b", "begndate", "DATE"),
        ("e", "enddate", "DATE")])
    # How far the uploads of a house reach, by kind of record.
    parts = [
        "SELECT fac, 'mdtrt_d' AS what, max(bd) AS d FROM v GROUP BY fac",
        "SELECT fac, 'setl_d', CAST(max(ts) AS DATE) FROM s0 GROUP BY fac",
        "SELECT fac, 'fee_list_d', CAST(max(t) AS DATE) FROM raw GROUP BY fac",
        "SELECT fac, 'inv_purchase', CAST(max(ts) AS DATE) FROM bought GROUP BY fac"]
    for table, what, column in [
            ("x", "exec", "b"), ("vital_of", "vital", "ts"), ("note_of", "note", "ts"), ("lab_of", "lab", "told"),
            ("exam_of", "exam", "told")]:
        parts.append(f"SELECT fac, '{what}', CAST(max({table}.{column}) AS DATE) FROM {table} JOIN v USING (visit) GROUP BY fac")
    parts.append("SELECT fac, 'drord', CAST(max(try_cast(medc_begntime AS TIMESTAMP)) AS DATE) FROM drord JOIN v ON v.visit = drord.mdtrt_id GROUP BY fac"
                 if "drord" in city.tables else "SELECT '' AS fac, 'drord', NULL")
    parts.append("SELECT fac, 'equip_log', max(d) FROM counted JOIN machine USING (no) GROUP BY fac")
    db.execute("CREATE TABLE cut0 AS " + " UNION ALL ".join(parts))
    db.execute("CREATE TABLE cut AS SELECT * FROM cut0 WHERE d IS NOT NULL")


def judged_by(db, fund):
    """`f` is what a rule judges by: of one about the fund's money no line that the patient paid alone. `fee` is all."""
    db.execute("CREATE OR REPLACE TEMP VIEW f AS SELECT * FROM fee" + (" WHERE coalesce(inside > 0 OR amt = 0, TRUE)" if fund else ""))


def lines(city):
    """K0: refunds set off against their originals, then only what is left of charges.

    A line with a negative number is a refund of what its numbers say without sign: houses sign both, or one of them,
    or leave the quantity out. Of a line whose whole amount came back nothing is left.
    """
    db = city.db
    city.view("raw0", "fee_list_d", [
        ("sn", "bkkp_sn", TEXT), ("init", "init_feedetl_sn", TEXT), ("visit", "mdtrt_id", TEXT),
        ("setl", "setl_id", TEXT), ("fac", "fixmedins_code", TEXT), ("t", "fee_ocur_time", TIME),
        ("code", "med_list_codg", TEXT), ("name1", "hilist_name", TEXT),
        ("name2", "medins_list_name", TEXT), ("list_type", "list_type", TEXT),
        ("charge", "med_chrgitm_type", TEXT), ("lv", "chrgitm_lv", TEXT), ("q", "cnt", NUMBER),
        ("price", "pric", NUMBER), ("amt", "det_item_fee_sumamt", NUMBER),
        ("covered", "inscp_amt", NUMBER), ("all_own", "fulamt_ownpay_amt", NUMBER), ("limited", "overlmt_selfpay", NUMBER), ("dept_code", "bilg_dept_codg", TEXT),
        ("dr", "bilg_dr_code", TEXT), ("orderer", "acord_dr_code", TEXT), ("rx", "rx_drord_no", TEXT),
        ("ordno", "drord_no", TEXT), ("days", "prd_days", NUMBER),
        ("home", "dscg_tkdrug_flag", TEXT), ("etip", "etip_flag", TEXT),
        ("circ", "rx_circ_flag", TEXT), ("dise", "dise_codg", TEXT)],
        "coalesce(vali_flag, '') <> '0'")
    db.execute("""
        CREATE TABLE raw AS SELECT raw0.*, CAST(t AS DATE) AS d,
          CASE WHEN name1 <> '' THEN name1 ELSE name2 END AS name,
          -- What of it lay in the fund's scope: as uploaded, else nothing where the patient paid all of it.
          coalesce(covered, CASE WHEN amt > 0 AND all_own >= amt THEN 0 END) / nullif(amt, 0) AS inside
        FROM raw0 WHERE visit IN (SELECT visit FROM v)""")
    # A settlement that cancels and tells no line takes the lines it cancels with it, pair by pair; where the amounts say
    # that all came back, nothing of either is left.
    db.execute("""
        CREATE TABLE gone AS
        WITH lines AS (SELECT DISTINCT setl, visit, coalesce(q < 0, FALSE) OR coalesce(amt < 0, FALSE) AS back FROM raw),
        telling AS (SELECT s.setl, s.visit, s.init FROM s SEMI JOIN lines l ON l.setl = s.setl AND l.visit = s.visit AND l.back
          WHERE takes_back),
        first AS (SELECT o.setl, o.visit FROM s o WHERE cancelled AND NOT takes_back AND (
          (o.visit, o.setl) NOT IN (SELECT (visit, init) FROM telling)
          OR (all_back AND (o.visit, o.setl) IN (SELECT (visit, setl) FROM lines))))
        SELECT setl FROM first
        UNION SELECT setl FROM s WHERE takes_back AND setl NOT IN (SELECT setl FROM telling)
        UNION SELECT s.setl FROM s JOIN first ON s.takes_back AND s.init = first.setl AND s.visit = first.visit""")
    db.execute("""
        CREATE TABLE fee AS
        WITH live AS (SELECT * FROM raw WHERE setl NOT IN (SELECT setl FROM gone)),
        back AS (SELECT visit, init, sum(abs(q)) AS q, sum(abs(amt)) AS amt FROM live
          WHERE (q < 0 OR amt < 0) AND init <> '' AND init <> sn GROUP BY visit, init)
        SELECT live.* EXCLUDE (q, amt),
          CASE WHEN live.amt > 0 AND live.amt <= back.amt THEN 0 ELSE live.q - coalesce(back.q, 0) END AS q,
          live.amt - coalesce(back.amt, 0) AS amt
        FROM live LEFT JOIN back ON back.visit = live.visit AND back.init = live.sn
        WHERE live.q >= 0 AND live.amt >= 0""")
    bare = db.execute("""
        SELECT visit, code, name, t, coalesce(abs(q), 0), coalesce(abs(amt), 0) FROM raw WHERE (q < 0 OR amt < 0)
          AND (init = '' OR init = sn) AND setl NOT IN (SELECT setl FROM gone) ORDER BY t, sn""").fetchall()
    for visit, code, name, t, q, amt in bare:
        # Midnight is a day without its hour.
        until = t + timedelta(seconds=86399) if (t.hour, t.minute, t.second) == (0, 0, 0) else t
        own = db.execute("""SELECT sn, q, amt FROM fee WHERE visit = ? AND code = ? AND name = ?
            AND t <= ? AND q > 0 ORDER BY t DESC, sn DESC""", [visit, code, name, until]).fetchall()
        if sum(l[1] for l in own) < q or sum(l[2] for l in own) < amt:
            continue
        for sn, has_q, has_amt in own:
            less_q, less_amt = min(q, has_q), min(amt, has_amt)
            left_q = 0 if 0 < has_amt <= less_amt else has_q - less_q
            db.execute("UPDATE fee SET q = ?, amt = ? WHERE visit = ? AND sn = ?",
                       [left_q, has_amt - less_amt, visit, sn])
            q, amt = q - less_q, amt - less_amt
            if q <= 0 and amt <= 0:
                break
    db.execute("DELETE FROM fee WHERE NOT (q > 0 AND amt >= 0)")
    db.execute("CREATE TABLE item AS SELECT DISTINCT code, name FROM fee")
    judged_by(db, fund=False)
