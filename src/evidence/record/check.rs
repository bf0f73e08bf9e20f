//! The patterns of `spotcheck-record/1` that the types do not hold by themselves.

use spotcheck_domain::id::is_plain_id;

use super::{
    Approval, BagFile, Deadline, Document, EvidenceItem, Finding, HandSignature, Measure, Officer,
    Opinion, Party, RECORD_SCHEMA, Record, Refusal, Step, TaskPart, Version,
};
use crate::EvidenceError;
use crate::bag::is_payload_path;
use crate::form::{
    Checked, Checker, is_head16, is_inspector, is_media_type, is_party, is_schema_name,
};

impl Record {
    /// Checks the record against the schema.
    ///
    /// # Errors
    /// [`EvidenceError::Schema`] naming the first member that does not fit.
    pub fn check(&self) -> Result<(), EvidenceError> {
        let c = &mut Checker::new(RECORD_SCHEMA);
        c.that("schema", self.schema == RECORD_SCHEMA)?;
        c.within("task", |c| task(c, &self.task))?;
        c.within("facility", |c| {
            c.text("fixmedins_code", &self.facility.fixmedins_code)?;
            c.text("fixmedins_name", &self.facility.fixmedins_name)?;
            c.opt_text("uscc", self.facility.uscc.as_ref())?;
            c.opt_text("place", self.facility.place.as_ref())
        })?;
        c.that("officers", self.officers.len() >= 2)?;
        c.each("officers", &self.officers, officer)?;
        c.each("helpers", &self.helpers, |c, h| {
            c.id("id", &h.id)?;
            c.text("name", &h.name)?;
            c.opt_text("organisation", h.organisation.as_ref())?;
            c.text("scope", &h.scope)
        })?;
        c.each("parties", &self.parties, party)?;
        c.each("steps", &self.steps, step)?;
        c.each("findings", &self.findings, finding)?;
        c.each("evidence", &self.evidence, evidence)?;
        c.each("documents", &self.documents, document)?;
        c.each("signatures", &self.signatures, signature)?;
        c.each("approvals", &self.approvals, approval)?;
        c.each("refusals", &self.refusals, refusal)?;
        c.each("measures", &self.measures, measure)?;
        c.each("deadlines", &self.deadlines, deadline)?;
        c.each("handovers", &self.handovers, |c, h| {
            c.id("id", &h.id)?;
            c.time("at", &h.at)?;
            c.id("from", &h.from)?;
            c.id("to", &h.to)?;
            c.opt_text("reason", h.reason.as_ref())?;
            c.texts("open_points", &h.open_points)
        })?;
        c.each("annexes", &self.annexes, |c, a| {
            let name = a.path.strip_prefix("data/annex/").and_then(|n| n.strip_suffix(".json"));
            c.that("path", name.is_some_and(|n| !n.is_empty() && !n.contains('/')))?;
            c.that("path", is_payload_path(&a.path))?;
            c.that("schema", is_schema_name(&a.schema))?;
            c.int("size", a.size, 0)
        })?;
        c.opt_text("completeness.reason", self.completeness.reason.as_ref())?;
        c.texts("completeness.missing", &self.completeness.missing)
    }
}

fn task(c: &mut Checker, task: &TaskPart) -> Checked {
    c.text("title", &task.title)?;
    c.texts("basis", &task.basis)?;
    c.opt_text("document_number", task.document_number.as_ref())?;
    c.int("day_no", task.day_no, 1)?;
    c.that("package.id", task.package.as_ref().is_none_or(|p| is_plain_id(&p.id)))
}

fn officer(c: &mut Checker, officer: &Officer) -> Checked {
    c.that("role", officer.role.as_deref().is_none_or(is_inspector))?;
    c.text("name", &officer.name)?;
    c.opt_text("agency", officer.agency.as_ref())?;
    if let Some(credential) = &officer.credential {
        c.text("credential.number", &credential.number)?;
        c.opt_text("credential.valid_until", credential.valid_until.as_ref())?;
    }
    c.each("present", &officer.present, |c, p| {
        c.time("begun", &p.begun)?;
        c.opt_time("ended", p.ended.as_ref())
    })
}

