//! CRAM-MD5, the client's side.

use super::{InvalidCredentials, Mechanism, Refused, check_fields};
use crate::auth::{Secret, saslprep, scram::hmac_md5};

/// CRAM-MD5 (RFC 2195): the HMAC of what the server asks with, by the password (C-32).
#[derive(Debug)]
pub struct CramMd5 {
    user: Secret,
    /// Until it was used.
    password: Option<Secret>,
}

impl CramMd5 {
    /// With a name and a password, which are prepared by SASLprep.
    ///
    /// # Errors
    /// [`InvalidCredentials`].
    pub fn new(user: &str, password: &str) -> Result<Self, InvalidCredentials> {
        check_fields("", user, password)?;
        let prepare = |text| saslprep(text).map_err(|_| InvalidCredentials::Prohibited);
        Ok(Self { user: prepare(user)?, password: Some(prepare(password)?) })
    }
}

/// Lower case hexadecimal digits.
pub(in crate::auth) fn digest(mac: &Secret) -> Secret {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    let mut text = Secret::with_capacity(mac.len() * 2);
    for octet in mac.as_slice() {
        for value in [octet >> 4, octet & 0x0f] {
            text.extend_from_slice(digit(value).encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    text
}

impl Mechanism for CramMd5 {
    fn name(&self) -> &str {
        "CRAM-MD5"
    }

    fn initial_response(&mut self) -> Option<Secret> {
        None
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Secret, Refused> {
        if challenge.is_empty() {
            return Err(Refused::new("an empty challenge"));
        }
        let password = self.password.take().ok_or(Refused::new("CRAM-MD5 has one answer only"))?;
        let mut response = Secret::with_capacity(self.user.len() + 33);
        response.extend_from_slice(self.user.as_slice());
        response.extend_from_slice(b" ");
        let mac = hmac_md5(password.as_slice(), challenge);
        response.extend_from_slice(digest(&mac).as_slice());
        Ok(response)
    }
}
