//! Printing through IPP.
