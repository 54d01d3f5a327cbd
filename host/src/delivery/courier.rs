//! The post office of a process: a queue and workers for each channel, and an orderly end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::domain::entry::Outcome;
use crate::domain::ids::BusinessId;
use crate::engine::{Courier, Engine, NotTaken, Parcel, WriteBack};

use super::egress::{Allowed, Egress};
use super::letter;
use super::line::Line;
use super::provider::{self, Gates};
use super::smtp::Smtp;

/// Takes messages to the channels that this host has.
///
/// A message for a channel that the host does not have fails at once, with the reason: it is the owner who has to know, and
/// retrying for a day would hide it until the message is worth nothing.
pub struct Post {
    handle: Handle,
    queues: HashMap<String, mpsc::Sender<Queued>>,
    egress: Egress,
    gates: Gates,
    queue_messages: usize,
    phase: watch::Sender<Phase>,
    /// How many parcels were taken and are not answered.
    under_way: watch::Sender<usize>,
    stop_ms: u64,
}

/// How messages leave this host.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The mail server; without one, e-mail fails with the reason.
    pub smtp: Option<Smtp>,
    /// Which hosts plugins may reach though they are not public, `host` or `host:port`.
    pub private: Vec<String>,
    /// How many messages may wait for one channel; more are told to come again, and the engine sees to when.
    pub queue_messages: usize,
    /// How long [`Post::stop`] waits for what is under way, in milliseconds.
    pub stop_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { smtp: None, private: Vec::new(), queue_messages: 1_024, stop_ms: 10_000 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Messages are sent.
    Open,
    /// What is under way is finished, what waits is given back.
    Closing,
    /// What is under way is given up.
    Over,
}

/// What is called once an outcome is durable, or was refused.
type Done = Box<dyn FnOnce(Result<Vec<u64>, NotTaken>) + Send>;

/// Where outcomes go.
pub(super) type Tell = Arc<dyn Fn(&Parcel, Outcome, Done) + Send + Sync>;

/// Something on its way to an answer.
struct Job {
    /// What the operator's log calls it.
    name: String,
    /// Where the outcome goes.
    tell: Box<dyn Fn(Outcome, Done) + Send + Sync>,
    _counted: Counted,
}

/// What waits for the host's own mail server.
type Queued = (Arc<Parcel>, Job);

/// What goes to a provider.
enum Load {
    /// A message, or a notice to staff.
    Parcel(Arc<Parcel>),
    /// A customer's answer, to a calendar.
    Answer(Box<WriteBack>),
}

/// Counts a parcel as long as it is not answered.
struct Counted(watch::Sender<usize>);

/// The channel that goes out by SMTP.
const EMAIL: &str = "email";
/// A connection that nothing was sent on for this long is closed.
const IDLE: Duration = Duration::from_secs(5);
/// How long, at the end, giving up may take.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Pauses before an outcome that the engine had no room for is told again, in milliseconds: about two minutes in all.
const PAUSES_MS: [u64; 16] =
    [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 15_000, 15_000, 15_000, 15_000, 15_000, 15_000];

const STOPPING: &str = "Attune is stopping; nothing of it was sent";

