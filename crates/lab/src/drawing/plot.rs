//! Amounts over time, as SVG: several panels under each other, several lines in each. Called by scenarios.

use super::svg::{Anchor, PALETTE, Svg};

/// One line of a panel.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Seconds and value, by time.
    pub points: Vec<(f64, f64)>,
    /// Stays level until the next point (for windows and queues) instead of going straight there.
    pub steps: bool,
    /// Only a dot for each point.
    pub dots: bool,
}

/// One set of axes.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// What the values are, with their unit.
    pub label: String,
    /// The lines.
    pub series: Vec<Series>,
    /// A level worth a line of its own, with its name.
    pub level: Option<(f64, String)>,
}

/// A picture.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// And why one should look.
    pub subtitle: String,
    /// From top to bottom, sharing the time axis.
    pub panels: Vec<Panel>,
}

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 96.0;
const PANEL: f64 = 230.0;
const BETWEEN: f64 = 64.0;

impl Plot {
    /// The picture.
    pub fn svg(&self) -> String {
        let end = self
            .panels
            .iter()
            .flat_map(|panel| panel.series.iter().flat_map(|series| series.points.iter().map(|(x, _)| *x)))
            .fold(1e-9, f64::max);
        let height = TOP + self.panels.len() as f64 * (PANEL + BETWEEN) + 12.0;
        let mut svg = Svg::new(WIDTH, height);
        svg.text((28.0, 38.0), "title", Anchor::Start, &self.title);
        for (index, line) in self.subtitle.lines().enumerate() {
            svg.text((28.0, 59.0 + 17.0 * index as f64), "subtitle", Anchor::Start, line);
        }
        for (index, panel) in self.panels.iter().enumerate() {
            let top = TOP + index as f64 * (PANEL + BETWEEN) + 22.0;
            panel.draw(&mut svg, top, end, index + 1 == self.panels.len());
        }
        svg.finish()
    }
}

impl Panel {
    fn draw(&self, svg: &mut Svg, top: f64, end: f64, last: bool) {
        let highest = self
            .series
            .iter()
            .flat_map(|series| series.points.iter().map(|(_, y)| *y))
            .chain(self.level.iter().map(|(level, _)| *level))
            .fold(1e-9, f64::max);
        let step = nice(highest / 4.5);
        let ceiling = (highest / step).ceil() * step;
        let bottom = top + PANEL;
        let x = |time: f64| LEFT + time / end * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| bottom - value / ceiling * PANEL;
        let mut value = 0.0;
        while value <= ceiling + step / 2.0 {
            svg.line((LEFT, y(value)), (WIDTH - RIGHT, y(value)), if value == 0.0 { "#555" } else { "#e3e6ea" }, 1.0);
            svg.text((LEFT - 8.0, y(value) + 4.0), "axis", Anchor::End, &short(value));
            value += step;
        }
        let time_step = nice(end / 8.0);
        let mut time = 0.0;
        while time <= end + time_step * 1e-6 {
            svg.line((x(time), bottom), (x(time), bottom + 5.0), "#555", 1.0);
            svg.text((x(time), bottom + 18.0), "axis", Anchor::Middle, &short(time));
            time += time_step;
        }
        svg.text((LEFT, top - 10.0), "legend", Anchor::Start, &self.label);
        if last {
            svg.text((WIDTH - RIGHT, bottom + 36.0), "axis", Anchor::End, "time in seconds");
        }
        if let Some((level, _)) = &self.level {
            svg.dashes((LEFT, y(*level)), (WIDTH - RIGHT, y(*level)), "#888", 1.2);
        }
        for (index, series) in self.series.iter().enumerate() {
            let colour = PALETTE[index % PALETTE.len()];
            series.draw(svg, colour, &x, &y);
        }
        if let Some((level, name)) = &self.level {
            let middle = WIDTH - RIGHT - 8.0 - name.chars().count() as f64 * 3.1;
            svg.label((middle, y(*level) - 5.0), 0.0, name, "#555");
        }
        self.legend(svg, top);
    }

    fn legend(&self, svg: &mut Svg, top: f64) {
        let mut right = WIDTH - RIGHT;
        for (index, series) in self.series.iter().enumerate().rev().filter(|_| self.series.len() > 1) {
            let colour = PALETTE[index % PALETTE.len()];
            svg.text((right, top - 10.0), "legend", Anchor::End, &series.name);
            right -= series.name.chars().count() as f64 * 6.6 + 10.0;
            svg.line((right - 22.0, top - 14.0), (right, top - 14.0), colour, 3.0);
            right -= 40.0;
        }
    }
}

impl Series {
    fn draw(&self, svg: &mut Svg, colour: &str, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) {
        if self.dots {
            for (time, value) in &self.points {
                svg.dot((x(*time), y(*value)), 2.2, colour);
            }
            return;
        }
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(self.points.len() * 2);
        for (time, value) in &self.points {
            let here = (x(*time), y(*value));
            if let Some(before) = points.last().copied().filter(|_| self.steps) {
                points.push((here.0, before.1));
            }
            points.push(here);
        }
        svg.polyline(&points, colour, 1.8);
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-12).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= value).unwrap_or(power * 10.0)
}

fn short(value: f64) -> String {
    let text = if value.abs() >= 10.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
