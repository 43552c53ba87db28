"""Every promise of docs/security.md is kept by tests that are named here, and that there are."""

import ast
import re
from pathlib import Path

import pytest

from tests.documentation.blocks import DOCS, ROOT

# What a promise begins with, and the tests that keep it: file, and functions in it.
TESTS: dict[str, dict[str, tuple[str, ...]]] = {
    "Reading a study file runs nothing": {
        "sweeper/spec/test_yaml_source.py": ("test_aliases_that_multiply_are_refused",),
        "sweeper/spec/test_bad_files.py": ("test_a_bad_file_is_refused_with_the_message_beside_it",),  # yaml_tag_*
        "sweeper/spec/test_fuzz.py": (),
    },
    "No shell, anywhere": {
        "sweeper/execution/slots/test_programs.py": ("test_no_shell_reads_an_argument",),
        "documentation/test_security.py": ("test_no_program_of_ours_asks_for_a_shell",),
    },
    "Names cannot leave their directories": {
        "sweeper/spec/test_names.py": (
            "test_a_name_that_could_leave_its_folder_is_refused",
            "test_an_accepted_name_is_one_folder_of_its_own",
        ),
    },
    "Loading a checkpoint runs nothing": {
        "trainer/test_checkpoint.py": ("test_code_in_a_checkpoint_is_not_run",),
    },
    "Passwords are not shown or stored": {
        "sweeper/test_secrets.py": (
            "test_a_url_is_shown_without_its_password",
            "test_the_command_line_that_is_stored_has_no_password",
        ),
        "sweeper/store/test_passwords.py": (
            "test_the_password_is_in_no_table_process_file_or_output",
            "test_the_password_is_in_no_error",
        ),
        "sweeper/store/test_engine.py": ("test_urls_that_are_no_stores_are_explained",),
        "sweeper/store/test_reader.py": ("test_passwords_are_not_shown",),
    },
    "Secrets of programs are not stored": {
        # environment_values.txt
        "sweeper/spec/test_bad_files.py": ("test_a_bad_file_is_refused_with_the_message_beside_it",),
        "sweeper/execution/slots/test_slot.py": (
            "test_placeholders_and_the_slot_s_variables_are_filled_in_in_the_environment",
        ),
        "sweeper/export/test_archive.py": ("test_an_archive_contains_no_secret_that_an_earlier_version_accepted",),
    },
    "New stores and runs are private": {
        "sweeper/store/test_engine.py": ("test_only_its_owner_can_read_a_new_store",),
        "sweeper/execution/slots/test_slot.py": ("test_only_its_owner_can_read_the_directory_of_a_study_s_runs",),
    },
    "Exported CSV runs nothing in a spreadsheet": {
        "sweeper/export/test_tables.py": ("test_text_that_a_spreadsheet_would_run_begins_with_an_apostrophe",),
    },
    "The report is inert": {
        "reports/rendering/test_html.py": (
            "test_what_users_write_comes_out_as_text",
            "test_the_page_loads_nothing",
            "test_the_policy_lets_the_pages_own_style_and_script_run_and_nothing_else",
        ),
    },
    "The dashboard is visible only on this machine": {
        "sweeper/export/test_dashboard.py": ("test_loopback_addresses_are_recognized",),
        # dashboard_for_everybody.txt
        "sweeper/cli/test_bad_command_lines.py": ("test_a_bad_command_line_is_refused_with_its_message",),
    },
    "The dashboard changes nothing": {
        "sweeper/export/test_dashboard.py": (
            "test_only_requests_that_read_pass",
            "test_connections_of_the_dashboard_cannot_write",
        ),
    },
    "Web pages cannot reach the dashboard under another name": {
        "sweeper/export/test_dashboard.py": ("test_other_host_names_are_refused",),
        "sweeper/export/test_live_app.py": ("test_requests_that_write_and_foreign_hosts_are_refused_on_our_pages_too",),
    },
    "Live pages are as inert as the report": {
        "reports/test_live.py": ("test_only_the_live_page_may_ask_its_server",),
        "sweeper/export/test_live_app.py": ("test_an_error_of_ours_shows_nothing_of_our_inside",),
    },
    "Checking a bundle writes and runs nothing of it": {
        "sweeper/export/test_bundle.py": (
            "test_names_that_could_do_harm_are_refused_before_anything_is_written",
            "test_links_and_encrypted_members_are_refused",
            "test_archives_that_unpack_to_too_much_are_refused",
        ),
        "sweeper/verification/test_reruns.py": ("test_a_script_that_is_not_here_is_told_in_words",),
    },
    "Corpora are the published ones": {"trainer/corpora/test_fetch.py": ()},
    "No telemetry": {
        "end_to_end/test_no_network.py": ("test_a_study_runs_and_is_reported_without_any_connection",),
    },
}
SHELLS = re.compile(r"shell\s*=\s*True|os\.(system|popen)\(|getstatusoutput|getoutput\(|create_subprocess_shell")


def promises() -> list[str]:
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \|$", (DOCS / "security.md").read_text(encoding="utf-8"), re.MULTILINE)
    return [row for row in rows if row not in ("promise", "---") and not row.startswith("-")]


def test_every_promise_has_its_tests() -> None:
    assert promises() == list(TESTS)


@pytest.mark.parametrize("promise", TESTS)
def test_the_tests_of_a_promise_are_there(promise: str) -> None:
    for file, names in TESTS[promise].items():
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert set(names) <= found
        assert any(name.startswith("test_") for name in found)


def test_no_program_of_ours_asks_for_a_shell() -> None:
    files = [
        path for name in ("sweeper", "trainer", "reports", "studies", "tools") for path in (ROOT / name).rglob("*.py")
    ]
    assert len(files) > 100
    assert not [str(path) for path in files if SHELLS.search(Path(path).read_text(encoding="utf-8"))]
