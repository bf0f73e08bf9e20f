//! The elements file and its SHA-256, the *content hash* of a document (evidence.md §4).
//!
//! `{"elements":…,"template":{"id","sha256"}}` in RFC 8785: data and the words around it together, because
//! a signature covers what was read, not only what was typed.

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use spotcheck_domain::{parse_canonical, to_canonical};

use crate::Error;
use crate::elements::Elements;
use crate::template::{TemplateRef, template};

/// The elements file as read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElementsFile {
    /// Elements of the form `template.id`.
    pub elements: Value,
    /// Template they were frozen with.
    pub template: TemplateRef,
}

/// Bytes of the elements file.
///
/// # Errors
/// [`Error::UnknownForm`], [`Error::Canonical`].
pub fn elements_file(elements: &Elements) -> Result<Vec<u8>, Error> {
    let template = template(elements.form())?;
    Ok(to_canonical(&ElementsFile { elements: elements.to_value()?, template })?)
}

/// Reads an elements file; its template need not be the one of this program.
///
/// # Errors
/// [`Error::Canonical`] if the bytes are not exactly RFC 8785.
pub fn read_elements_file(bytes: &[u8]) -> Result<ElementsFile, Error> {
    Ok(parse_canonical(bytes)?)
}

/// Reads an elements file that is to be rendered again: its template must be the one of this program.
///
/// # Errors
/// [`Error::Canonical`], [`Error::UnknownForm`], [`Error::OtherTemplate`], [`Error::Shape`].
pub fn open_elements_file(bytes: &[u8]) -> Result<Elements, Error> {
    let file = read_elements_file(bytes)?;
    if template(&file.template.id)? != file.template {
        return Err(Error::OtherTemplate(file.template.id));
    }
    Elements::parse(&file.template.id, &file.elements)
}

/// Content hash: lower-case hex SHA-256 of the elements file.
#[must_use]
pub fn content_sha256(elements_file: &[u8]) -> String {
    hex::encode(digest(&SHA256, elements_file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Draft;

    #[test]
    fn the_file_is_canonical_and_opens_only_under_its_own_template() {
        let elements = Draft::new("W04").unwrap().elements().unwrap();
        let bytes = elements_file(&elements).unwrap();
        assert!(bytes.starts_with(b"{\"elements\":{\"address\":\"\",\"answers\":[],"));
        assert_eq!(content_sha256(&bytes).len(), 64);
        assert_eq!(open_elements_file(&bytes).unwrap(), elements);
        assert!(matches!(
            open_elements_file(&[&bytes[..], b"\n"].concat()),
            Err(Error::Canonical(_))
        ));
        let mut file = read_elements_file(&bytes).unwrap();
        file.template.sha256 = "0".repeat(64);
        let other = to_canonical(&file).unwrap();
        assert!(matches!(open_elements_file(&other), Err(Error::OtherTemplate(_))));
        file.elements["extra"] = Value::from("x");
        file.template = template("W04").unwrap();
        let wider = to_canonical(&file).unwrap();
        assert!(matches!(open_elements_file(&wider), Err(Error::Shape { .. })));
    }
}
