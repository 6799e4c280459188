//! `docs/dashboard.svg`: the dashboard's own queries, asked of a real Prometheus and drawn where the dashboard has them.
//! `LATCHKEY_WRITE_DOCS=1 cargo test -p latchkey-tests --test deploy picture` makes it anew, in two minutes.

use crate::compose::COMPOSE;
use crate::observability::{dashboard, traffic};
use latchkey_tests::{docs, files, wait};
use serde_json::Value;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

const PICTURE: &str = "dashboard.svg";
/// How much of the past is drawn, and how often it was asked for.
const SECONDS: u64 = 100;
/// Pixels of a unit of the dashboard's grid.
const UNIT: (f64, f64) = (50.0, 26.0);
const COLOURS: [&str; 8] = [
    "#2f7ed8", "#d9534f", "#3c9d5b", "#e6a532", "#8a63c9", "#2aa7b0", "#c4608d", "#77756f",
];

/// A line of a panel: its name, and what it was at each second from the first of the picture.
struct Series {
    name: String,
    values: Vec<(f64, f64)>,
}

#[test]
fn the_picture_of_the_dashboard_shows_every_panel() {
    if env::var_os("LATCHKEY_WRITE_DOCS").is_some() {
        let drawn = draw();
        fs::write(files::checkout().join("docs").join(PICTURE), drawn).unwrap();
    }
    let picture = docs::page(PICTURE);
    for panel in dashboard()["panels"].as_array().unwrap() {
        let title = format!(">{}</text>", panel["title"].as_str().unwrap());
        assert!(picture.contains(&title), "{title}");
    }
    let lines = picture.matches("<polyline").count();
    assert!(lines >= 20, "only {lines} lines");
}

/// Sends traffic until there is enough to see, and draws what Prometheus then says.
fn draw() -> String {
    let scrapes = format!("count_over_time(envoy_server_live[{SECONDS}s])");
    let caller = COMPOSE.caller();
    let enough = || {
        let token = traffic();
        for token in [&*token, &token, &token, "no-token"] {
            caller.read("/products", token, &[]);
        }
        let times = COMPOSE.query(&scrapes).first()?["value"][1]
            .as_str()?
            .parse::<u64>();
        (times.ok()? + 5 >= SECONDS).then_some(())
    };
    // Longer than the patience for one condition.
    let enough = (0..10).find_map(|_| wait::wait_for(enough));
    enough.expect("Prometheus asked as often as it should");

    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let bottom = |panel: &Value| place(panel, "y") + place(panel, "h");
    let height = UNIT.1 * panels.iter().map(bottom).fold(0.0, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#f4f4f2\"/>\n",
        24.0 * UNIT.0
    );
    panels.iter().for_each(|panel| draw_panel(&mut svg, panel));
    svg + "</svg>\n"
}

fn place(panel: &Value, side: &str) -> f64 {
    panel["gridPos"][side].as_f64().unwrap()
}

fn draw_panel(svg: &mut String, panel: &Value) {
    let (left, top) = (
        place(panel, "x") * UNIT.0 + 4.0,
        place(panel, "y") * UNIT.1 + 4.0,
    );
    let (width, height) = (
        place(panel, "w") * UNIT.0 - 8.0,
        place(panel, "h") * UNIT.1 - 8.0,
    );
    let title = panel["title"].as_str().unwrap();
    writeln!(
        svg,
        "<g transform=\"translate({left} {top})\"><rect width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"#fff\" stroke=\"#ddd\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{title}</text>"
    )
    .unwrap();
    let targets = panel["targets"].as_array().unwrap();
    let series: Vec<Series> = targets.iter().flat_map(series).collect();
    if panel["type"] == "stat" {
        let last = series.first().and_then(|series| series.values.last());
        let shown = last.map_or("-".to_owned(), |(_, value)| short(*value));
        let (x, y) = (width / 2.0, height / 2.0 + 22.0);
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" font-size=\"32\" text-anchor=\"middle\">{shown}</text>"
        )
        .unwrap();
    } else {
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
        draw_lines(svg, &series, (width, height), unit);
    }
    svg.push_str("</g>\n");
}

/// Lines over a common scale from zero, and their names below.
fn draw_lines(svg: &mut String, series: &[Series], (width, height): (f64, f64), unit: &str) {
    let values = series.iter().flat_map(|series| &series.values);
    let most = values
        .map(|(_, value)| *value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let (left, right, top, bottom) = (58.0, width - 12.0, 34.0, height - 34.0);
    let unit = unit.replace("reqps", "/s");
    for (share, value) in [(0.0, 0.0), (0.5, most / 2.0), (1.0, most)] {
        let y = bottom - share * (bottom - top);
        writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#eee\"/><text x=\"{}\" y=\"{}\" font-size=\"10\" \
             text-anchor=\"end\" fill=\"#555\">{} {unit}</text>",
            left - 4.0,
            y + 3.0,
            short(value)
        )
        .unwrap();
    }
    let mut legend = 10.0;
    for (number, Series { name, values }) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let point = |(second, value): &(f64, f64)| {
            let x = left + second / SECONDS as f64 * (right - left);
            format!("{x:.0},{:.1}", bottom - value / most * (bottom - top))
        };
        let points: Vec<String> = values.iter().map(point).collect();
        let y = height - 12.0;
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n\
             <rect x=\"{legend}\" y=\"{}\" width=\"10\" height=\"3\" fill=\"{colour}\"/><text x=\"{}\" y=\"{y}\" font-size=\"10\">{name}</text>",
            points.join(" "),
            y - 5.0,
            legend + 14.0
        )
        .unwrap();
        legend += 28.0 + 5.6 * name.len() as f64;
    }
}

/// What Prometheus answers for a query of the dashboard, as Grafana would ask it.
fn series(target: &Value) -> Vec<Series> {
    let expression = target["expr"].as_str().unwrap();
    let expression = expression
        .replace("$instance", ".*")
        .replace("$__rate_interval", "15s");
    let encoded =
        percent_encoding::utf8_percent_encode(&expression, percent_encoding::NON_ALPHANUMERIC);
    let end = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let start = end - SECONDS;
    let path = format!("/api/v1/query_range?query={encoded}&start={start}&end={end}&step=2");
    let answer = COMPOSE.prometheus_json(&path);
    let found = answer["data"]["result"].as_array().unwrap().iter();
    let read = |found: &Value| Series {
        name: legend(target["legendFormat"].as_str().unwrap(), &found["metric"]),
        values: found["values"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|value| {
                let number: f64 = value[1].as_str()?.parse().ok()?;
                number
                    .is_finite()
                    .then_some((value[0].as_f64()? - start as f64, number))
            })
            .collect(),
    };
    found.map(read).collect()
}

/// `{{result}}` becomes the label's value.
fn legend(format: &str, labels: &Value) -> String {
    let mut name = format.to_owned();
    for (label, value) in labels.as_object().unwrap() {
        name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap());
    }
    name
}

/// Three digits or so.
fn short(value: f64) -> String {
    if value >= 10.0 {
        return format!("{value:.0}");
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
