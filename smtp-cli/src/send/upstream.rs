//! On whose behalf a message is sent: XCLIENT and XFORWARD.

use std::net::{IpAddr, Ipv4Addr};

use smtp_frontend::Client;
use smtp_proto::{
    domain::HelloName,
    error::ParseError,
    extension::Extension,
    reply::ReplyBuf,
    status::Severity,
    upstream::{Attribute, Forwarded, Overrides, Value},
};

use super::wishes::offers;
use crate::{
    args,
    exit::{Code, Failure},
};

/// What is told of the client upstream.
#[derive(Debug)]
pub(super) struct Upstream {
    overrides: Overrides,
    forwarded: Forwarded,
    /// By which name the server is to be said hello to once it takes this client for the other.
    hello: Option<String>,
}

impl Upstream {
    pub(super) fn of(arguments: &args::Send) -> Result<Self, Failure> {
        let mut overrides = Overrides::default();
        for text in &arguments.xclient {
            set("--xclient", text, |attribute, value| overrides.set(attribute, value))?;
        }
        let mut forwarded = Forwarded::default();
        for text in &arguments.xforward {
            set("--xforward", text, |attribute, value| forwarded.set(attribute, value))?;
        }
        let told = overrides.hello_name().and_then(Value::known);
        let hello = told.map(str::to_owned).or_else(|| arguments.session.hello.clone());
        if let Some(name) = hello.as_ref().filter(|_| !overrides.is_empty()) {
            HelloName::parse(name)
                .map_err(|error| Failure::usage(format!("--xclient HELO={name}: {error}")))?;
        }
        Ok(Self { overrides, forwarded, hello })
    }

    /// Has the server take this client for another, and says hello as that.
    pub(super) async fn pose(&self, client: &mut Client) -> Result<(), Failure> {
        if self.overrides.is_empty() {
            return Ok(());
        }
        offers(client.capabilities(), Extension::XClient, "--xclient")?;
        let own = client.stream().local_addr().map(|address| address.ip());
        let name = match &self.hello {
            Some(name) => HelloName::parse(name).map_err(Failure::usage)?,
            None => HelloName::Literal(own.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)).into()),
        };
        let reply = client.xclient(&self.overrides, name).await.map_err(Failure::of)?;
        accepted("XCLIENT", &reply)
    }

    /// Tells the server of the client that the message comes from.
    pub(super) async fn forward(&self, client: &mut Client) -> Result<(), Failure> {
        if self.forwarded.is_empty() {
            return Ok(());
        }
        offers(client.capabilities(), Extension::XForward, "--xforward")?;
        let reply = client.xforward(&self.forwarded).await.map_err(Failure::of)?;
        accepted("XFORWARD", &reply)
    }
}

fn accepted(command: &str, reply: &ReplyBuf) -> Result<(), Failure> {
    let code = match reply.severity() {
        Severity::PositiveCompletion => return Ok(()),
        Severity::PermanentNegative => Code::Unavailable,
        _ => Code::Temporary,
    };
    Err(Failure::new(code, format!("{command} was refused: {reply}")))
}

/// Sets what `NAME=VALUE` says.
fn set(
    option: &str,
    text: &str,
    set: impl FnOnce(Attribute, Value<&str>) -> Result<(), ParseError>,
) -> Result<(), Failure> {
    let wrong = |why: &str| Failure::usage(format!("{option} {text}: {why}"));
    let (name, value) = text.split_once('=').ok_or_else(|| wrong("no NAME=VALUE"))?;
    let attribute =
        Attribute::from_name(name.as_bytes()).ok_or_else(|| wrong("no such attribute"))?;
    let value = match value.to_ascii_uppercase().as_str() {
        "[UNAVAILABLE]" => Value::Unavailable,
        "[TEMPUNAVAIL]" => Value::TempUnavail,
        _ => Value::Known(value),
    };
    set(attribute, value).map_err(|error| wrong(&error.to_string()))
}
