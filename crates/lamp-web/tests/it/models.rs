//! Models, the report of a candidate, and the signature.

use axum::http::StatusCode;
use expect_test::expect;
use lamp_core::access::AccessRole;
use lamp_core::registry::ModelState;
use lamp_core::route::ModelRef;
use serde_json::json;

use crate::kit::{Answer, TestSite};
use crate::pages::words;
use crate::seed;

const REPORT: &str = "/models/delay@2";
const DECIDE: &str = "/models/delay@2/decide";

async fn with_candidate(auc: f64) -> TestSite {
    let site = TestSite::seeded().await;
    seed::candidate(&site, auc).await;
    site
}

async fn state(site: &TestSite) -> ModelState {
    let id = ModelRef { version: 2, ..seed::model("delay") };
    site.ledger.find_model(&id).await.expect("the ledger").expect("a model").state
}

/// Sends the form of the report, with these fields added or replaced.
async fn sign(site: &TestSite, fields: &[(&str, &str)]) -> Answer {
    let page = site.get(REPORT).await.text;
    let hidden = |name: &str| {
        let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\"")).expect("a hidden field");
        rest.split('"').next().expect("its end").to_owned()
    };
    let (token, report) = (hidden("token"), hidden("report"));
    let mut form = vec![("token", token.as_str()), ("report", report.as_str())];
    form.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
    form.extend(fields);
    site.post_form(DECIDE, &form).await
}

