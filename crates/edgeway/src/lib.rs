//! The binary's own house: configuration, command line, admin. Everything else it does lives in the
//! houses below it.
//!
//! Read in this order: [`config`] (a text becomes a raw form, is checked, becomes a ready-made form),
//! [`command`] (what each command of the shell does), [`admin`] (what the running server tells and takes),
//! [`state`] (what outlives a restart), [`run`] (the server at work), [`fetch`] (what it asks of other machines),
//! [`authority`] (what it signs for them).

pub mod admin;
pub mod authority;
pub mod command;
pub mod config;
pub mod fetch;
pub mod limits;
pub mod run;
pub mod state;
