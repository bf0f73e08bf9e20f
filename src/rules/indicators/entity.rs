//! The closed set of entities and fields that terms may use.
//!
//! One static table, so that a pack can name nothing that the program does not read, and so that the second
//! opinion in SQL has one list to follow. A row finds its place (facility, department, person …) through
//! its visit, the visit of its settlement, or its own facility.

use super::catalogue::Dimension;

/// How a row finds its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// By `mdtrt_id`.
    Visit,
    /// By `setl_id`, then its visit.
    Settlement,
    /// By its own `fixmedins_code`.
    Facility,
    /// By `equip_no`, then the device's facility.
    Equip,
}

/// Which rows belong to a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// One time column.
    At(&'static str),
    /// An interval that touches the period; an open side is unbounded.
    Between(&'static str, &'static str),
    /// `begntime` of the visit.
    VisitBegin,
    /// `endtime` of the visit; only stays with a bed.
    StayEnd,
    /// Days of a stay inside the period.
    StayDays,
    /// Always.
    Always,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Dictionary code.
    Code,
    /// Text that is nearly unique per row.
    Serial,
    /// Whole number.
    Whole,
    /// Millionths.
    Decimal,
}

/// A field that comes with the visit, its person, or the settlement's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "named by the fields of JOINED")]
pub(crate) enum Joined {
    Visit,
    Person,
    Facility,
    VisitKind,
    MedType,
    Insutype,
    DscgWay,
    Disease,
    Department,
    Ward,
    Doctor,
    Days,
    DaysToNext,
    SameNext,
    Gend,
    Age,
    PsnType,
    Admdvs,
    Employer,
    PayWay,
    Weight,
    PayStd,
    BedDays,
}

/// Fields that any row with a visit has.
const JOINED: &[(&str, Joined, Kind)] = &[
    ("mdtrt_id", Joined::Visit, Kind::Code),
    ("psn_no", Joined::Person, Kind::Code),
    ("kind", Joined::VisitKind, Kind::Code),
    ("med_type", Joined::MedType, Kind::Code),
    ("insutype", Joined::Insutype, Kind::Code),
    ("dscg_way", Joined::DscgWay, Kind::Code),
    ("dscg_maindiag_code", Joined::Disease, Kind::Code),
    ("adm_dept_codg", Joined::Department, Kind::Code),
    ("wardarea_bed", Joined::Ward, Kind::Code),
    ("chfpdr_code", Joined::Doctor, Kind::Code),
    ("days", Joined::Days, Kind::Whole),
    ("days_to_next", Joined::DaysToNext, Kind::Whole),
    ("same_next", Joined::SameNext, Kind::Code),
    ("gend", Joined::Gend, Kind::Code),
    ("age", Joined::Age, Kind::Whole),
    ("psn_type", Joined::PsnType, Kind::Code),
    ("psn_insu_admdvs", Joined::Admdvs, Kind::Code),
    ("emp_no", Joined::Employer, Kind::Code),
];

/// Fields that settlements have beside: from `grp`.
const GROUPED: &[(&str, Joined, Kind)] = &[
    ("pay_way", Joined::PayWay, Kind::Code),
    ("weight_or_score", Joined::Weight, Kind::Decimal),
    ("pay_std_amt", Joined::PayStd, Kind::Decimal),
];

/// Fields that occupied beds have beside.
const CLIPPED: &[(&str, Joined, Kind)] = &[("bed_days", Joined::BedDays, Kind::Whole)];

/// Where the value of a field comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// A column of the row itself.
    Own(&'static str),
    /// Joined.
    Joined(Joined),
}

/// One entity.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    pub(crate) zh: &'static str,
    pub(crate) when: When,
    pub(crate) link: Link,
    /// Has `vali_flag`.
    pub(crate) valid: bool,
    pub(crate) own: &'static [(&'static str, Kind)],
    /// The row's own columns for doctor and item, where it has them.
    pub(crate) doctor: Option<&'static str>,
    pub(crate) item: Option<(&'static str, &'static str)>,
    /// `GROUPED` or `CLIPPED`.
    extra: &'static [(&'static str, Joined, Kind)],
}

impl Entity {
    const fn of(name: &'static str, table: &'static str, zh: &'static str, when: When) -> Self {
        Self {
            name,
            table,
            zh,
            when,
            link: Link::Visit,
            valid: false,
            own: &[],
            doctor: None,
            item: None,
            extra: &[],
        }
    }

