//! Accepting connections: one loop, one task a connection, HTTP/1.1.
//!
//! A client that is slow to say what it wants is let go of; a server that stops lets requests under way finish, for a set
//! time. Nothing here looks into a request.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::chat::Peer;
use super::{App, metrics, router};

/// How long to wait after a connection could not be accepted: the usual reason is too many open files, and that passes.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves the API until `shutdown` is done and requests under way are finished.
///
/// # Errors
/// When the listener has no address, which is to say it is closed.
pub async fn serve(listener: TcpListener, app: Arc<App>, shutdown: impl Future) -> io::Result<()> {
    listener.local_addr()?;
    let service = TowerToHyperService::new(router(app.clone()));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(app.limits.head_s)).pipeline_flush(true);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(app.limits.connections));
    let counting = tokio::spawn(metrics::count_messages(app.clone()));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = &mut shutdown => break,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let service = service.clone();
        let named = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            service.call(request)
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), named));
        let app = app.clone();
        app.counts.connections.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            // A client that goes away in the middle is its own business.
            let _ = connection.await;
            app.counts.connections.fetch_sub(1, Ordering::Relaxed);
            drop(place);
        });
    }
    drop(listener);
    app.closing.send_replace(true);
    let stop = Duration::from_secs(app.limits.stop_s);
    if tokio::time::timeout(stop, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not finished {} seconds after the stop and are cut off", stop.as_secs());
    }
    counting.abort();
    Ok(())
}

type Place = tokio::sync::OwnedSemaphorePermit;

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, SocketAddr, Place)> {
    // The semaphore is never closed.
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // An answer is one small packet; waiting for more to fill it only costs time.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}
