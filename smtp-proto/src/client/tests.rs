mod ahead;
mod commands;
mod crowded;
#[cfg(feature = "sasl")]
mod opening;
mod session;
mod surveyed;
mod transaction;
