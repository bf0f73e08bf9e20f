//! The printer's keywords in Chinese words (RFC 8011 §5.4.12 `printer-state-reasons`, §5.3.8
//! `job-state-reasons`, and the PWG registry).

/// Words for reasons of a printer's state; unknown keywords are shown as they are, `none` is left out.
#[must_use]
pub fn printer_reasons(keywords: &[String]) -> Vec<String> {
    words(keywords, printer_reason)
}

/// Words for reasons of a job's state.
#[must_use]
pub fn job_reasons(keywords: &[String]) -> Vec<String> {
    words(keywords, job_reason)
}

fn words(keywords: &[String], known: impl Fn(&str) -> Option<&'static str>) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for keyword in keywords {
        // Severity is a suffix and does not change what there is to do.
        let plain = ["-error", "-warning", "-report"]
            .iter()
            .find_map(|suffix| keyword.strip_suffix(suffix).filter(|k| known(k).is_some()))
            .unwrap_or(keyword);
        let word = match plain {
            "none" | "" => continue,
            other => known(other).map_or_else(|| format!("其他({})", shown(other)), str::to_owned),
        };
        if !said.contains(&word) {
            said.push(word);
        }
    }
    said
}

/// A keyword of somebody else's machine, cut and cleaned for a screen.
fn shown(keyword: &str) -> String {
    keyword
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .take(40)
        .collect()
}

fn printer_reason(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "media-empty" => "缺纸",
        "media-needed" => "需要放入纸张",
        "media-jam" => "卡纸",
        "media-low" => "纸张不多",
        "cover-open" => "机盖未关",
        "door-open" => "机门未关",
        "interlock-open" => "安全锁未合上",
        "toner-empty" => "墨粉用尽",
        "toner-low" => "墨粉不多",
        "marker-supply-empty" => "墨粉或墨水用尽",
        "marker-supply-low" => "墨粉或墨水不多",
        "marker-supply-missing" => "没有装墨粉或墨水",
        "marker-waste-full" => "废粉盒已满",
        "marker-waste-almost-full" => "废粉盒快满",
        "input-tray-missing" => "纸盒没有装好",
        "input-cannot-feed-size-selected" => "进不了所选尺寸的纸",
        "output-tray-missing" => "出纸盒没有装好",
        "output-area-full" => "出纸盒已满",
        "output-area-almost-full" => "出纸盒快满",
        "paused" => "已暂停",
        "moving-to-paused" => "正在暂停",
        "stopping" => "正在停止",
        "stopped-partly" => "部分停止",
        "shutdown" => "已关机",
        "hold-new-jobs" => "新作业被搁置",
        "connecting-to-device" => "正在连接打印引擎",
        "timed-out" => "打印引擎没有应答",
        "spool-area-full" => "打印机存储已满",
        "fuser-over-temp" => "定影部件过热",
        "fuser-under-temp" => "定影部件预热中",
        "opc-near-eol" => "感光鼓快到寿命",
        "opc-life-over" => "感光鼓已到寿命",
        "developer-low" => "显影剂不多",
        "developer-empty" => "显影剂用尽",
        "interpreter-resource-unavailable" => "打印机资源不足",
        "identify-printer-requested" => "正在提示位置",
        "power-down" | "deactivated" | "hibernate" | "standby" => "休眠中",
        "other" => "其他原因",
        _ => return None,
    })
}

fn job_reason(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "job-incoming" => "正在接收",
        "job-data-insufficient" => "数据没有收全",
        "job-printing" | "job-transforming" | "job-interpreting" => "正在打印",
        "job-queued" | "job-queued-for-marker" | "queued-in-device" => "排队中",
        "job-stopped" | "printer-stopped" => "打印机已停止",
        "printer-stopped-partly" => "打印机部分停止",
        "resources-are-not-ready" => "缺纸或耗材",
        "job-hold-until-specified" | "job-hold-until" => "被搁置",
        "job-canceled-by-user" | "job-canceled-by-operator" => "已取消",
        "job-canceled-at-device" => "在打印机上被取消",
        "aborted-by-system" => "打印机出错中止",
        "unsupported-document-format" | "document-format-error" => "文件格式不被接受",
        "unsupported-compression" | "compression-error" => "数据压缩方式不被接受",
        "document-access-error" => "取不到文件",
        "document-password-error" | "document-permission-error" => "文件被加密或限制",
        "processing-to-stop-point" => "正在停止",
        "job-completed-successfully" => "已完成",
        "job-completed-with-warnings" => "已完成，有警告",
        "job-completed-with-errors" => "已完成，有错误",
        "submission-interrupted" => "传送中断",
        "errors-detected" => "发现错误",
        "warnings-detected" => "有警告",
        "service-off-line" => "打印服务离线",
        _ => return printer_reason(keyword),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_words_once_each() {
        let keywords: Vec<String> = [
            "media-empty-error",
            "media-empty-warning",
            "cover-open",
            "none",
            "vendor-thing<script>-error",
        ]
        .map(str::to_owned)
        .to_vec();
        assert_eq!(
            printer_reasons(&keywords),
            ["缺纸", "机盖未关", "其他(vendor-thingscript-error)"]
        );
        assert_eq!(job_reasons(&["aborted-by-system".to_owned()]), ["打印机出错中止"]);
        assert_eq!(job_reasons(&["document-format-error".to_owned()]), ["文件格式不被接受"]);
    }
}
