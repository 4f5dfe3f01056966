//! A little SVG: shapes and text with one style sheet, readable in the light and on paper. Called by
//! [`super::ladder`] and [`super::plot`].

use std::fmt::Write as _;

/// Colours for series and kinds, apart in hue and in lightness (after Okabe and Ito, so that the colour-blind see
/// them too).
pub const PALETTE: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

const STYLE: &str = "text{font-family:'Source Sans 3','Helvetica Neue',Arial,sans-serif;fill:#222}\
.mono{font-family:'JetBrains Mono','DejaVu Sans Mono',Menlo,monospace}\
.title{font-size:20px;font-weight:600}.subtitle{font-size:13px;fill:#555}\
.name{font-size:15px;font-weight:600}.state{font-size:11px;fill:#555}.now{font-size:11px;font-weight:600}\
.label{font-size:12px}.time{font-size:10.5px;fill:#777}.axis{font-size:11.5px;fill:#444}.legend{font-size:12.5px}";

/// Where text stands relative to its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A picture in the making.
#[derive(Clone, Debug)]
pub struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    /// An empty picture, sizes in pixels.
    pub const fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            "<line x1='{x1:.1}' y1='{y1:.1}' x2='{x2:.1}' y2='{y2:.1}' stroke='{stroke}' stroke-width='{width}'/>"
        ));
    }

    /// A dashed line.
    pub fn dashes(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(format_args!(
            "<line x1='{x1:.1}' y1='{y1:.1}' x2='{x2:.1}' y2='{y2:.1}' stroke='{stroke}' stroke-width='{width}' \
             stroke-dasharray='5 4'/>"
        ));
    }

    /// A line with an arrow head.
    pub fn arrow(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str) {
        self.line(from, to, stroke, 1.6);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1e-6);
        let (ux, uy) = (dx / length, dy / length);
        let back = |side: f64| (to.0 - ux * 9.0 - uy * 4.0 * side, to.1 - uy * 9.0 + ux * 4.0 * side);
        self.polygon(&[to, back(1.0), back(-1.0)], stroke);
    }

    /// A filled shape.
    pub fn polygon(&mut self, points: &[(f64, f64)], fill: &str) {
        let points = joined(points);
        self.put(format_args!("<polygon points='{points}' fill='{fill}'/>"));
    }

    /// A line through many points.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: &str, width: f64) {
        let points = joined(points);
        self.put(format_args!(
            "<polyline points='{points}' fill='none' stroke='{stroke}' stroke-width='{width}' \
             stroke-linejoin='round'/>"
        ));
    }

    /// A rectangle.
    pub fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), fill: &str, stroke: &str) {
        let ((x, y), (w, h)) = (at, size);
        self.put(format_args!(
            "<rect x='{x:.1}' y='{y:.1}' width='{w:.1}' height='{h:.1}' rx='4' fill='{fill}' stroke='{stroke}'/>"
        ));
    }

    /// A dot.
    pub fn dot(&mut self, at: (f64, f64), radius: f64, fill: &str) {
        self.put(format_args!("<circle cx='{:.1}' cy='{:.1}' r='{radius}' fill='{fill}'/>", at.0, at.1));
    }

    /// Text of a class of the style sheet.
    pub fn text(&mut self, at: (f64, f64), class: &str, anchor: Anchor, text: &str) {
        self.turned_text(at, 0.0, class, anchor, text, None);
    }

    /// Text turned by so many degrees around its point, in a colour of its own.
    pub fn turned_text(
        &mut self,
        at: (f64, f64),
        degrees: f64,
        class: &str,
        anchor: Anchor,
        text: &str,
        fill: Option<&str>,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let turn = if degrees == 0.0 {
            String::new()
        } else {
            format!(" transform='rotate({degrees:.2} {:.1} {:.1})'", at.0, at.1)
        };
        let fill = fill.map(|fill| format!(" style='fill:{fill}'")).unwrap_or_default();
        let text = escape(text);
        self.put(format_args!(
            "<text x='{:.1}' y='{:.1}' class='{class}' text-anchor='{anchor}'{turn}{fill}>{text}</text>",
            at.0, at.1
        ));
    }

    /// Text with a white edge, for standing across lines.
    pub fn label(&mut self, at: (f64, f64), degrees: f64, text: &str, fill: &str) {
        let escaped = escape(text);
        let (x, y) = at;
        for style in ["fill:none;stroke:#fff;stroke-width:4px;stroke-linejoin:round", &format!("fill:{fill}")] {
            self.put(format_args!(
                "<text x='{x:.1}' y='{y:.1}' class='label' text-anchor='middle' style='{style}' \
                 transform='rotate({degrees:.2} {x:.1} {y:.1})'>{escaped}</text>"
            ));
        }
    }

    fn put(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }

    /// The document.
    pub fn finish(self) -> String {
        format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{w:.0}' height='{h:.0}' viewBox='0 0 {w:.0} {h:.0}'>\n\
             <style>{STYLE}</style>\n<rect width='100%' height='100%' fill='#fff'/>\n{}</svg>\n",
            self.body,
            w = self.width,
            h = self.height
        )
    }
}

fn joined(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
