//! One visit in detail: its fee lines, what they consist of, and what was ordered, done and written.
//!
//! Whether a fee line has its order, execution and report is answered by code or order number within the
//! visit, which is a pointer for the eye and not a verdict; the rules judge with times and exclusions.

use rusqlite::params;
use spotcheck_domain::Amount;
use spotcheck_domain::claims::{
    EventKind, FeeFilter, FeeLine, FeeShare, FeeSummary, Page, PersonHit, VisitElsewhere,
    VisitEvent, Ward,
};

use super::{PackageReader, amount, instant};
use crate::error::Result;

/// Lines of a visit that pass the filter; `?1` visit, `?2` kind wanted or NULL, `?3` any kind, `?4` item or
/// NULL, `?5` serial numbers as JSON or NULL, `?6` repeated items, `?7` without an order.
fn wanted() -> String {
    format!(
        "mdtrt_id = ?1 AND (?3 OR med_chrgitm_type IS ?2) AND (?4 IS NULL OR med_list_codg = ?4)
         AND (?5 IS NULL OR bkkp_sn IN (SELECT value FROM json_each(?5)))
         AND (NOT ?6 OR (cnt > 0 AND (date(fee_ocur_time, 'unixepoch'), med_list_codg) IN ({})))
         AND (NOT ?7 OR NOT ({}))",
        repeated("mdtrt_id = ?1"),
        ordered("fee_list_d")
    )
}

/// Whether an order or a prescription of the visit goes with a line.
fn ordered(line: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM drord o WHERE o.mdtrt_id = ?1
           AND (o.drord_no = {line}.drord_no OR o.drord_detl_code = {line}.med_list_codg))
         OR EXISTS (SELECT 1 FROM rx o WHERE o.mdtrt_id = ?1 AND o.rxno = {line}.rx_drord_no)"
    )
}

/// A filter as the first seven parameters of a statement.
type Bound = (i64, Option<i64>, bool, Option<i64>, Option<String>, bool, bool);

/// Days of lines that hold `wanted` with each item that was billed on more than one of them. Drugs and
/// material come in several lines by right and are left out.
fn repeated(wanted: &str) -> String {
    format!(
        "SELECT date(fee_ocur_time, 'unixepoch') AS d, med_list_codg FROM fee_list_d
         WHERE {wanted} AND cnt > 0 AND med_chrgitm_type NOT IN
           (SELECT id FROM dict WHERE text IN ('08', '09', '10', '11'))
         GROUP BY 1, med_list_codg HAVING COUNT(*) > 1"
    )
}

/// Events of one visit; columns: kind, begin, precision, end, precision, name, who, place in the order; then what came
/// of it: value (millionths), unit, words, further words, reference.
const EVENTS: &str = "
SELECT 0, medc_begntime, medc_begntime_p, drord_endtime, drord_endtime_p, n.text, NULL, drord_no,
  NULL, NULL, NULL, NULL, NULL
  FROM drord LEFT JOIN dict n ON n.id = drord_detl_name WHERE mdtrt_id = ?1
UNION ALL
SELECT 1, rx_prsc_time, rx_prsc_time_p, NULL, NULL, n.text, NULL, rxno, NULL, NULL, NULL, NULL, NULL
  FROM rx LEFT JOIN dict n ON n.id = rx_detl_name WHERE mdtrt_id = ?1
UNION ALL
SELECT 2, begntime, begntime_p, endtime, endtime_p, n.text, w.text, evt_no,
  NULL, NULL, NULL, NULL, NULL
  FROM exec LEFT JOIN dict n ON n.id = item_name LEFT JOIN dict w ON w.id = exec_psn_code
  WHERE mdtrt_id = ?1
