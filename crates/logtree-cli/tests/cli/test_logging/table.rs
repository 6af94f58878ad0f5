//! CPython 3.13's `test_logging.py`, method by method: the case of ours that says the same, or why there is none.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What became of a test of CPython's.
enum Row {
    /// A test of ours, by its file below `crates/` and its name.
    Case(&'static str, &'static str),
    /// Nothing, and why.
    None(&'static str),
}

use Row::{Case, None};

/// All methods of a class that is not about anything logtree has.
const ALL: &str = "*";

const LOGGERS: &str = "logtree-cli/tests/cli/test_logging/loggers.rs";
const CONFIGS: &str = "logtree-cli/tests/cli/test_logging/config_dict.rs";
const DISPATCH: &str = "logtree-core/tests/dispatch.rs";
const APPLY: &str = "logtree-dictconfig/src/apply.rs";
const BUILD: &str = "logtree-dictconfig/tests/dictconfig/build.rs";
const REGISTRY: &str = "logtree-dictconfig/tests/dictconfig/registry.rs";
const ABSENT: &str = "logtree-dictconfig/tests/dictconfig/absent.rs";
const FORMATTERS: &str = "logtree-formatters/tests/formatters/cpython.rs";
const RECORD: &str = "logtree-core/src/record.rs";
const LAYER_RECORDS: &str = "logtree-layer/tests/layer/records.rs";
const EMIT: &str = "logtree-cli/tests/cli/emit.rs";
const FILE: &str = "logtree-handlers/tests/handlers/file.rs";
const INI: &str = "logtree-cli/tests/cli/test_logging/file_config.rs";
const HELD: &str = "logtree-cli/tests/cli/test_logging/memory.rs";
const FILE_CONFIG: &str = "logtree-dictconfig/tests/dictconfig/ini.rs";
const QUEUE: &str = "logtree-handlers/tests/handlers/queue.rs";
const ROTATING: &str = "logtree-handlers/tests/handlers/rotating.rs";
const TIMED: &str = "logtree-handlers/tests/handlers/timed.rs";
const TIMED_UNITS: &str = "logtree-handlers/src/timed/tests.rs";
const TIMED_CONFIG: &str = "logtree-handlers/src/timed/config.rs";
const SCHEDULE: &str = "logtree-handlers/src/schedule.rs";
const STATE: &str = "logtree/tests/state/main.rs";
const STREAM: &str = "logtree-handlers/tests/handlers/stream.rs";

const ARGUMENTS: &str = "arguments_of_handlers_that_are_not_there_are_answered_as_by_cpython";
const NO_OBJECTS: &str = "a config of text holds no Python objects; what a program makes has a name";
const NO_ADAPTERS: &str = "tracing's spans and fields stand for LoggerAdapter";
const NO_MODULE_STATE: &str = "about Python's module-level functions; here levels are tracing's macros";
const NO_SUBCLASS: &str = "there are no subclasses of Logger or LogRecord";
const NO_LISTEN: &str = "logging.config.listen takes configs from a socket; logtree reads files";

#[rustfmt::skip]
const TABLE: &[(&str, &[(&str, Row)])] = &[
    ("BuiltinLevelsTest", &[
        ("test_flat", Case(LOGGERS, "each_logger_has_its_own_threshold")),
        ("test_nested_explicit", Case(LOGGERS, "a_nested_logger_with_a_level_does_not_ask_its_parent")),
        ("test_nested_inherited", Case(LOGGERS, "a_nested_logger_without_a_level_asks_its_parent")),
        ("test_nested_with_virtual_parent", Case(LOGGERS, "a_parent_that_no_one_names_is_passed_over")),
        ("test_regression_22386", Case(LOGGERS, "level_names_have_numbers_and_one_level_may_have_two_names")),
        ("test_issue27935", Case(LOGGERS, "level_names_have_numbers_and_one_level_may_have_two_names")),
        ("test_regression_29220", Case(LOGGERS, "a_level_may_be_given_an_empty_name")),
    ]),
    ("BasicFilterTest", &[
        ("test_filter", Case(LOGGERS, "a_filter_by_name_passes_that_logger_and_what_is_below")),
        ("test_callable_filter", Case(REGISTRY, "a_callback_filter_asks_a_registered_filter")),
        ("test_empty_filter", Case(LOGGERS, "a_filter_by_name_passes_that_logger_and_what_is_below")),
    ]),
    ("CustomLevelsAndFiltersTest", &[
        ("test_handler_filter_replaces_record", Case(DISPATCH, "what_a_handlers_filter_puts_in_a_records_place_is_for_that_handler_alone")),
        ("test_logging_filter_replaces_record", Case(DISPATCH, "what_a_loggers_filter_puts_in_a_records_place_goes_to_all_handlers_and_later_filters")),
        ("test_logger_filter", Case(LOGGERS, "levels_of_the_programs_own_are_thresholds_of_loggers_and_handlers")),
        ("test_handler_filter", Case(LOGGERS, "levels_of_the_programs_own_are_thresholds_of_loggers_and_handlers")),
        ("test_specific_filters", Case(DISPATCH, "filters_of_a_logger_and_of_a_handler_both_must_pass")),
    ]),
    ("HandlerTest", &[
        ("test_name", Case(BUILD, "the_storys_config_becomes_its_tree")),
        ("test_builtin_handlers", Case(ABSENT, ARGUMENTS)),
        ("test_pathlike_objects", None("a config of text has no pathlike objects; in code a path is anything that is one")),
        ("test_race", Case("logtree-handlers/tests/handlers/watched.rs", "a_file_that_was_moved_replaced_or_deleted_is_opened_anew_at_once")),
        ("test_post_fork_child_no_deadlock", Case("logtree-handlers/tests/processes.rs", "main")),
    ]),
    ("StreamHandlerTest", &[
        ("test_error_handling", Case(STREAM, "a_stream_that_is_closed_is_an_error_and_not_the_end")),
        ("test_stream_setting", None("a handler never changes once it is made")),
        ("test_can_represent_stream_with_int_name", None("about Python's repr of a handler")),
    ]),
    ("SMTPHandlerTest", &[("test_basic", Case(ABSENT, ARGUMENTS))]),
    ("MemoryHandlerTest", &[
        ("test_flush", Case(HELD, "what_is_held_is_handed_on_when_it_is_enough_or_something_matters")),
        ("test_flush_on_close", Case(HELD, "the_end_hands_on_what_is_held_unless_told_not_to")),
        ("test_shutdown_flush_on_close", Case(HELD, "the_end_hands_on_what_is_held_unless_told_not_to")),
        ("test_race_between_set_target_and_flush", None("a target never changes")),
    ]),
    ("ConfigFileTest", &[
        ("test_config0_ok", Case(INI, "a_root_with_a_handler")),
        ("test_config0_using_cp_ok", None("a RawConfigParser is Python's; a text is read from memory by from_str")),
        ("test_config1_ok", Case(INI, "a_logger_with_a_handler_below_a_root_without")),
        ("test_config2_failure", Case(INI, "what_is_misspelt_is_refused")),
        ("test_config3_failure", Case(INI, "what_is_misspelt_is_refused")),
        ("test_config4_ok", Case(FILE_CONFIG, "files_are_answered_as_by_cpython")),
        ("test_config5_ok", Case(INI, "a_logger_with_a_handler_below_a_root_without")),
        ("test_config6_ok", Case(INI, "a_logger_with_a_handler_below_a_root_without")),
        ("test_config7_ok", Case(INI, "a_parent_and_its_child_are_named_and_their_neighbour_is_not")),
        ("test_config8_ok", Case(INI, "a_file_handler_with_arguments_of_both_kinds")),
        ("test_config9_ok", Case(INI, "a_formatters_defaults_fill_gaps")),
        ("test_logger_disabling", Case(APPLY, "a_second_config_disables_and_spares_whom_python_disables_and_spares")),
        ("test_config_set_handler_names", Case(BUILD, "the_storys_config_becomes_its_tree")),
        ("test_exception_if_confg_file_is_invalid", Case(INI, "what_is_no_such_file_is_refused")),
        ("test_exception_if_confg_file_is_empty", Case(INI, "what_is_no_such_file_is_refused")),
        ("test_exception_if_config_file_does_not_exist", Case(INI, "what_is_no_such_file_is_refused")),
        ("test_defaults_do_no_interpolation", None("defaults of a config parser are an argument of Python's function")),
    ]),
    ("SocketHandlerTest", &[(ALL, Case(ABSENT, ARGUMENTS))]),
    ("DatagramHandlerTest", &[(ALL, Case(ABSENT, ARGUMENTS))]),
    ("SysLogHandlerTest", &[(ALL, Case(ABSENT, ARGUMENTS))]),
    ("HTTPHandlerTest", &[(ALL, Case(ABSENT, ARGUMENTS))]),
    ("MemoryTest", &[("test_persistent_loggers", None("about Python's garbage collector"))]),
    ("EncodingTest", &[
        ("test_encoding_plain_file", Case("logtree-handlers/tests/handlers/classes.rs", "files_in_another_encoding_and_with_another_terminator")),
        ("test_encoding_cyrillic_unicode", Case(FILE, "text_that_the_encoding_lacks_is_an_error_that_says_where")),
    ]),
    ("WarningsTest", &[(ALL, None("about Python's module warnings"))]),
    ("ConfigDictTest", &[
        ("test_config0_ok", Case(CONFIGS, "a_root_with_a_handler")),
        ("test_config1_ok", Case(CONFIGS, "a_logger_with_a_handler_below_a_root_without")),
        ("test_config2_failure", Case(CONFIGS, "what_is_misspelt_is_refused_where_it_stands")),
        ("test_config2a_failure", Case(CONFIGS, "what_is_misspelt_is_refused_where_it_stands")),
        ("test_config2b_failure", Case(CONFIGS, "what_is_misspelt_is_refused_where_it_stands")),
        ("test_config3_failure", Case(CONFIGS, "what_is_misspelt_is_refused_where_it_stands")),
        ("test_config4_ok", Case(BUILD, "a_formatters_factory_may_call_its_format_fmt")),
        ("test_config4a_ok", Case(BUILD, "a_formatters_factory_may_call_its_format_fmt")),
        ("test_config5_ok", Case(REGISTRY, "a_handler_of_the_programs_own_has_all_that_others_have")),
        ("test_config6_failure", Case(CONFIGS, "a_key_that_is_no_python_name_is_no_argument")),
        ("test_config7_ok", Case(APPLY, "a_second_config_disables_and_spares_whom_python_disables_and_spares")),
        ("test_config_8_ok", Case(APPLY, "a_second_config_disables_and_spares_whom_python_disables_and_spares")),
        ("test_config_8a_ok", Case(CONFIGS, "levels_below_the_root_do_not_silence_it")),
        ("test_config_9_ok", Case(APPLY, "an_incremental_config_changes_levels_and_propagate_only")),
        ("test_config_10_ok", Case(CONFIGS, "a_filter_of_a_handler_and_of_a_logger")),
        ("test_config11_ok", Case(CONFIGS, "sections_and_handlers_may_stand_elsewhere")),
        ("test_config12_failure", Case(CONFIGS, "a_version_must_be_there_and_be_one")),
        ("test_config13_failure", Case(CONFIGS, "a_version_must_be_there_and_be_one")),
        ("test_config14_ok", Case(CONFIGS, "attributes_of_a_handler_are_set_and_those_that_nobody_reads_do_no_harm")),
        ("test_config15_ok", Case(APPLY, "handlers_are_replaced_and_attached_once")),
        ("test_config16_ok", Case(CONFIGS, "defaults_of_a_formatter_fill_gaps_and_the_record_wins")),
        ("test_config17_ok", Case(BUILD, "attributes_are_set_on_formatters_that_a_factory_makes")),
        ("test_config18_ok", Case(HELD, "a_flush_level_has_a_name_and_errors_are_the_usual_one")),
        ("test_listen_config_10_ok", None(NO_LISTEN)),
        ("test_listen_config_1_ok", None(NO_LISTEN)),
        ("test_listen_verify", None(NO_LISTEN)),
        ("test_bad_format", Case(HELD, "a_format_that_is_refused_is_refused_behind_a_target_too")),
        ("test_bad_format_with_dollar_style", Case(HELD, "a_format_that_is_refused_is_refused_behind_a_target_too")),
        ("test_custom_formatter_class_with_validate", Case(CONFIGS, "a_formatters_class_may_be_named_by_class_or_by_factory")),
        ("test_custom_formatter_class_with_validate2", Case(CONFIGS, "a_formatters_class_may_be_named_by_class_or_by_factory")),
        ("test_custom_formatter_class_with_validate2_with_wrong_fmt", Case(CONFIGS, "a_formatters_class_may_be_named_by_class_or_by_factory")),
        ("test_custom_formatter_class_with_validate3", Case(BUILD, "a_formatters_class_that_lacks_an_argument_is_refused")),
        ("test_custom_formatter_function_with_validate", Case(BUILD, "a_formatters_class_that_lacks_an_argument_is_refused")),
        ("test_custom_formatter_function_with_defaults", Case(BUILD, "a_formatters_class_that_lacks_an_argument_is_refused")),
        ("test_baseconfig", Case(CONFIGS, "every_form_of_path_leads_to_its_value")),
        ("test_namedtuple", None(NO_OBJECTS)),
        ("test_config_callable_filter_works", None(NO_OBJECTS)),
        ("test_config_filter_works", None(NO_OBJECTS)),
        ("test_config_filter_method_works", None(NO_OBJECTS)),
        ("test_invalid_type_raises", Case(CONFIGS, "what_is_no_filter_is_refused")),
        ("test_config_queue_handler", Case(CONFIGS, "queues_and_listeners_that_are_none_are_refused")),
        ("test_config_queue_handler_does_not_create_multiprocessing_manager", None("about Python's multiprocessing.Manager")),
        ("test_config_queue_handler_invalid_config_does_not_create_multiprocessing_manager", None("about Python's multiprocessing.Manager")),
        ("test_config_queue_handler_multiprocessing_context", None("about Python's multiprocessing contexts")),
        ("test_multiprocessing_queues", Case(EMIT, "through_a_queue_between_processes_nothing_is_lost")),
        ("test_90195", Case(APPLY, "a_second_config_disables_and_spares_whom_python_disables_and_spares")),
        ("test_111615", None("about Python's multiprocessing contexts")),
        ("test_kwargs_passing", None("a QueueHandler has no subclasses here")),
    ]),
    ("ManagerTest", &[(ALL, None(NO_SUBCLASS))]),
    ("ChildLoggerTest", &[
        ("test_child_loggers", Case(LOGGERS, "a_child_is_found_below_its_parent_however_it_is_named")),
        ("test_get_children", None("a logger does not list its children; `logtree tree` does")),
    ]),
    ("LogRecordFactoryTest", &[(ALL, None(NO_SUBCLASS))]),
    ("QueueHandlerTest", &[
        ("test_queue_handler", Case(QUEUE, "records_are_handled_in_order_by_a_thread_with_a_name")),
        ("test_formatting", Case(QUEUE, "a_formatter_of_the_way_in_makes_the_message")),
        ("test_queue_listener", Case(QUEUE, "the_level_of_the_handlers_is_respected_where_the_config_says_so")),
        ("test_queue_listener_with_StreamHandler", Case(QUEUE, "a_formatter_of_the_way_in_makes_the_message")),
        ("test_queue_listener_with_multiple_handlers", Case(QUEUE, "a_formatter_of_the_way_in_makes_the_message")),
    ]),
    ("QueueListenerTest", &[
        ("test_handle_called_with_queue_queue", Case(QUEUE, "records_are_handled_in_order_by_a_thread_with_a_name")),
        ("test_handle_called_with_mp_queue", Case(EMIT, "through_a_queue_between_processes_nothing_is_lost")),
        ("test_no_messages_in_queue_after_stop", Case(QUEUE, "the_end_drains_and_leaves_no_thread")),
        ("test_calls_task_done_after_stop", None("a queue of Python's counts tasks for join(); here a flush answers when all is written")),
    ]),
    ("FormatterTest", &[
        ("test_percent", Case(FORMATTERS, "broken_formats")),
        ("test_braces", Case(FORMATTERS, "broken_formats")),
        ("test_dollars", Case(FORMATTERS, "broken_formats")),
        ("test_format_validate", Case(FORMATTERS, "broken_formats")),
        ("test_defaults_parameter", Case(CONFIGS, "defaults_of_a_formatter_fill_gaps_and_the_record_wins")),
        ("test_invalid_style", Case(CONFIGS, "a_format_of_another_style_is_refused")),
        ("test_time", Case(FORMATTERS, "records_and_times_in_each_zone")),
        ("test_default_msec_format_none", Case(FORMATTERS, "records_and_times_in_each_zone")),
        ("test_issue_89047", Case(RECORD, "created_and_msecs_are_cpythons")),
        ("test_msecs_has_no_floating_point_precision_loss", Case(RECORD, "created_and_msecs_are_cpythons")),
        ("test_relativeCreated_has_higher_precision", Case(RECORD, "relative_time_is_as_precise_as_cpythons")),
    ]),
    ("BufferingFormatterTest", &[(ALL, None("no handler of Python's uses a BufferingFormatter"))]),
    ("ExceptionTest", &[("test_formatting", Case(LAYER_RECORDS, "an_error_brings_its_chain"))]),
    ("LastResortTest", &[("test_last_resort", Case(LOGGERS, "a_record_that_meets_no_handler_comes_to_the_last_resort"))]),
    ("ShutdownTest", &[(ALL, None("about exceptions of Python's locks at exit; what a handler's flush answers is in the contract"))]),
    ("ModuleLevelMiscTest", &[
        ("test_disable", Case(DISPATCH, "disable_drops_its_level_and_below")),
        ("test_log", None(NO_MODULE_STATE)),
        ("test_debug", None(NO_MODULE_STATE)),
        ("test_info", None(NO_MODULE_STATE)),
        ("test_warning", None(NO_MODULE_STATE)),
        ("test_error", None(NO_MODULE_STATE)),
        ("test_critical", None(NO_MODULE_STATE)),
        ("test_set_logger_class", None(NO_SUBCLASS)),
        ("test_subclass_logger_cache", None(NO_SUBCLASS)),
        ("test_logging_at_shutdown", Case("logtree/tests/teardown.rs", "what_destructors_of_thread_locals_log_is_written")),
        ("test_logging_at_shutdown_open", Case("logtree/tests/teardown.rs", "what_destructors_of_thread_locals_log_is_written")),
        ("test_recursion_error", Case("logtree-layer/tests/global.rs", "what_a_handler_logs_is_handled_afterwards_and_ends")),
        ("test_get_level_names_mapping", Case(LOGGERS, "level_names_have_numbers_and_one_level_may_have_two_names")),
    ]),
    ("LogRecordTest", &[
        ("test_str_rep", None("about Python's repr of a record")),
        ("test_dict_arg", None("messages are finished when they come; there are no args")),
        ("test_multiprocessing", Case(FORMATTERS, "records_and_times_in_each_zone")),
        ("test_optional", None("logThreads and the like are not there: what no format names costs nothing")),
        ("test_taskName_with_asyncio_imported", None("about Python's asyncio")),
        ("test_taskName_without_asyncio_imported", Case(FORMATTERS, "records_and_times_in_each_zone")),
    ]),
    ("BasicConfigTest", &[(ALL, Case(STATE, "main"))]),
    ("LoggerAdapterTest", &[(ALL, None(NO_ADAPTERS))]),
    ("LoggerTest", &[
        ("test_set_invalid_level", Case(CONFIGS, "what_is_misspelt_is_refused_where_it_stands")),
        ("test_exception", Case(LAYER_RECORDS, "an_error_brings_its_chain")),
        ("test_log_invalid_level_with_raise", Case(LOGGERS, "a_level_that_is_none_is_the_events_fault_and_not_the_programs")),
        ("test_log_invalid_level_no_raise", Case(LOGGERS, "a_level_that_is_none_is_the_events_fault_and_not_the_programs")),
        ("test_find_caller_with_stack_info", None("a callsite is found when the program is compiled; there is no stack to walk")),
        ("test_find_caller_with_stacklevel", None("a callsite is found when the program is compiled; there is no stack to walk")),
        ("test_make_record_with_extra_overwrite", Case("logtree-formatters/tests/formatters/tracing_records.rs", "an_attribute_hides_a_field_of_its_name_and_the_message_shows_it")),
        ("test_make_record_with_extra_no_overwrite", Case("logtree-formatters/tests/formatters/tracing_records.rs", "fields_come_from_the_event_first_then_from_the_nearest_span")),
        ("test_has_handlers", Case(DISPATCH, "what_no_handler_wants_is_not_wanted")),
        ("test_has_handlers_no_propagate", Case(DISPATCH, "the_walk_calls_each_loggers_handlers_in_order_and_stops_where_propagate_is_false")),
        ("test_is_enabled_for", Case(DISPATCH, "disable_drops_its_level_and_below")),
        ("test_is_enabled_for_disabled_logger", Case(DISPATCH, "ancestors_levels_filters_and_disabled_play_no_part")),
        ("test_root_logger_aliases", Case(LOGGERS, "the_root_has_two_names_and_nobody_else_has_them")),
        ("test_invalid_names", None("a name that is no text does not compile")),
        ("test_pickling", None("a logger is a name; there is nothing to pickle")),
        ("test_caching", Case("logtree-layer/tests/swapping.rs", "a_level_that_changes_holds_at_once_also_for_callsites_that_are_known")),
    ]),
    ("FileHandlerTest", &[
        ("test_delay", Case(FILE, "nothing_is_there_before_open")),
        ("test_emit_after_closing_in_write_mode", Case(FILE, "modes_decide_about_what_stands_there")),
    ]),
    ("RotatingFileHandlerTest", &[
        ("test_should_not_rollover", Case(ROTATING, "sequences_of_records_leave_what_cpython_leaves")),
        ("test_should_not_rollover_non_file", Case(ROTATING, "what_is_no_regular_file_is_never_rolled")),
        ("test_should_rollover", Case(ROTATING, "sequences_of_records_leave_what_cpython_leaves")),
        ("test_file_created", Case(ROTATING, "sequences_of_records_leave_what_cpython_leaves")),
        ("test_max_bytes", Case(ROTATING, "sequences_of_records_leave_what_cpython_leaves")),
        ("test_max_bytes_delay", Case(ROTATING, "sequences_of_records_leave_what_cpython_leaves")),
        ("test_rollover_filenames", Case(ROTATING, "many_old_files_and_gaps_among_them")),
        ("test_namer_rotator_inheritance", None("there are no subclasses of a handler")),
        ("test_rotator", None("a rotator is a Python function")),
    ]),
    ("TimedRotatingFileHandlerTest", &[
        ("test_should_not_rollover", Case(TIMED, "what_is_no_regular_file_is_never_rolled")),
        ("test_rollover", Case(TIMED, "the_first_interval_begins_with_the_last_change_of_the_file")),
        ("test_rollover_at_midnight", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_rollover_at_weekday", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_invalid", Case(TIMED_CONFIG, "arguments_are_refused_that_cpython_refuses")),
        ("test_compute_rollover_daily_attime", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_compute_rollover_weekly_attime", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_compute_files_to_delete", Case(TIMED_UNITS, "files_are_deleted_that_cpython_deletes")),
        ("test_compute_files_to_delete_same_filename_different_extensions", Case(TIMED_UNITS, "files_are_deleted_that_cpython_deletes")),
        ("test_compute_rollover_MIDNIGHT_local", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_compute_rollover_W6_local", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_compute_rollover_MIDNIGHT_local_interval", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
        ("test_compute_rollover_W6_local_interval", Case(SCHEDULE, "files_roll_when_they_do_in_cpython")),
    ]),
    ("NTEventLogHandlerTest", &[("test_basic", None("Windows only"))]),
    ("MiscTestCase", &[("test__all__", None("about the names of Python's module"))]),
];

#[test]
fn every_case_is_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (class, rows) in TABLE {
        for (method, row) in *rows {
            match row {
                Case(file, test) => {
                    let source = std::fs::read_to_string(crates.join(file)).unwrap();
                    assert!(source.contains(&format!("fn {test}()")), "{class}.{method}: {file} has no {test}");
                }
                None(reason) => assert!(!reason.is_empty(), "{class}.{method}"),
            }
        }
    }
}

/// Prints the classes of CPython's own tests with the methods that are tests. Those that inherit all of them are left out, and
/// so are those that a platform may lack: `ast` sees what is written.
const METHODS: &str = "
import ast, os, test
path = os.path.join(os.path.dirname(test.__file__), 'test_logging.py')
with open(path, encoding='utf-8') as file:
    tree = ast.parse(file.read())
def methods(body):
    for item in body:
        if isinstance(item, ast.FunctionDef) and item.name.startswith('test'):
            yield item.name
for top in ast.walk(tree):
    if isinstance(top, ast.ClassDef):
        for name in methods(top.body):
            print(top.name, name)
";

#[test]
fn every_method_of_cpythons_tests_has_a_row() {
    let mut python = Command::new("python3.13");
    let Ok(output) = python.args(["-c", METHODS]).env("PYENV_VERSION", "3.13.0").output() else {
        println!("no CPython 3.13 here: its tests were not counted");
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    if !output.status.success() || said.is_empty() {
        println!("a CPython without its own tests: they were not counted");
        return;
    }
    let mut theirs: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (class, method) in said.lines().filter_map(|line| line.split_once(' ')) {
        theirs.entry(class).or_default().push(method);
    }
    for (class, methods) in &theirs {
        let rows = TABLE.iter().find(|(known, _)| known == class).unwrap_or_else(|| panic!("{class} is missing")).1;
        if rows[0].0 == ALL {
            continue;
        }
        let mut ours: Vec<&str> = rows.iter().map(|(method, _)| *method).collect();
        let mut methods = methods.clone();
        ours.sort_unstable();
        methods.sort_unstable();
        assert_eq!(ours, methods, "{class}");
    }
    let unknown: Vec<&str> =
        TABLE.iter().map(|(class, _)| *class).filter(|class| !theirs.contains_key(class)).collect();
    assert!(unknown.is_empty(), "CPython has no {unknown:?}");
    println!("{} methods of CPython's tests have their rows", said.lines().count());
}
