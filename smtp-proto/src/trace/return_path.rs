//! `Return-Path:`

use core::fmt;

use crate::path::ReversePath;

/// The field that final delivery puts above all others, with the reverse-path of the transaction (RFC
/// 5321 section 4.4; T-10). Shown, it is the whole field with its line end.
///
/// Relays neither add one nor look for it. Where it is added, others are removed:
/// [`WithoutFields`](super::WithoutFields).
///
/// ```
/// # use smtp_proto::{path::ReversePath, trace::ReturnPath};
/// assert_eq!(ReturnPath(ReversePath::Null).to_string(), "Return-Path: <>\r\n");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReturnPath<'a>(pub ReversePath<'a>);

impl fmt::Display for ReturnPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Return-Path: {}\r\n", self.0)
    }
}