impl Post {
    /// Opens the post office; its workers run on `handle`.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn start(handle: Handle, settings: Settings) -> Result<Arc<Self>, String> {
        let channels = settings.smtp.map(|smtp| (EMAIL.to_owned(), smtp)).into_iter().collect();
        let egress = Egress::new(Allowed { private: settings.private })?;
        Ok(Self::start_with(handle, channels, egress, settings.queue_messages, settings.stop_ms))
    }

    pub(super) fn start_with(
        handle: Handle,
        channels: HashMap<String, Smtp>,
        egress: Egress,
        queue: usize,
        stop_ms: u64,
    ) -> Arc<Self> {
        let (phase, under_way) = (watch::Sender::new(Phase::Open), watch::Sender::new(0));
        let mut queues = HashMap::new();
        for (channel, smtp) in channels {
            let (sender, receiver) = mpsc::channel(queue.max(1));
            let (smtp, receiver) = (Arc::new(smtp), Arc::new(Mutex::new(receiver)));
            for _ in 0..smtp.connections {
                handle.spawn(work(Line::new(smtp.clone()), receiver.clone(), phase.subscribe()));
            }
            queues.insert(channel, sender);
        }
        Arc::new(Self {
            handle,
            queues,
            egress,
            gates: Gates::default(),
            queue_messages: queue,
            phase,
            under_way,
            stop_ms,
        })
    }

    /// How many messages are with a channel, or wait for it.
    pub fn under_way(&self) -> usize {
        *self.under_way.borrow()
    }

    /// Gives back what waits, and waits for what is under way, at most as long as the settings say and two seconds more. What is not
    /// done then is given up: as one to be sent again if the server cannot have it, otherwise as uncertain. To be called before the
    /// engine is stopped, since the answers are entries of its journal. Gives how many have no answer even so; the next
    /// start settles them.
    pub async fn stop(&self) -> usize {
        self.phase.send_replace(Phase::Closing);
        let mut under_way = self.under_way.subscribe();
        let patience = Duration::from_millis(self.stop_ms);
        if tokio::time::timeout(patience, under_way.wait_for(|&count| count == 0)).await.is_err() {
            self.phase.send_replace(Phase::Over);
            // How many are left is told below.
            let _ = tokio::time::timeout(LAST_WORDS, under_way.wait_for(|&count| count == 0)).await;
        }
        self.under_way()
    }

    /// Puts a parcel into its channel's queue, or answers it without. Returns at once.
    pub(super) fn put(&self, parcel: Parcel, tell: Tell) {
        let parcel = Arc::new(parcel);
        let job = self.job(parcel.clone(), tell);
        let (job, outcome) = match self.refuse(&parcel) {
            Some(outcome) => (job, outcome),
            None => match self.queues.get(&parcel.message.channel).map(|queue| queue.try_send((parcel.clone(), job))) {
                Some(Err(mpsc::error::TrySendError::Full((_, job)))) => {
                    (job, Outcome::Retry("too many messages are waiting for this channel".to_owned()))
                }
                Some(Err(mpsc::error::TrySendError::Closed((_, job)))) => (job, Outcome::Retry(STOPPING.to_owned())),
                Some(Ok(())) | None => return,
            },
        };
        // Not here: the engine's own thread must not wait for the engine.
        self.handle.spawn(job.answer(outcome));
    }

    fn job(&self, parcel: Arc<Parcel>, tell: Tell) -> Job {
        let name = parcel.message.id.to_string();
        let tell = Box::new(move |outcome, done| tell(&parcel, outcome, done));
        Job { name, tell, _counted: Counted::new(&self.under_way) }
    }

    /// Has a plugin send something to its provider. Returns at once.
    fn provide(self: &Arc<Self>, engine: Arc<Engine>, business: BusinessId, plugin: &str, load: Load, job: Job) {
        let gate = self.gates.of(business, plugin);
        let (post, mut phase) = (self.clone(), self.phase.subscribe());
        if gate.waiting.fetch_add(1, Ordering::SeqCst) >= self.queue_messages {
            gate.waiting.fetch_sub(1, Ordering::SeqCst);
            let outcome = Outcome::Retry("too many messages are waiting for this channel".to_owned());
            self.handle.spawn(job.answer(outcome));
            return;
        }
        self.handle.spawn(async move {
            let permit = tokio::select! {
                biased;
                () = reached(&mut phase, Phase::Closing) => None,
                permit = gate.permits.acquire() => permit.ok(),
            };
            gate.waiting.fetch_sub(1, Ordering::SeqCst);
            if permit.is_none() {
                return job.answer(Outcome::Retry(STOPPING.to_owned())).await;
            }
            let handed_over = AtomicBool::new(false);
            let sending = async {
                match &load {
                    Load::Parcel(parcel) => provider::attempt(&engine, &post.egress, parcel, &handed_over).await,
                    Load::Answer(answer) => provider::write_back(&engine, &post.egress, answer, &handed_over).await,
                }
            };
            let outcome = tokio::select! {
                biased;
                outcome = caught(sending) => outcome,
                () = reached(&mut phase, Phase::Over) => None,
            };
            let outcome = outcome.unwrap_or_else(|| match handed_over.load(Ordering::SeqCst) {
                true => Outcome::Unknown("Attune stopped before the provider answered".to_owned()),
                false => Outcome::Retry(STOPPING.to_owned()),
            });
            drop(permit);
            job.answer(outcome).await;
        });
    }

    fn refuse(&self, parcel: &Parcel) -> Option<Outcome> {
        let channel = &parcel.message.channel;
        if !self.queues.contains_key(channel) {
            return Some(Outcome::Failed(match channel.as_str() {
                EMAIL => {
                    "e-mail is not set up on this host; start it with --smtp and send the message again".to_owned()
                }
                _ => format!("no plugin serves the channel `{channel}`; install and turn on one that does"),
            }));
        }
        if parcel.address.is_empty() && parcel.notice.is_some() {
            return Some(Outcome::Failed(format!(
                "the setting `notices` does not say where to go by {channel}; give `to`"
            )));
        }
        if parcel.address.is_empty() {
            return Some(Outcome::Failed(format!("nothing is known of where to reach this customer by {channel}")));
        }
        None
    }
}

