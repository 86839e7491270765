//! The ledger's conformance suite: what an issuer must do, whatever it runs on. The same cases run
//! in the World on native SQLite and over HTTP against Durable Objects.

pub mod issuing;
pub mod loading;
pub mod paying;

use koban_protocol::process::AnswerError;
use koban_protocol::refusal::Code;

use crate::audit::figures;
use crate::network::Net;

/// A case by its name.
pub type Case = (&'static str, fn(&Net));

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// Every case.
        pub const CASES: &[Case] = &[$($((stringify!($name), $module::$name)),+),+];

        /// Makes a test of every case: `suite_tests!(net)`, where `net` makes a fresh network.
        #[macro_export]
        macro_rules! suite_tests {
            ($net:expr) => {
                $($(
                    #[test]
                    fn $name() {
                        $crate::suite::$module::$name(&$net);
                    }
                )+)+
            };
        }
    };
}

cases! {
    issuing:
        w1_valid_purchases_go_through,
        w1_any_list_of_denominations_and_counts,
        w2_no_coins_for_nothing,
        w2_an_authorisation_for_less_buys_nothing,
        w3_a_replayed_purchase_debits_once_and_gives_the_stored_answer,
        w3_another_order_under_the_same_operation_is_refused,
        w3_nobody_else_can_have_an_account_debited,
        vc_7_change_gives_equal_value_and_kills_the_old_coins,
        vc_7_change_does_not_make_money,
        vc_7_coins_of_all_shards_go_into_one_change,
        vc_7_a_dead_coin_among_many_shards_frees_the_others,
        vc_7_redeemed_coins_become_money_in_the_account,
        vc_7_refund_gives_recorded_coins_again_and_the_old_die;
    loading:
        vc_14_coins_become_card_money_and_coins_again,
        vc_14_a_load_gives_change_and_the_rest_to_the_card,
        vc_14_coins_of_all_shards_go_into_one_load,
        vc_14_the_issuers_word_names_the_cards_request,
        vc_14_a_load_of_dead_coins_owes_nothing,
        vc_14_a_release_is_paid_out_once,
        vc_14_a_release_is_its_owners_alone,
        vc_14_only_the_originator_releases,
        vc_14_loads_and_unloads_are_at_home_in_one_shard,
        mondex_4_no_more_comes_back_from_cards_than_was_loaded;
    paying:
        p1_p2_valid_payments_are_accepted_and_the_payees_coins_are_good,
        vc_5_the_payee_may_redeem_or_aggregate,
        p2_a_coin_spent_twice_is_refused_the_second_time,
        p4_the_payer_alone_gets_the_signed_statement_of_its_bad_coins,
        p4_the_statement_names_every_bad_coin_of_every_shard,
        p4_both_get_the_statement_when_the_amounts_differ,
        p3_a_payment_cannot_be_diverted_to_another_payee,
        p3_an_order_cannot_be_altered_after_it_was_agreed,
        vc_4_the_payer_can_fetch_its_answer_from_the_issuer_itself,
        vc_15_altered_truncated_and_overlong_messages_end_in_a_clear_error;
}

/// The code of a sealed refusal.
pub fn refused<T: std::fmt::Debug>(answer: Result<T, AnswerError>) -> Code {
    match answer.unwrap_err() {
        AnswerError::Refused(refusal) => refusal.code,
        AnswerError::NotAnAnswer => panic!("not an answer"),
    }
}

/// Lets everything in flight arrive; then what circulates equals the reserves: the yen in
/// circulation.
pub fn circulating(net: &Net) -> u64 {
    for _ in 0..240 {
        let figures = figures(net, "JPY").unwrap();
        assert!(figures.consistent, "{figures:?}");
        if figures.is_even() {
            return figures.issued();
        }
        net.wait(1);
    }
    panic!("something stays in flight: {:?}", figures(net, "JPY"));
}

/// Lets everything in flight arrive; then what circulates equals the reserves and is `expected`
/// yen.
pub fn circulates(net: &Net, expected: u64) {
    assert_eq!(circulating(net), expected);
}