    /// The field of a name, if rows of this entity have it.
    pub(crate) fn field(&self, name: &str) -> Option<(Field, Kind)> {
        let own = self.own.iter().find(|f| f.0 == name).map(|f| (Field::Own(f.0), f.1));
        let joined = || {
            let visit = matches!(self.link, Link::Visit | Link::Settlement);
            let all = if visit { JOINED } else { &[] };
            all.iter().chain(self.extra).find(|f| f.0 == name).map(|f| (Field::Joined(f.1), f.2))
        };
        own.or_else(joined)
    }

    /// The field behind a dimension, if rows of this entity have it.
    pub(crate) fn dimension(&self, dimension: Dimension) -> Option<Field> {
        let joined = match dimension {
            Dimension::Facility => return Some(Field::Joined(Joined::Facility)),
            Dimension::Item => return self.item.map(|i| Field::Own(i.0)),
            Dimension::Doctor => match self.doctor {
                Some(own) => return Some(Field::Own(own)),
                None => Joined::Doctor,
            },
            Dimension::Department if self.link == Link::Facility => {
                let own = self.own.iter().find(|f| f.0 == "hosp_dept_codg");
                return own.map(|f| Field::Own(f.0));
            }
            Dimension::Department => Joined::Department,
            Dimension::Ward => Joined::Ward,
            Dimension::Disease => Joined::Disease,
            Dimension::Person => Joined::Person,
            Dimension::Employer => Joined::Employer,
            Dimension::VisitType => Joined::MedType,
            Dimension::Insurance => Joined::Insutype,
        };
        matches!(self.link, Link::Visit | Link::Settlement).then_some(Field::Joined(joined))
    }

    /// The entity of a name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        ENTITIES.iter().find(|e| e.name == name)
    }
}

/// Amounts of a settlement.
const SETTLED: &[(&str, Kind)] = &[
    ("setl_id", Kind::Code),
    ("clr_way", Kind::Code),
    ("insu_admdvs", Kind::Code),
    ("dise_no", Kind::Code),
    ("medfee_sumamt", Kind::Decimal),
    ("inscp_amt", Kind::Decimal),
    ("fund_pay_sumamt", Kind::Decimal),
    ("hifp_pay", Kind::Decimal),
    ("hifmi_pay", Kind::Decimal),
    ("hifob_pay", Kind::Decimal),
    ("maf_pay", Kind::Decimal),
    ("acct_pay", Kind::Decimal),
    ("acct_mulaid_pay", Kind::Decimal),
    ("psn_pay", Kind::Decimal),
    ("cash_payamt", Kind::Decimal),
];

