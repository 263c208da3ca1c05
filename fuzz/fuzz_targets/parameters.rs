//! Invariant: parameters that were read and are set again by their meaning are the same parameters, their
//! order makes no difference to what they mean, and no setter makes a line that is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtp_proto::{
    command::Command,
    parameter::{MailParameters, Parameter, ParameterList, Parameters, RcptParameters},
    profile::Syntax,
};

/// The same parameters, the other way round.
fn reversed(all: Parameters<'_>) -> ParameterList {
    let mut list = ParameterList::new();
    let mut each: Vec<Parameter<'_>> = all.iter().collect();
    each.reverse();
    for parameter in each {
        list.push(parameter).expect("a parameter that was read");
    }
    list
}

fn mail(typed: &MailParameters<'_>) {
    let other_way = reversed(typed.all());
    let again = MailParameters::parse(other_way.as_parameters()).expect("the same parameters");
    assert_eq!(
        (again.size(), again.body(), again.ret()),
        (typed.size(), typed.body(), typed.ret())
    );
    assert_eq!(again.envid(), typed.envid());
    assert_eq!(again.by(), typed.by());
    assert_eq!(again.mt_priority(), typed.mt_priority());
    assert_eq!(again.hold(), typed.hold());
    assert_eq!(again.solicit(), typed.solicit());

    let mut list = ParameterList::new();
    typed.size().map(|size| list.size(size));
    typed.body().map(|body| list.body(body));
    typed.ret().map(|ret| list.ret(ret));
    typed.by().map(|by| list.by(by));
    typed.mt_priority().map(|priority| list.mt_priority(priority));
    typed.solicit().map(|solicit| list.solicit(solicit));
    typed.hold().and_then(|hold| hold.until()).map(|time| list.hold_until(time));
    if typed.smtputf8() {
        list.smtputf8();
    }
    let envid = typed.envid().map(|envid| envid.decode());
    let has_envid = envid.is_some_and(|envid| list.envid(&envid).is_ok());
    let line = format!("MAIL FROM:<> {}", list.as_parameters());
    let line = line.trim_end();
    let Ok(Command::Mail(set)) = Command::parse(line.as_bytes(), &Syntax::INTERNET) else {
        panic!("{line}");
    };
    let set =
        MailParameters::parse(set.parameters).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!((set.size(), set.body(), set.ret()), (typed.size(), typed.body(), typed.ret()));
    assert_eq!((set.by(), set.mt_priority()), (typed.by(), typed.mt_priority()));
    assert_eq!(set.solicit(), typed.solicit());
    assert_eq!(
        set.hold().and_then(|hold| hold.until()),
        typed.hold().and_then(|hold| hold.until())
    );
    if has_envid {
        let decoded = |typed: &MailParameters<'_>| typed.envid().map(|envid| envid.decode());
        assert_eq!(decoded(&set), decoded(typed));
    }
}

fn rcpt(typed: &RcptParameters<'_>) {
    let other_way = reversed(typed.all());
    let again = RcptParameters::parse(other_way.as_parameters()).expect("the same parameters");
    assert_eq!((again.notify(), again.orcpt()), (typed.notify(), typed.orcpt()));

    let mut list = ParameterList::new();
    typed.notify().map(|notify| list.notify(notify));
    if let Some((since, rrvs)) = typed.rrvs().and_then(|rrvs| rrvs.moment().map(|at| (at, rrvs))) {
        list.rrvs(since, rrvs.action());
        let set = RcptParameters::parse(list.as_parameters()).expect("what was set");
        assert_eq!(set.rrvs().and_then(|rrvs| rrvs.moment()), Some(since));
    }
    let set = RcptParameters::parse(list.as_parameters()).expect("what was set");
    assert_eq!(set.notify(), typed.notify());
}

fuzz_target!(|octets: &[u8]| {
    let Ok(all) = Parameters::parse(octets, &Syntax::INTERNET) else { return };
    if let Ok(typed) = MailParameters::parse(all) {
        mail(&typed);
    }
    if let Ok(typed) = RcptParameters::parse(all) {
        rcpt(&typed);
    }
});
