//! The rest of a body: what a handler did not read because it refused the request before. Left where it is, it makes the
//! connection useless, and the client's next request on it is lost without an answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio_stream::{Stream, StreamExt};

/// How much of a rest is read and thrown away for the connection to be used again, and how long that may take. After a longer
/// rest it is closed, and the answer says so.
const REST_BYTES: usize = 64 << 10;
const REST_TIME: Duration = Duration::from_secs(1);

/// How much more is read before the connection is closed, and for how long: a client that is still sending when it is closed
/// hears of a broken connection instead of the answer. Twice the largest component, and what a slow line needs for one.
const LINGER_BYTES: usize = 64 << 20;
const LINGER_TIME: Duration = Duration::from_secs(30);

/// A body that the handler and, after it, [`read_rest`] read from.
#[derive(Clone)]
struct Pieces(Arc<Mutex<BodyDataStream>>);

impl Stream for Pieces {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *stream).poll_next(context)
    }
}

/// Reads what an answer that is an error left of its request's body.
pub(super) async fn read_rest(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut pieces = Pieces(Arc::new(Mutex::new(body.into_data_stream())));
    let body = Body::from_stream(pieces.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if is_error && !throw_away(&mut pieces, REST_BYTES, REST_TIME).await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        tokio::spawn(async move { throw_away(&mut pieces, LINGER_BYTES, LINGER_TIME).await });
    }
    response
}

/// Reads so much for so long at most; says whether that was all.
async fn throw_away(pieces: &mut Pieces, limit: usize, time: Duration) -> bool {
    let reading = async {
        let mut bytes = 0;
        while let Some(Ok(piece)) = pieces.next().await {
            bytes += piece.len();
            if bytes > limit {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(time, reading).await.unwrap_or(false)
}
