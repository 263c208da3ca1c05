//! What an attacker tries, by name. SECURITY.md lists these tests beside the dialogs and fuzz targets that
//! show the rest.

mod attacked;
mod exhaustion;
mod injection;
mod memory;
mod smuggling;
mod waiting;
