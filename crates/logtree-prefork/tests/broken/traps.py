"""The traps of a layer over `tracing`, each fallen into on purpose, and which test must notice: see run.py.

Of what records cost only the allocations are here: a copy that is slower is right all the same, and the benches tell.
"""

from judge import Test
from kinds import CORE, HANDLERS, OS, plain

LAYER, LOGTREE, FORMATTERS = "crates/logtree-layer/src/", "crates/logtree/src/", "crates/logtree-formatters/src/"


def layer(filter):
    return plain("layer", f"-p logtree-layer --features log --test layer {filter}")


HOST = plain("traps", "-p logtree --features prefork,watch --test traps")
GLOBAL = plain("global", "-p logtree-layer --test global")
ASKED = plain("asked again", "-p logtree-layer --test asked_again")
SWAPPING = plain("swapping", "-p logtree-layer --test swapping")
NEIGHBOURS = plain("neighbours", "-p logtree --test neighbours")
CHANGING = layer("changing")
COLORS = plain("colors", "-p logtree --test colors")
TEARDOWN = plain("teardown", "-p logtree --test teardown")
EXIT = plain("exit", "-p logtree --test exit")
DEADLINES = plain("deadlines", "-p logtree --features watch --test deadlines")
PANICS = plain("panics", "-p logtree --test panics")
ABORTS = plain("aborts", "-p logtree --test aborts")
ABORTS_AT_ANY_PANIC = Test("aborts", "-C panic=abort", "-p logtree --test aborts")
WATCH = plain("watch", "-p logtree --features watch --test watch")
CLOCK = plain("unit", "-p logtree-os --lib clock")
SECONDS = plain("formatters", "-p logtree-formatters --test formatters steady_state")
DESCRIPTORS = plain("processes", "-p logtree-handlers --test processes")
STEADY = plain("steady state", "-p logtree --features log --test steady_state")
FORK = plain("process", "-p logtree-os --test process fork")
LOCK = plain("process", "-p logtree-os --test process lock")
LIMITS = plain("shared memory", "-p logtree-os --test shared_memory limits")

