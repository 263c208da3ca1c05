//! A converter, such as no program should have.

use bytes::{BufMut, Bytes, BytesMut};
use smtp_proto::{
    client::{Content, Converter, NotConverted},
    parameter::Body,
};

/// Writes octets above 127 as `=XX`, and a word at the end. Content with NUL it cannot convert.
#[derive(Debug, Default)]
pub(super) struct Escape {
    /// The content must not be changed.
    pub(super) signed: bool,
}

impl Converter for Escape {
    fn begin(&mut self, content: Content, most: Body) -> Option<Content> {
        assert_ne!(content.body, most, "the server takes the content as it is");
        let converted = Content { size: None, body: Body::SevenBit, smtputf8: false };
        (!self.signed).then_some(converted)
    }

    fn convert(&mut self, piece: Bytes) -> Result<Bytes, NotConverted> {
        let mut converted = BytesMut::new();
        for octet in piece {
            match octet {
                0 => return Err(NotConverted),
                128.. => converted.put_slice(format!("={octet:02X}").as_bytes()),
                _ => converted.put_u8(octet),
            }
        }
        Ok(converted.freeze())
    }

    fn finish(&mut self) -> Result<Bytes, NotConverted> {
        Ok(Bytes::from_static(b" converted"))
    }
}
