//! Pictures of what happened: [`ladder`] for who said what to whom, [`plot`] for amounts over time, both as SVG
//! through [`svg`], and [`terminal`] for the ladder in plain characters. Called by [`super::scenario`].

pub mod ladder;
pub mod plot;
pub mod svg;
pub mod terminal;
