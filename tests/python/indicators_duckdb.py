#!/usr/bin/env python3
"""A second opinion on the indicators: DuckDB SQL over the source CSV, written from the words of the formulas.

    indicators_duckdb.py --city DIR --pack indicators.toml --facility CODE --period A..B
                         [--against C..D] [--by DIMENSION] [--only DIMENSION=KEY] [--ids I,...] [--rows KEY]

With --rows: {term: [[visit, settlement, serial, person], ...]} instead, each list in its order. Else prints one
JSON object: {id: {"value", "rows", "missing", "why", "against", "growth",
                              "parts": {key: {...}}, "list": [[key, value]]}}.

What rows an entity has, and when, is written here as tables by hand. Terms and formulas are read from the pack's
file, because they are data; nothing is taken from the program.
"""
import argparse
import json
import os
import tomllib
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import duckdb

parser = argparse.ArgumentParser()
parser.add_argument("--city", required=True)
parser.add_argument("--pack", required=True)
parser.add_argument("--facility", required=True)
parser.add_argument("--period", required=True)
parser.add_argument("--against")
parser.add_argument("--by")
parser.add_argument("--only", action="append", default=[])
parser.add_argument("--ids")
parser.add_argument("--rows", metavar="KEY", help="the rows behind the only id: of this key, '' for all of them")
args = parser.parse_args()

with open(args.pack, "rb") as handle:
    PACK = tomllib.load(handle)
TERMS = {t["id"]: t for t in PACK["term"]}
INDICATORS = {i["id"]: i for i in PACK["indicator"]}
PERIODS = [tuple(p.split("..")) for p in (args.period, args.against) if p]

db = duckdb.connect()
db.execute("SET threads = 1")


def table(name, columns):
    """A CSV as text, '' as NULL; a file or column that is not there gives NULLs."""
    path = os.path.join(args.city, name + ".csv")
    if not os.path.exists(path):
        nulls = ", ".join(f"NULL::VARCHAR AS {c}" for c in columns)
        db.execute(f"CREATE TABLE raw_{name} AS SELECT {nulls} WHERE FALSE")
        return
    db.execute(f"CREATE TABLE raw_{name} AS SELECT * FROM read_csv('{path}', all_varchar=true, header=true, nullstr='')")
    have = {r[0] for r in db.execute(f"DESCRIBE raw_{name}").fetchall()}
    for column in columns:
        if column not in have:
            db.execute(f"ALTER TABLE raw_{name} ADD COLUMN {column} VARCHAR")


MONEY = {"medfee_sumamt", "inscp_amt", "fund_pay_sumamt", "hifp_pay", "hifmi_pay", "hifob_pay", "maf_pay", "acct_pay",
         "acct_mulaid_pay", "psn_pay", "cash_payamt", "cnt", "pric", "prd_days", "det_item_fee_sumamt",
         "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "weight_or_score", "pay_std_amt", "vola_amt",
         "sel_retn_cnt", "purc_retn_cnt"}
WHOLE = {"days", "days_to_next", "age", "bed_days", "aprv_bed_cnt", "hi_crtf_bed_cnt", "use_cnt", "use_min"}
SERIAL = {"bkkp_sn", "rx_drord_no", "rpotc_no", "rxno", "drug_trac_codg"}


def amount(column):
    return f"CAST({column} AS DECIMAL(38, 6))"


