//! What configs may name: everything that the features bring.

use logtree_core::Registry;

/// A registry with every class that this build of logtree has.
///
/// ```
/// let mut registry = logtree::registry();
/// registry.object(logtree::Object::new("my_app.release", "1.4.2".to_owned()));
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
    registry
}