fn party(c: &mut Checker, party: &Party) -> Checked {
    c.party("id", &party.id)?;
    c.text("name", &party.name)?;
    c.opt_text("post", party.post.as_ref())?;
    c.opt_text("relation", party.relation.as_ref())?;
    c.opt_id("authority", party.authority.as_ref())
}

fn step(c: &mut Checker, step: &Step) -> Checked {
    c.id("id", &step.id)?;
    c.id("kind", &step.kind)?;
    c.text("title", &step.title)?;
    c.time("begun", &step.begun)?;
    c.opt_time("ended", step.ended.as_ref())?;
    c.ids("officers", &step.officers)?;
    c.ids("helpers", &step.helpers)?;
    c.opt_text("place", step.place.as_ref())
}

fn opinion(c: &mut Checker, opinion: Option<&Opinion>) -> Checked {
    let Some(opinion) = opinion else { return Ok(()) };
    c.within("opinion", |c| {
        c.party("party", &opinion.party)?;
        c.text("text", &opinion.text)?;
        c.time("at", &opinion.at)
    })
}

fn finding(c: &mut Checker, finding: &Finding) -> Checked {
    c.id("id", &finding.id)?;
    c.opt_id("step", finding.step.as_ref())?;
    if let Some(rule) = &finding.rule {
        c.id("rule.pack", &rule.pack)?;
        c.text("rule.version", &rule.version)?;
        c.id("rule.id", &rule.id)?;
    }
    c.text("subject", &finding.subject)?;
    c.text("text", &finding.text)?;
    c.opt_text("reason", finding.reason.as_ref())?;
    c.opt_decimal("amount", finding.amount.as_ref())?;
    c.opt_decimal("fund_amount", finding.fund_amount.as_ref())?;
    c.ids("evidence", &finding.evidence)?;
    c.each("people", &finding.people, |c, p| {
        c.opt_text("code", p.code.as_ref())?;
        c.text("name", &p.name)
    })?;
    opinion(c, finding.opinion.as_ref())
}

fn file(c: &mut Checker, name: &str, file: &BagFile) -> Checked {
    c.within(name, |c| {
        c.that("path", is_payload_path(&file.path))?;
        c.int("size", file.size, 0)?;
        c.that("media_type", is_media_type(&file.media_type))
    })
}

fn opt_file(c: &mut Checker, name: &str, value: Option<&BagFile>) -> Checked {
    value.map_or(Ok(()), |f| file(c, name, f))
}

fn evidence(c: &mut Checker, item: &EvidenceItem) -> Checked {
    c.id("id", &item.id)?;
    c.that("path", is_payload_path(&item.path))?;
    c.int("size", item.size, 0)?;
    c.that("media_type", is_media_type(&item.media_type))?;
    opt_file(c, "log", item.log.as_ref())?;
    c.that("power", item.power.is_none_or(|p| (1..=7).contains(&p)))?;
    c.text("source", &item.source)?;
    c.opt_text("keeper", item.keeper.as_ref())?;
    c.opt_text("original_place", item.original_place.as_ref())?;
    c.text("method", &item.method)?;
    c.id("maker", &item.maker)?;
    c.text("proves", &item.proves)?;
    opinion(c, item.opinion.as_ref())?;
    if let Some(review) = &item.review {
        c.id("review.reviewer", &review.reviewer)?;
        c.text("review.conclusion", &review.conclusion)?;
        c.time("review.at", &review.at)?;
    }
    c.within("captured", |c| {
        c.time("begun", &item.captured.begun)?;
        c.time("ended", &item.captured.ended)?;
        c.int("first_seq", item.captured.first_seq, 1)?;
        c.int("last_seq", item.captured.last_seq, 1)
    })
}

