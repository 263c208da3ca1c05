//! What holds on every runtime, written once. Each runtime's crate compiles it as a part of its own
//! tests, beside a module `rt` that gives what is the runtime's: its crate, by the name of `smtp`, its
//! sockets and tasks, its traits for the streams made here, and how any stream of it is read and written.

/// A test that is an async function.
macro_rules! on_runtime {
    ($(#[$meta:meta])* async fn $name:ident() $body:block) => {
        $(#[$meta])*
        #[test]
        fn $name() {
            $crate::rt::block_on(async $body)
        }
    };
}

#[cfg(feature = "tls")]
mod dane;
pub(crate) mod driver;
mod forward;
mod front;
pub(crate) mod help;
mod hosts;
mod message;
pub(crate) mod mx;
pub(crate) mod octets;
mod opening;
#[cfg(feature = "tls")]
pub(crate) mod policy;
mod pool;
mod proxied;
mod relay;
mod remote;
mod shutdown;
mod testing;
pub(crate) mod tls;
#[cfg(feature = "tracing")]
mod tracing;
mod ways;
