//! Legal forms as Typst templates: elements in, PDF/A and page images out.