fn document(c: &mut Checker, document: &Document) -> Checked {
    c.id("id", &document.id)?;
    c.id("form", &document.form)?;
    c.opt_text("number", document.number.as_ref())?;
    c.text("title", &document.title)?;
    c.id("template.id", &document.template.id)?;
    c.that("versions", !document.versions.is_empty())?;
    c.each("versions", &document.versions, version)
}

fn version(c: &mut Checker, version: &Version) -> Checked {
    c.int("version", version.version, 1)?;
    c.time("frozen", &version.frozen)?;
    c.int("pages", version.pages, 1)?;
    file(c, "elements", &version.elements)?;
    file(c, "pdf", &version.pdf)?;
    opt_file(c, "signed_pdf", version.signed_pdf.as_ref())?;
    c.each("prints", &version.prints, |c, p| {
        c.time("at", &p.at)?;
        c.int("copies", p.copies, 1)?;
        c.opt_text("printer", p.printer.as_ref())?;
        c.that("journal_head", is_head16(&p.journal_head))
    })?;
    c.each("copies_given", &version.copies_given, |c, g| {
        c.party("party", &g.party)?;
        c.time("at", &g.at)?;
        c.int("copies", g.copies, 1)
    })
}

fn signature(c: &mut Checker, signature: &HandSignature) -> Checked {
    c.id("id", &signature.id)?;
    c.id("document", &signature.document)?;
    c.int("version", signature.version, 1)?;
    c.id("signer", &signature.signer)?;
    c.text("name", &signature.name)?;
    c.time("at", &signature.at)?;
    opt_file(c, "file", signature.file.as_ref())?;
    c.opt_id("evidence", signature.evidence.as_ref())
}

fn approval(c: &mut Checker, approval: &Approval) -> Checked {
    c.id("id", &approval.id)?;
    c.id("kind", &approval.kind)?;
    c.text("by.name", &approval.by.name)?;
    c.opt_text("by.post", approval.by.post.as_ref())?;
    c.time("at", &approval.at)?;
    c.opt_text("number", approval.number.as_ref())?;
    c.text("wording", &approval.wording)?;
    c.opt_id("document", approval.document.as_ref())?;
    c.ids("evidence", &approval.evidence)
}

fn refusal(c: &mut Checker, refusal: &Refusal) -> Checked {
    c.id("id", &refusal.id)?;
    c.text("of", &refusal.of)?;
    c.party("by", &refusal.by)?;
    c.opt_text("reason", refusal.reason.as_ref())?;
    c.opt_text("witness", refusal.witness.as_ref())?;
    c.time("at", &refusal.at)?;
    c.opt_id("document", refusal.document.as_ref())?;
    c.ids("evidence", &refusal.evidence)
}

fn measure(c: &mut Checker, measure: &Measure) -> Checked {
    c.id("id", &measure.id)?;
    c.each("items", &measure.items, |c, i| {
        c.text("name", &i.name)?;
        c.opt_text("spec", i.spec.as_ref())?;
        c.opt_text("unit", i.unit.as_ref())?;
        c.opt_decimal("quantity", i.quantity.as_ref())?;
        c.opt_decimal("amount", i.amount.as_ref())?;
        c.opt_text("keeper", i.keeper.as_ref())?;
        c.opt_text("place", i.place.as_ref())
    })?;
    c.opt_id("document", measure.document.as_ref())?;
    c.opt_id("approval", measure.approval.as_ref())?;
    c.time("begun", &measure.begun)?;
    c.opt_time("ends", measure.ends.as_ref())?;
    c.opt_time("lifted", measure.lifted.as_ref())
}

fn deadline(c: &mut Checker, deadline: &Deadline) -> Checked {
    c.id("id", &deadline.id)?;
    c.id("kind", &deadline.kind)?;
    c.text("basis", &deadline.basis)?;
    c.time("begins", &deadline.begins)?;
    c.int("count", deadline.count, 1)?;
    c.time("due", &deadline.due)?;
    c.that("party", deadline.party.as_deref().is_none_or(is_party))?;
    c.opt_id("document", deadline.document.as_ref())
}
