//! What configs may name: everything that the features bring.

use logtree_core::Registry;

/// A registry with every class that this build of logtree has.
///
/// ```
/// use std::sync::Arc;
/// use logtree::{Object, Record};
///
/// let mut registry = logtree::registry();
/// // What `ext://my_app.release` stands for, and what Django's RequireDebug filters ask.
/// registry.object(Object::new("my_app.release", "1.4.2".to_owned()));
/// registry.object(Object::new("django.conf.settings.DEBUG", cfg!(debug_assertions)));
/// // A function is a filter: as the `callback` of Django's CallbackFilter, or as a class of its own.
/// let not_static = |record: &Record<'_>| !record.message.contains("/static/");
/// registry.object(Object::filter("my_app.not_static", not_static));
/// registry.filter("my_app.NotStatic", move |kwargs| {
///     kwargs.finish()?;
///     Ok(Arc::new(not_static))
/// });
/// ```
pub fn registry() -> Registry {
    #[allow(unused_mut, reason = "no feature adds to it in the smallest build")]
    let mut registry = logtree_dictconfig::registry();
    #[cfg(all(feature = "prefork", target_os = "linux"))]
    logtree_prefork::register(&mut registry);
    #[cfg(not(all(feature = "prefork", target_os = "linux")))]
    registry.factory("multiprocessing.Queue", |_| {
        let message = "multiprocessing.Queue needs logtree's feature `prefork`, on Linux";
        Err(logtree_core::ArgumentError::new("RuntimeError", message))
    });
    #[cfg(feature = "appender")]
    crate::appender::register(&mut registry);
    #[cfg(not(feature = "appender"))]
    for class in ["tracing_appender.rolling.RollingFileAppender", "tracing_appender.non_blocking.NonBlocking"] {
        registry.handler(class, move |_| {
            let message = format!("{class} needs logtree's feature `appender`");
            Err(logtree_core::ArgumentError::new("RuntimeError", message))
        });
    }
    registry
}
