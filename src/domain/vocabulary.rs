//! Legal vocabulary: the closed word lists of record.json `/1` with their Chinese names.

/// A closed list of words: an enum with its stored texts and, where a Chinese word follows, that word.
///
/// The crate that calls it depends on `serde`.
#[macro_export]
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal, $zh:literal;)+ }) => {
        $crate::words!($(#[$doc])* $name { $($(#[$vdoc])* $variant = $text;)+ });

        impl $name {
            /// The word on screen and paper.
            #[must_use]
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)+ }
            }
        }
    };
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            ::serde::Serialize, ::serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All values in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value's text in stored formats.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Reads the stored text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
            }
        }
    };
}

words!(
    /// The mode of a visit (inspection.md): who may act, wording, powers, outcomes.
    Mode {
        /// 行政执法.
        Enforcement = "enforcement", "行政执法检查";
        /// 飞行检查.
        Flight = "flight", "飞行检查";
        /// 联合检查.
        Joint = "joint", "联合检查";
        /// 经办机构协议核查.
        Agreement = "agreement", "协议核查";
        /// 日常巡查.
        Daily = "daily", "日常巡查";
    }
);

words!(
    /// Kinds of evidence, 行政处罚法 art. 46 in its order.
    LegalKind {
        /// 书证.
        Documentary = "documentary", "书证";
        /// 物证.
        Physical = "physical", "物证";
        /// 视听资料.
        Audiovisual = "audiovisual", "视听资料";
        /// 电子数据.
        Electronic = "electronic", "电子数据";
        /// 证人证言.
        Testimony = "testimony", "证人证言";
        /// 当事人的陈述.
        PartyStatement = "party_statement", "当事人的陈述";
        /// 鉴定意见.
        ExpertOpinion = "expert_opinion", "鉴定意见";
        /// 勘验笔录、现场笔录.
        InspectionRecord = "inspection_record", "勘验笔录、现场笔录";
    }
);

words!(
    /// Whether an item is the original.
    Originality {
        /// 原件.
        Original = "original", "原件";
        /// 复制件.
        Copy = "copy", "复制件";
    }
);

words!(
    /// For whom an item speaks.
    Direction {
        /// 不利于当事人.
        Against = "against", "不利于当事人";
        /// 有利于当事人.
        For = "for", "有利于当事人";
        /// 中性.
        Neutral = "neutral", "中性";
    }
);

words!(
    /// Kind of credential shown.
    CredentialKind {
        /// 行政执法证.
        Enforcement = "enforcement", "行政执法证";
        /// 工作证.
        Work = "work", "工作证";
    }
);

words!(
    /// Who somebody is in relation to the case.
    PartyKind {
        /// 被检查单位.
        Facility = "facility", "被检查单位";
        /// 个人.
        Person = "person", "个人";
        /// 监护人.
        Guardian = "guardian", "监护人";
        /// 见证人.
        Witness = "witness", "见证人";
        /// 受委托人.
        Representative = "representative", "受委托人";
    }
);

words!(
    /// In which capacity somebody signs by hand.
    Capacity {
        /// 当事人.
        Party = "party", "当事人";
        /// 执法人员.
        Officer = "officer", "执法人员";
        /// 协助人员.
        Helper = "helper", "协助人员";
        /// 见证人.
        Witness = "witness", "见证人";
    }
);

words!(
    /// How a handwritten signature was given.
    SigningMethod {
        /// 纸面手写.
        WetInk = "wet_ink", "纸面签字";
        /// 手写板.
        Pad = "pad", "手写板签字";
        /// 盖章.
        Stamp = "stamp", "盖章";
    }
);

words!(
    /// How the private keys of the handheld are protected (statement.json `key_protection`).
    KeyProtection {
        /// TPM 2.0.
        Tpm2 = "tpm2", "安全芯片(TPM2)";
        /// OP-TEE.
        OpTee = "op-tee", "可信执行环境";
        /// Kernel key ring.
        Kernel = "kernel", "内核密钥";
        /// A file: the weakest kind.
        File = "file", "文件";
    }
);
