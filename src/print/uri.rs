//! Printer addresses: which are taken, and where they lead on the wire (RFC 3510, RFC 7472).

use ipp::prelude::Uri;

use crate::Error;

/// A checked printer address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Value of `printer-uri`: `ipp://` or `ipps://`.
    pub(crate) printer: String,
    /// Where HTTP POST goes.
    pub(crate) post: String,
}

const IPP_PORT: u16 = 631;

/// Checks an address typed or configured by a person.
pub(crate) fn parse(text: &str) -> Result<Address, Error> {
    let uri: Uri = text.trim().parse().map_err(|_| Error::Uri)?;
    let (secure, default_port) = match uri.scheme_str() {
        Some("ipp") => (false, IPP_PORT),
        Some("ipps") => (true, IPP_PORT),
        Some("http") => (false, 80),
        Some("https") => (true, 443),
        _ => return Err(Error::Uri),
    };
    let authority = uri.authority().ok_or(Error::Uri)?;
    if authority.as_str().contains('@') || authority.host().is_empty() {
        // A password in an address would end in logs and process lists.
        return Err(Error::Uri);
    }
    let (host, port) = (authority.host(), authority.port_u16().unwrap_or(default_port));
    let path = match uri.path() {
        "" | "/" => "/ipp/print",
        path => path,
    };
    let (ipp, http) = if secure { ("ipps", "https") } else { ("ipp", "http") };
    Ok(Address {
        printer: format!("{ipp}://{host}:{port}{path}"),
        post: format!("{http}://{host}:{port}{path}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_http_and_foreign_ones_are_refused() {
        let post = |text: &str| parse(text).map(|a| a.post).ok();
        assert_eq!(
            post("ipp://printer.example/ipp/print").as_deref(),
            Some("http://printer.example:631/ipp/print")
        );
        assert_eq!(post("ipps://[::1]:8631/x").as_deref(), Some("https://[::1]:8631/x"));
        assert_eq!(
            post(" http://127.0.0.1:8631 ").as_deref(),
            Some("http://127.0.0.1:8631/ipp/print")
        );
        for bad in [
            "",
            "printer",
            "file:///etc/passwd",
            "usb://x/y",
            "ipp://user:secret@host/p",
            "socket://h:9100",
            "ipp://",
        ] {
            assert_eq!(post(bad), None, "{bad}");
        }
    }
}
