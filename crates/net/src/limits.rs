//! Every bound of the drivers, with unit, reason and source.
