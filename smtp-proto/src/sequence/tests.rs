use super::*;

/// The table that is looked up was made when the crate was built, from the rows for reading: each rule
/// lies at the place at which it is looked for.
#[test]
fn what_is_looked_up_is_what_is_read() {
    for request in Request::ALL {
        for state in State::ALL {
            assert_eq!(rule(state, request), entry(state, request), "{request:?} in {state:?}");
        }
    }
    assert_eq!(RULES, table());
}

/// RFC 5321 section 4.1.4: nothing is done, and nothing ends, without an answer that says so.
#[test]
fn what_an_answer_makes_of_a_state() {
    use Answer::{Accepted, Challenged, Rejected};
    for request in Request::ALL {
        for state in State::ALL {
            let then = |answer| after(state, request, answer);
            match rule(state, request) {
                Rule::Ask { accepted, rejected } => {
                    assert_eq!((then(Accepted), then(Rejected)), (accepted, rejected));
                    assert_eq!(then(Challenged), State::Auth);
                }
                Rule::Grant(granted) => {
                    assert_eq!((then(Accepted), then(Challenged)), (granted, granted));
                    assert_eq!(then(Rejected), state);
                }
                Rule::Refuse { then: stays, .. } => {
                    for answer in [Accepted, Rejected, Challenged] {
                        assert_eq!(then(answer), stays);
                    }
                }
            }
        }
    }
}
