//! Names of a ZIP's entries: one top folder, plain names, none twice.

use std::collections::BTreeMap;

use super::ZipFault;
use crate::bag::is_bag_path;

/// Judges (name, is a folder) of every entry: one top folder, allowed names, none twice (also not but for case, also not as file and folder).
pub(super) fn check_names(
    entries: &[(&[u8], bool)],
) -> Result<(String, Vec<String>), (ZipFault, Option<String>)> {
    let mut top: Option<String> = None;
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    let mut paths = Vec::new();
    for (name, folder) in entries {
        let shown = String::from_utf8_lossy(name).into_owned();
        let fault = |f: ZipFault| (f, Some(shown.clone()));
        let name = std::str::from_utf8(name).map_err(|_| fault(ZipFault::Name))?;
        let bare = if *folder { name.strip_suffix('/').unwrap_or(name) } else { name };
        let (first, path) = match bare.split_once('/') {
            Some((first, path)) => (first, path),
            None if *folder => (bare, ""),
            None => return Err(fault(ZipFault::Top)),
        };
        if !is_bag_path(first) || !(path.is_empty() || is_bag_path(path)) {
            return Err(fault(ZipFault::Name));
        }
        if top.get_or_insert_with(|| first.to_owned()) != first {
            return Err(fault(ZipFault::Top));
        }
        if seen.insert(path.to_ascii_lowercase(), *folder).is_some() {
            return Err(fault(ZipFault::Duplicate));
        }
        paths.push(path.to_owned());
    }
    for path in seen.keys() {
        let mut above = path.as_str();
        while let Some((parent, _)) = above.rsplit_once('/') {
            if seen.get(parent) == Some(&false) {
                return Err((ZipFault::Duplicate, Some(path.clone())));
            }
            above = parent;
        }
    }
    same_case_folders(&paths).map_err(|p| (ZipFault::Duplicate, Some(p)))?;
    let top = top.ok_or((ZipFault::Top, None))?;
    Ok((top, paths))
}

/// Folders may not differ by case only either.
pub(crate) fn same_case_folders(paths: &[String]) -> Result<(), String> {
    let mut folders: BTreeMap<String, &str> = BTreeMap::new();
    for path in paths {
        let mut above = path.as_str();
        while let Some((parent, _)) = above.rsplit_once('/') {
            if *folders.entry(parent.to_ascii_lowercase()).or_insert(parent) != parent {
                return Err(path.clone());
            }
            above = parent;
        }
    }
    Ok(())
}
