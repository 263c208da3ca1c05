mod carry;
mod delivery;
mod policy;
