//! Extensions that are offered, or not, because somebody says so.

use std::time::{SystemTime, UNIX_EPOCH};

use smtp_proto::{
    extension::{Extension, FutureRelease},
    parameter::DateTime,
    server::{Config, Priorities},
};

use crate::{args, exit::Failure};

/// Offers and withholds what the options say.
pub(super) fn apply(mut config: Config, arguments: &args::Serve) -> Result<Config, Failure> {
    let mut offered = Vec::new();
    for text in &arguments.offer {
        let (keyword, value) = match text.split_once('=') {
            Some((keyword, value)) => (keyword, Some(value)),
            None => (text.as_str(), None),
        };
        let extension = known("--offer", keyword)?;
        config = offer(config, extension, value)
            .map_err(|why| Failure::usage(format!("--offer {text}: {why}")))?;
        offered.push(extension);
    }
    for keyword in &arguments.withhold {
        let extension = known("--withhold", keyword)?;
        let why = match extension {
            _ if offered.contains(&extension) => "--offer says otherwise",
            Extension::StartTls => "--no-tls does that",
            Extension::Auth => "it is offered with --user only",
            _ => {
                config = config.withhold(extension);
                continue;
            }
        };
        return Err(Failure::usage(format!("--withhold {keyword}: {why}")));
    }
    Ok(config)
}

fn known(option: &str, keyword: &str) -> Result<Extension, Failure> {
    Extension::from_keyword(keyword.as_bytes()).ok_or_else(|| {
        Failure::usage(format!("{option} {keyword}: no extension that is known here"))
    })
}

fn offer(config: Config, extension: Extension, value: Option<&str>) -> Result<Config, String> {
    let seconds =
        |value: &str| value.parse().map_err(|_| format!("{value} is no number of seconds"));
    let failed = |error: smtp_proto::error::ParseError| error.to_string();
    Ok(match (extension, value) {
        (Extension::DeliverBy, value) => config.deliver_by(value.map_or(Ok(0), seconds)?),
        (Extension::FutureRelease, Some(value)) => {
            let most = seconds(value)?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let end = i64::try_from(now).ok().map(|now| now.saturating_add(most.into()));
            let end = end.and_then(DateTime::from_unix).ok_or("the clock is wrong")?;
            config.future_release(FutureRelease::new(most, end).map_err(failed)?)
        }
        (Extension::FutureRelease, None) => return Err("needs the longest time in seconds".into()),
        (Extension::MtPriority, value) => {
            let priorities = Priorities::default();
            config.mt_priority(match value {
                Some(name) => priorities.profile(name).map_err(failed)?,
                None => priorities,
            })
        }
        (Extension::NoSoliciting, value) => {
            let classes: Vec<_> = value.into_iter().flat_map(|value| value.split(',')).collect();
            config.no_soliciting(&classes).map_err(failed)?
        }
        (Extension::StartTls | Extension::Auth, _) => {
            return Err("is offered with --tls-cert or --user".into());
        }
        (Extension::XClient | Extension::XForward, _) => {
            return Err("is offered with --xclient or --xforward".into());
        }
        (
            Extension::Etrn
            | Extension::Atrn
            | Extension::Burl
            | Extension::Checkpoint
            | Extension::ConNeg
            | Extension::ConPerm,
            _,
        ) => return Err("this program does nothing with it".into()),
        (_, Some(_)) => return Err("takes no value".into()),
        (extension, None) => config.offer(extension),
    })
}
