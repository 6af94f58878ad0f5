//! `logging.handlers.QueueHandler`: hands its records to the queue that its config names.
//!
//! What the handler does is the queue's business; here its arguments are read, in a config's spelling (CPython's
//! `DictConfigurator.configure_handler`), and the two ends brought together.

use std::sync::Arc;

use logtree_core::{Argument, ArgumentError, HandlerPlan, Kwargs, QueueListener, RecordQueue};

/// The only listener there is.
const LISTENER: &str = "logging.handlers.QueueListener";

/// The class `logging.handlers.QueueHandler`.
pub(crate) fn plan(mut kwargs: Kwargs) -> Result<HandlerPlan, ArgumentError> {
    let queue = queue(&mut kwargs)?;
    check_listener(kwargs.take("listener"))?;
    check_handlers(kwargs.take("handlers"))?;
    let respect_handler_level = kwargs.truth("respect_handler_level").unwrap_or(false);
    let name = kwargs.entry().to_owned();
    kwargs.finish()?;
    Ok(Box::new(move |handlers| queue.connect(QueueListener { name, handlers, respect_handler_level })))
}

fn queue(kwargs: &mut Kwargs) -> Result<Arc<dyn RecordQueue>, ArgumentError> {
    let expected = "{\"()\": \"multiprocessing.Queue\"}";
    let error = |exception, message: String| ArgumentError::new(exception, message).at("queue").expected(expected);
    match kwargs.take("queue") {
        Some(Argument::Object(object)) => match object.downcast::<Arc<dyn RecordQueue>>() {
            Some(queue) => Ok(Arc::clone(queue)),
            None => Err(error("TypeError", format!("Invalid queue specifier {}", object.name()))),
        },
        Some(other) => Err(error("TypeError", format!("Invalid queue specifier of type {}", other.type_name()))),
        // Python makes a `queue.Queue`.
        None => {
            Err(error("ValueError", "without 'queue' it would be a queue.Queue, which is not available yet".into()))
        }
    }
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

    use logtree_core::{BuildError, Formatter, Handler, HandlerEntry, Object, Record};

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
        assert!(message(vec![]).contains("queue.Queue, which is not available yet"));
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