FILES = {
    "fixmedins_b": ["fixmedins_code", "aprv_bed_cnt", "hi_crtf_bed_cnt"],
    "mdtrt_d": ["mdtrt_id", "psn_no", "fixmedins_code", "med_type", "insutype", "begntime", "endtime", "adm_dept_codg",
                "wardarea_bed", "chfpdr_code", "dscg_maindiag_code", "dscg_way", "vali_flag"],
    "psn": ["psn_no", "gend", "brdy", "emp_no", "psn_type", "insu_admdvs"],
    "setl_d": ["setl_id", "mdtrt_id", "setl_time", "clr_way", "insu_admdvs", "dise_no", "refd_setl_flag",
               "init_setl_id", "vali_flag", "medfee_sumamt", "inscp_amt", "fund_pay_sumamt", "hifp_pay", "hifmi_pay",
               "hifob_pay", "maf_pay", "acct_pay", "acct_mulaid_pay", "psn_pay", "cash_payamt"],
    "fee_list_d": ["mdtrt_id", "setl_id", "fee_ocur_time", "med_list_codg", "hilist_name", "list_type",
                   "med_chrgitm_type", "chrgitm_lv", "bilg_dept_codg", "bilg_dr_code", "dscg_tkdrug_flag", "etip_flag",
                   "rx_circ_flag", "bkkp_sn", "rx_drord_no", "cnt", "pric", "prd_days", "det_item_fee_sumamt",
                   "inscp_amt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "vali_flag"],
    "grp": ["setl_id", "pay_way", "weight_or_score", "pay_std_amt"],
    "drord": ["mdtrt_id", "medc_begntime", "drord_type", "drord_item_type", "vali_flag"],
    "exec": ["mdtrt_id", "begntime", "evt_type", "exec_psn_code", "cnt"],
    "exam": ["mdtrt_id", "rpt_date", "rpotc_no", "exam_rslt_poit_flag", "vali_flag"],
    "lab": ["mdtrt_id", "rpt_date", "rpotc_no", "exam_item_detl_code", "vali_flag"],
    "oprn": ["setl_id", "oprn_oprt_date", "oprn_oprt_code", "oprn_oprt_type", "anst_way"],
    "rx": ["mdtrt_id", "rx_prsc_time", "rxno", "bas_medn_flag", "vali_flag"],
    "leave": ["mdtrt_id", "begntime"],
    "note": ["mdtrt_id", "note_time", "note_type"],
    "remind": ["mdtrt_id", "handle_way", "vola_amt"],
    "trace": ["mdtrt_id", "setl_time", "drug_trac_codg", "refd_flag"],
    "selfpay": ["fixmedins_code", "begntime", "med_type"],
    "inv_sale": ["fixmedins_code", "sel_retn_time", "med_list_codg", "sel_retn_cnt"],
    "inv_purchase": ["fixmedins_code", "purc_retn_stoin_time", "med_list_codg", "purc_retn_cnt"],
    "staff": ["fixmedins_code", "begntime", "endtime", "prac_psn_type", "hi_dr_flag", "hosp_dept_codg"],
    "dept": ["fixmedins_code", "begntime", "endtime", "hosp_dept_codg", "aprv_bed_cnt", "hi_crtf_bed_cnt"],
    "equip": ["equip_no", "fixmedins_code", "in_use_date", "stop_begn"],
    "equip_log": ["equip_no", "log_date", "use_cnt", "use_min"],
}
for name, columns in FILES.items():
    table(name, columns)


def day(column):
    """Day of a time text."""
    return f"CAST(substr({column}, 1, 10) AS DATE)"


# ---- visits of the facility, with their persons and the next stay ---------------------------------------------
db.execute(f"""
CREATE TABLE v AS
SELECT m.*, rtrim(m.fixmedins_code) AS facility,
  CASE WHEN substr(med_type, 1, 2) IN ('21','22','23','24','25','26','27','52') THEN 'inpatient'
       WHEN substr(med_type, 1, 2) = '28' THEN 'day_surgery'
       WHEN substr(med_type, 1, 2) IN ('11','12','16','19','51','53','81') THEN 'outpatient'
       WHEN substr(med_type, 1, 2) = '13' THEN 'emergency'
       WHEN substr(med_type, 1, 2) IN ('14','15') THEN 'chronic'
       WHEN substr(med_type, 1, 2) = '41' THEN 'pharmacy'
       ELSE 'other' END AS kind,
  p.gend, p.emp_no, p.psn_type, p.insu_admdvs AS psn_insu_admdvs,
  -- Somebody born after the visit has no age: the birthday is wrong, and the row counts as missing.
  CASE WHEN {day('begntime')} >= {day('p.brdy')} THEN
    year({day('begntime')}) - year({day('p.brdy')})
    - CASE WHEN strftime({day('begntime')}, '%m%d') < strftime({day('p.brdy')}, '%m%d') THEN 1 ELSE 0 END
  END AS age
FROM raw_mdtrt_d m LEFT JOIN raw_psn p ON p.psn_no = m.psn_no
WHERE m.fixmedins_code = '{args.facility}' AND coalesce(m.vali_flag, '1') <> '0'
""")
db.execute(f"""
CREATE TABLE visits AS
SELECT v.*,
  CASE WHEN kind = 'inpatient' AND begntime IS NOT NULL AND endtime IS NOT NULL AND {day('endtime')} >= {day('begntime')}
       THEN greatest(1, {day('endtime')} - {day('begntime')}) END AS days,
  n.next_day - {day('endtime')} AS days_to_next,
  CASE WHEN n.same THEN 'yes' ELSE 'no' END AS same_next
FROM v LEFT JOIN (
  SELECT a.mdtrt_id AS id, min({day('b.begntime')}) AS next_day,
         bool_or(substr(a.dscg_maindiag_code, 1, 3) = substr(b.dscg_maindiag_code, 1, 3)) AS same
  FROM v a JOIN v b ON b.psn_no = a.psn_no AND b.mdtrt_id <> a.mdtrt_id AND b.begntime >= a.endtime
  WHERE a.kind = 'inpatient' AND b.kind = 'inpatient'
    AND b.begntime = (SELECT min(c.begntime) FROM v c WHERE c.psn_no = a.psn_no AND c.mdtrt_id <> a.mdtrt_id
                      AND c.kind = 'inpatient' AND c.begntime >= a.endtime)
  GROUP BY a.mdtrt_id) n ON n.id = v.mdtrt_id
""")
# ---- settlements: a taken-back one and the one that takes it back count nowhere --------------------------------
db.execute("CREATE TABLE s AS SELECT * FROM raw_setl_d WHERE coalesce(vali_flag, '1') <> '0'")
db.execute(f"CREATE TABLE back AS SELECT * FROM s WHERE refd_setl_flag = '1' OR {amount('medfee_sumamt')} < 0")
db.execute("""CREATE TABLE gone AS SELECT setl_id FROM back UNION SELECT init_setl_id FROM back
              WHERE init_setl_id IS NOT NULL""")

JOINED = ("v.psn_no, v.facility, v.kind, v.med_type, v.insutype, v.dscg_way, v.dscg_maindiag_code, v.adm_dept_codg, "
          "v.wardarea_bed, v.chfpdr_code, v.days, v.days_to_next, v.same_next, v.gend, v.age, v.psn_type, "
          "v.psn_insu_admdvs, v.emp_no, v.mdtrt_id")
OWN_PLACE = "fixmedins_code = '" + args.facility + "'"


def over(view, source, own, when, valid=True):
    """A table of rows with a visit."""
    columns = "".join(f", x.{c}" for c in own)
    alive = "coalesce(x.vali_flag, '1') <> '0'" if valid else "TRUE"
    db.execute(f"CREATE TABLE {view} AS SELECT {JOINED}{columns}, {when} AS happened "
               f"FROM {source} x JOIN visits v ON v.mdtrt_id = x.mdtrt_id WHERE {alive}")


def minus(own, *names):
    return [c for c in own if c not in names]


SETL = minus(FILES["setl_d"], "mdtrt_id", "vali_flag", "setl_time", "refd_setl_flag", "init_setl_id")
GRP = "LEFT JOIN raw_grp g ON g.setl_id = x.setl_id"
db.execute(f"CREATE TABLE visit AS SELECT *, {day('begntime')} AS happened FROM visits")
db.execute(f"CREATE TABLE discharge AS SELECT *, {day('endtime')} AS happened FROM visits "
           "WHERE kind = 'inpatient' AND endtime IS NOT NULL")
for name, where in (("settlement", "x.setl_id NOT IN (SELECT setl_id FROM gone)"),
                    ("refund", "x.setl_id IN (SELECT setl_id FROM back)")):
    columns = "".join(f", x.{c}" for c in SETL)
    db.execute(f"CREATE TABLE {name} AS SELECT {JOINED}{columns}, g.pay_way, g.weight_or_score, g.pay_std_amt, "
               f"{day('x.setl_time')} AS happened FROM s x JOIN visits v ON v.mdtrt_id = x.mdtrt_id {GRP} WHERE {where}")
LINE = minus(FILES["fee_list_d"], "mdtrt_id", "vali_flag", "fee_ocur_time")
db.execute("CREATE TABLE kept AS SELECT * FROM raw_fee_list_d f WHERE f.setl_id IS NULL OR f.setl_id NOT IN "
           "(SELECT setl_id FROM gone)")
over("line", "kept", LINE, day("x.fee_ocur_time"))
over("\"order\"", "raw_drord", ["drord_type", "drord_item_type"], day("x.medc_begntime"))
over("exec", "raw_exec", ["evt_type", "exec_psn_code", "cnt"], day("x.begntime"), valid=False)
over("exam", "raw_exam", ["rpotc_no", "exam_rslt_poit_flag"], day("x.rpt_date"))
over("lab", "raw_lab", ["rpotc_no", "exam_item_detl_code"], day("x.rpt_date"))
db.execute(f"CREATE TABLE oprn AS SELECT {JOINED}, x.oprn_oprt_code, x.oprn_oprt_type, x.anst_way, "
           f"{day('x.oprn_oprt_date')} AS happened FROM raw_oprn x JOIN s t ON t.setl_id = x.setl_id "
           "JOIN visits v ON v.mdtrt_id = t.mdtrt_id")
over("rx", "raw_rx", ["rxno", "bas_medn_flag"], day("x.rx_prsc_time"))
over("\"leave\"", "raw_leave", [], day("x.begntime"), valid=False)
over("note", "raw_note", ["note_type"], day("x.note_time"), valid=False)
over("remind", "raw_remind", ["handle_way", "vola_amt"], day("v.begntime"), valid=False)
over("trace", "raw_trace", ["drug_trac_codg", "refd_flag"], day("x.setl_time"), valid=False)
for name, source, own, when in (
        ("selfpay", "selfpay", ["med_type"], "begntime"),
        ("sale", "inv_sale", ["med_list_codg", "sel_retn_cnt"], "sel_retn_time"),
        ("purchase", "inv_purchase", ["med_list_codg", "purc_retn_cnt"], "purc_retn_stoin_time")):
    db.execute(f"CREATE TABLE {name} AS SELECT fixmedins_code AS facility, NULL AS mdtrt_id, "
               f"{', '.join(own)}, {day(when)} AS happened FROM raw_{source} WHERE {OWN_PLACE}")
for name, source, own, begin, end in (
        ("staff", "staff", ["prac_psn_type", "hi_dr_flag", "hosp_dept_codg"], "begntime", "endtime"),
        ("dept", "dept", ["hosp_dept_codg", "aprv_bed_cnt", "hi_crtf_bed_cnt"], "begntime", "endtime"),
        ("equip", "equip", [], "in_use_date", "stop_begn"),
        ("facility", "fixmedins_b", ["aprv_bed_cnt", "hi_crtf_bed_cnt"], "NULL", "NULL")):
    columns = "".join(f", {c}" for c in own)
    db.execute(f"CREATE TABLE {name} AS SELECT fixmedins_code AS facility, NULL AS mdtrt_id{columns}, "
               f"{day(begin) if begin != 'NULL' else 'NULL::DATE'} AS since, "
               f"{day(end) if end != 'NULL' else 'NULL::DATE'} AS until FROM raw_{source} WHERE {OWN_PLACE}")
db.execute(f"CREATE TABLE equip_log AS SELECT e.fixmedins_code AS facility, NULL AS mdtrt_id, x.use_cnt, x.use_min, "
           f"{day('x.log_date')} AS happened FROM raw_equip_log x JOIN raw_equip e USING (equip_no) WHERE e.{OWN_PLACE}")

TABLE = {"visit": "mdtrt_d", "discharge": "mdtrt_d", "bed": "mdtrt_d", "settlement": "setl_d", "refund": "setl_d",
         "line": "fee_list_d", "order": "drord", "sale": "inv_sale", "purchase": "inv_purchase",
         "facility": "fixmedins_b"}


def rows_of(entity, period):
    """FROM … WHERE of an entity in a period."""
    first, last = (f"DATE '{d}'" for d in period)
    if entity == "bed":
        # Days of a stay inside the period; the day of discharge is none, one day at least; open stays go on.
        # (DuckDB's greatest() passes over NULLs, so an open stay needs a case of its own.)
        begin = day("begntime")
        end = f"CASE WHEN endtime IS NULL THEN {last} ELSE greatest({day('endtime')} - 1, {begin}) END"
        return (f"(SELECT *, least({end}, {last}) - greatest({begin}, {first}) + 1 AS bed_days FROM visits "
                f"WHERE kind = 'inpatient' AND begntime IS NOT NULL) t WHERE bed_days > 0")
    if entity == "facility":
        return "facility t WHERE TRUE"
    if entity in ("staff", "dept", "equip"):
        return (f"{entity} t WHERE coalesce(since, {first}) <= {last} AND coalesce(until, {last}) >= {first}")
    return f"\"{entity}\" t WHERE happened BETWEEN {first} AND {last}"


def key_of(dimension, entity):
    if dimension == "facility":
        return "facility"
    if dimension == "department" and entity in ("staff", "dept"):
        return "hosp_dept_codg"
    if dimension == "doctor":
        return "bilg_dr_code" if entity == "line" else "chfpdr_code"
    return {"department": "adm_dept_codg", "ward": "wardarea_bed", "disease": "dscg_maindiag_code", "person": "psn_no",
            "employer": "emp_no", "visit_type": "med_type", "insurance": "insutype", "item": "med_list_codg"}[dimension]


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def condition(field, test):
    number = amount(field) if field in MONEY else f"CAST({field} AS BIGINT)"
    if isinstance(test, list):
        return f"{field} IN ({', '.join(map(literal, test))})"
    if "not" in test:
        return f"{field} NOT IN ({', '.join(map(literal, test['not']))})"
    if "prefix" in test:
        return "(" + " OR ".join(f"starts_with({field}, {literal(t)})" for t in test["prefix"]) + ")"
    if "contains" in test:
        return "(" + " OR ".join(f"contains({field}, {literal(t)})" for t in test["contains"]) + ")"
    if "present" in test:
        return f"{field} IS {'NOT ' if test['present'] else ''}NULL"
    parts = []
    if "min" in test:
        parts.append(f"{number} >= {test['min']}")
    if "max" in test:
        parts.append(f"{number} <= {test['max']}")
    inside = "(" + " AND ".join(parts) + ")"
    # A stay without a next one is in no range, and nothing is missing.
    return f"coalesce({inside}, FALSE)" if field == "days_to_next" else inside


COUNTED = {}


def counted(term, of, period):
    """{(key or None for the whole): (value, rows, missing, {ranked key: sum})}"""
    name = (term, of, period)
    if name in COUNTED:
        return COUNTED[name]
    t = TERMS[term]
    entity = t["entity"]
    test = " AND ".join(condition(f, c) for f, c in t.get("where", {}).items()) or "TRUE"
    field = t.get("sum") or t.get("distinct")
    if "sum" in t:
        value = f"CAST(sum(CASE WHEN hit THEN {amount('val')} END) * 1000000 AS HUGEINT)"
    elif "distinct" in t:
        seen = "concat(mdtrt_id, chr(31), val)" if field in SERIAL else "val"
        value = f"count(DISTINCT CASE WHEN hit AND val IS NOT NULL THEN {seen} END)"
    else:
        value = "count(*) FILTER (WHERE hit)"
    there = "val IS NOT NULL" if field else "TRUE"
    only = "".join(f" AND {key_of(d, entity)} = {literal(k)}" for d, k in (o.split("=", 1) for o in args.only))
    key = key_of(args.by, entity) if args.by and supports(args.by, entity) else "NULL"
    ranked = key_of(of, entity) if of else "NULL"
    base = (f"SELECT {key} AS k, {ranked} AS r, mdtrt_id, {field or 'NULL'} AS val, ({test}) AS hit "
            f"FROM {rows_of(entity, period)}{only}")
    figures = (f"{value}, count(*) FILTER (WHERE hit AND {there}), "
               f"count(*) FILTER (WHERE hit IS NULL OR (hit AND NOT ({there})))")
    result = {}
    for k, v, rows, missing in db.execute(f"SELECT '*', {figures} FROM ({base})").fetchall():
        result[None] = [v or 0, rows, missing, {}]
    if key != "NULL":
        for k, v, rows, missing in db.execute(f"SELECT k, {figures} FROM ({base}) GROUP BY k").fetchall():
            result[k or ""] = [v or 0, rows, missing, {}]
    if of:
        for r, v, rows, _ in db.execute(f"SELECT r, {figures} FROM ({base}) GROUP BY r").fetchall():
            if rows:
                result[None][3][r or ""] = v or 0
        if key != "NULL":
            for k, r, v, rows, _ in db.execute(f"SELECT k, r, {figures} FROM ({base}) GROUP BY k, r").fetchall():
                if rows:
                    result[k or ""][3][r or ""] = v or 0
    COUNTED[name] = result
    return result


def supports(dimension, entity):
    if dimension == "facility":
        return True
    if dimension == "item":
        return entity == "line"
    if entity in ("staff", "dept"):
        return dimension == "department"
    return entity not in ("selfpay", "sale", "purchase", "equip", "facility", "equip_log")


def scale(term):
    field = TERMS[term].get("sum")
    # Sums come as millionths; whole numbers too, and are brought back the same way.
    return 1_000_000 if field else 1


ABSENT = {}


def absent(entity):
    name = TABLE.get(entity, entity)
    if name not in ABSENT:
        # A package holds the facility's rows only, so a table without any of them is not there.
        ABSENT[name] = ABSENT_ROWS[name]()
    return ABSENT[name]


def none_of(query):
    return lambda: db.execute(query).fetchone()[0] == 0


ABSENT_ROWS = {}
for _name in FILES:
    if "fixmedins_code" in FILES[_name]:
        ABSENT_ROWS[_name] = none_of(f"SELECT count(*) FROM raw_{_name} WHERE {OWN_PLACE}")
    elif _name in ("grp", "oprn"):
        ABSENT_ROWS[_name] = none_of(f"SELECT count(*) FROM raw_{_name} JOIN raw_setl_d t USING (setl_id) JOIN raw_mdtrt_d m "
                                     f"ON m.mdtrt_id = t.mdtrt_id WHERE m.{OWN_PLACE}")
    elif _name == "equip_log":
        ABSENT_ROWS[_name] = none_of(f"SELECT count(*) FROM raw_equip_log JOIN raw_equip e USING (equip_no) WHERE e.{OWN_PLACE}")
    elif "mdtrt_id" in FILES[_name]:
        ABSENT_ROWS[_name] = none_of(f"SELECT count(*) FROM raw_{_name} x JOIN raw_mdtrt_d m USING (mdtrt_id) "
                                     f"WHERE m.{OWN_PLACE}")


class NoFigure(Exception):
    pass


def term_value(term, of, period, key):
    entity = TERMS[term]["entity"]
    if absent(entity):
        raise NoFigure("未上传")
    got = counted(term, of, period).get(key)
    if got is None:
        return Fraction(0)
    value, rows, missing, _ = got
    if rows == 0 and missing > 0:
        raise NoFigure("未上传")
    return Fraction(int(value), scale(term))


def top_value(term, of, n, period, key):
    term_value(term, of, period, key)
    ranked = counted(term, of, period).get(key, [0, 0, 0, {}])[3]
    return Fraction(int(sum(sorted(ranked.values(), reverse=True)[:n])), scale(term))


def quotient(a, b):
    if b == 0:
        raise NoFigure("分母为零")
    return a / b


def days_in(period):
    return db.execute(f"SELECT DATE '{period[1]}' - DATE '{period[0]}' + 1").fetchone()[0]


def terms_of(formula):
    if "growth" in formula:
        return terms_of(INDICATORS[formula["growth"]]["formula"])
    for word in ("top", "top_share"):
        if word in formula:
            return [(formula[word], formula["of"])]
    value = next(iter(formula.values()))
    return [(t, None) for t in (value if isinstance(value, list) else [value])]


def grown(now, was):
    if was <= 0:
        raise NoFigure("对比期为零")
    return (now - was) / was * 100


def figure(formula, at, key):
    period = PERIODS[at]

    def value(term):
        return term_value(term, None, period, key)
    if "value" in formula:
        return value(formula["value"])
    if "per_day" in formula:
        return value(formula["per_day"]) / days_in(period)
    if "growth" in formula:
        if len(PERIODS) < 2 or at != 0:
            raise NoFigure("没有对比期")
        base = INDICATORS[formula["growth"]]["formula"]
        return grown(figure(base, 0, key), figure(base, 1, key))
    if "top" in formula:
        return top_value(formula["top"], formula["of"], formula["n"], period, key)
    if "top_share" in formula:
        top = top_value(formula["top_share"], formula["of"], formula["n"], period, key)
        return quotient(top, term_value(formula["top_share"], formula["of"], period, key)) * 100
    (word, (a, b)), = formula.items()
    if word == "ratio":
        return quotient(value(a), value(b))
    if word == "share":
        return quotient(value(a), value(b)) * 100
    if word == "use_per_day":
        return quotient(value(a), value(b) * days_in(period)) * 100
    if word == "difference":
        return value(a) - value(b)
    raise SystemExit(f"no formula {word}")


def rounded(fraction, places):
    """Half away from zero."""
    scaled = abs(fraction) * 10 ** places
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    units = -units if fraction < 0 else units
    return str((Decimal(units).scaleb(-places)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)) if places else str(units)


def cell(indicator, at, key):
    rows = missing = 0
    for term, of in terms_of(indicator["formula"]):
        got = counted(term, of, PERIODS[at]).get(key, [0, 0, 0, {}])
        rows, missing = rows + got[1], missing + got[2]
    try:
        exact = figure(indicator["formula"], at, key)
        return {"value": rounded(exact, indicator.get("decimals", 0)), "rows": rows, "missing": missing}, exact
    except NoFigure as why:
        return {"value": None, "rows": rows, "missing": missing, "why": str(why)}, None


def pair(indicator, key):
    own, now = cell(indicator, 0, key)
    if len(PERIODS) == 2 and "growth" not in indicator["formula"]:
        own["against"], was = cell(indicator, 1, key)
        if now is not None and was is not None:
            try:
                own["growth"] = rounded(grown(now, was), 2)
            except NoFigure:
                pass
    return own


def dimensions_of(indicator):
    named = indicator["dimensions"]
    return PACK["dimensions"][named] if isinstance(named, str) else named


def rows_behind(term, of, key):
    """Rows that a term of the first period counts, as the keys with which they are looked up."""
    t = TERMS[term]
    entity = t["entity"]
    test = " AND ".join(condition(f, c) for f, c in t.get("where", {}).items()) or "TRUE"
    field = t.get("sum") or t.get("distinct")
    there = f"{field} IS NOT NULL" if field else "TRUE"
    under = f" AND coalesce({key_of(args.by, entity)}, '') = {literal(key)}" if args.by else ""
    settlement = "setl_id" if entity in ("settlement", "refund", "line") else "''"
    serial = "bkkp_sn" if entity == "line" else "''"
    base = (f"SELECT coalesce(mdtrt_id, ''), coalesce({settlement}, ''), coalesce({serial}, ''), coalesce(psn_no, '') "
            f"FROM {rows_of(entity, PERIODS[0])} AND ({test}) AND {there}{under}")
    return sorted(list(row) for row in db.execute(base).fetchall())


if args.rows is not None:
    formula = INDICATORS[args.ids]["formula"]
    print(json.dumps({t: rows_behind(t, of, args.rows) for t, of in terms_of(formula)}, ensure_ascii=False))
    raise SystemExit(0)

answer = {}
wanted = args.ids.split(",") if args.ids else list(INDICATORS)
used = ([args.by] if args.by else []) + [o.split("=", 1)[0] for o in args.only]
for id in wanted:
    indicator = INDICATORS[id]
    if any(d not in dimensions_of(indicator) for d in used):
        continue
    out = pair(indicator, None)
    if args.by:
        keys = set()
        for term, of in terms_of(indicator["formula"]):
            for period in PERIODS:
                keys |= {k for k, c in counted(term, of, period).items() if k is not None and (c[1] or c[2])}
        out["parts"] = {k: pair(indicator, k) for k in keys}
    if "top" in indicator["formula"]:
        f = indicator["formula"]
        ranked = counted(f["top"], f["of"], PERIODS[0])[None][3]
        best = sorted(ranked.items(), key=lambda kv: (-kv[1], kv[0]))[: f["n"]]
        places = indicator.get("decimals", 0)
        out["list"] = [[k, rounded(Fraction(int(v), scale(f["top"])), places)] for k, v in best]
    answer[id] = out
print(json.dumps(answer, ensure_ascii=False))
