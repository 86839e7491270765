//! The interface for JavaScript, called by JavaScript.

use js_sys::{Array, Function, Promise, Uint8Array};
use koban_wallet_wasm::bindings::{KobanWallet, decode_invoice, encode_invoice, verify_invoice};
use koban_wallet_wasm::drivers::platform;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test;

use super::edge::Edge;
use super::network;

/// Runs `code` as the body of an async function of these arguments; gives its result as text.
async fn run(names: &str, code: &str, arguments: &[JsValue]) -> String {
    let body = format!("return (async () => {{ {code} }})()");
    let function = Function::new_with_args(names, &body);
    let arguments: Array = arguments.iter().collect();
    let promise: Promise = function.apply(&JsValue::NULL, &arguments).unwrap().unchecked_into();
    JsFuture::from(promise).await.unwrap().as_string().unwrap()
}

#[wasm_bindgen_test]
async fn javascript_registers_withdraws_pays_changes_and_redeems() {
    let wallet = KobanWallet::open(network::install("js"), None).await.unwrap();
    let code = r#"
        const seen = [];
        wallet.onChange((view) => seen.push(view.stage));
        await wallet.register("taro");
        await wallet.enrol("bank-a", "Taro Yamada");
        await wallet.withdraw("JPY", 1000, [[8, 125]].slice(1), true).catch((problem) => {
            if (!(problem instanceof Error) || problem.code !== "amount-invalid") throw problem;
        });
        await wallet.withdraw("JPY", 1000, null, true);
        const invoice = await wallet.readInvoice(document);
        const paid = await wallet.pay(invoice.id);
        await wallet.change("JPY", [[1, 8], [2, 4]]);
        await wallet.redeem("JPY", 100);
        const { balances, transactions, issuer } = wallet.view();
        const audit = await wallet.audit();
        await wallet.close();
        return JSON.stringify([
            [...new Set(seen)], paid.state, paid.amount, paid.receipt.payee, balances[0].available,
            transactions.map((it) => it.kind).sort(), issuer.currencies, audit.currencies[0].coins,
            invoice.obstacle ?? null, typeof transactions[0].at,
        ]);
    "#;
    let document = Uint8Array::from(network::invoice(370).as_slice());
    let result = run("wallet, document", code, &[wallet.into(), document.into()]).await;
    let expected = r#"[["new","registered","enrolled"],"done",
        {"currency":"JPY","minor":370,"exponent":0},"Shop",
        {"currency":"JPY","minor":530,"exponent":0},
        ["change","enrolment","payment","redemption","registration","withdrawal"],
        [{"code":"JPY","exponent":0},{"code":"USD","exponent":2}],900,null,"number"]"#;
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&result), parse(expected));
}

#[wasm_bindgen_test]
async fn javascript_redeems_more_coins_than_one_operation_takes() {
    let wallet = KobanWallet::open(network::install("merge"), None).await.unwrap();
    let code = r#"
        await wallet.register("taro");
        await wallet.enrol("bank-a", "Taro Yamada");
        await wallet.withdraw("JPY", 60, [[1, 40], [2, 10]], false);
        await wallet.withdraw("JPY", 60, [[1, 40], [2, 10]], false);
        const before = wallet.view().balances[0].coins;
        await wallet.redeem("JPY", 120);
        const after = wallet.view().balances[0];
        await wallet.close();
        return JSON.stringify([before, after.coins, after.available.minor]);
    "#;
    assert_eq!(run("wallet", code, &[wallet.into()]).await, "[100,0,0]");
}

#[wasm_bindgen_test]
async fn javascript_asks_cards_and_gets_problems_with_their_codes() {
    let originator = super::originator::ORIGINATOR_URL.to_owned();
    let wallet = KobanWallet::open(network::install("cards"), Some(originator)).await.unwrap();
    let code = r#"
        await wallet.findCards();
        const codes = [wallet.view().cards.length, wallet.view().knownCards.length];
        const fails = async (ask) => {
            try { await ask(); codes.push("nothing"); } catch ({ code }) { codes.push(code); }
        };
        await fails(() => wallet.lookAtCard(7));
        await fails(() => wallet.verifyPin(7, "12"));
        await fails(() => wallet.changePin(7, null, "einszweidrei"));
        await fails(() => wallet.loadCard(7, "JPY", 1.5));
        await fails(() => wallet.askGift(7, "JPY", 0));
        await fails(() => wallet.readCardMessage(new Uint8Array([1, 2, 3])));
        await fails(() => wallet.answerCardMessage(7, new Uint8Array()));
        await fails(() => wallet.refundCard(7, "none"));
        await fails(() => wallet.payWithCard(7, "none"));
        wallet.leaveCard(7);
        wallet.refuseOnCard(7);
        await wallet.close();
        return codes.join("\n");
    "#;
    let result = run("wallet", code, &[wallet.into()]).await;
    let expected = [
        "0",
        "0",
        "card-missing",
        "card-pin-invalid",
        "card-pin-invalid",
        "amount-invalid",
        "amount-invalid",
        "card-message-unreadable",
        "card-message-unreadable",
        "unknown-transaction",
        "unknown-transaction",
    ];
    assert_eq!(result.lines().collect::<Vec<_>>(), expected);
}

