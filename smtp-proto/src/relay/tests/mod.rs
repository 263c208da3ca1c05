mod carry;
mod delivery;
mod policy;
mod times;
