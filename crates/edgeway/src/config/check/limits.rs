//! `[limits]`, `[workers]`.

use super::Check;
use crate::config::read::Located;
use crate::config::words::{Period, Size};
use crate::limits::{HEADER_SIZE_MIN, WORKERS_MAX};

impl Check<'_> {
    pub(super) fn limits(&mut self) {
        let limits = &self.configuration.limits;
        for (name, count) in [("connections", &limits.connections), ("header_count", &limits.header_count)] {
            self.not_zero(name, count.value == 0, count);
        }
        for (name, size) in [("uri_size", &limits.uri_size), ("body_rate_min", &limits.body_rate_min)] {
            self.not_zero(name, size.0.0 == 0, size);
        }
        for (name, period) in [
            ("header_timeout", &limits.header_timeout),
            ("body_timeout", &limits.body_timeout),
            ("idle_timeout", &limits.idle_timeout),
            ("write_timeout", &limits.write_timeout),
        ] {
            self.no_time(name, period);
        }
        self.header_size(&limits.header_size);
        if let Some(count) = &self.configuration.workers.count
            && !(1..=WORKERS_MAX).contains(&count.value)
        {
            self.found.error(
                count.span.clone(),
                format!("{} is not a number of workers", count.value),
                format!("expected a number from 1 to {WORKERS_MAX}, or no `count` for one each core"),
            );
        }
    }

    pub(super) fn no_time(&mut self, name: &str, period: &Located<Period>) {
        self.not_zero(name, period.0.is_zero(), period);
    }

    fn not_zero<T>(&mut self, name: &str, zero: bool, value: &Located<T>) {
        if zero {
            let message = format!("`{name}` of zero would refuse every request");
            self.found.error(value.span.clone(), message, "expected more than zero");
        }
    }

    fn header_size(&mut self, size: &Located<Size>) {
        if size.0 < HEADER_SIZE_MIN {
            self.found.error(
                size.span.clone(),
                format!("`header_size` of {} would refuse what browsers send", size.value),
                format!("expected at least {HEADER_SIZE_MIN}"),
            );
        }
    }
}
