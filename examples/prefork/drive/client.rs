//! The requests: real HTTP over several connections that are kept alive.
//!
//! No request is ever sent twice: hyper's own connections repeat nothing, and neither does this client. A request whose
//! connection broke counts as unanswered, and another one, with an id of its own, takes its place.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use super::load::{Answer, Load};
use crate::Failure;
use crate::service::worker::PROCESS_HEADER;

const CONNECTIONS: u64 = 8;

/// After so many requests a connection is made anew, so that replaced workers get their share.
const REQUESTS_A_CONNECTION: u32 = 100;

/// Longer than any answer takes, so that a service that hangs is told from one that is slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// The connections in a row that may break without an answer: a killed worker breaks one.
const MOST_BROKEN: u32 = 20;

const WELCOME: &[u8] = br#"{"message":"Welcome to the Flask API"}"#;

/// Sends requests until so many have been answered, and kills the worker that gave the middle one.
pub(super) fn drive(address: SocketAddr, requests: u64) -> Result<Load, Failure> {
    let shared = Rc::new(Shared {
        address,
        to_ask: Cell::new(requests),
        next_id: Cell::new(1),
        answered: Cell::new(0),
        kill_after: requests.div_ceil(2),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            load = ask_all(shared, CONNECTIONS.min(requests)) => load,
            _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        }
    })
}

async fn ask_all(shared: Rc<Shared>, connections: u64) -> Result<Load, Failure> {
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        asking.spawn_local(ask_in_turn(Rc::clone(&shared)));
    }
    let mut load = Load::default();
    while let Some(part) = asking.join_next().await {
        let part = part??;
        load.answers.extend(part.answers);
        load.unanswered.extend(part.unanswered);
        load.killed = load.killed.or(part.killed);
    }
    Ok(load)
}

/// What the connections have in common.
struct Shared {
    address: SocketAddr,
    /// Requests that no connection has taken on yet.
    to_ask: Cell<u64>,
    next_id: Cell<u64>,
    answered: Cell<u64>,
    /// The answer after which a worker is killed.
    kill_after: u64,
}

impl Shared {
    /// Takes on a request, and gives it an id that no other one has.
    fn take_on(&self) -> Option<u64> {
        self.to_ask.set(self.to_ask.get().checked_sub(1)?);
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        Some(id)
    }

    fn give_back(&self) {
        self.to_ask.set(self.to_ask.get() + 1);
    }
}

/// One connection after another, until there is nothing left to ask.
async fn ask_in_turn(shared: Rc<Shared>) -> Result<Load, Failure> {
    let mut load = Load::default();
    let mut broken = 0;
    while shared.to_ask.get() > 0 {
        if broken == MOST_BROKEN {
            return Err(format!("{broken} connections in a row broke without an answer").into());
        }
        broken += 1;
        let mut connection = connect(shared.address).await?;
        for _ in 0..REQUESTS_A_CONNECTION {
            let Some(id) = shared.take_on() else { break };
            let answer = timeout(PATIENCE, ask(&mut connection, id)).await;
            let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
            match answer? {
                Some(answer) => {
                    broken = 0;
                    load.answers.push(answer);
                    shared.answered.set(shared.answered.get() + 1);
                    if shared.answered.get() == shared.kill_after {
                        kill(answer.process)?;
                        load.killed = Some(answer.process);
                    }
                }
                None => {
                    load.unanswered.push(id);
                    shared.give_back();
                    break;
                }
            }
        }
    }
    Ok(load)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Empty<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("cannot connect to {address}: {error}"))?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // How it ends is seen at the request that it carried.
    tokio::task::spawn_local(connection);
    Ok(sender)
}

/// One request; without an answer if the connection broke.
///
/// # Errors
///
/// If there is an answer, but not the one that the service gives.
async fn ask(connection: &mut SendRequest<Empty<Bytes>>, id: u64) -> Result<Option<Answer>, Failure> {
    let request = Request::get(format!("/test?id={id}")).header(header::HOST, "localhost").body(Empty::new())?;
    if connection.ready().await.is_err() {
        return Ok(None);
    }
    let Ok(response) = connection.send_request(request).await else { return Ok(None) };
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return Ok(None) };
    let body = body.to_bytes();
    if !head.status.is_success() || body != WELCOME {
        return Err(format!("request {id} was answered {}: {}", head.status, String::from_utf8_lossy(&body)).into());
    }
    let process = head.headers.get(PROCESS_HEADER).and_then(|process| process.to_str().ok()?.parse().ok());
    let process = process.ok_or_else(|| format!("the answer to request {id} does not say which process gave it"))?;
    Ok(Some(Answer { id, process }))
}

fn kill(process: u32) -> Result<(), Failure> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| format!("the service claims to be process {process}"))?;
    kill_process(pid, Signal::KILL).map_err(|error| format!("cannot kill worker {process}: {error}").into())
}
