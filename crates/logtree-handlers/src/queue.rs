//! `logging.handlers.QueueHandler`: hands its records to the queue that its config names.
//!
//! What the handler does is the queue's business; here its arguments are read, in a config's spelling (CPython's
//! `DictConfigurator.configure_handler`), and the two ends brought together.

use std::sync::Arc;
use std::time::Instant;

use logtree_core::{
    Argument, ArgumentError, BuildError, EmitError, Formatter, Handler, HandlerEntry, HandlerPlan, Kwargs, Level,
    Needs, Object, QueueListener, Record, RecordQueue, Registry, Steps,
};

use crate::ThreadQueue;
use crate::buffer::with_text;

/// The only listener there is.
const LISTENER: &str = "logging.handlers.QueueListener";

/// The class `logging.handlers.QueueHandler`.
pub(crate) fn plan(mut kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let queue = queue(&mut kwargs)?;
    check_listener(kwargs.take("listener"))?;
    check_handlers(kwargs.take("handlers"))?;
    let respect_handler_level = kwargs.truth("respect_handler_level").unwrap_or(false);
    // Whether the config gives the handler a formatter, which every handler has in the end.
    let is_formatting = kwargs.truth("formatter").unwrap_or(false);
    let name = kwargs.entry().to_owned();
    kwargs.finish()?;
    Ok(Box::new(move |handlers| {
        let producer = queue.connect(QueueListener { name, handlers, respect_handler_level })?;
        Ok(if is_formatting { Box::new(Formatting(producer)) } else { producer })
    }))
}

/// A way into a queue that has a formatter of its own: a record's text is made here and becomes its message (CPython's
/// `QueueHandler.prepare`). Without one message and error travel apart. (`DIFFERENCE`: in Python they become one message
/// then too.)
struct Formatting(Box<dyn Handler>);

impl Handler for Formatting {
    fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, steps: &mut dyn Steps) -> Result<(), EmitError> {
        with_text(|text| {
            formatter.format(record, text)?;
            record.with_text(text, |record| self.0.emit(record, formatter, steps))
        })
    }

    fn open(&self) -> Result<(), BuildError> {
        self.0.open()
    }

    fn start(&self) -> Result<(), BuildError> {
        self.0.start()
    }

    fn flush(&self, deadline: Instant) -> bool {
        self.0.flush(deadline)
    }

    fn settle(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.0.settle(steps)
    }

    fn is_unsettled(&self) -> bool {
        self.0.is_unsettled()
    }

    fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    fn reopen(&self) {
        self.0.reopen();
    }

    fn roll(&self, steps: &mut dyn Steps) -> Result<(), EmitError> {
        self.0.roll(steps)
    }

    fn close(&self) {
        self.0.close();
    }

    fn children(&self) -> &[Arc<HandlerEntry>] {
        self.0.children()
    }

    fn hands_on(&self, child: &HandlerEntry, level: Level) -> bool {
        self.0.hands_on(child, level)
    }

    fn queue(&self) -> Option<&str> {
        self.0.queue()
    }

    fn needs(&self) -> Needs {
        self.0.needs()
    }
}

fn queue(kwargs: &mut Kwargs) -> Result<Arc<dyn RecordQueue>, ArgumentError> {
    let expected = "{\"()\": \"multiprocessing.Queue\"}";
    let error = |message: String| ArgumentError::new("TypeError", message).at("queue").expected(expected);
    match kwargs.take("queue") {
        Some(Argument::Object(object)) => match object.downcast::<Arc<dyn RecordQueue>>() {
            Some(queue) => Ok(Arc::clone(queue)),
            None => Err(error(format!("Invalid queue specifier {}", object.name()))),
        },
        Some(other) => Err(error(format!("Invalid queue specifier of type {}", other.type_name()))),
        None => Ok(Arc::new(ThreadQueue::default())),
    }
}

/// The factories `queue.Queue` and `queue.SimpleQueue`.
pub(crate) fn register(registry: &mut Registry) {
    let object = |queue: ThreadQueue| {
        let name = queue.name();
        let queue: Arc<dyn RecordQueue> = Arc::new(queue);
        Argument::Object(Object::new(name, queue))
    };
    registry
        .factory("queue.Queue", move |kwargs| ThreadQueue::from_kwargs(kwargs).map(object))
        .factory("queue.SimpleQueue", move |kwargs| ThreadQueue::simple_from_kwargs(kwargs).map(object));
}

