//! `-p key=value`.

use lamp_core::run::Params;
use serde_json::Value;

use crate::failure::Failure;

/// Reads parameters: numbers, `true`, `false` and `null` as such, all else as text.
pub fn parse(pairs: &[String]) -> Result<Params, Failure> {
    let mut params = Params::new();
    for pair in pairs {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            Failure::operation(format!("`{pair}` is not KEY=VALUE")).with_hint("write -p max_iter=300")
        })?;
        params.insert(key.to_owned(), scalar(value));
    }
    Ok(params)
}

fn scalar(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_scalars() {
        let params =
            parse(&["a=3".into(), "b=0.5".into(), "c=true".into(), "d=x=y".into(), "e=[1]".into()]).expect("pairs");
        let expected = json!({"a": 3, "b": 0.5, "c": true, "d": "x=y", "e": "[1]"});
        assert_eq!(json!(params), expected);
        assert!(parse(&["=1".into()]).is_err());
        assert!(parse(&["a".into()]).is_err());
    }
}
