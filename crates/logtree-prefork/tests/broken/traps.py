"""The traps of a layer over `tracing`, each fallen into on purpose, and which test must notice: see run.py."""

from kinds import CORE, OS, plain

LAYER, LOGTREE = "crates/logtree-layer/src/", "crates/logtree/src/"


def layer(filter):
    return plain("layer", f"-p logtree-layer --features log --test layer {filter}")


HOST = plain("traps", "-p logtree --features prefork --test traps")
GLOBAL = plain("global", "-p logtree-layer --test global")
SWAPPING = plain("swapping", "-p logtree-layer --test swapping")
NEIGHBOURS = plain("neighbours", "-p logtree --test neighbours")
EXIT = plain("exit", "-p logtree --test exit")
STEADY = plain("steady state", "-p logtree --features log --test steady_state")
FORK = plain("process", "-p logtree-os --test process fork")
LOCK = plain("process", "-p logtree-os --test process lock")
LIMITS = plain("shared memory", "-p logtree-os --test shared_memory limits")

TRAP_KINDS = [
    ("interest: a layer beside others switches callsites off", NEIGHBOURS,
     (LAYER + "layer.rs", "        if self.mode == Mode::Shared {\n            return Interest::always();\n        }\n", "")),
    ("filters: a layer beside others is asked at each event", NEIGHBOURS,
     (LAYER + "layer.rs", "            return Interest::always();\n        }\n        let tree", "            return Interest::sometimes();\n        }\n        let tree")),
    ("hint: of a layer beside others", NEIGHBOURS,
     (LAYER + "layer.rs", "        if self.mode == Mode::Shared {\n            return None;\n        }\n", "")),
    ("interest: a layer that is alone switches nothing off", layer("alone"),
     (LAYER + "layer.rs", "        if is_wanted { Interest::always() } else { Interest::never() }", "        let _ = is_wanted;\n        Interest::always()")),
    ("reload: callsites are not asked again", SWAPPING,
     (LAYER + "handle.rs", "        tracing_core::callsite::rebuild_interest_cache();\n", "")),
    ("reload: a callsite keeps the route of a tree of before", SWAPPING,
     (LAYER + "callsite.rs", "if (known >> 32) as u32 == tree.generation() {", "if known != 0 {")),
    ("reload: `log`'s own threshold stays", plain("state", "-p logtree --features prefork --test state levels_hold_at_once"),
     (LAYER + "handle.rs", "        #[cfg(feature = \"log\")]\n        self.set_level_of_log();\n        drop(changing);", "        drop(changing);")),
    ("hint: not exact", layer("alone"),
     (LAYER + "layer.rs", "LevelFilter::TRACE } else { hint(tree.lowest_wanted()) })", "LevelFilter::TRACE } else { hint(tree.lowest_wanted()).max(LevelFilter::DEBUG) })")),
    ("hint: spans are off where they are read", layer("alone"),
     (LAYER + "layer.rs", "Some(if tree.wants_spans() { LevelFilter::TRACE }", "Some(if false { LevelFilter::TRACE }")),
    ("hint: CRITICAL is above ERROR", layer("alone"),
     (LAYER + "handle.rs", "        Some(_) => LevelFilter::ERROR,", "        Some(level) if level <= Level::ERROR => LevelFilter::ERROR,\n        Some(_) => LevelFilter::OFF,")),
    ("spans: a logger's level refuses them", layer("records"),
     (LAYER + "layer.rs", "            tree.needs().spans || (tree.has_span_events() && is_recorded())", "            let known = KnownCallsite::find(metadata);\n            (tree.needs().spans || (tree.has_span_events() && is_recorded()))\n                && tree.route(known.route_index(&tree)).wants(known.level)")),
    ("fields that route: the callsite is refused", layer("records"),
     (LAYER + "layer.rs", "            known.is_routed_by_event() || tree.route(known.route_index(&tree)).wants(known.level)", "            tree.route(known.route_index(&tree)).wants(known.level)")),
    ("log: an event of tracing-log is routed as `log`", layer("log_records"),
     (LAYER + "log_records.rs", "        target: metadata.target(),\n        level: level_of(*metadata.level()),", "        target: event.metadata().target(),\n        level: level_of(*metadata.level()),")),
    ("log: key-values are lost", layer("log_records"),
     (LAYER + "log_records.rs", "            let _ = log.key_values().visit(&mut KeyValues(&mut text.fields));\n", "")),
    ("re-entrancy: a handler's own record is handled inside", GLOBAL,
     (LAYER + "scratch.rs", "            let _ = BUSY.try_with(|busy| busy.set(outer));\n            if outer == Busy::Waiting || !wait(record) {\n                DROPPED.fetch_add(1, Ordering::Relaxed);\n            }\n",
      "            let _ = (outer, wait(record));\n            tree.route(route).handle(record, &mut Direct)\n")),
    ("re-entrancy: what waits may have others wait", GLOBAL,
     (LAYER + "scratch.rs", "if outer == Busy::Waiting || !wait(record) {", "if !wait(record) {")),
    ("deadlock: a field's own code runs under the span's lock", GLOBAL,
     (LAYER + "spans.rs", "    values.record(&mut SpanVisitor(&mut later));\n", "    let held = span.extensions_mut();\n    values.record(&mut SpanVisitor(&mut later));\n    drop(held);\n")),
    ("span fields: recorded under a write lock", HOST,
     (LAYER + "spans.rs", "    if let Some(SpanText(text)) = span.extensions().get::<SpanText>()\n        && text.owner == owner", "    if let Some(SpanText(text)) = span.extensions_mut().get_mut::<SpanText>()\n        && text.owner == owner")),
    ("errors: printed as any value", layer("records"),
     (LAYER + "visit.rs", "        self.text.fields.push_error(name_of(field), |out| write!(out, \"{value}\"));\n        push_error_chain(self.text.exc_text.begin(), value);\n", "        self.record_debug(field, &format_args!(\"{value}\"));\n")),
    ("thread's end: a local that is gone is asked for", layer("failing"),
     (LAYER + "scratch.rs", "    let lent = SCRATCH.try_with(Cell::take).ok().flatten();", "    let lent = SCRATCH.with(Cell::take);")),
    ("panics: a handler's goes on", layer("failing"),
     (CORE + "handler.rs", "        if catch_unwind(emit).is_err() {\n", "        emit();\n        if false {\n")),
    ("exit: the guard's end writes nothing", EXIT,
     (LOGTREE + "guard.rs", "        let _ = self.flush(DROP_TIMEOUT);\n", "")),
    ("exit: a layer is forgotten", EXIT,
     (LOGTREE + "guard.rs", "        layers.0.push(Arc::downgrade(guarded));\n", "        let _ = guarded;\n")),
    ("fork: a child takes its parent's generation for its own", FORK,
     (OS + "fork.rs", "Advice::LinuxWipeOnFork", "Advice::Normal")),
    ("cost: a record's buffers are made anew", STEADY,
     (LAYER + "scratch.rs", "    let _ = SCRATCH.try_with(|place| place.set(Some(scratch)));\n", "")),
    ("host: a thread of logtree's own", HOST,
     (LOGTREE + "install.rs", "    match subscribe(&tree) {\n", "    std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)));\n    match subscribe(&tree) {\n")),
    ("descriptors: one that is open is the file", LIMITS,
     (OS + "memory/file.rs", "(found.st_dev == self.identity.device && found.st_ino == self.identity.inode).then_some(found)", "Some(found)")),
]