fn check_listener(listener: Option<Argument>) -> Result<(), ArgumentError> {
    let name = match &listener {
        None => return Ok(()),
        Some(Argument::Str(name)) => name.as_str(),
        Some(Argument::Object(object)) => object.name(),
        Some(other) => other.type_name(),
    };
    if name == LISTENER {
        return Ok(());
    }
    let message = format!("Invalid listener specifier '{name}'");
    Err(ArgumentError::new("TypeError", message).at("listener").expected(LISTENER))
}

/// The handlers themselves come to the plan, built.
fn check_handlers(handlers: Option<Argument>) -> Result<(), ArgumentError> {
    let error = |found: &Argument| {
        let message = format!("'{}' object is not a handler", found.type_name());
        Err(ArgumentError::new("TypeError", message).at("handlers").expected("a list of handlers' names"))
    };
    match handlers {
        None => Ok(()),
        Some(Argument::List(items)) => match items.iter().find(|item| !matches!(item, Argument::Handler(_))) {
            None => Ok(()),
            Some(other) => error(other),
        },
        Some(other) => error(&other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use super::*;
    use crate::NullHandler;

    /// Remembers what it was connected to.
    #[derive(Default)]
    struct Recorder(Mutex<Option<QueueListener>>);

    impl RecordQueue for Recorder {
        fn connect(&self, listener: QueueListener) -> Result<Box<dyn Handler>, BuildError> {
            *self.0.lock().unwrap() = Some(listener);
            Ok(Box::new(NullHandler))
        }
    }

    struct Plain;

    impl Formatter for Plain {
        fn format(&self, _: &Record<'_>, _: &mut String) -> Result<(), logtree_core::FormatError> {
            Ok(())
        }
    }

    fn kwargs(arguments: Vec<(&str, Argument)>) -> Kwargs {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Kwargs::new("QueueHandler.__init__()", arguments).of_entry("q", Vec::new())
    }

    #[test]
    fn the_queue_is_connected_to_the_handlers_in_order() {
        let recorder = Arc::new(Recorder::default());
        let queue = Object::new("multiprocessing.Queue", Arc::clone(&recorder) as Arc<dyn RecordQueue>);
        let plan = plan(kwargs(vec![
            ("queue", Argument::Object(queue)),
            ("listener", Argument::Str(LISTENER.into())),
            ("handlers", Argument::List(vec![Argument::Handler("a".into()), Argument::Handler("b".into())])),
            ("respect_handler_level", Argument::Int(1)),
        ]));
        let entry = |name| Arc::new(HandlerEntry::new(name, Box::new(NullHandler), Arc::new(Plain)));
        plan.unwrap()(vec![entry("a"), entry("b")]).unwrap();
        let listener = recorder.0.lock().unwrap().take().unwrap();
        assert_eq!(listener.name, "q");
        assert!(listener.respect_handler_level);
        let names: Vec<_> = listener.handlers.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn what_is_no_queue_listener_or_handler_is_refused() {
        let message = |arguments| plan(kwargs(arguments)).err().unwrap().to_string();
        let queue = || {
            let queue: Arc<dyn RecordQueue> = Arc::new(Recorder::default());
            ("queue", Argument::Object(Object::new("multiprocessing.Queue", queue)))
        };
        assert!(message(vec![("queue", Argument::Int(3))]).starts_with("TypeError: Invalid queue specifier"));
        // CPython 3.13: {"listener": "logging.Handler"}.
        assert_eq!(
            message(vec![queue(), ("listener", Argument::Str("logging.Handler".into()))]),
            "TypeError: Invalid listener specifier 'logging.Handler'"
        );
        assert!(message(vec![queue(), ("handlers", Argument::List(vec![Argument::Int(1)]))]).starts_with("TypeError"));
        assert_eq!(
            message(vec![queue(), ("level", Argument::Int(1))]),
            "TypeError: QueueHandler.__init__() got an unexpected keyword argument 'level'"
        );
    }
}