UNION ALL
SELECT 3, rpt_date, rpt_date_p, NULL, NULL, n.text, w.text, rpotc_no,
  exam_rslt_val, u.text, exam_rslt_dicm, a.text, ref_val
  FROM lab LEFT JOIN dict n ON n.id = COALESCE(exam_item_detl_name, exam_item_name)
  LEFT JOIN dict w ON w.id = rpot_doc LEFT JOIN dict u ON u.id = exam_unt
  LEFT JOIN dict a ON a.id = exam_rslt_abn WHERE mdtrt_id = ?1
UNION ALL
SELECT 4, exam_date, exam_date_p, rpt_date, rpt_date_p, n.text, w.text, rpotc_no,
  NULL, NULL, exam_ccls, a.text, NULL
  FROM exam LEFT JOIN dict n ON n.id = exam_item_name LEFT JOIN dict w ON w.id = bilg_dr_name
  LEFT JOIN dict a ON a.id = exam_rslt_abn WHERE mdtrt_id = ?1
UNION ALL
SELECT 5, oprn_oprt_date, oprn_oprt_date_p, NULL, NULL, n.text, COALESCE(w.text, c.text),
  oprn_srt_no, NULL, NULL, NULL, NULL, NULL
  FROM oprn LEFT JOIN dict n ON n.id = oprn_oprt_name LEFT JOIN dict w ON w.id = oper_dr_name
  LEFT JOIN dict c ON c.id = oper_dr_code
  WHERE oprn.setl_id IN (SELECT setl_id FROM setl_d WHERE mdtrt_id = ?1)
UNION ALL
SELECT 6, rcd_time, rcd_time_p, NULL, NULL, COALESCE(n.text, '体温脉搏血压'), w.text, '',
  NULL, NULL, NULL, NULL, NULL
  FROM vital LEFT JOIN dict n ON n.id = nurscare_obsv_item_name
  LEFT JOIN dict w ON w.id = nurs_name WHERE mdtrt_id = ?1
UNION ALL
SELECT 7, begntime, begntime_p, endtime, endtime_p, NULL, w.text, '', NULL, NULL, NULL, NULL, NULL
  FROM leave LEFT JOIN dict w ON w.id = appr_psn_code WHERE mdtrt_id = ?1
UNION ALL
SELECT 8, note_time, note_time_p, NULL, NULL, t.text, w.text, note_no, NULL, NULL, NULL, NULL, NULL
  FROM note LEFT JOIN dict t ON t.id = note_type LEFT JOIN dict w ON w.id = psn_code
  WHERE mdtrt_id = ?1
ORDER BY 2, 1, 8 LIMIT ?2 OFFSET ?3";

/// Orders, executions, reports and operations that go with a line, the nearest to its own time first; columns as
/// [`EVENTS`], the distance in the place of the order. The record of an operation carries its own code and no item:
/// it goes with the operation fees (kind 06) of the same stay.
const LINE_EVENTS: &str = "
WITH line AS (SELECT drord_no, rx_drord_no, med_list_codg, fee_ocur_time,
    (SELECT text FROM dict WHERE id = med_chrgitm_type) AS kind
  FROM fee_list_d WHERE mdtrt_id = ?1 AND bkkp_sn = ?2 ORDER BY dup_no LIMIT 1)
SELECT 0, medc_begntime, medc_begntime_p, drord_endtime, drord_endtime_p, n.text, NULL,
  ABS(medc_begntime - fee_ocur_time), NULL, NULL, NULL, NULL, NULL
  FROM line JOIN drord o ON o.mdtrt_id = ?1
    AND (o.drord_no = line.drord_no OR o.drord_detl_code = line.med_list_codg)
  LEFT JOIN dict n ON n.id = drord_detl_name
UNION ALL
SELECT 1, rx_prsc_time, rx_prsc_time_p, NULL, NULL, n.text, NULL,
  ABS(rx_prsc_time - fee_ocur_time), NULL, NULL, NULL, NULL, NULL
  FROM line JOIN rx o ON o.mdtrt_id = ?1 AND o.rxno = line.rx_drord_no
  LEFT JOIN dict n ON n.id = rx_detl_name
