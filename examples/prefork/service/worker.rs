//! A worker: axum on a runtime of its own, over the socket that the master bound.

use std::io::{self, PipeReader, PipeWriter};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use super::notice::Notice;

/// The records that one request may ask for.
const MOST_RECORDS: u32 = 10_000;

/// What an answer says of the process that gave it.
pub(crate) const PROCESS_HEADER: &str = "x-process";

/// What a worker keeps of its master.
pub(crate) struct Link {
    /// It ends when the master stops, or dies.
    pub(super) lifeline: PipeReader,
    /// Where the worker reports.
    pub(super) notices: PipeWriter,
}

/// Serves until the master stops, or SIGTERM or SIGINT comes to this process; requests that have begun are answered.
pub(crate) fn run(listener: TcpListener, link: Link) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(serve(listener, link))
}

async fn serve(listener: TcpListener, link: Link) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let lifeline = pipe::Receiver::from_owned_fd(link.lifeline.into())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told_to_stop = async move {
        tokio::select! {
            // Nothing is ever written to it, so that only its end makes it readable.
            _ = lifeline.readable() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };

    let finished = Arc::new(AtomicU64::new(0));
    let routes = Router::new().route("/test", get(test)).with_state(Arc::clone(&finished));
    let process = std::process::id();
    Notice::Ready { process }.send(&link.notices);
    axum::serve(listener, routes).with_graceful_shutdown(told_to_stop).await?;
    Notice::Finished { process, requests: finished.load(Ordering::Relaxed) }.send(&link.notices);
    Ok(())
}

#[derive(Deserialize)]
struct TestQuery {
    /// How many records to log, 1 if it is missing.
    log: Option<u32>,
    /// Goes into each record.
    id: Option<u64>,
}

#[derive(Serialize)]
struct Welcome {
    message: &'static str,
}

/// It never waits for anything, so that once begun it is carried through and counted, whatever becomes of the connection.
async fn test(State(finished): State<Arc<AtomicU64>>, Query(query): Query<TestQuery>) -> impl IntoResponse {
    let records = query.log.unwrap_or(1);
    if records > MOST_RECORDS {
        return Err((StatusCode::BAD_REQUEST, format!("log: at most {MOST_RECORDS}")));
    }
    let process = std::process::id();
    for _ in 0..records {
        tracing::info!(target: "my_logger", id = query.id, "process:[{process}] API가 요청되었습니다");
    }
    finished.fetch_add(1, Ordering::Relaxed);
    Ok(([(PROCESS_HEADER, process.to_string())], Json(Welcome { message: "Welcome to the Flask API" })))
}
