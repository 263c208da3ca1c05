mod ahead;
mod commands;
#[cfg(feature = "sasl")]
mod opening;
mod session;
mod surveyed;
mod transaction;
