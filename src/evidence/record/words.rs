//! Closed word lists of record.json `/1` that only the record uses.

use spotcheck_domain::words;

words!(
    /// Kind of a helper.
    HelperKind {
        /// 专家.
        Expert = "expert";
        /// 会计师.
        Accountant = "accountant";
        /// 受委托机构人员.
        Entrusted = "entrusted";
        /// 信息技术人员.
        It = "it";
        /// 翻译.
        Interpreter = "interpreter";
        /// 其他.
        Other = "other";
    }
);

words!(
    /// State of a finding.
    FindingState {
        /// 待核查.
        Open = "open";
        /// 已确认.
        Confirmed = "confirmed";
        /// 已排除.
        Excluded = "excluded";
        /// 需补充证据.
        NeedsEvidence = "needs_evidence";
        /// 已交当事人陈述.
        PutToParty = "put_to_party";
        /// 当事人已答复.
        Answered = "answered";
        /// 复核中.
        SecondReview = "second_review";
        /// 已终结.
        Final = "final";
    }
);

words!(
    /// How a loss was computed; letters as in rules.md.
    LossMethod {
        /// Method A.
        A = "A";
        /// Method B.
        B = "B";
        /// Method C.
        C = "C";
        /// Method D.
        D = "D";
        /// No loss of the fund.
        N = "N";
    }
);

words!(
    /// In which capacity somebody is answerable.
    AnswerableAs {
        /// 开单.
        Ordering = "ordering";
        /// 执行.
        Executing = "executing";
        /// 收费.
        Billing = "billing";
        /// 负有责任的主管人员.
        Answerable = "answerable";
    }
);

words!(
    /// How an approval was given.
    Channel {
        /// 事前批准.
        InAdvance = "in_advance";
        /// 电话报告.
        Telephone = "telephone";
        /// 现场批准.
        OnSite = "on_site";
    }
);

words!(
    /// Kind of a measure.
    MeasureKind {
        /// 封存.
        SealUp = "seal_up";
        /// 先行登记保存.
        RegisterPreserve = "register_preserve";
        /// 抽样取证.
        Sample = "sample";
        /// 提取.
        Extract = "extract";
        /// 其他.
        Other = "other";
    }
);

words!(
    /// Unit of a deadline.
    DeadlineUnit {
        /// 小时.
        Hours = "hours";
        /// 日.
        NaturalDays = "natural_days";
        /// 工作日.
        WorkingDays = "working_days";
    }
);

words!(
    /// Form of a copy.
    CopyForm {
        /// 纸质.
        Paper = "paper";
        /// 电子.
        File = "file";
    }
);

words!(
    /// How a bundle points back to another.
    RelationKind {
        /// 补充.
        Supplements = "supplements";
        /// 取代.
        Supersedes = "supersedes";
        /// 属于.
        PartOf = "part_of";
        /// 同组.
        Team = "team";
    }
);
