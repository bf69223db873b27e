"""Which tests prove what is promised about each fault of market data, by its number.

The numbers are those of the fault catalogue. A fault without a test needs a reason that it cannot
happen here.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
BINANCE = "providers/test_binance_stream.py"
CONFORMANCE = "providers/test_conformance.py"
MORE = "test_faults_more.py"
FAULTS = "test_faults.py"
AGREEMENT = "test_agreement.py"
BREAKERS = "test_breakers.py"
PAGE = "test_sources_page.py"

# By number: what happens, and the tests, as file and function.
PROOFS = {
    1: (
        "the stream is cut by FIN",
        (MORE, "test_a_cut_is_shown_counted_and_healed_with_a_whole_series"),
        (BINANCE, "test_a_cut_is_healed_within_two_seconds_and_told"),
        ("test_streamer.py", "test_bars_missed_in_a_cut_are_filled_before_the_next_is_told"),
    ),
    2: (
        "the stream is cut by RST",
        (MORE, "test_a_cut_is_shown_counted_and_healed_with_a_whole_series"),
        (FAULTS, "test_a_cut_socket_comes_back_and_the_series_is_whole"),
    ),
    3: (
        "nothing arrives on an open connection",
        (MORE, "test_a_hole_in_the_network_is_noticed_and_healed"),
        (BINANCE, "test_a_black_hole_is_noticed_by_the_watchdog"),
    ),
    4: (
        "a connection that never says anything",
        (BINANCE, "test_silence_from_the_start_is_noticed_too"),
        (BINANCE, "test_acknowledged_but_without_data_is_silence"),
    ),
    5: (
        "accepted, then closed at once, for ever",
        (BINANCE, "test_accept_then_close_is_left_alone_longer_and_longer"),
        (BINANCE, "test_data_and_health_reset_the_back_off"),
        ("test_failover.py", "test_quotes_come_from_the_fallback_and_go_back"),
    ),
    6: (
        "a truncated frame, invalid UTF-8, garbage",
        (MORE, "test_a_frame_that_is_no_frame_is_kept_and_the_next_one_counts"),
        (MORE, "test_bytes_that_break_the_protocol_end_only_the_connection"),
        (BINANCE, "test_five_garbage_frames_in_ten_seconds_are_a_reason_to_reconnect"),
        ("providers/test_fuzz.py", "test_a_hurt_frame_is_read_or_refused"),
    ),
    7: (
        "valid JSON that cannot be",
        (MORE, "test_a_frame_that_is_no_frame_is_kept_and_the_next_one_counts"),
        ("test_quarantine.py", "test_what_a_stream_sends_wrong_is_kept_with_its_instrument"),
        ("test_streamer.py", "test_junk_is_refused_and_counted"),
        ("providers/test_fuzz.py", "test_a_hurt_answer_is_read_or_refused"),
    ),
    8: (
        "doubled and replayed closes",
        ("test_gate.py", "test_a_repeated_bar_is_a_duplicate_and_a_changed_one_is_older"),
        ("test_streamer.py", "test_history_first_then_each_close_is_stored_and_told_once"),
        ("test_candles.py", "test_the_same_bar_again_changes_nothing"),
    ),
    9: (
        "closes out of order",
        ("test_gate.py", "test_swapped_closes_come_out_in_order"),
        ("test_gate.py", "test_no_hole_no_double_no_disorder_no_wrong_value"),
        (BINANCE, "test_a_late_close_is_not_taken_for_a_repeat"),
    ),
    10: (
        "a lost update of the order book",
        (FAULTS, "test_a_book_that_lost_an_update_is_gone_until_a_snapshot_joins"),
        ("test_book.py", "test_a_lost_event_throws_the_book_away"),
        ("providers/test_coinbase.py", "test_a_change_without_a_whole_book_is_not_handed_on"),
    ),
    11: (
        "a snapshot older than the first event",
        ("test_book.py", "test_a_snapshot_older_than_the_first_event_is_refused"),
        (MORE, "test_a_snapshot_that_is_too_old_is_asked_for_again_until_one_joins"),
    ),
    13: (
        "a crossed book",
        ("test_book.py", "test_a_crossed_book_is_thrown_away"),
        (MORE, "test_a_crossed_book_is_gone_and_comes_back"),
    ),
    14: (
        "the cut after 24 hours, an announced shutdown",
        (BINANCE, "test_an_old_connection_is_replaced_before_its_end"),
        (BINANCE, "test_an_announced_shutdown_opens_a_second_connection_first"),
        (BINANCE, "test_the_old_connection_may_die_during_the_overlap"),
    ),
    15: (
        "429 with Retry-After",
        (FAULTS, "test_too_many_requests_stop_every_request_for_as_long_as_told"),
        (CONFORMANCE, "test_too_many_requests_silence_the_adapter"),
        ("test_asking.py", "test_a_silence_is_obeyed_without_a_call"),
    ),
    16: (
        "418, a ban",
        (FAULTS, "test_a_ban_is_kept_also_by_the_next_process"),
        (BREAKERS, "test_a_ban_is_written_when_it_comes_and_kept_by_the_next_process"),
        ("test_failover_order.py", "test_a_blocked_source_is_left_at_once_for_one_that_is_not"),
    ),
    17: (
        "5xx and time-outs",
        (CONFORMANCE, "test_a_fault_has_its_name_and_its_tries"),
        ("test_asking.py", "test_five_failures_open_the_breaker_and_the_sentence_names_its_time"),
        (
            BREAKERS,
            "test_the_probe_goes_when_the_time_is_over_and_its_success_is_written",
        ),
    ),
    18: (
        "200 with HTML, nothing or another shape",
        (CONFORMANCE, "test_another_shape_is_an_error_or_nothing"),
        (CONFORMANCE, "test_a_fault_has_its_name_and_its_tries"),
        ("test_asking.py", "test_the_next_source_answers_and_an_open_breaker_saves_the_call"),
    ),
    19: (
        "a huge body, a dripping body, a cut body",
        (CONFORMANCE, "test_a_fault_has_its_name_and_its_tries"),
        (MORE, "test_a_body_that_is_cut_on_the_way_is_no_answer"),
    ),
    20: (
        "an unknown name, a bad certificate",
        (MORE, "test_a_name_that_is_not_known_is_unreachable_and_asked_with_a_back_off"),
        (MORE, "test_a_stream_whose_certificate_is_not_valid_is_flagged_and_told_nothing"),
    ),
    21: (
        "every source is away",
        (MORE, "test_with_every_source_away_pages_and_api_say_how_old_the_last_word_is"),
        (FAULTS, "test_no_source_at_all_is_said_and_tried_again"),
        ("test_streamer.py", "test_nothing_passes_while_rest_is_away_and_all_passes_after"),
    ),
    22: (
        "sources disagree",
        (AGREEMENT, "test_a_row_opens_and_ends_and_each_is_told"),
        (
            AGREEMENT,
            "test_it_begins_after_three_seconds_and_ends_after_thirty_of_agreement",
        ),
        (AGREEMENT, "test_an_entry_waits_and_its_refusal_names_both_figures"),
        (
            PAGE,
            "test_a_disagreement_is_on_the_page_of_the_sources_and_of_the_symbol",
        ),
    ),
}
# By number: why it cannot happen here.
CANNOT_HAPPEN = {
    12: "neither Binance nor Coinbase sends a checksum with its book; Kraken's and OKX's books "
    "come by REST through ccxt, whole",
}


def test_every_fault_has_a_test_or_a_reason():
    assert sorted({*PROOFS, *CANNOT_HAPPEN}) == list(range(1, 23))
    assert not PROOFS.keys() & CANNOT_HAPPEN.keys()
    assert all(len(proofs) > 1 for proofs in PROOFS.values())


@pytest.mark.parametrize("number", PROOFS)
def test_the_tests_that_are_named_exist(number):
    for file, name in PROOFS[number][1:]:
        tree = ast.parse((ROOT / file).read_text())
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        found = [node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == name]
        assert len(found) == 1, f"fault {number}: {file} has no {name}"
        assert not any("skip" in ast.unparse(mark) for mark in found[0].decorator_list)