UNION ALL
SELECT 2, e.begntime, e.begntime_p, e.endtime, e.endtime_p, n.text, w.text,
  ABS(e.begntime - fee_ocur_time), NULL, NULL, NULL, NULL, NULL
  FROM line JOIN exec e ON e.mdtrt_id = ?1
    AND (e.drord_no = line.drord_no OR e.item_code = line.med_list_codg)
  LEFT JOIN dict n ON n.id = item_name LEFT JOIN dict w ON w.id = exec_psn_code
UNION ALL
SELECT 3, rpt_date, rpt_date_p, NULL, NULL, n.text, w.text, ABS(rpt_date - fee_ocur_time),
  exam_rslt_val, u.text, exam_rslt_dicm, a.text, ref_val
  FROM line JOIN lab l ON l.mdtrt_id = ?1
    AND line.med_list_codg IN (l.exam_item_code, l.inhosp_exam_item_code)
  LEFT JOIN dict n ON n.id = COALESCE(exam_item_detl_name, exam_item_name)
  LEFT JOIN dict w ON w.id = rpot_doc LEFT JOIN dict u ON u.id = exam_unt
  LEFT JOIN dict a ON a.id = exam_rslt_abn
UNION ALL
SELECT 4, exam_date, exam_date_p, rpt_date, rpt_date_p, n.text, w.text,
  ABS(exam_date - fee_ocur_time), NULL, NULL, exam_ccls, a.text, NULL
  FROM line JOIN exam x ON x.mdtrt_id = ?1
    AND line.med_list_codg IN (x.exam_item_code, x.inhosp_exam_item_code)
  LEFT JOIN dict n ON n.id = exam_item_name LEFT JOIN dict w ON w.id = bilg_dr_name
  LEFT JOIN dict a ON a.id = exam_rslt_abn
UNION ALL
SELECT 5, oprn_oprt_date, oprn_oprt_date_p, NULL, NULL, n.text, COALESCE(w.text, c.text),
  ABS(oprn_oprt_date - fee_ocur_time), NULL, NULL, NULL, NULL, NULL
  FROM line JOIN oprn p ON p.setl_id IN (SELECT setl_id FROM setl_d WHERE mdtrt_id = ?1)
    AND line.kind = '06'
  LEFT JOIN dict n ON n.id = oprn_oprt_name LEFT JOIN dict w ON w.id = oper_dr_name
  LEFT JOIN dict c ON c.id = oper_dr_code
ORDER BY 8 NULLS LAST, 2, 1 LIMIT ?3 OFFSET ?4";

fn event(r: &rusqlite::Row<'_>) -> rusqlite::Result<VisitEvent> {
    let kind = usize::try_from(r.get::<_, i64>(0)?).unwrap_or_default();
    Ok(VisitEvent {
        kind: KINDS.get(kind).copied().unwrap_or(EventKind::Note),
        begntime: instant(r, 1)?,
        endtime: instant(r, 3)?,
        name: r.get(5)?,
        who: r.get(6)?,
        result: result(amount(r, 8)?, [r.get(9)?, r.get(10)?, r.get(11)?, r.get(12)?]),
    })
}

/// `5.3 10^9/L（3.5-9.5） 偏高`: the value with its unit, what was written about it, the reference in brackets.
fn result(value: Option<Amount>, words: [Option<String>; 4]) -> Option<String> {
    let [unit, said, more, reference] =
        words.map(|w| w.map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()));
    let value = value.map(|v| v.to_string());
    // The words of a value often repeat it.
    let said = said.filter(|s| value.as_ref() != Some(s));
    // A flag that is a bare number is a code of the uploader's own.
    let more = more.filter(|m| said.as_ref() != Some(m) && !m.bytes().all(|b| b.is_ascii_digit()));
    let unit = unit.filter(|_| value.is_some() || said.is_some());
    let measured: Vec<String> = [value, said, unit].into_iter().flatten().collect();
    let mut text = measured.join(" ");
    if let Some(reference) = reference.filter(|_| !text.is_empty()) {
        text.push_str(&format!("（{reference}）"));
    }
    if let Some(more) = more {
        text.push_str(if text.is_empty() { "" } else { " " });
        text.push_str(&more);
    }
    (!text.is_empty()).then_some(text)
}