impl Courier for Arc<Post> {
    fn take(&self, engine: &Arc<Engine>, parcel: Parcel) {
        let (told, ready) = (engine.clone(), engine.ready(parcel.business));
        let tell: Tell = Arc::new(move |parcel, outcome, done| told.outcome(parcel, outcome, done));
        // The owner's own choice of a provider comes before the host's mail server.
        match ready.and_then(|ready| Some(ready.config.channel(&parcel.message.channel)?.name.to_string())) {
            Some(plugin) => {
                let parcel = Arc::new(parcel);
                let job = self.job(parcel.clone(), tell);
                self.provide(engine.clone(), parcel.business, &plugin, Load::Parcel(parcel), job);
            }
            None => self.put(parcel, tell),
        }
    }

    fn write_back(&self, engine: &Arc<Engine>, answer: WriteBack) {
        let (told, told_of) = (engine.clone(), answer.clone());
        let tell = Box::new(move |outcome, done: Done| told.written_back(&told_of, outcome, done));
        let job = Job { name: answer.errand.to_string(), tell, _counted: Counted::new(&self.under_way) };
        let (business, plugin) = (answer.business, answer.plugin.clone());
        self.provide(engine.clone(), business, &plugin, Load::Answer(Box::new(answer)), job);
    }
}

/// One of a channel's workers.
async fn work(mut line: Line, queue: Arc<Mutex<mpsc::Receiver<Queued>>>, mut phase: watch::Receiver<Phase>) {
    loop {
        let patience = if line.is_open() { IDLE } else { Duration::MAX };
        let next = tokio::select! {
            biased;
            () = reached(&mut phase, Phase::Closing) => break,
            next = tokio::time::timeout(patience, async { queue.lock().await.recv().await }) => next,
        };
        match next {
            Ok(Some((parcel, job))) => {
                let outcome = attempt(&mut line, &parcel, &mut phase).await;
                job.answer(outcome).await;
            }
            Ok(None) => break,
            Err(_) => line.close().await,
        }
    }
    line.close().await;
    let mut queue = queue.lock().await;
    queue.close();
    while let Some((_, job)) = queue.recv().await {
        tokio::spawn(job.answer(Outcome::Retry(STOPPING.to_owned())));
    }
}

/// One attempt at one message, which always ends in an outcome.
async fn attempt(line: &mut Line, parcel: &Parcel, phase: &mut watch::Receiver<Phase>) -> Outcome {
    let handed_over = AtomicBool::new(false);
    let sending = async {
        match letter::write(line.smtp(), parcel) {
            Ok(letter) => line.send(&letter, &handed_over).await,
            Err(reason) => Outcome::Failed(reason),
        }
    };
    let outcome = tokio::select! {
        biased;
        outcome = caught(sending) => outcome,
        () = reached(phase, Phase::Over) => None,
    };
    let is_over = *phase.borrow() == Phase::Over;
    match outcome {
        Some(outcome) => outcome,
        None if handed_over.load(Ordering::SeqCst) => {
            Outcome::Unknown("Attune stopped before the channel answered".to_owned())
        }
        None if is_over => Outcome::Retry(STOPPING.to_owned()),
        // A fault of ours that is the same at every attempt: repeating it helps nobody.
        None => Outcome::Failed("Attune could not write it as a mail, which is a fault of Attune".to_owned()),
    }
}

/// Waits for a phase or a later one; the end of the post office is the last.
async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    let late = |phase: &Phase| match wanted {
        Phase::Open => true,
        Phase::Closing => *phase != Phase::Open,
        Phase::Over => *phase == Phase::Over,
    };
    // An error says that the post office is gone.
    let _ = phase.wait_for(late).await;
}

/// Runs a future to its end; none if it panicked, so that one message cannot take a channel's worker with it.
async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

impl Job {
    /// Tells the outcome until it is durable. What cannot be told stays as attempting, and the next start settles it.
    async fn answer(self, outcome: Outcome) {
        for pause_ms in PAUSES_MS {
            let (sender, receiver) = oneshot::channel();
            let done: Done = Box::new(move |result| {
                // Nobody listens any more when the runtime is gone.
                let _ = sender.send(result);
            });
            (self.tell)(outcome.clone(), done);
            match receiver.await {
                // Whoever was erased meanwhile is not told of.
                Ok(Ok(_) | Err(NotTaken::Gone(_))) => return,
                Ok(Err(NotTaken::Busy { .. })) => tokio::time::sleep(Duration::from_millis(pause_ms)).await,
                Ok(Err(error)) => {
                    tracing::error!(name = self.name, %error, "what became of a message could not be written down; the next start settles it");
                    return;
                }
                Err(_) => {
                    tracing::error!(
                        name = self.name,
                        "the store stopped before it was written down what became of a message"
                    );
                    return;
                }
            }
        }
        tracing::error!(
            name = self.name,
            "too much is waiting to write down what became of a message; the next start settles it"
        );
    }
}

impl Counted {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
