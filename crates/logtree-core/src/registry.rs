//! The registry: which class name of a config stands for what.

use std::fmt;
use std::sync::Arc;

use crate::{Argument, ArgumentError, BuildError, Filter, Formatter, Handler, HandlerEntry, Kwargs, Object, Table};

/// What a handler's class makes of its arguments: a promise to build it, once every argument of the whole config is
/// known to be good. It is given the handlers that its arguments named, in their order.
pub type HandlerPlan = Box<dyn FnOnce(Vec<Arc<HandlerEntry>>) -> Result<Box<dyn Handler>, BuildError> + Send>;

type Class<T> = Arc<dyn Fn(Kwargs) -> Result<T, ArgumentError> + Send + Sync>;

/// The classes and objects that configs may name.
///
/// Names are Python's dotted ones for what Python has, and whatever a user likes for the rest. A later registration
/// replaces an earlier one.
///
/// ```
/// use std::sync::Arc;
/// # use logtree_core as logtree;
/// use logtree::{Filter, Record, Registry, Verdict};
///
/// struct Sampled { every: i64 }
/// impl Filter for Sampled {
///     fn filter(&self, record: &Record<'_>) -> Verdict {
///         (record.created.0 % self.every == 0).into()
///     }
/// }
///
/// let mut registry = Registry::default();
/// registry.filter("my_app.Sampled", |mut kwargs| {
///     let every = kwargs.int("every")?.unwrap_or(10);
///     kwargs.finish()?;
///     Ok(Arc::new(Sampled { every }))
/// });
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    handlers: Table<Class<HandlerPlan>>,
    formatters: Table<Class<Arc<dyn Formatter>>>,
    filters: Table<Class<Arc<dyn Filter>>>,
    factories: Table<Class<Argument>>,
    objects: Arc<Table<Object>>,
}

impl Registry {
    /// Registers a class of handlers. It looks at the arguments, and promises the handler; that opens its files in
    /// [`Handler::open`], so that a config which is refused has opened none.
    ///
    /// ```
    /// # use logtree_core as logtree;
    /// use logtree::{EmitError, Formatter, Handler, Record, Registry, Steps};
    ///
    /// /// Writes so many characters of each record's text to stderr.
    /// struct Short { width: usize }
    /// impl Handler for Short {
    ///     fn emit(&self, record: &Record<'_>, formatter: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
    ///         let mut text = String::new();
    ///         formatter.format(record, &mut text)?;
    ///         eprintln!("{text:.width$}", width = self.width);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut registry = Registry::default();
    /// registry.handler("my_app.Short", |mut kwargs| {
    ///     let width = kwargs.int("width")?.and_then(|width| width.try_into().ok()).unwrap_or(80);
    ///     kwargs.finish()?;
    ///     Ok(Box::new(move |_| Ok(Box::new(Short { width }))))
    /// });
    /// ```
    pub fn handler(
        &mut self,
        name: impl Into<String>,
        class: impl Fn(Kwargs) -> Result<HandlerPlan, ArgumentError> + Send + Sync + 'static,
    ) -> &mut Self {
        self.handlers.insert(name.into(), Arc::new(class));
        self
    }

    /// Registers a class of formatters.
    pub fn formatter(
        &mut self,
        name: impl Into<String>,
        class: impl Fn(Kwargs) -> Result<Arc<dyn Formatter>, ArgumentError> + Send + Sync + 'static,
    ) -> &mut Self {
        self.formatters.insert(name.into(), Arc::new(class));
        self
    }

    /// Registers a class of filters.
    pub fn filter(
        &mut self,
        name: impl Into<String>,
        class: impl Fn(Kwargs) -> Result<Arc<dyn Filter>, ArgumentError> + Send + Sync + 'static,
    ) -> &mut Self {
        self.filters.insert(name.into(), Arc::new(class));
        self
    }

    /// Registers what a `{"()": name, …}` inside an argument makes.
    pub fn factory(
        &mut self,
        name: impl Into<String>,
        class: impl Fn(Kwargs) -> Result<Argument, ArgumentError> + Send + Sync + 'static,
    ) -> &mut Self {
        self.factories.insert(name.into(), Arc::new(class));
        self
    }

    /// Registers what `ext://name` stands for.
    pub fn object(&mut self, object: Object) -> &mut Self {
        Arc::make_mut(&mut self.objects).insert(object.name().to_owned(), object);
        self
    }

    /// The class of handlers called `name`.
    pub fn find_handler(&self, name: &str) -> Option<&Class<HandlerPlan>> {
        self.handlers.get(name)
    }

    /// The class of formatters called `name`.
    pub fn find_formatter(&self, name: &str) -> Option<&Class<Arc<dyn Formatter>>> {
        self.formatters.get(name)
    }

    /// The class of filters called `name`.
    pub fn find_filter(&self, name: &str) -> Option<&Class<Arc<dyn Filter>>> {
        self.filters.get(name)
    }

    /// The factory called `name`.
    pub fn find_factory(&self, name: &str) -> Option<&Class<Argument>> {
        self.factories.get(name)
    }

    /// The object called `name`.
    pub fn find_object(&self, name: &str) -> Option<&Object> {
        self.objects.get(name)
    }

    /// The arguments of a call by a config: its class can see every registered object.
    pub fn kwargs(&self, call: impl Into<String>, arguments: Vec<(String, Argument)>) -> Kwargs {
        Kwargs::new(call, arguments).of_registry(Arc::clone(&self.objects))
    }

    /// Every name that is known, of whatever kind, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let classes = self.handlers.names().chain(self.formatters.names()).chain(self.filters.names());
        classes.chain(self.factories.names()).chain(self.objects.names())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
