mod commands;
#[cfg(feature = "sasl")]
mod opening;
mod surveyed;
