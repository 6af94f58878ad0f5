//! What ends with a tree that is swapped for another: its handlers, which may log and change the logging once more.

use std::sync::mpsc;
use std::time::Duration;

use logtree_core::{EmitError, Formatter, Handler, Level, Record, Steps};
use logtree_layer::{Mode, TreeHandle, TreeLayer};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Remember, entry, tree};

/// Logs when it is dropped, and puts its own tree into the place of the one that came after it.
struct ChangesAtTheEnd {
    tree: TreeHandle,
    seen: Remember,
}

impl Handler for ChangesAtTheEnd {
    fn emit(&self, _: &Record<'_>, _: &dyn Formatter, _: &mut dyn Steps) -> Result<(), EmitError> {
        Ok(())
    }
}

impl Drop for ChangesAtTheEnd {
    fn drop(&mut self) {
        tracing::info!("from a handler's end");
        drop(self.tree.swap(tree(&entry(self.seen.clone()), &[("root", Level::DEBUG)])));
    }
}

#[test]
fn a_handler_may_change_the_logging_when_its_tree_is_let_go_of() {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let (before, after) = (Remember::default(), Remember::default());
        let layer = TreeLayer::new(tree(&entry(before.clone()), &[("root", Level::INFO)]), Mode::Exclusive);
        let handle = layer.handle();
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            let ending = ChangesAtTheEnd { tree: handle.clone(), seen: after.clone() };
            drop(handle.swap(tree(&entry(ending), &[("root", Level::INFO)])));
            drop(handle.swap(tree(&entry(before.clone()), &[("root", Level::INFO)])));
            tracing::debug!("afterwards");
        });
        done.send((before.messages(), after.messages())).unwrap();
    });
    // Were the tree of before dropped under a lock of the swap, it would wait for itself for ever.
    let (before, after) = is_done.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!((before, after), (vec!["from a handler's end".to_owned()], vec!["afterwards".to_owned()]));
}
