"""Every small study that once came out wrong, and the tests that hold what must come out.

A case is one instance of a kind of fault; what follows the colons is the test, with the parameter that is the case.
"""

from typing import Final

SLOTS: Final = "sweeper/execution/slots/"

CASES: Final[dict[str, tuple[str, ...]]] = {
    "exports/null-and-empty-in-csv": (
        "sweeper/export/test_tables.py::test_null_and_the_empty_text_are_different_cells_of_csv",
        "sweeper/cli/test_odd_levels.py::test_odd_levels_are_told_apart_in_show_claims_exports_archives_and_reports",
    ),
    "exports/null-makes-floats": (
        "sweeper/export/test_tables.py::test_integers_and_booleans_beside_null_stay_what_they_are_in_parquet",
    ),
    "exports/spreadsheet-formula": (
        "sweeper/export/test_tables.py::test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe",
        "reports/test_build.py::test_what_a_spreadsheet_would_run_is_text_in_every_file",
    ),
    "packaging/light-core": ("packaging/test_light_core.py::test_it_requires_no_package_of_an_extra",),
    "packaging/no-exact-versions": (
        "packaging/test_requirements.py::test_the_core_asks_for_no_exact_version_and_nothing_of_the_trainer",
    ),
    "plan/budget-mandatory": (
        "cases/test_played.py::test_a_program_has_a_length_of_its_own",
        "cases/test_refused.py::test_plan_words_budgets",
    ),
    "plan/did-you-mean": (
        "cases/test_refused.py::test_plan_refuses[values are levels]",
        "cases/test_refused.py::test_plan_refuses[min and max are low and high]",
    ),
    "plan/did-you-mean-elsewhere": (
        "cases/test_refused.py::test_plan_refuses[choices are levels]",
        "cases/test_refused.py::test_plan_refuses[minimum and maximum are low and high]",
        "cases/test_refused.py::test_plan_refuses[a goal is a direction]",
    ),
    "plan/gpu-slice-without-gpu": (
        "sweeper/execution/test_gpus.py::test_a_device_that_is_not_there_gives_no_slot_and_is_told",
    ),
    "plan/narrow-terminal": (
        "sweeper/cli/test_progress.py::test_a_narrow_terminal_gets_lines_in_which_every_number_says_what_it_is",
    ),
    "plan/neighbours-line": (
        SLOTS + "test_neighbours.py::test_more_threads_than_cores_are_told_once_they_are_of_two_launchers",
    ),
    "plan/one-steps": ("cases/test_refused.py::test_plan_words_budgets",),
    "plan/whole-epochs": ("cases/test_refused.py::test_plan_words_budgets",),
    "programs/ansi-colours": (SLOTS + "test_numerals.py::test_colors_are_removed_before_patterns_are_matched",),
    "programs/child-outlives-trial": (
        SLOTS + "test_strays.py::test_a_daemon_ends_with_its_trial_whose_message_names_it",
    ),
    "programs/comma-decimal": (
        SLOTS + "test_numerals.py::test_a_decimal_comma_is_never_read_and_fails_the_trial_with_the_line",
        "cases/test_played.py::test_a_part_of_a_number_is_never_a_value",
    ),
    "programs/environment-placeholder": (
        SLOTS + "test_slot.py::test_placeholders_and_the_slot_s_variables_are_filled_in_in_the_environment",
    ),
    "programs/fractional-step": (SLOTS + "test_numerals.py::test_fractional_steps_keep_every_report_and_are_told",),
    "programs/matched-no-number": (SLOTS + "test_numerals.py::test_matches_that_are_not_numbers_are_counted",),
    "programs/missing-script": (
        "cases/test_refused.py::test_plan_warns[a script that is not there]",
        "sweeper/cli/test_programs.py::test_a_launch_without_its_script_stops_before_it_writes_anything",
    ),
    "programs/nan-not-seen": ("cases/test_played.py::test_a_metric_that_is_missing_beside_the_last_steps_is_reported",),
    "programs/number-as-text-in-json": (SLOTS + "test_numerals.py::test_a_number_written_as_text_in_json_is_told",),
    "programs/number-in-command": ("cases/test_played.py::test_whole_numbers_and_floats_are_arguments",),
    "programs/number-with-exponent": (
        "cases/test_played.py::test_a_part_of_a_number_is_never_a_value",
        "cases/test_played.py::test_the_pattern_of_the_template_reads_every_number",
    ),
    "programs/other-folder": (
        "sweeper/planning/test_reach.py::test_a_script_beside_the_study_file_is_found_there",
        "sweeper/cli/test_programs.py::test_trials_run_in_the_directory_of_the_study_file_if_it_says_so",
    ),
    "programs/output-without-limit": (
        SLOTS + "test_large_output.py::test_only_large_output_is_remarked_upon_with_its_size",
    ),
    "programs/pattern-matches-two-names": ("cases/test_played.py::test_show_has_what_a_pattern_matched",),
    "programs/pattern-without-group": ("cases/test_refused.py::test_plan_refuses[a pattern without a group]",),
    "programs/progress-bar-flood": (SLOTS + "test_attempts.py::test_a_progress_bar_is_a_handful_of_measurements",),
    "programs/pruner-without-steps": ("cases/test_refused.py::test_plan_warns[a pruner without steps]",),
    "programs/seed-ignored": (
        "cases/test_refused.py::test_plan_warns[seeds that nothing carries]",
        "cases/test_played.py::test_a_program_that_ignores_its_seed_decides_nothing",
    ),
    "programs/small-float-in-config": (
        SLOTS + "test_programs.py::test_small_floats_in_a_config_are_numbers_to_readers_of_yaml_too",
    ),
    "programs/template-pattern": ("cases/test_played.py::test_the_pattern_of_the_template_reads_every_number",),
    "programs/unused-factor": (
        "cases/test_refused.py::test_plan_warns[a factor that nothing carries]",
        "cases/test_played.py::test_a_factor_that_nothing_carries_is_not_found_to_change_nothing",
        "sweeper/evidence/test_judge_digits.py::test_a_factor_that_is_never_read_is_not_found_to_change_nothing",
    ),
    "queue/closed-stdout": ("sweeper/cli/test_streams.py::test_a_launch_runs_without_the_standard_streams",),
    "queue/falling-steps": (
        SLOTS + "test_attempts.py::test_that_steps_fall_is_said_and_the_pruner_not_asked",
        SLOTS + "test_metrics.py::test_that_steps_fall_is_told_once",
    ),
    "queue/full-output": ("sweeper/cli/test_streams.py::test_a_full_output_is_said_in_one_sentence",),
    "queue/no-fail-fast": (
        "cases/test_failing_alike.py::test_a_launch_ends_after_three_trials_that_fail_alike_and_resumes_once_the_cause_is_fixed",
        SLOTS + "test_failing_fast.py::test_a_slot_ends_after_three_trials_that_failed_alike",
    ),
    "queue/restarted-attempt-interleaved": (
        SLOTS + "test_attempts.py::test_what_was_reported_from_the_next_attempt_s_first_step_on_is_void",
    ),
    "queue/restarted-attempt-json": (
        SLOTS + "test_attempts.py::test_an_attempt_that_begins_anew_leaves_nothing_of_the_one_before",
    ),
    "queue/restarted-attempt-without-steps": (
        SLOTS + "test_attempts.py::test_lines_without_a_step_count_within_their_attempt",
    ),
    "queue/status-of-a-restarted-trial": (
        "sweeper/monitor/test_observation.py::test_a_trial_that_runs_again_is_shown_as_its_present_attempt_has_it",
    ),
    "reports/equal-values-ticks": (
        "reports/figures/test_figures.py::test_an_axis_of_equal_values_has_labels_that_differ",
    ),
    "reports/fifty-factors": (
        "reports/figures/test_figures.py::test_a_forest_plot_taller_than_a_page_is_split_each_part_with_the_same_axis",
    ),
    "reports/huge-perplexity": ("cases/test_played.py::test_perplexities_that_blew_up_cost_no_report",),
    "reports/huge-perplexity-digits": ("cases/test_played.py::test_perplexities_that_blew_up_cost_no_report",),
    "reports/logarithm-of-nothing": (
        "sweeper/evidence/data/test_measures.py::test_values_without_a_logarithm_are_the_reason_that_is_given",
        "sweeper/monitor/test_replicates.py::test_a_value_without_a_logarithm_is_told_once_with_the_remedy",
    ),
    "reports/long-level": ("reports/rendering/test_pdf.py::test_long_words_break_and_stay_on_the_page",),
    "reports/one-report-a-trial": (
        "reports/figures/test_figures.py::test_a_curve_of_one_value_is_a_dot_and_a_longer_one_is_not",
    ),
    "statistics/constant-over-two-blocks": ("cases/test_refused.py::test_plan_refuses[a constant over two datasets]",),
    "statistics/last-value": ("cases/test_played.py::test_the_last_value_of_a_curve_counts_if_the_study_says_so",),
    "statistics/one-diverged-of-three": ("cases/test_played.py::test_a_run_that_diverged_counts_as_the_worst",),
    "statistics/other-direction": (
        "cases/test_refused.py::test_plan_refuses[a metric of which no direction is known]",
        "cases/test_played.py::test_a_claim_has_the_direction_of_its_own_metric",
    ),
    "statistics/seed-ignored": ("cases/test_played.py::test_a_program_that_ignores_its_seed_decides_nothing",),
    "trainer/empty-valid-text": (
        "sweeper/spec/test_empty_texts.py::test_an_empty_text_is_reported_once_with_its_line",
    ),
    "trainer/evaluation-leaves-text-out": (
        "trainer/test_evaluation.py::test_the_whole_text_has_one_loss_in_streams_of_any_number",
    ),
    "values/dotted-key": ("cases/test_refused.py::test_plan_refuses[a key with a dot]",),
    "values/hexadecimal": ("sweeper/spec/test_yaml_source.py::test_scalars_are_read_as_everybody_writes_them",),
    "values/null-is-best": ("cases/test_played.py::test_the_best_trial_is_named_by_its_level_null",),
    "values/null-level": ("cases/test_played.py::test_a_level_null_is_a_level_like_others",),
    "values/step-cuts-range": ("cases/test_refused.py::test_plan_refuses[a step that leaves out the highest value]",),
    "values/text-like-json": (
        "sweeper/cli/test_odd_levels.py::test_odd_levels_are_told_apart_in_show_claims_exports_archives_and_reports",
    ),
    "values/whole-step-cuts-range": (
        "cases/test_refused.py::test_plan_refuses[a whole step that leaves out the highest value]",
    ),
}
