//! The queue between real processes: forked, killed, stopped.
//!
//! Each scenario runs in a process of its own that has one thread, as a prefork master has.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod cleaner;
mod config;
#[path = "../../../logtree-handlers/tests/handlers/contract.rs"]
#[allow(dead_code)]
mod contract;
mod figures;
mod forked;
mod kills;
mod large;
mod packing;
mod pressure;
mod sharing;
mod shrink;
#[path = "../../../logtree-handlers/tests/handlers/specimen.rs"]
#[allow(dead_code)]
mod specimen;
mod start;
mod support;
#[cfg(logtree_kill_points)]
mod walk;

fn main() {
    let scenarios: &[(&str, fn())] = &[
        ("workers_of_one_master_share_one_listener", sharing::workers_of_one_master_share_one_listener),
        ("unrelated_processes_meet_at_the_file", sharing::unrelated_processes_meet_at_the_file),
        (
            "records_of_several_processes_stand_in_the_order_of_time",
            sharing::records_of_several_processes_stand_in_the_order_of_time,
        ),
        (
            "a_record_of_before_the_clock_went_back_is_not_put_off",
            sharing::a_record_of_before_the_clock_went_back_is_not_put_off,
        ),
        (
            "a_process_that_was_taken_for_dead_gets_another_place",
            sharing::a_process_that_was_taken_for_dead_gets_another_place,
        ),
        ("a_process_with_threads_listens_itself", sharing::a_process_with_threads_listens_itself),
        ("a_killed_listener_is_succeeded_by_its_standby", kills::a_killed_listener_is_succeeded_by_its_standby),
        (
            "when_all_helpers_are_killed_a_process_makes_them_anew",
            kills::when_all_helpers_are_killed_a_process_makes_them_anew,
        ),
        (
            "who_logs_while_all_helpers_are_being_killed_makes_them_anew",
            kills::who_logs_while_all_helpers_are_being_killed_makes_them_anew,
        ),
        (
            "when_all_helpers_are_killed_a_process_with_threads_listens",
            kills::when_all_helpers_are_killed_a_process_with_threads_listens,
        ),
        ("a_killed_helper_leaves_no_zombie", kills::a_killed_helper_leaves_no_zombie),
        (
            "what_one_who_is_dying_has_in_its_hands_is_left_to_it",
            packing::what_one_who_is_dying_has_in_its_hands_is_left_to_it,
        ),
        ("what_one_who_is_dying_makes_last_is_taken_away", packing::what_one_who_is_dying_makes_last_is_taken_away),
        (
            "who_has_joined_a_queue_compresses_when_it_listens",
            packing::who_has_joined_a_queue_compresses_when_it_listens,
        ),
        (
            "a_process_that_listens_again_compresses_what_others_left_meanwhile",
            packing::a_process_that_listens_again_compresses_what_others_left_meanwhile,
        ),
        ("listeners_killed_at_random_write_each_line_once", kills::listeners_killed_at_random_write_each_line_once),
        #[cfg(logtree_kill_points)]
        (
            "a_listener_killed_at_any_point_writes_each_line_once",
            walk::listener::a_listener_killed_at_any_point_writes_each_line_once,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_producer_killed_at_any_point_loses_nothing_and_blocks_nobody",
            walk::producer::a_producer_killed_at_any_point_loses_nothing_and_blocks_nobody,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_process_killed_at_any_point_while_it_installs_keeps_nobody_out",
            walk::joiner::a_process_killed_while_it_installs_keeps_nobody_out,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_process_killed_at_any_point_while_it_finds_a_queue_left_behind_keeps_nobody_out",
            walk::joiner::a_process_killed_while_it_finds_a_queue_left_behind_keeps_nobody_out,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_listener_killed_at_any_point_while_it_leaves_keeps_nobody_out",
            walk::leaver::a_listener_killed_while_it_leaves_keeps_nobody_out,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_listener_killed_at_any_point_while_it_frees_what_the_dead_left_frees_all",
            walk::burial::a_listener_killed_while_it_frees_what_the_dead_left_frees_all,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_listener_killed_at_any_point_while_it_puts_back_its_claims",
            walk::cleaner::a_listener_killed_while_it_puts_back_its_claims,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_listener_killed_at_any_point_tells_of_each_drop_once",
            walk::reports::a_listener_killed_at_any_point_tells_of_each_drop_once,
        ),
        #[cfg(logtree_kill_points)]
        (
            "who_leaves_holds_its_claims_until_the_name_of_its_segment_is_gone",
            walk::held::who_leaves_holds_its_claims_until_the_name_of_its_segment_is_gone,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_listener_that_stays_at_the_last_moment_watches_over_its_claims",
            walk::held::a_listener_that_stays_at_the_last_moment_watches_over_its_claims,
        ),
        #[cfg(logtree_kill_points)]
        (
            "who_dies_before_it_says_that_it_stands_by_is_none",
            walk::held::who_dies_before_it_says_that_it_stands_by_is_none,
        ),
        #[cfg(logtree_kill_points)]
        (
            "any_point_between_look_and_write_may_last",
            walk::held::a_line_is_not_lost_whatever_comes_between_look_and_write,
        ),
        #[cfg(logtree_kill_points)]
        (
            "a_claim_that_is_swept_away_before_it_is_locked_is_made_anew",
            walk::held::a_claim_that_is_swept_away_before_it_is_locked_is_made_anew,
        ),
        #[cfg(logtree_kill_points)]
        (
            "any_point_may_hold_who_has_the_claims_of_a_queue_that_lives",
            walk::stopped::who_has_the_claims_of_a_queue_that_lives_keeps_nobody_out,
        ),
        #[cfg(logtree_kill_points)]
        (
            "who_is_stopped_at_any_point_with_the_claims_of_no_queue_is_named",
            walk::stopped::who_is_stopped_with_the_claims_of_no_queue_is_named,
        ),
        #[cfg(logtree_kill_points)]
        ("any_point_is_on_a_way", walk::every_kill_point_is_on_a_way),
        (
            "a_newer_config_reaches_the_listener_and_its_successors",
            config::a_newer_config_reaches_the_listener_and_its_successors,
        ),
        ("a_newer_config_is_soon_in_force", config::a_newer_config_is_soon_in_force),
        ("a_file_that_the_new_config_leaves_out_is_free", config::a_file_that_the_new_config_leaves_out_is_free),
        ("a_file_whose_claim_is_held_is_free_later", config::a_file_whose_claim_is_held_is_free_later),
        ("a_config_that_cannot_be_started_claims_nothing", config::a_config_that_cannot_be_started_claims_nothing),
        (
            "a_successor_with_an_old_config_claims_nothing_that_was_given_up",
            config::a_successor_with_an_old_config_claims_nothing_that_was_given_up,
        ),
        (
            "a_listener_that_cannot_build_the_config_hands_over",
            config::a_listener_that_cannot_build_the_config_hands_over,
        ),
        (
            "a_thread_listens_where_no_helper_can_build_the_config",
            config::a_thread_listens_where_no_helper_can_build_the_config,
        ),
        (
            "a_process_goes_on_in_its_place_with_another_config",
            config::a_process_goes_on_in_its_place_with_another_config,
        ),
        #[cfg(logtree_kill_points)]
        (
            "whoever_is_killed_at_any_point_while_the_config_changes",
            config::whoever_is_killed_at_any_point_while_the_config_changes,
        ),
        ("a_cleaner_makes_no_second_queue", cleaner::a_cleaner_makes_no_second_queue),
        (
            "a_directory_that_takes_the_place_of_another_gets_a_claim",
            cleaner::a_directory_that_takes_the_place_of_another_gets_a_claim,
        ),
        (
            "a_queue_that_stays_in_a_moved_directory_takes_no_other",
            cleaner::a_queue_that_stays_in_a_moved_directory_takes_no_other,
        ),
        ("a_queue_without_names_is_found_in_its_processes", cleaner::a_queue_without_names_is_found_in_its_processes),
        (
            "what_was_written_stands_once_when_all_are_killed_behind_a_cleaner",
            cleaner::what_was_written_stands_once_when_all_are_killed_behind_a_cleaner,
        ),
        (
            "a_listener_whose_file_another_queue_has_taken_waits_its_turn",
            cleaner::a_listener_whose_file_another_queue_has_taken_waits_its_turn,
        ),
        (
            "a_listener_whose_file_was_taken_ends_when_the_file_is_gone_with_its_directory",
            cleaner::a_listener_whose_file_was_taken_ends_when_the_file_is_gone_with_its_directory,
        ),
        ("a_killed_worker_harms_nobodys_records", kills::a_killed_worker_harms_nobodys_records),
        ("a_dead_workers_last_records_wait_for_their_time", kills::a_dead_workers_last_records_wait_for_their_time),
        ("what_all_left_behind_is_written_by_the_next", kills::what_all_left_behind_is_written_by_the_next),
        ("what_is_no_segment_of_ours_is_said_and_left_alone", start::what_is_no_segment_of_ours_is_said_and_left_alone),
        ("a_named_queue_replaces_what_it_cannot_use", start::a_named_queue_replaces_what_it_cannot_use),
        (
            "a_claim_that_others_may_write_is_said_and_not_believed",
            start::a_claim_that_others_may_write_is_said_and_not_believed,
        ),
        ("where_no_claim_can_be_made_each_writes_for_itself", start::where_no_claim_can_be_made_each_writes_for_itself),
        ("more_processes_than_places_lose_nothing", start::more_processes_than_places_lose_nothing),
        ("half_made_segments_are_swept_in_time", start::half_made_segments_are_swept_in_time),
        ("what_nobody_needs_is_swept_away", kills::what_nobody_needs_is_swept_away),
        ("a_segment_whose_claim_is_held_is_not_swept", kills::a_segment_whose_claim_is_held_is_not_swept),
        ("claims_that_name_no_segment_are_swept_away", kills::claims_that_name_no_segment_are_swept_away),
        (
            "a_worker_that_comes_when_all_have_left_begins_anew",
            sharing::a_worker_that_comes_when_all_have_left_begins_anew,
        ),
        (
            "a_place_that_is_taken_again_has_definitions_of_its_own",
            sharing::a_place_that_is_taken_again_has_definitions_of_its_own,
        ),
        (
            "a_handler_that_reopens_its_own_queue_keeps_nobody",
            sharing::a_handler_that_reopens_its_own_queue_keeps_nobody,
        ),
        ("a_queue_whose_claim_is_held_is_not_left", sharing::a_queue_whose_claim_is_held_is_not_left),
        ("processes_share_a_queue_by_its_name", sharing::processes_share_a_queue_by_its_name),
        ("each_process_keeps_its_own_console", sharing::each_process_keeps_its_own_console),
        ("a_console_that_nobody_reads_stops_no_file", sharing::a_console_that_nobody_reads_stops_no_file),
        ("the_queue_keeps_to_the_contract_of_handlers", forked::the_queue_keeps_to_the_contract_of_handlers),
        ("two_queues_over_one_file_are_refused", sharing::two_queues_over_one_file_are_refused),
        ("what_does_not_fit_is_counted_and_said", pressure::what_does_not_fit_is_counted_and_said),
        (
            "whose_records_are_dropped_sees_that_nobody_listens",
            pressure::whose_records_are_dropped_sees_that_nobody_listens,
        ),
        ("producers_wait_once_for_a_whole_outage", pressure::producers_wait_once_for_a_whole_outage),
        (
            "a_producer_waits_no_longer_for_a_listener_that_is_slow",
            pressure::a_producer_waits_no_longer_for_a_listener_that_is_slow,
        ),
        ("a_producer_that_may_wait_loses_nothing", pressure::a_producer_that_may_wait_loses_nothing),
        (
            "what_cannot_be_written_to_the_end_stays_for_the_next_start",
            pressure::what_cannot_be_written_to_the_end_stays_for_the_next_start,
        ),
        ("records_larger_than_a_lane_are_written_whole", large::records_larger_than_a_lane_are_written_whole),
        ("records_that_have_no_place_are_cut_and_counted", large::records_that_have_no_place_are_cut_and_counted),
        ("large_records_may_wait_for_room", large::large_records_may_wait_for_room),
        ("nobody_killed_loses_or_repeats_a_large_record", large::nobody_killed_loses_or_repeats_a_large_record),
        ("the_reserve_is_for_what_matters", pressure::the_reserve_is_for_what_matters),
        (
            "an_idle_queue_takes_little_memory_and_rarely_wakes",
            figures::an_idle_queue_takes_little_memory_and_rarely_wakes,
        ),
        ("what_a_burst_took_is_given_back", shrink::what_a_burst_took_is_given_back),
        ("a_dead_workers_lane_is_soon_free", figures::a_dead_workers_lane_is_soon_free),
        ("the_first_record_after_a_fork_is_quick", figures::the_first_record_after_a_fork_is_quick),
        (
            "a_thousand_threads_in_sixty_four_processes_have_lanes",
            figures::a_thousand_threads_in_sixty_four_processes_have_lanes,
        ),
        ("a_thousand_threads_have_lanes", pressure::a_thousand_threads_have_lanes),
        (
            "what_cannot_be_written_to_the_end_is_said_to_be_lost",
            pressure::what_cannot_be_written_to_the_end_is_said_to_be_lost,
        ),
    ];
    support::run(scenarios);
}