#[wasm_bindgen_test]
async fn javascript_gets_problems_with_code_and_culprit() {
    let wallet = KobanWallet::open(network::install("problems"), None).await.unwrap();
    let code = r#"
        const codes = [];
        const fails = async (ask) => {
            try { await ask(); codes.push("nothing"); } catch (problem) {
                codes.push([problem.name, problem.code, problem.culprit].join(" "));
            }
        };
        await fails(() => wallet.register(""));
        await fails(() => wallet.register("taken"));
        await fails(() => wallet.enrol("bank-z", "Taro"));
        await fails(() => wallet.redeem("JPY", 1.5));
        await fails(() => wallet.redeem("JPY", -1));
        await fails(() => wallet.redeem("JPY", 2 ** 53));
        await fails(() => wallet.change("JPY", [[3, 1]]));
        await fails(() => wallet.change("yen", [[4, 1]]));
        await fails(() => wallet.change("JPY", "many"));
        await fails(() => wallet.pay("00"));
        await fails(() => wallet.cancel("00"));
        await fails(() => wallet.refund());
        await fails(() => wallet.readInvoice(new Uint8Array([1, 2, 3])));
        await fails(() => wallet.fetchInvoice("javascript:alert(1)"));
        await wallet.close();
        await fails(() => wallet.register("taro"));
        return codes.join("\n");
    "#;
    let result = run("wallet", code, &[wallet.into()]).await;
    let expected = [
        "pseudonym-invalid holder",
        "pseudonym-taken holder",
        "not-registered holder",
        "amount-invalid holder",
        "amount-invalid holder",
        "amount-invalid holder",
        "amount-invalid holder",
        "currency-unknown holder",
        "amount-invalid holder",
        "unknown-transaction holder",
        "unknown-transaction holder",
        "not-registered holder",
        "invoice-unreadable payee",
        "invoice-unreachable payee",
        "other-tab holder",
    ];
    let expected: Vec<_> = expected.iter().map(|it| format!("KobanProblem {it}")).collect();
    assert_eq!(result.lines().collect::<Vec<_>>(), expected);
}

#[wasm_bindgen_test]
async fn an_invoice_that_comes_with_status_402_is_read() {
    let wallet = KobanWallet::open(network::install("402"), None).await.unwrap();
    network::invoice(7);
    let code = r#"
        const invoice = await wallet.fetchInvoice("http://shop/invoice");
        await wallet.close();
        return JSON.stringify([invoice.amount.minor, invoice.payOrigin, invoice.obstacle]);
    "#;
    let result = run("wallet", code, &[wallet.into()]).await;
    assert_eq!(result, r#"[7,"http://shop","notRegistered"]"#);
}

#[wasm_bindgen_test]
fn an_invoice_is_encoded_and_verified_without_a_wallet() {
    let mut edge = Edge::new();
    edge.now = platform::now();
    let document = koban_protocol::wire::encode(&edge.invoice(370));
    let text = encode_invoice(&document);
    assert!(!text.contains(['+', '/', '=']));
    assert_eq!(decode_invoice(&text).unwrap(), document);
    assert!(decode_invoice("not base64url!").is_err());
    let keys = koban_protocol::wire::encode(&edge.desk.published());
    let view = verify_invoice(&document, &keys).unwrap();
    let amount = js_sys::Reflect::get(&view, &"amount".into()).unwrap();
    assert_eq!(js_sys::Reflect::get(&amount, &"minor".into()).unwrap(), 370);
    let code = |result: Result<JsValue, JsValue>| {
        let problem = result.unwrap_err();
        js_sys::Reflect::get(&problem, &"code".into()).unwrap().as_string().unwrap()
    };
    for at in (0..document.len()).step_by(7) {
        let mut altered = document.clone();
        altered[at] ^= 1;
        let refused = code(verify_invoice(&altered, &keys));
        assert!(refused == "invoice-invalid" || refused == "invoice-unreadable", "{at}: {refused}");
    }
    let other = Edge::of_seed(9);
    let theirs = koban_protocol::wire::encode(&other.desk.published());
    assert_eq!(code(verify_invoice(&document, &theirs)), "invoice-invalid");
    let forged = koban_protocol::wire::encode(&other.desk.sign(edge.desk.keys()));
    assert_eq!(code(verify_invoice(&document, &forged)), "issuer-misbehaved");
}