TRAP_KINDS = [
    ("per-layer filter: the tree is one", HOST,
     (LOGTREE + "install.rs", "    let subscriber = tracing_subscriber::registry().with(layer);\n",
      "    let asked = handle.clone();\n    let filter = tracing_subscriber::filter::filter_fn(move |metadata| {\n        let level = match *metadata.level() {\n            tracing::Level::ERROR => logtree_core::Level::ERROR,\n            tracing::Level::WARN => logtree_core::Level::WARNING,\n            tracing::Level::INFO => logtree_core::Level::INFO,\n            _ => logtree_core::Level::DEBUG,\n        };\n        metadata.is_span() || asked.tree().find(metadata.target()).wants(level)\n    });\n    let subscriber = tracing_subscriber::registry().with(tracing_subscriber::Layer::with_filter(layer, filter));\n")),
    ("interest: what the tree refuses others do not get either", NEIGHBOURS,
     (LAYER + "layer.rs", "self.mode == Mode::Shared || is_wanted(", "is_wanted(")),
    ("one dispatch: a reload subscribes once more", HOST,
     (LOGTREE + "reload.rs", "        let Ok(old) = old;\n", "        let Ok(old) = old;\n        let _ = install::subscribe(&installed.tree());\n")),
    ("interest: a layer beside others switches callsites off", NEIGHBOURS,
     (LAYER + "layer.rs", "            return Interest::always();\n        }\n        let known", "            let is_refused = !is_wanted(&self.tree.load(), metadata);\n            return if is_refused { Interest::never() } else { Interest::always() };\n        }\n        let known")),
    ("filters: a layer beside others is asked at each event", NEIGHBOURS,
     (LAYER + "layer.rs", "            return Interest::always();\n        }\n        let known", "            return Interest::sometimes();\n        }\n        let known")),
    ("hint: of a layer beside others", NEIGHBOURS,
     (LAYER + "layer.rs", "        if self.mode == Mode::Shared {\n            return None;\n        }\n", "")),
    ("interest: a layer that is alone switches nothing off", layer("alone"),
     (LAYER + "layer.rs", "            false => self.verdicts().of_refused(known),\n", "            false => Interest::always(),\n")),
    ("reload: callsites are not asked again", SWAPPING,
     (LAYER + "handle.rs", "        self.0.verdicts.ask_all(subscriber);\n        drop(changing);\n", "        let _ = &subscriber;\n        drop(changing);\n")),
    ("reload: of two at once the earlier one has the last word", ASKED,
     (LAYER + "handle.rs", "        self.0.verdicts.ask_all(subscriber);\n        drop(changing);\n", "        drop(changing);\n        self.0.verdicts.ask_all(subscriber);\n")),
    ("reload: only the calling thread's subscriber is asked", ASKED,
     (LAYER + "verdicts.rs", "let (Some(subscriber), false) = (subscriber, dispatcher::get_default(is_asked)) else {", "let (Some(subscriber), false) = (subscriber, dispatcher::get_default(is_asked) || true) else {")),
    ("reload: layers beside others are asked as well", ASKED,
     (LAYER + "verdicts.rs", "        if self.mode == Mode::Shared {\n", "        if self.mode == Mode::Shared {\n            rebuild_interest_cache();\n")),
    ("interest: a callsite that is met while the logging changes is off", ASKED,
     (LAYER + "verdicts.rs", "if is_final { Interest::never() } else { Interest::sometimes() }", "Interest::never()")),
    ("interest: what is refused again and again stays on", ASKED,
     (LAYER + "handle.rs", "            self.settle();\n", "            let _ = Self::settle;\n")),
    ("reload: a callsite keeps the route of a tree of before", SWAPPING,
     (LAYER + "callsite.rs", "if (known >> 32) as u32 == tree.generation() {", "if known != 0 {")),
    ("reload: `log`'s own threshold stays", plain("state", "-p logtree --features prefork --test state levels_hold_at_once"),
     (LAYER + "handle.rs", "        #[cfg(feature = \"log\")]\n        self.set_level_of_log();\n        // Under", "        // Under")),
    ("hint: not exact", layer("alone"),
     (LAYER + "layer.rs", "LevelFilter::TRACE } else { hint(tree.lowest_wanted()) })", "LevelFilter::TRACE } else { hint(tree.lowest_wanted()).max(LevelFilter::DEBUG) })")),
    ("hint: spans are off where they are read", layer("alone"),
     (LAYER + "layer.rs", "Some(if tree.wants_spans() { LevelFilter::TRACE }", "Some(if false { LevelFilter::TRACE }")),
    ("hint: CRITICAL is above ERROR", layer("alone"),
     (LAYER + "handle.rs", "        Some(_) => LevelFilter::ERROR,", "        Some(level) if level <= Level::ERROR => LevelFilter::ERROR,\n        Some(_) => LevelFilter::OFF,")),
    ("spans: a logger's level refuses them", layer("records"),
     (LAYER + "layer.rs", "        return tree.needs().spans || (tree.has_span_events() && is_recorded());\n", "        return (tree.needs().spans || (tree.has_span_events() && is_recorded()))\n            && tree.find(metadata.target()).wants(level_of(*metadata.level()));\n")),
    ("fields that route: the callsite is refused", layer("records"),
     (LAYER + "layer.rs", "[LOGGER_FIELD, LEVEL_FIELD].contains(&field.name())", "[LOGGER_FIELD, LEVEL_FIELD].contains(&field.name()) && false")),
    ("log: an event of tracing-log is routed as `log`", layer("log_records"),
     (LAYER + "log_records.rs", "        target: metadata.target(),\n        level: level_of(*metadata.level()),", "        target: event.metadata().target(),\n        level: level_of(*metadata.level()),")),
    ("log: key-values are lost", layer("log_records"),
     (LAYER + "log_records.rs", "            gather(log, &mut text.fields);\n", "")),
    ("re-entrancy: a handler's own record is handled inside", GLOBAL,
     (LAYER + "scratch.rs", "            let _ = BUSY.try_with(|busy| busy.set(outer));\n            if outer == Busy::Waiting || !wait(record) {\n                DROPPED.fetch_add(1, Ordering::Relaxed);\n            }\n",
      "            let _ = (outer, wait(record));\n            tree.route(route).handle(record, &mut Direct)\n")),
    ("re-entrancy: what waits may have others wait", GLOBAL,
     (LAYER + "scratch.rs", "if outer == Busy::Waiting || !wait(record) {", "if !wait(record) {")),
    ("deadlock: a field's own code runs under the span's lock", GLOBAL,
     (LAYER + "spans.rs", "    values.record(&mut SpanVisitor(&mut later));\n", "    let held = span.extensions_mut();\n    values.record(&mut SpanVisitor(&mut later));\n    drop(held);\n")),
    ("deadlock: a tree of before is dropped under a lock", CHANGING,
     (LAYER + "handle.rs", "        drop(changing);\n        old\n", "        drop(old);\n        drop(changing);\n        self.tree()\n")),
    ("colours: a span's fields are kept as a terminal shows them", COLORS,
     (LAYER + "visit.rs", "        self.0.push(FieldName::Inline(field.name()), Value::Str(value));\n", "        self.0.push_debug(FieldName::Inline(field.name()), &format_args!(\"\\x1b[3m{value}\\x1b[0m\"));\n")),
    ("colours: what a formatter has made of the time is everybody's", COLORS,
     (FORMATTERS + "time.rs", "&mut shown[self.id as usize % SHOWN_FORMATS];", "&mut shown[0];"),
     (FORMATTERS + "time.rs", "if (shown.format, shown.second) != (self.id, second) {", "if shown.second != second {")),
    ("span fields: recorded under a write lock", HOST,
     (LAYER + "spans.rs", "    if let Some(SpanText(text)) = span.extensions().get::<SpanText>()\n        && text.owner == owner", "    if let Some(SpanText(text)) = span.extensions_mut().get_mut::<SpanText>()\n        && text.owner == owner")),
    ("errors: printed as any value", layer("records"),
     (LAYER + "visit.rs", "            self.text.fields.push_error(name_of(field), |out| write!(out, \"{value}\"));\n        }\n        write_caught(self.text.exc_text.next_line(), |out| write_chain(out, value, \"\\nCaused by: \"));\n", "            self.record_debug(field, &format_args!(\"{value}\"));\n        }\n")),
    ("errors: a span's has no sources", layer("records"),
     (LAYER + "visit.rs", "|out| write_chain(out, value, \": \"));", "|out| write!(out, \"{value}\"));")),
    ("thread's end: a local that is gone is asked for", TEARDOWN,
     (LAYER + "scratch.rs", "    let lent = SCRATCH.try_with(Cell::take).ok().flatten();", "    let lent = SCRATCH.with(Cell::take);")),
    ("panics: a handler's goes on", layer("failing"),
     (CORE + "handler.rs", "        match caught(|| self.handler.emit(record, &*self.formatter, steps)) {", "        match Some(self.handler.emit(record, &*self.formatter, steps)) {")),
    ("panics: a handler's at a flush goes on", plain("dispatch", "-p logtree-core --test dispatch flush"),
     (CORE + "handler.rs", "        caught(|| self.handler.flush(deadline)).unwrap_or_else(|| {", "        Some(self.handler.flush(deadline)).unwrap_or_else(|| {")),
    ("panics: handlers run inside the hook", PANICS,
     (LOGTREE + "spawn.rs", "    let stand_in = side::stand_in();\n", "    if side::is_listener() || true {\n        return act();\n    }\n    let stand_in = side::stand_in();\n")),
    ("panics: handlers run inside the hook on a queue's thread", PANICS,
     (LOGTREE + "spawn.rs", "    let stand_in = side::stand_in();\n", "    if side::is_listener() {\n        return act();\n    }\n    let stand_in = side::stand_in();\n")),
    ("panics: a value's goes on", PANICS,
     (CORE + "caught.rs", "    if caught(|| _ = write(out)).is_none() {", "    if write(out).is_err() {")),
    ("panics: what is left of one goes on", PANICS,
     (CORE + "caught.rs", "    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {", "    if let Err(again) = Ok::<(), Box<dyn std::any::Any + Send>>(drop(payload)) {")),
    ("panics: a handler's destructor's goes on", PANICS,
     (CORE + "caught.rs", "        _ = caught(|| drop(one));", "        drop(one);")),
    ("panics: a report hook's goes on", PANICS,
     (CORE + "report.rs", "            _ = caught(|| hook(", "            _ = Some(hook(")),
    ("panics: one that aborts flushes nothing", ABORTS,
     (LOGTREE + "panics.rs", "    if cfg!(panic = \"abort\") || CANNOT_UNWIND.contains(&message) {\n", "    if cfg!(panic = \"abort\") {\n")),
    ("panics: where all abort they flush nothing", ABORTS_AT_ANY_PANIC,
     (LOGTREE + "panics.rs", "    if cfg!(panic = \"abort\") || CANNOT_UNWIND.contains(&message) {\n", "    if CANNOT_UNWIND.contains(&message) {\n")),
    ("exit: what was waited for in vain is waited for again", DEADLINES,
     (LOGTREE + "guard.rs", "        WAITED_IN_VAIN.store(true, Ordering::Relaxed);\n", "        let _ = &WAITED_IN_VAIN;\n")),
    ("exit: the guard's end writes nothing", EXIT,
     (LOGTREE + "guard.rs", "        flush_in_time(&self.0);\n", "")),
    ("exit: a layer is forgotten", EXIT,
     (LOGTREE + "guard.rs", "        layers.0.push(Arc::downgrade(guarded));\n", "        let _ = guarded;\n")),
    ("exit: the guard's end writes nothing while a panic unwinds", EXIT,
     (LOGTREE + "guard.rs", "        flush_in_time(&self.0);\n", "        if !std::thread::panicking() {\n            flush_in_time(&self.0);\n        }\n")),
    ("exit: nothing is done at the process' end", EXIT,
     (LOGTREE + "guard.rs", "    logtree_os::at_exit(flush_at_exit);\n", "    let _ = flush_at_exit;\n")),
    ("exit: SIGTERM ends who handles it", WATCH,
     (OS + "signals.rs", " || !action_at(SIGTERM).is_ok_and(|now| is_ours(&now)) {", " || action_at(SIGTERM).map(|now| is_ours(&now)).is_err() {")),
    ("watch: a class that panics ends it", WATCH,
     (LOGTREE + "watch.rs", "match caught(|| guarded.reload()) {", "match Some(guarded.reload()) {")),
    ("clock: a time beyond it is a panic", WATCH,
     (OS + "clock.rs", "    than.checked_add(by).unwrap_or_else(|| than + CENTURY)", "    let _ = CENTURY;\n    than + by")),
    ("reports: of a filter that panics what others hide is said", plain("dispatch", "-p logtree-core --test dispatch hides"),
     (CORE + "handler.rs", "            self.errors.report_place(&self.name, record, &EmitError::Panic);\n        }\n    }\n\n    /// Handles what its filters", "            self.errors.report(&self.name, record, &EmitError::Panic);\n        }\n    }\n\n    /// Handles what its filters")),
    ("exit: SIGTERM ends it as it is", WATCH,
     (LOGTREE + "watch.rs", "            elsewhere(DROP_TIMEOUT + LAST_TIMEOUT, guard::flush_all);\n", "")),
    ("fork: a lock that another thread held stays locked", LOCK,
     (OS + "lock.rs", "            if word & !STATE_MASK == generation && word & STATE_MASK != FREE {\n                return Err(word);\n", "            if word & STATE_MASK != FREE {\n                return Err(word);\n")),
    ("fork: a child waits for its parent's thread", DESCRIPTORS,
     (HANDLERS + "thread_queue/state.rs", "        *self = Self::default();\n", "")),
    ("fork: a child takes its parent's generation for its own", FORK,
     (OS + "fork.rs", "libc::MADV_WIPEONFORK", "libc::MADV_NORMAL")),
    ("cost: a record's buffers are made anew", STEADY,
     (LAYER + "scratch.rs", "    let _ = SCRATCH.try_with(|place| place.set(Some(scratch)));\n", "")),
    ("clock: the coarse one", CLOCK,
     (OS + "clock.rs", "    ns(libc::CLOCK_REALTIME)\n", "    ns(libc::CLOCK_REALTIME_COARSE)\n")),
    ("clock: a second that was shown is shown for the next one", SECONDS,
     (FORMATTERS + "time.rs", "if (shown.format, shown.second) != (self.id, second) {", "if shown.format != self.id {")),
    ("host: a queue's thread begins before the first record", HOST,
     (HANDLERS + "thread_queue.rs", "        let shared = Shared { name, number, limits, no_maxsize, listener, state: ForkLock::default() };\n        Ok(Box::new(Producer(Arc::new(shared))))\n",
      "        let shared = Arc::new(Shared { name, number, limits, no_maxsize, listener, state: ForkLock::default() });\n        shared.start(&mut shared.state.lock());\n        Ok(Box::new(Producer(shared)))\n")),
    ("host: a thread blocks the C library's own signals", HOST,
     (OS + "thread.rs", "    ok(unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &all, before.as_mut_ptr()) })?;",
      "    let every = [u64::MAX; 16];\n    let _ = all;\n    ok(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, every.as_ptr(), before.as_mut_ptr(), 8) as i32 })?;")),
    ("host: its signals stay blocked", HOST,
     (OS + "thread.rs", "    restore_signals(&before);\n    started?;", "    let _ = before;\n    started?;")),
    ("host: a thread of logtree's own", HOST,
     (LOGTREE + "install.rs", "    match subscribe(&tree) {\n", "    std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(60)));\n    match subscribe(&tree) {\n")),
    ("descriptors: one that is open is the log", DESCRIPTORS,
     (HANDLERS + "open.rs", "            Some(seal) => seal.is_on(self.descriptor()),\n            None => self.look().is_some_and(|look| look.is_same_file(&self.opened)),\n", "            Some(_) | None => self.look().is_some(),\n")),
    ("descriptors: one that is open is the file", LIMITS,
     (OS + "memory/file.rs", "(found.st_dev == self.identity.device && found.st_ino == self.identity.inode).then_some(found)", "Some(found)")),
]