const KINDS: [EventKind; 9] = [
    EventKind::Order,
    EventKind::Prescription,
    EventKind::Execution,
    EventKind::Lab,
    EventKind::Exam,
    EventKind::Operation,
    EventKind::Vital,
    EventKind::Leave,
    EventKind::Note,
];

impl PackageReader {
    /// A visit and a filter as parameters; `None`: no line can match.
    fn bound(&self, mdtrt_id: &str, filter: &FeeFilter) -> Result<Option<Bound>> {
        let Some(visit) = self.dict_id(mdtrt_id)? else { return Ok(None) };
        let (kind, any) = match filter.med_chrgitm_type.as_deref() {
            None => (None, true),
            Some("") => (None, false),
            Some(kind) => match self.dict_id(kind)? {
                Some(id) => (Some(id), false),
                None => return Ok(None),
            },
        };
        let item = match filter.med_list_codg.as_deref() {
            None => None,
            Some(code) => match self.dict_id(code)? {
                Some(id) => Some(id),
                None => return Ok(None),
            },
        };
        // Nothing uploaded is no gap.
        if filter.unordered && !self.has_any(&["drord", "rx"]) {
            return Ok(None);
        }
        let only = filter.only.as_ref().map(|lines| serde_json::json!(lines).to_string());
        Ok(Some((visit, kind, any, item, only, filter.repeated, filter.unordered)))
    }

    fn has_any(&self, tables: &[&str]) -> bool {
        tables.iter().any(|t| self.rows_of(t) > 0)
    }

    pub(super) fn read_fee_lines(
        &self,
        mdtrt_id: &str,
        filter: &FeeFilter,
        page: Page,
        only: Option<&str>,
    ) -> Result<Vec<FeeLine>> {
        let Some(bound) = self.bound(mdtrt_id, filter)? else { return Ok(Vec::new()) };
        let (id, kind, any, item, lines, twice, unordered) = bound;
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        let orders = self.has_any(&["drord", "rx"]);
        let events = self.has_any(&["exec"]);
        let reports = self.has_any(&["lab", "exam"]);
        // The page is cut out first: the texts of rows that are not shown are never decoded.
        let sql = format!(
            "SELECT f.bkkp_sn, s.text, f.fee_ocur_time, f.fee_ocur_time_p, c.text, h.text, m.text,
               t.text, y.text, f.cnt, f.pric, f.det_item_fee_sumamt, b.text, r.text,
               {},
               EXISTS (SELECT 1 FROM exec e WHERE e.mdtrt_id = ?1
                       AND (e.drord_no = f.drord_no OR e.item_code = f.med_list_codg)),
               EXISTS (SELECT 1 FROM lab l WHERE l.mdtrt_id = ?1
                       AND f.med_list_codg IN (l.exam_item_code, l.inhosp_exam_item_code))
               OR EXISTS (SELECT 1 FROM exam x WHERE x.mdtrt_id = ?1
                       AND f.med_list_codg IN (x.exam_item_code, x.inhosp_exam_item_code))
             FROM (SELECT * FROM fee_list_d WHERE {} AND (?10 IS NULL OR bkkp_sn = ?10)
                   ORDER BY fee_ocur_time, bkkp_sn, dup_no LIMIT ?8 OFFSET ?9) f
             LEFT JOIN dict s ON s.id = f.setl_id LEFT JOIN dict c ON c.id = f.med_list_codg
             LEFT JOIN dict h ON h.id = f.hilist_name LEFT JOIN dict m ON m.id = f.medins_list_name
             LEFT JOIN dict t ON t.id = f.list_type LEFT JOIN dict y ON y.id = f.med_chrgitm_type
             LEFT JOIN dict b ON b.id = f.bilg_dept_name LEFT JOIN dict r ON r.id = f.bilg_dr_name
             ORDER BY f.fee_ocur_time, f.bkkp_sn, f.dup_no",
            ordered("f"),
            wanted()
        );
        let of = params![id, kind, any, item, lines, twice, unordered, page.limit, offset, only];
        self.list("fee_list_d", &sql, of, |r| {
            Ok(FeeLine {
                bkkp_sn: r.get(0)?,
                setl_id: r.get(1)?,
                fee_ocur_time: instant(r, 2)?,
                med_list_codg: r.get(4)?,
                hilist_name: r.get(5)?,
                medins_list_name: r.get(6)?,
                list_type: r.get(7)?,
                med_chrgitm_type: r.get(8)?,
                cnt: amount(r, 9)?,
                pric: amount(r, 10)?,
                det_item_fee_sumamt: amount(r, 11)?,
                bilg_dept_name: r.get(12)?,
                bilg_dr_name: r.get(13)?,
                ordered: orders.then_some(r.get(14)?),
                executed: events.then_some(r.get(15)?),
                recorded: reports.then_some(r.get(16)?),
            })
        })
    }

