//! What to do about a test that failed.

use super::{FeatureCheck, TestName};
use crate::names::ModelName;

impl TestName {
    /// Where to look when this test of a model fails. Checks of inputs have their own words.
    pub fn next(self, model: &ModelName) -> String {
        let look = match self {
            Self::Overfit => {
                "do the labels that training fits belong to their rows? With `run.tiny` set, are regularisation, early \
                 stopping and least numbers of rows off?"
            }
            Self::Signal => {
                "look for labels that are shuffled, joined to other rows or off by one, or made from other columns than \
                 the target in lamp.toml"
            }
            Self::Permuted => {
                "look for training that reads `valid`, and for features made from targets before the split"
            }
            Self::Repeat => {
                "seed every random generator with `run.seed`, or save the package with a larger `tolerance`"
            }
            Self::Shapes => "correct the predictor, or the signature that training saves",
            Self::Features => "correct the data, or except a column with a reason",
        };
        format!("{look}; then: lamp test {model} --only {self}")
    }
}

impl FeatureCheck {
    /// Where to look when this check of a model's inputs fails.
    pub fn next(self, model: &ModelName) -> String {
        let except = |example: &str| {
            format!("or except it: [models.{model}.tests] except = {{ {} = [\"{example}\"] }}", self.as_str())
        };
        match self {
            Self::Target | Self::Constant => format!("take it out of the inputs, {}", except("COLUMN")),
            Self::Columns => "correct the inputs that training saves, or the dataset that has them".to_owned(),
            Self::Nulls | Self::Ranges => {
                format!("lamp profile DATASET shows the column; mend what fills it, {}", except("COLUMN"))
            }
            Self::Leakage => {
                format!("is it known when the prediction is made? Take it out of the inputs, {}", except("COLUMN"))
            }
            Self::Keys => "let the ranges of `train` and `valid` share no row".to_owned(),
        }
    }
}
