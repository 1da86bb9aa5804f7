use super::*;

/// A report as it was written before there was a comparison row by row.
const OLD: &str = r#"{"format":1,"valid":"trips@1 as trips[-1month..]","rows":4,"null_targets":1,"metrics":{"log_loss":0.5,"roc_auc":0.75},"gate":{"metric":"roc_auc","value":0.75,"bound":">= 0.6","passed":true},"serving":[{"model":"delay","version":1},{"roc_auc":0.7}],"golden_difference":0.0}"#;

#[test]
fn a_report_that_exists_keeps_its_digest() {
    let read: Evidence = serde_json::from_str(OLD).expect("read");
    assert_eq!(read.beside, None);
    assert_eq!(read.digest(), Digest::of(OLD.as_bytes()));
}

fn candidate() -> ModelVersion {
    ModelVersion {
        id: ModelRef { model: crate::names::ModelName::parse("delay").expect("a model"), version: 2 },
        project: ProjectName::parse("delay").expect("a project"),
        task: Task::Binary,
        package: Digest::of(b"package"),
        flavour: "onnx".to_owned(),
        run: RunId(crate::ids::uuid_v7(Timestamp::UNIX_EPOCH, [7; 10])),
        commit: "c0ffee".to_owned(),
        state: ModelState::Candidate,
        created_at: Timestamp::UNIX_EPOCH,
        evidence: serde_json::from_str(OLD).expect("read"),
    }
}

#[test]
fn an_exhausted_budget_stops_an_approval_and_no_refusal() {
    let broken = |name: &str| ExhaustedBudget {
        dataset: DatasetName::parse(name).expect("a dataset"),
        sentence: "4 of 5 partitions are good (80.0 %), 90 % are promised".to_owned(),
    };
    let ada = Actor::local("ada@example.com");
    let decide = |decision, exhausted: &[&str], budget_override| {
        let facts = SigningFacts {
            origin: CodeOrigin::Committed,
            reachable_from_branch: true,
            author: ada.clone(),
            reviewer_is_not_author: false,
            exhausted: exhausted.iter().map(|name| broken(name)).collect(),
            overrides: Overrides { gate: false, budget: budget_override },
        };
        candidate().decide(decision, &ada, "looked at it", &facts, Timestamp::UNIX_EPOCH).map_err(|e| e.to_string())
    };
    assert!(decide(Decision::Approved, &[], false).is_ok());
    assert!(decide(Decision::Approved, &["orders"], true).is_ok());
    assert!(decide(Decision::Rejected, &["orders"], false).is_ok());
    for (exhausted, words) in [
        (&["orders"][..], "delay@2 was trained on `orders`, whose error budget is exhausted: 4 of 5"),
        (&["orders", "trips", "weather"], "delay@2 was trained on `orders` (and 2 more), whose error budget"),
    ] {
        let refusal = decide(Decision::Approved, exhausted, false).expect_err("refused");
        assert!(refusal.starts_with(words), "{refusal}");
    }
}
