//! Bars as SVG, readable on light and dark pages.

use std::fmt::Write;

use crate::statistics::Quartiles;

const WIDTH: f64 = 860.0;
const NAMES: f64 = 350.0;
const ROW: f64 = 26.0;
const TOP: f64 = 52.0;

/// One bar.
pub struct Bar {
    pub name: String,
    pub value: Quartiles,
    /// Whether it is Latchkey's.
    pub ours: bool,
}

/// A chart of medians, with a line from the lower quartile to the upper. The scale begins at zero.
pub fn draw(title: &str, unit: &str, bars: &[Bar]) -> String {
    let height = TOP + ROW * bars.len() as f64 + 16.0;
    let largest = bars.iter().map(|bar| bar.value.median.max(bar.value.upper));
    let scale = (WIDTH - NAMES - 90.0) / largest.fold(f64::MIN_POSITIVE, f64::max);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<style>
  text {{ fill: #1f2328 }} .other {{ fill: #8c959f }} .ours {{ fill: #0969da }} line {{ stroke: #1f2328 }}
  @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .other {{ fill: #6e7681 }} .ours {{ fill: #4493f8 }} line {{ stroke: #e6edf3 }} }}
</style>
<text x="12" y="24" font-size="16" font-weight="bold">{}</text>
<text x="12" y="42">{}</text>
"#,
        escape(title),
        escape(unit)
    );
    for (row, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let middle = y + ROW / 2.0;
        let x = |value: f64| NAMES + value.max(0.0) * scale;
        let class = if bar.ours { "ours" } else { "other" };
        let (lower, median, upper) = (x(bar.value.lower), x(bar.value.median), x(bar.value.upper));
        // Writing to a String cannot fail.
        let _ = write!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="end">{}</text>
<rect class="{class}" x="{NAMES}" y="{}" width="{:.1}" height="{}"/>
<line x1="{lower:.1}" y1="{middle}" x2="{upper:.1}" y2="{middle}"/>
<text x="{:.1}" y="{}">{:.1}</text>
"#,
            NAMES - 8.0,
            middle + 4.5,
            escape(&bar.name),
            y + 4.0,
            median - NAMES,
            ROW - 8.0,
            median.max(upper) + 8.0,
            middle + 4.5,
            bar.value.median
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
