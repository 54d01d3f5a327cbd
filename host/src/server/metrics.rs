//! Figures for an operator, in the text format of Prometheus. Their number never grows: no label names a business, a customer
//! or a plugin.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use tokio::sync::broadcast::error::TryRecvError;

use crate::domain::message::Delivery;
use crate::store::Health;

use super::App;

/// How often what became of messages is counted. Looking now and then instead of waiting costs those who tell nothing; the
/// channel holds 4,096 steps, more than come in that time.
const LOOK: Duration = Duration::from_millis(100);

const STATES: [&str; 8] = ["received", "queued", "deferred", "attempting", "sent", "failed", "withheld", "uncertain"];

const REFUSALS: [&str; 7] = ["malformed", "invalid", "conflict", "busy", "stopped", "unverified", "replayed"];

/// What is counted from the start of the process on.
#[derive(Default)]
pub struct Counts {
    /// Connections that are open now.
    pub connections: AtomicU64,
    /// Events that are in the journal.
    pub taken: AtomicU64,
    /// Vendors' requests whose events are in the journal.
    pub hooks: AtomicU64,
    /// Events that were there before.
    pub repeated: AtomicU64,
    refused: [AtomicU64; REFUSALS.len()],
    answers: [AtomicU64; 5],
    messages: [AtomicU64; STATES.len()],
    unseen: AtomicU64,
}

impl Counts {
    /// An answer was given.
    pub fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = self.answers.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An event was refused, for a reason by its code.
    pub fn refused(&self, code: &str) {
        if let Some(count) = REFUSALS.iter().position(|known| *known == code).and_then(|place| self.refused.get(place))
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn message(&self, delivery: &Delivery) {
        let place = STATES.iter().position(|state| *state == delivery.word());
        if let Some(count) = place.and_then(|place| self.messages.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Counts what becomes of messages, until the server stops.
pub async fn count_messages(app: Arc<App>) {
    let mut steps = app.engine.watch();
    loop {
        match steps.try_recv() {
            Ok(happened) => happened.messages.iter().for_each(|message| app.counts.message(&message.delivery)),
            Err(TryRecvError::Lagged(steps)) => {
                app.counts.unseen.fetch_add(steps, Ordering::Relaxed);
            }
            Err(TryRecvError::Empty) => tokio::time::sleep(LOOK).await,
            Err(TryRecvError::Closed) => return,
        }
    }
}

/// Figures in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "operation", security(()), responses(
    (status = 200, description = "The figures", body = String, content_type = "text/plain")))]
pub async fn show(State(app): State<Arc<App>>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&app))
}

fn text(app: &App) -> String {
    let counts = &app.counts;
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (waiting, limit) = app.engine.queue();
    let stats = app.engine.store().stats();
    let well = u64::from(app.engine.health() == Health::Well);
    let mut text = String::with_capacity(4_096);
    let mut figure = |name: &str, kind: &str, help: &str, values: &[(&str, &str, u64)]| {
        // Writing into a string does not fail.
        let _ = writeln!(text, "# HELP attune_{name} {help}\n# TYPE attune_{name} {kind}");
        for (label, value, figure) in values {
            let _ = match *label {
                "" => writeln!(text, "attune_{name} {figure}"),
                label => writeln!(text, "attune_{name}{{{label}=\"{value}\"}} {figure}"),
            };
        }
    };
    let labelled = |label: &'static str, names: &'static [&'static str], counts: &[AtomicU64]| -> Vec<_> {
        names.iter().zip(counts).map(|(name, count)| (label, *name, read(count))).collect()
    };
    figure("events_taken_total", "counter", "Events put into the journal.", &[("", "", read(&counts.taken))]);
    figure(
        "hooks_total",
        "counter",
        "Vendors' requests whose events are in the journal.",
        &[("", "", read(&counts.hooks))],
    );
    figure(
        "events_repeated_total",
        "counter",
        "Events that were in the journal before.",
        &[("", "", read(&counts.repeated))],
    );
    let refused = labelled("reason", &REFUSALS, &counts.refused);
    figure("events_refused_total", "counter", "Events that were not taken.", &refused);
    let messages = labelled("state", &STATES, &counts.messages);
    figure("messages_total", "counter", "Messages that came into a state.", &messages);
    figure(
        "steps_not_counted_total",
        "counter",
        "Steps whose messages were not counted.",
        &[("", "", read(&counts.unseen))],
    );
    let classes = labelled("class", &["1xx", "2xx", "3xx", "4xx", "5xx"], &counts.answers);
    figure("http_requests_total", "counter", "Requests answered.", &classes);
    figure("http_connections", "gauge", "Open connections.", &[("", "", read(&counts.connections))]);
    let queue = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    figure("queue_entries", "gauge", "Entries that wait or run.", &[("", "", queue(waiting))]);
    figure("queue_limit", "gauge", "Entries that may wait or run.", &[("", "", queue(limit))]);
    figure("store_healthy", "gauge", "1 when the store takes events.", &[("", "", well)]);
    for (name, kind, help, value) in [
        ("store_settled_rows", "gauge", "Rows in their place.", stats.settled_rows),
        ("store_waiting_rows", "gauge", "Rows that are durable in the log only.", stats.waiting_rows),
        ("store_waiting_bytes", "gauge", "Memory that those take.", stats.waiting_bytes),
        ("store_log_bytes", "gauge", "Log that a start would replay.", stats.log_bytes),
        ("store_file_bytes", "gauge", "Size of the file.", stats.file_bytes),
        ("store_written_bytes_total", "counter", "Bytes written to the file.", stats.written_bytes),
        ("store_groups_total", "counter", "Group commits.", stats.groups),
        ("store_batches_total", "counter", "Batches committed.", stats.batches),
        ("store_entries_total", "counter", "Entries in the journal, ever.", stats.next_number.saturating_sub(1)),
    ] {
        figure(name, kind, help, &[("", "", value)]);
    }
    text
}
