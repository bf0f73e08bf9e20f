"""A hospital's own export of its fee lines as XLSX, written by openpyxl from the peer's typed tables.

    his_export.py CITY.duckdb CUTOFF ROWS FILE.xlsx

28 columns in an order and with names that nobody agreed upon. Everything agrees with the upload but fourteen
planted differences and some lines that are younger than the cut-off; both are told as one JSON object.
"""

import datetime
import json
import random
import sys

import duckdb
import openpyxl

NUMBER, DAY, CODE, NAME, COUNT, PRICE, SUM, PERSON = range(8)
NEEDED = ["病人流水", "发生日", "贯标码", "收费名目", "数目", "价", "实收", "病人"]
OTHERS = ["行号", "开单科室", "收费类别", "入院", "出院", "岁", "限价", "统筹", "结算状态", "规格说明", "操作窗口",
          "批次", "发票号", "性别码", "床位", "病区", "备用一", "备用二", "备用三", "备用四"]


def plant(rows, draw):
    """Fourteen differences, each on a visit of its own and on an item that the visit has once."""
    by_visit = {}
    for at, row in enumerate(rows):
        by_visit.setdefault(row[NUMBER], []).append(at)
    items = sorted({(r[CODE], r[NAME]) for r in rows})
    alone = []
    for own in by_visit.values():
        seen = {}
        for at in own:
            seen.setdefault(rows[at][NAME], []).append(at)
        single = [a[0] for a in seen.values() if len(a) == 1 and (rows[a[0]][SUM] or 0) > 5]
        bills = {(r[PRICE], r[SUM]) for r in (rows[a] for a in own)}
        if single and len(own) >= 8 and len(bills) > 3 and all((rows[a][COUNT] or 0) > 0 for a in own):
            alone.append((single[0], own))
    draw.shuffle(alone)
    dropped, told = set(), []
    kinds = ["uploaded_only"] * 4 + ["quantity"] * 2 + ["price", "date"] + ["item"] * 2 + ["refund"] * 2 + ["his_only"] * 2
    for kind, (at, own) in zip(kinds, alone, strict=False):
        row, names = rows[at], {rows[a][NAME] for a in own}
        strange = next((code, name) for code, name in items[draw.randrange(len(items)):] + items if name not in names)
        if kind == "uploaded_only":
            dropped.add(at)
        elif kind == "quantity":
            row[COUNT], row[SUM] = row[COUNT] + 1, row[SUM] + row[PRICE]
        elif kind == "price":
            row[PRICE], row[SUM] = row[PRICE] + 1, row[SUM] + row[COUNT]
        elif kind == "date":
            row[DAY] += datetime.timedelta(days=1)
        elif kind == "item":
            row[CODE] = strange[0]
        elif kind == "refund":
            rows.append([*row[:COUNT], -row[COUNT], row[PRICE], -row[SUM], row[PERSON]])
        else:
            rows.append([row[NUMBER], row[DAY], *strange, 1, 7, 7, row[PERSON]])
        told.append(kind)
    return [row for at, row in enumerate(rows) if at not in dropped], told


def main(file, cutoff, count, out):
    draw = random.Random(28)
    db = duckdb.connect(file, read_only=True)
    stays = db.execute("SELECT mdtrt_id FROM mdtrt_d WHERE coalesce(vali_flag, '') <> '0' ORDER BY mdtrt_id").fetchall()
    stays = {row[0] for row in stays if draw.random() < 0.5}
    read = db.execute("""
        SELECT f.visit, CAST(f.t AS DATE), f.code, CASE WHEN f.name1 <> '' THEN f.name1 ELSE f.name2 END,
          f.q, f.price, f.amt, p.psn_name
        FROM raw0 f JOIN mdtrt_d m ON m.mdtrt_id = f.visit LEFT JOIN psn p ON p.psn_no = m.psn_no
        WHERE f.setl NOT IN (SELECT setl_id FROM setl_d WHERE refd_setl_flag = '1' UNION ALL
          SELECT init_setl_id FROM setl_d WHERE refd_setl_flag = '1' AND init_setl_id IS NOT NULL)
        ORDER BY f.visit, f.sn""")
    last = datetime.date.fromisoformat(cutoff) - datetime.timedelta(days=3)
    rows = []
    while len(rows) < count and (chunk := read.fetchmany(50_000)):
        rows.extend(list(r) for r in chunk if r[NUMBER] in stays)
    # The last visit may be there in part.
    rows = [r for r in rows if r[NUMBER] != rows[-1][NUMBER]]
    rows, planted = plant(rows, draw)
    # A visit that still runs at the cut-off has lines like these already.
    running = {r[NUMBER] for r in rows if r[DAY] is None or r[DAY] > last - datetime.timedelta(days=5)}
    ended = [r for r in rows if r[NUMBER] not in running and (r[COUNT] or 0) > 0]
    young = [[r[NUMBER], last + datetime.timedelta(days=2), *r[CODE:]] for r in draw.sample(ended, 50)]
    rows.extend(young)
    draw.shuffle(rows)
    names = NEEDED + OTHERS
    places = list(range(len(names)))
    draw.shuffle(places)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("明细")
    sheet.append(["示例医院收费明细"])
    sheet.append([names[p] for p in places])
    for at, row in enumerate(rows, 1):
        cells = [row[0], row[1] and row[1].isoformat(), row[2], row[3], *(float(n) if n is not None else None for n in row[4:7]), row[7]]
        cells += [at, f"科室{at % 9}", f"类{at % 7}", "2026-01-02", "2026-01-20", 20 + at % 60, 100 + at % 13, at % 5, "已结",
                  f"规格{at % 31}", f"窗口{at % 6}", at // 1000, f"票{at // 40}", at % 2, f"{at % 40}床", f"病区{at % 8}"]
        cells += [None] * (len(names) - len(cells))
        sheet.append([cells[p] for p in places])
    book.save(out)
    counts = {kind: planted.count(kind) for kind in sorted(set(planted))}
    print(json.dumps({"rows": len(rows), "columns": len(names), "planted": counts, "young": len(young)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
