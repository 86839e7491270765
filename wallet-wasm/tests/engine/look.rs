//! Getting to know a card, whatever it says and whenever.

use koban_card::command::{Command as Spoken, Prove};
use koban_wallet_wasm::view::CardStanding;

use super::card::{PURSE, holder, owner, shown};
use koban_wallet_wasm::engine::CardCommand;

#[test]
fn mondex_1_a_card_that_does_not_prove_itself_is_looked_at_once() {
    let mut holder = holder(100);
    holder.alters = Some((Prove::INS, |_| None));
    holder.pull(PURSE);
    holder.insert_again(PURSE);
    let card = shown(&holder, PURSE);
    assert_eq!((card.standing, card.busy), (CardStanding::Unchecked, false));
    holder.alters = None;
    owner(&mut holder, PURSE, CardCommand::Look).unwrap();
    assert_eq!(shown(&holder, PURSE).standing, CardStanding::Genuine);
}