#[tokio::test]
async fn the_list_begins_with_what_waits_for_a_person() {
    let site = with_candidate(0.7201).await;
    let page = site.get("/models").await;
    assert_eq!(page.status, StatusCode::OK);
    expect![[r#"
        Models
        Cadence All runs
        Waiting for a person
        delay@2
        roc_auc 0.7201, ✓ gate passed
        trained 2013-04-05 02:20:00 EDT
        Read the report and sign
        All versions
        Newest first. Metrics are computed by Lamplighter on held-out data, never by the training script
        Version State Metric Gate Serving Decided by Trained
        delay@2 python ? candidate roc_auc 0.7201 ✓ passed – nobody yet 2013-04-05 02:20
        delay-simple@1 onnx ✓ approved roc_auc 0.7123 ✓ passed delay as shadow second@example.com 2013-04-05 02:20
        delay@1 python ✓ approved roc_auc 0.7123 ✓ passed delay as primary second@example.com 2013-04-05 02:20"#]]
    .assert_eq(&words(&page.text));
    let of_one = words(&site.get("/models?model=delay-simple").await.text);
    assert!(of_one.contains("delay-simple@1") && !of_one.contains("delay@2"), "{of_one}");
    let empty = words(&TestSite::empty().await.get("/models").await.text);
    assert!(empty.contains("No model yet.\nhint: lamp train delay, lamp train delay-simple"), "{empty}");
}

#[tokio::test]
async fn the_report_has_what_a_person_needs_to_sign() {
    let site = with_candidate(0.7201).await;
    let page = site.get(REPORT).await;
    assert_eq!(page.status, StatusCode::OK);
    expect![[r#"
        Models / delay /
        delay@2
        ? candidate python binary
        On held-out data
        ▲ Better than delay@1: roc_auc +0.0078 [+0.0047, +0.0109]
        ▲ trained on data with 1 broken promise: trips@1 (2013-01-08: 12 rows)
        trips@1[-1month..]: 24,000 rows, 12 without a target left out. Computed by Lamplighter, which asked the package as it will serve.
        ✓ Gate passed roc_auc is 0.7201, and &#62;= 0.65 is wanted
        Beside delay@1, which was serving, on the same rows
        Metric delay@2 delay@1 Difference 95 % interval So it is
        roc_auc gate 0.7201 0.7123 +0.0078 +0.0047 to +0.0109 better
        log_loss 0.4711 0.4711 0.0000 −0.0012 to +0.0012 can&#39;t tell
        95 % intervals of 1,000 paired resamples of 31 partitions. The two decide differently on 4.2 % of the rows.
        Golden rows: served answers differ from the recorded ones by at most 1.0e-9.
        Parts of the rows the worst change first; 41 parts looked at
        roc_auc on rows with one value in one column
        Part Rows delay@2 delay@1 Difference
        carrier = C0 900 0.6600 0.7000 −0.0400
        carrier = C1 800 0.6700 0.7000 −0.0300
        carrier = C2 700 0.6800 0.7000 −0.0200
        carrier = C3 600 0.6900 0.7000 −0.0100
        carrier = C4 500 0.7000 0.7000 0.0000
        carrier = C5 400 0.7100 0.7000 +0.0100
        3 more
        roc_auc on rows with one value in one column
        Part Rows delay@2 delay@1 Difference
        carrier = C6 300 0.7200 0.7000 +0.0200
        carrier = C7 200 0.7300 0.7000 +0.0300
        carrier = C8 100 0.7400 0.7000 +0.0400
        Your signature
        What did you look at, and why? It is kept with your name.
        Signs as first@example.com for the report 0b6dc8377ce6…
        ✓ Approve
        ✕ Reject
        Approving permits; lamp deploy acts.
        Where it comes from
        commit 7989803402bb… Teach the model about the weather
        run 013dd8cb-6080-7404-8404-040404040404 asked for by first@example.com
        command python -m delay.train
        parameter max_iter = 200
        seed 42
        environment Python 3.11.2, locked as 85ca8305882e
        took 4.2 s, 310.0 MB at its peak
        package 365019204e4e…
        trained 2013-04-05 02:20:00 EDT
        Data, pinned
        Used as Dataset Slice Files
        train trips@1 trips[..-1month] 1 file
        valid trips@1 trips[..-1month] 1 file
        Contracts of its data, when it was trained
        trips@1: 1 of 31 checks failed
        Lineage of delay@2"#]].assert_eq(&words(&page.text));
    assert_eq!(words(&site.get("/models/delay@latest").await.text), words(&page.text));
    let decided = words(&site.get("/models/delay@1").await.text);
    assert!(decided.contains("✓ approved by second@example.com"), "{decided}");
    assert!(!site.get("/models/delay@1").await.text.contains("name=\"decision\""), "what is decided has no form");
}

#[tokio::test]
async fn an_approval_is_signed_with_name_note_and_report() {
    let site = with_candidate(0.7201).await;
    let answer = sign(&site, &[("decision", "approve"), ("note", "slices by carrier hold")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", words(&answer.text));
    assert_eq!(answer.header("location"), "/models/delay@2?done=signed");
    assert_eq!(state(&site).await, ModelState::Approved);
    let page = words(&site.get("/models/delay@2?done=signed").await.text);
    assert!(page.contains("Signed: it is in the ledger"), "{page}");
    assert!(page.contains("✓ approved by first@example.com") && page.contains("slices by carrier hold"), "{page}");
    assert!(page.contains("lamp deploy SERVICE delay@2 --as primary"), "{page}");
    assert!(site.app.verify_audit().await.is_ok());
    let form = [("decision", "reject"), ("note", "changed my mind"), ("report", ""), ("token", "")];
    let token = site.token().await;
    let digest = site.app.model_version("delay@2").await.expect("a model").evidence.digest().to_hex();
    let form = form.map(|(name, value)| match name {
        "report" => (name, digest.as_str()),
        "token" => (name, token.as_str()),
        _ => (name, value),
    });
    let again = site.post_form(DECIDE, &form).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "decided once");
    assert!(words(&again.text).contains("delay@2 is approved, not a candidate"), "{}", words(&again.text));
}

#[tokio::test]
async fn a_refusal_is_signed_as_well() {
    let site = with_candidate(0.7201).await;
    let answer = sign(&site, &[("decision", "reject"), ("note", "worse on short flights")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", words(&answer.text));
    assert_eq!(state(&site).await, ModelState::Rejected);
}

#[tokio::test]
async fn nothing_is_signed_without_a_note_a_token_or_the_right_report() {
    let site = with_candidate(0.7201).await;
    for (fields, status, said) in [
        (vec![("decision", "approve"), ("note", "  ")], StatusCode::BAD_REQUEST, "write down what you looked at"),
        (vec![("decision", "maybe"), ("note", "typed")], StatusCode::BAD_REQUEST, "neither approve nor reject"),
        (
            vec![("decision", "approve"), ("note", "typed"), ("report", "abc")],
            StatusCode::CONFLICT,
            "is not the report",
        ),
        (vec![("decision", "approve"), ("note", "typed"), ("token", "x")], StatusCode::FORBIDDEN, "earlier start"),
    ] {
        let answer = sign(&site, &fields).await;
        assert_eq!(answer.status, status, "{fields:?}: {}", words(&answer.text));
        assert!(words(&answer.text).contains(said), "{fields:?}: {}", words(&answer.text));
        let typed = fields.iter().any(|(_, value)| *value == "typed");
        assert!(!typed || answer.text.contains(">typed</textarea>"), "what was typed is not lost");
    }
    assert_eq!(state(&site).await, ModelState::Candidate);
}

#[tokio::test]
async fn a_failed_gate_is_approved_only_when_that_is_said() {
    let site = with_candidate(0.6001).await;
    let page = words(&site.get(REPORT).await.text);
    assert!(page.contains("delay@2 failed its gate: roc_auc is 0.6001, the gate wants &#62;= 0.65"), "{page}");
    assert!(page.contains("approve although the gate failed; that is recorded"), "{page}");
    let decision = [("decision", "approve"), ("note", "the data of March was odd")];
    let answer = sign(&site, &decision).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(words(&answer.text).contains("tick that you approve all the same"), "{}", words(&answer.text));
    assert_eq!(state(&site).await, ModelState::Candidate);
    let answer = sign(&site, &[decision[0], decision[1], ("override_gate", "yes")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", words(&answer.text));
    assert_eq!(state(&site).await, ModelState::Approved);
}

#[tokio::test]
async fn who_may_not_sign_is_told_before_writing_a_note() {
    let site = with_candidate(0.7201).await.in_the_role_of(AccessRole::Viewer);
    let page = site.get(REPORT).await.text;
    assert!(
        words(&page).contains("first@example.com is a viewer, and this needs the role approver"),
        "{}",
        words(&page)
    );
    assert!(!page.contains("name=\"decision\""));
    let body = json!({"decision": "approve", "note": "x", "report": ""});
    let answer = site.post_json("/api/v1/models/delay@2/decide", &body).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "a report must be named: {}", answer.text);
}

#[tokio::test]
async fn a_note_is_text_and_never_markup() {
    let site = with_candidate(0.7201).await;
    let note = "<script>alert(1)</script>";
    sign(&site, &[("decision", "reject"), ("note", note)]).await;
    for path in [REPORT, "/models", "/lineage?ref=delay@2"] {
        assert!(!site.get(path).await.text.contains("<script>alert"), "{path}");
    }
}

#[tokio::test]
async fn the_api_reads_and_signs() {
    let site = with_candidate(0.7201).await;
    let list = site.get("/api/v1/models").await.json();
    assert_eq!((&list["items"][0]["model"]["id"]["version"], &list["has_more"]), (&json!(2), &json!(false)));
    let one = site.get("/api/v1/models/delay@2").await.json();
    assert_eq!((&one["model"]["state"], &one["obstacle"]), (&json!("candidate"), &json!(null)));
    let body = json!({"decision": "approve", "note": "looked", "report": one["report"]});
    let answer = site.post_json("/api/v1/models/delay@2/decide", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["approval"]["by"]["name"], "first@example.com");
    assert_eq!(state(&site).await, ModelState::Approved);
    let without_note = site.post_json("/api/v1/models/delay@1/decide", &json!({"decision": "reject"})).await;
    assert_eq!(without_note.json()["error"]["kind"], "conflict", "no report named");
    assert_eq!(site.get("/api/v1/models/delay@9").await.status, StatusCode::NOT_FOUND);
}
