//! Names and numbers as they may be seen by bystanders.

/// `张*三` for three characters, `张*` for two, `欧**娜` for four: the first and, from three on, the last
/// character stay (ui.md, 示证 view). Never more than two stars: a row of them tells how long a name is, which is half
/// of a long one.
#[must_use]
pub fn name(full: &str) -> String {
    let chars: Vec<char> = full.chars().collect();
    match chars.as_slice() {
        [] => String::new(),
        [_] => "*".to_owned(),
        [first, _] => format!("{first}*"),
        [first, middle @ .., last] => format!("{first}{}{last}", "*".repeat(middle.len().min(2))),
    }
}

/// Only the last four characters of an id number, telephone or account.
#[must_use]
pub fn number(full: &str) -> String {
    let count = full.chars().count();
    let tail: String = full.chars().skip(count.saturating_sub(4)).collect();
    if count <= 4 { "*".repeat(count) } else { format!("****{tail}") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn masked_forms() {
        assert_eq!(super::name("张三"), "张*");
        assert_eq!(super::name("张小三"), "张*三");
        assert_eq!(super::name("欧阳娜娜"), "欧**娜");
        assert_eq!(super::name("买买提·示例·样本"), "买**本");
        assert_eq!(super::number("110101199001011234"), "****1234");
        assert_eq!(super::number("1234"), "****");
    }
}
