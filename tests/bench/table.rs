//! The figures of a run: for people a table, for programs `summary.json`.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// Every figure there is.
pub const KEYS: [&str; 16] = [
    "raw_events_per_s",
    "step_events_per_s",
    "gate_us",
    "http_events_per_s",
    "cpu_per_event",
    "disk_bytes_per_event",
    "http_p99_ms",
    "connector_us",
    "hook_events_per_s",
    "ready_ms",
    "idle_rss_mb",
    "js_event_us",
    "py_event_us",
    "test_month_ms",
    "rebuild_swap_s",
    "new_to_green_s",
];

/// What was measured.
pub struct Summary {
    lines: Vec<Line>,
    ratios: Map<String, Value>,
    conditions: Map<String, Value>,
}

struct Line {
    key: &'static str,
    figure: f64,
    bar: String,
    met: Option<bool>,
}

impl Summary {
    /// Nothing is measured yet.
    pub fn new(full: bool) -> Self {
        let conditions = Map::from_iter([("quick".to_owned(), json!(!full))]);
        Self { lines: Vec::new(), ratios: Map::new(), conditions }
    }

    /// A figure without a bar.
    pub fn figure(&mut self, key: &'static str, figure: f64) {
        self.lines.push(Line { key, figure, bar: "the yardstick".to_owned(), met: None });
    }

    /// A figure that should be high.
    pub fn at_least(&mut self, key: &'static str, figure: f64, bar: f64) {
        self.lines.push(Line { key, figure, bar: format!("at least {}", shown(bar)), met: Some(figure >= bar) });
    }

    /// A figure that should be low.
    pub fn at_most(&mut self, key: &'static str, figure: f64, bar: f64) {
        self.lines.push(Line { key, figure, bar: format!("at most {}", shown(bar)), met: Some(figure <= bar) });
    }

    /// How one figure is to another.
    pub fn ratio(&mut self, name: &str, ratio: f64) {
        self.ratios.insert(name.to_owned(), json!(rounded(ratio)));
    }

    /// What has to be known to understand the figures.
    pub fn condition(&mut self, name: &str, value: Value) {
        self.conditions.insert(name.to_owned(), value);
    }

    /// Writes `summary.json`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let mut summary = Map::new();
        for line in &self.lines {
            summary.insert(line.key.to_owned(), json!(rounded(line.figure)));
        }
        let met = self.lines.iter().filter_map(|line| Some((line.key.to_owned(), json!(line.met?))));
        summary.insert("met".to_owned(), Value::Object(met.collect()));
        summary.insert("ratios".to_owned(), Value::Object(self.ratios.clone()));
        summary.insert("conditions".to_owned(), Value::Object(self.conditions.clone()));
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("summary.json");
        std::fs::write(&path, format!("{:#}\n", Value::Object(summary))).with_context(|| path.display().to_string())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<22} {:>10}   {:<18} met", "key", "figure", "bar")?;
        for line in KEYS.iter().filter_map(|key| self.lines.iter().find(|line| line.key == *key)) {
            let met = line.met.map_or("", |met| if met { "yes" } else { "NO" });
            writeln!(f, "{:<22} {:>10}   {:<18} {met}", line.key, shown(line.figure), line.bar)?;
        }
        let pairs = |map: &Map<String, Value>| {
            map.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(f, "ratios: {}\nconditions: {}", pairs(&self.ratios), pairs(&self.conditions))
    }
}

/// As many digits as tell something.
fn shown(figure: f64) -> String {
    if figure.abs() >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.1}") }
}

fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}