/// All entities.
pub(crate) const ENTITIES: &[Entity] = &[
    Entity::of("visit", "mdtrt_d", "就诊", When::VisitBegin),
    Entity::of("discharge", "mdtrt_d", "出院", When::StayEnd),
    Entity { extra: CLIPPED, ..Entity::of("bed", "mdtrt_d", "占用床位", When::StayDays) },
    Entity {
        own: SETTLED,
        valid: true,
        extra: GROUPED,
        ..Entity::of("settlement", "setl_d", "结算", When::At("setl_time"))
    },
    Entity {
        own: SETTLED,
        valid: true,
        extra: GROUPED,
        ..Entity::of("refund", "setl_d", "退费结算", When::At("setl_time"))
    },
    Entity {
        valid: true,
        doctor: Some("bilg_dr_code"),
        item: Some(("med_list_codg", "hilist_name")),
        own: &[
            ("med_list_codg", Kind::Code),
            ("hilist_name", Kind::Code),
            ("list_type", Kind::Code),
            ("med_chrgitm_type", Kind::Code),
            ("chrgitm_lv", Kind::Code),
            ("bilg_dept_codg", Kind::Code),
            ("bilg_dr_code", Kind::Code),
            ("dscg_tkdrug_flag", Kind::Code),
            ("etip_flag", Kind::Code),
            ("rx_circ_flag", Kind::Code),
            ("bkkp_sn", Kind::Serial),
            ("rx_drord_no", Kind::Serial),
            ("cnt", Kind::Decimal),
            ("pric", Kind::Decimal),
            ("prd_days", Kind::Decimal),
            ("det_item_fee_sumamt", Kind::Decimal),
            ("inscp_amt", Kind::Decimal),
            ("fulamt_ownpay_amt", Kind::Decimal),
            ("overlmt_selfpay", Kind::Decimal),
            ("preselfpay_amt", Kind::Decimal),
        ],
        ..Entity::of("line", "fee_list_d", "费用明细", When::At("fee_ocur_time"))
    },
    Entity {
        valid: true,
        own: &[("drord_type", Kind::Code), ("drord_item_type", Kind::Code)],
        ..Entity::of("order", "drord", "住院医嘱", When::At("medc_begntime"))
    },
    Entity {
        own: &[("evt_type", Kind::Code), ("exec_psn_code", Kind::Code), ("cnt", Kind::Decimal)],
        ..Entity::of("exec", "exec", "执行记录", When::At("begntime"))
    },
    Entity {
        valid: true,
        own: &[("rpotc_no", Kind::Serial), ("exam_rslt_poit_flag", Kind::Code)],
        ..Entity::of("exam", "exam", "检查报告", When::At("rpt_date"))
    },
    Entity {
        valid: true,
        own: &[("rpotc_no", Kind::Serial), ("exam_item_detl_code", Kind::Code)],
        ..Entity::of("lab", "lab", "检验报告", When::At("rpt_date"))
    },
    Entity {
        own: &[
            ("oprn_oprt_code", Kind::Code),
            ("oprn_oprt_type", Kind::Code),
            ("anst_way", Kind::Code),
        ],
        link: Link::Settlement,
        ..Entity::of("oprn", "oprn", "手术操作", When::At("oprn_oprt_date"))
    },
    Entity {
        valid: true,
        own: &[("rxno", Kind::Serial), ("bas_medn_flag", Kind::Code)],
        ..Entity::of("rx", "rx", "门诊处方", When::At("rx_prsc_time"))
    },
    Entity::of("leave", "leave", "请假", When::At("begntime")),
    Entity {
        own: &[("note_type", Kind::Code)],
        ..Entity::of("note", "note", "病程记录", When::At("note_time"))
    },
    Entity {
        own: &[("handle_way", Kind::Code), ("vola_amt", Kind::Decimal)],
        ..Entity::of("remind", "remind", "审核提醒", When::VisitBegin)
    },
    Entity {
        own: &[("drug_trac_codg", Kind::Serial), ("refd_flag", Kind::Code)],
        ..Entity::of("trace", "trace", "追溯码", When::At("setl_time"))
    },
    Entity {
        own: &[("med_type", Kind::Code)],
        link: Link::Facility,
        ..Entity::of("selfpay", "selfpay", "自费就诊", When::At("begntime"))
    },
    Entity {
        own: &[("med_list_codg", Kind::Code), ("sel_retn_cnt", Kind::Decimal)],
        link: Link::Facility,
        ..Entity::of("sale", "inv_sale", "销售", When::At("sel_retn_time"))
    },
    Entity {
        own: &[("med_list_codg", Kind::Code), ("purc_retn_cnt", Kind::Decimal)],
        link: Link::Facility,
        ..Entity::of("purchase", "inv_purchase", "采购", When::At("purc_retn_stoin_time"))
    },
    Entity {
        own: &[
            ("prac_psn_type", Kind::Code),
            ("hi_dr_flag", Kind::Code),
            ("hosp_dept_codg", Kind::Code),
        ],
        link: Link::Facility,
        ..Entity::of("staff", "staff", "医执人员", When::Between("begntime", "endtime"))
    },
    Entity {
        own: &[
            ("hosp_dept_codg", Kind::Code),
            ("aprv_bed_cnt", Kind::Whole),
            ("hi_crtf_bed_cnt", Kind::Whole),
        ],
        link: Link::Facility,
        ..Entity::of("dept", "dept", "科室", When::Between("begntime", "endtime"))
    },
    Entity {
        own: &[("aprv_bed_cnt", Kind::Whole), ("hi_crtf_bed_cnt", Kind::Whole)],
        link: Link::Facility,
        ..Entity::of("facility", "fixmedins_b", "机构", When::Always)
    },
    Entity {
        link: Link::Facility,
        ..Entity::of("equip", "equip", "设备", When::Between("in_use_date", "stop_begn"))
    },
    Entity {
        own: &[("use_cnt", Kind::Whole), ("use_min", Kind::Whole)],
        link: Link::Equip,
        ..Entity::of("equip_log", "equip_log", "设备日志", When::At("log_date"))
    },
];
