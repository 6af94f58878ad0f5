//! The peers.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Zoned;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::calls;
use crate::cases::{LOG_FILE, Running};
use crate::round::{Calls, again_and_again};

type Started = Result<Running, Box<dyn Error>>;

pub(crate) fn non_blocking(directory: &Path) -> Started {
    let (writer, guard) = tracing_appender::non_blocking(File::create(directory.join(LOG_FILE))?);
    tracing_subscriber::fmt().with_ansi(false).with_writer(writer).try_init().map_err(to_error)?;
    Ok(Running::Here { call: Box::new(calls::requests), finish: Box::new(|| drop(guard)) })
}

pub(crate) fn non_blocking_at_rest(directory: &Path) -> Started {
    Ok(non_blocking(directory)?.calling(calls::on_threads_that_stay(calls::requests)))
}

pub(crate) fn fmt_at_rest(directory: &Path) -> Started {
    Ok(fmt_file(directory)?.calling(calls::on_threads_that_stay(calls::requests)))
}

/// A program without a logger.
pub(crate) fn nobody_at_rest(_: &Path) -> Started {
    Ok(Running::Here { call: calls::on_threads_that_stay(calls::requests), finish: Box::new(|| ()) })
}

pub(crate) fn targets(_: &Path) -> Started {
    let targets = Targets::new().with_default(LevelFilter::INFO).with_target("other", LevelFilter::DEBUG);
    tracing_subscriber::registry().with(targets).with(sink_layer()).try_init()?;
    Ok(Running::direct(calls::refused))
}

pub(crate) fn level_filter(_: &Path) -> Started {
    tracing_subscriber::registry().with(LevelFilter::INFO).with(sink_layer()).try_init()?;
    Ok(Running::direct(calls::refused))
}

/// Each of two layers has a filter of its own, and one of them would have DEBUG of another target.
pub(crate) fn layer_filters(_: &Path) -> Started {
    let other = Targets::new().with_default(LevelFilter::INFO).with_target("other", LevelFilter::DEBUG);
    let info = sink_layer().with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(info).with(sink_layer().with_filter(other)).try_init()?;
    Ok(Running::direct(calls::refused))
}

fn sink_layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    tracing_subscriber::fmt::layer().with_writer(io::sink)
}

pub(crate) fn empty_layer(_: &Path) -> Started {
    struct Empty;
    impl<S: Subscriber> Layer<S> for Empty {}
    tracing_subscriber::registry().with(Empty).try_init()?;
    Ok(Running::direct(calls::refused))
}

pub(crate) fn fmt_sink(call: Calls) -> Started {
    tracing_subscriber::fmt().with_ansi(false).with_writer(io::sink).try_init().map_err(to_error)?;
    Ok(Running::Here { call, finish: Box::new(|| ()) })
}

pub(crate) fn fmt_text(fields: usize, spans: usize) -> Started {
    // The spans are opened once there is a subscriber.
    Ok(fmt_sink(Box::new(calls::requests))?.calling(calls::texts(fields, spans)))
}

pub(crate) fn compact_text(fields: usize, spans: usize) -> Started {
    tracing_subscriber::fmt().compact().with_ansi(false).with_writer(io::sink).try_init().map_err(to_error)?;
    Ok(Running::Here { call: calls::texts(fields, spans), finish: Box::new(|| ()) })
}

pub(crate) fn log_file(directory: &Path) -> Started {
    Ok(fmt_file(directory)?.calling(Box::new(calls::log_requests)))
}

pub(crate) fn fmt_json(fields: usize, spans: usize) -> Started {
    tracing_subscriber::fmt().json().with_writer(io::sink).try_init().map_err(to_error)?;
    Ok(Running::Here { call: calls::texts(fields, spans), finish: Box::new(|| ()) })
}

pub(crate) fn fmt_file(directory: &Path) -> Started {
    let file = Mutex::new(File::create(directory.join(LOG_FILE))?);
    tracing_subscriber::fmt().with_ansi(false).with_writer(file).try_init().map_err(to_error)?;
    Ok(Running::direct(calls::requests))
}

/// The same without a lock around the file.
pub(crate) fn fmt_shared_file(directory: &Path) -> Started {
    let file = Arc::new(File::options().append(true).create(true).open(directory.join(LOG_FILE))?);
    tracing_subscriber::fmt().with_ansi(false).with_writer(file).try_init().map_err(to_error)?;
    Ok(Running::direct(calls::requests))
}

/// Logs on two threads, while a third one may put another layer into its `reload::Layer` again and again.
pub(crate) fn reloading(directory: &Path, is_reloaded: bool) -> Started {
    let file = Arc::new(File::options().append(true).create(true).open(directory.join(LOG_FILE))?);
    let fmt = move || tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Arc::clone(&file));
    let (layer, handle) = reload::Layer::new(fmt());
    tracing_subscriber::registry().with(layer).try_init()?;
    let call = calls::numbered_on_threads(2, calls::numbered_event);
    if !is_reloaded {
        return Ok(Running::Here { call, finish: Box::new(|| ()) });
    }
    let stop = again_and_again(move || Ok(handle.reload(fmt())?));
    Ok(Running::Here { call, finish: Box::new(stop) })
}

/// As long as the lines that logtree writes in the case.
const LINE: &[u8] = b"2026-01-31 12:00:00,123 -process[123456] -thread[123456] -my_app.http - [INFO]-[10] - \
    request answered user=ann status=200 took_ms=1234.25\n";

pub(crate) fn bare_write(directory: &Path) -> Started {
    let mut file = File::options().append(true).create(true).open(directory.join(LOG_FILE))?;
    Ok(Running::direct(move |count| {
        for _ in 0..count {
            // A full disk shows in the lines that are missing.
            let _ = file.write_all(LINE);
        }
    }))
}

/// The same with the cheapest question about the descriptor before each write.
pub(crate) fn asked_write(directory: &Path) -> Started {
    let mut file = File::options().append(true).create(true).open(directory.join(LOG_FILE))?;
    Ok(Running::direct(move |count| {
        for _ in 0..count {
            if file.stream_position().is_ok() {
                let _ = file.write_all(LINE);
            }
        }
    }))
}

/// A program without a logger: it puts the same line together itself, the date once a second.
pub(crate) fn written_by_hand(directory: &Path) -> Started {
    let mut file = File::options().append(true).create(true).open(directory.join(LOG_FILE))?;
    let (process, thread) = (std::process::id(), std::process::id());
    let (mut second, mut date, mut line) = (0, String::new(), String::new());
    Ok(Running::direct(move |count| {
        for number in 0..count {
            let (user, status, took_ms) = black_box(("ann", 200_u64, f64::from(number) + 0.25));
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            if second != now.as_secs() {
                second = now.as_secs();
                date = Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string();
            }
            line.clear();
            let _ = writeln!(
                line,
                "{date},{:03} -process[{process}] -thread[{thread}] -my_app.http - [INFO]-[10] - \
                 request answered user={user} status={status} took_ms={took_ms}",
                now.subsec_millis()
            );
            let _ = file.write_all(line.as_bytes());
        }
    }))
}

/// So many layers side by side.
pub(crate) fn fmt_layers(count: usize) -> Started {
    let layer = || tracing_subscriber::fmt::layer().with_ansi(false).with_writer(io::sink);
    let layers: Vec<_> = (0..count).map(|_| layer()).collect();
    tracing_subscriber::registry().with(layers).try_init()?;
    Ok(Running::direct(calls::requests))
}

/// The builder of fmt has errors that cross threads, which `?` does not take apart.
fn to_error(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error> {
    error
}