    pub(super) fn read_fee_summary(
        &self,
        mdtrt_id: &str,
        filter: &FeeFilter,
    ) -> Result<FeeSummary> {
        let Some(id) = self.dict_id(mdtrt_id)? else { return Ok(FeeSummary::default()) };
        let share = |r: &rusqlite::Row<'_>| {
            Ok(FeeShare {
                of: r.get(0)?,
                lines: r.get::<_, i64>(1)?.unsigned_abs(),
                amount: amount(r, 2)?.unwrap_or(Amount::ZERO),
                repeated: 0,
            })
        };
        let kinds = self.list(
            "fee_list_d",
            "SELECT y.text, n, a FROM
               (SELECT med_chrgitm_type AS k, COUNT(*) AS n, COALESCE(SUM(det_item_fee_sumamt), 0) AS a
                FROM fee_list_d WHERE mdtrt_id = ?1 GROUP BY 1)
             LEFT JOIN dict y ON y.id = k ORDER BY a DESC, y.text",
            params![id],
            share,
        )?;
        let days = match self.bound(mdtrt_id, filter)? {
            None => Vec::new(),
            Some((_, kind, any, item, lines, twice, unordered)) => {
                let wanted = wanted();
                let of = params![id, kind, any, item, lines, twice, unordered];
                let sql = format!(
                    "SELECT date(fee_ocur_time, 'unixepoch'), COUNT(*),
                       COALESCE(SUM(det_item_fee_sumamt), 0)
                     FROM fee_list_d WHERE {wanted} GROUP BY 1 ORDER BY 1"
                );
                let mut days = self.list("fee_list_d", &sql, of, share)?;
                let sql = format!("SELECT d, COUNT(*) FROM ({}) GROUP BY d", repeated(&wanted));
                let repeated = self.list("fee_list_d", &sql, of, |r| {
                    Ok((r.get::<_, Option<String>>(0)?, r.get::<_, i64>(1)?.unsigned_abs()))
                })?;
                for (day, count) in repeated {
                    days.iter_mut().filter(|d| d.of == day).for_each(|d| d.repeated = count);
                }
                days
            }
        };
        Ok(FeeSummary { kinds, days })
    }

    pub(super) fn repeated_days(&self, visit: i64) -> Result<u64> {
        let sql = format!("SELECT COUNT(DISTINCT d) FROM ({})", repeated("mdtrt_id = ?1"));
        let days: Option<i64> = self.one("fee_list_d", &sql, [visit], |r| r.get(0))?;
        Ok(days.unwrap_or(0).unsigned_abs())
    }

    pub(super) fn read_events(&self, mdtrt_id: &str, page: Page) -> Result<Vec<VisitEvent>> {
        let Some(id) = self.dict_id(mdtrt_id)? else { return Ok(Vec::new()) };
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.list("drord", EVENTS, params![id, page.limit, offset], event)
    }

    pub(super) fn read_line_events(
        &self,
        mdtrt_id: &str,
        bkkp_sn: &str,
        page: Page,
    ) -> Result<Vec<VisitEvent>> {
        let Some(id) = self.dict_id(mdtrt_id)? else { return Ok(Vec::new()) };
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.list("drord", LINE_EVENTS, params![id, bkkp_sn, page.limit, offset], event)
    }

    pub(super) fn read_wards(&self) -> Result<Vec<Ward>> {
        self.list(
            "mdtrt_d",
            "SELECT w.text, n FROM
               (SELECT wardarea_bed AS k, COUNT(*) AS n FROM mdtrt_d
                WHERE wardarea_bed IS NOT NULL AND endtime IS NULL GROUP BY wardarea_bed)
             JOIN dict w ON w.id = k WHERE w.text <> '' ORDER BY w.text",
            [],
            |r| Ok(Ward { name: r.get(0)?, patients: r.get::<_, i64>(1)?.unsigned_abs() }),
        )
    }

    pub(super) fn read_in_ward(&self, ward: &str, page: Page) -> Result<Vec<PersonHit>> {
        let Some(ward) = self.dict_id(ward)? else { return Ok(Vec::new()) };
        let offset = i64::try_from(page.offset).unwrap_or(i64::MAX);
        self.list(
            "mdtrt_d",
            "SELECT n.text, p.psn_name, g.text, p.brdy, p.brdy_p, p.certno, i.text, m.begntime,
               m.begntime_p, b.text, (SELECT COUNT(*) FROM mdtrt_d v WHERE v.psn_no = m.psn_no)
             FROM mdtrt_d m JOIN dict n ON n.id = m.psn_no
             LEFT JOIN psn p ON p.psn_no = m.psn_no AND p.dup_no = 0
             LEFT JOIN dict g ON g.id = p.gend LEFT JOIN dict i ON i.id = p.insutype
             LEFT JOIN dict b ON b.id = m.adm_bed
             WHERE m.wardarea_bed = ?1 AND m.endtime IS NULL
             ORDER BY b.text, n.text LIMIT ?2 OFFSET ?3",
            params![ward, page.limit, offset],
            |r| {
                Ok(PersonHit {
                    psn_no: r.get(0)?,
                    psn_name: r.get::<_, Option<String>>(1)?.unwrap_or_default(),
                    gend: r.get(2)?,
                    brdy: instant(r, 3)?,
                    certno: r.get(5)?,
                    insutype: r.get(6)?,
                    visits: r.get::<_, i64>(10)?.unsigned_abs(),
                    last_visit: instant(r, 7)?,
                    bed: r.get(9)?,
                })
            },
        )
    }

    pub(super) fn read_elsewhere(&self, psn_no: &str) -> Result<Vec<VisitElsewhere>> {
        let Some(id) = self.dict_id(psn_no)? else { return Ok(Vec::new()) };
        self.list(
            "psn_other",
            "SELECT f.text, t.text, o.begntime, o.begntime_p, o.endtime, o.endtime_p, g.text,
               o.medfee_sumamt, o.fund_pay_sumamt
             FROM psn_other o LEFT JOIN dict f ON f.id = o.fixmedins_name
             LEFT JOIN dict t ON t.id = o.med_type LEFT JOIN dict g ON g.id = o.diag_name
             WHERE o.psn_no = ?1 AND o.kind = 'visit' ORDER BY o.begntime DESC, f.text",
            params![id],
            |r| {
                Ok(VisitElsewhere {
                    fixmedins_name: r.get(0)?,
                    med_type: r.get(1)?,
                    begntime: instant(r, 2)?,
                    endtime: instant(r, 4)?,
                    diag_name: r.get(6)?,
                    medfee_sumamt: amount(r, 7)?,
                    fund_pay_sumamt: amount(r, 8)?,
                })
            },
        )
    }
}
