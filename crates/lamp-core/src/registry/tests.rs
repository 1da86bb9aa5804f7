use super::*;

/// A report as it was written before there was a comparison row by row.
const OLD: &str = r#"{"format":1,"valid":"trips@1 as trips[-1month..]","rows":4,"null_targets":1,"metrics":{"log_loss":0.5,"roc_auc":0.75},"gate":{"metric":"roc_auc","value":0.75,"bound":">= 0.6","passed":true},"serving":[{"model":"delay","version":1},{"roc_auc":0.7}],"golden_difference":0.0}"#;

#[test]
fn a_report_that_exists_keeps_its_digest() {
    let read: Evidence = serde_json::from_str(OLD).expect("read");
    assert_eq!(read.beside, None);
    assert_eq!(read.digest(), Digest::of(OLD.as_bytes()));
}
