//! What the standard's library lacks: rules of `type: custom` with `engine: lamplighter`.

mod measure;

use std::collections::BTreeSet;

use super::rule::RuleKind;
use super::types::Contract;

pub use measure::{Evidence, measure};

/// The engine that rules of our own name.
pub const OWN_ENGINE: &str = "lamplighter";

/// A rule of our own.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRule {
    /// What is measured.
    pub metric: OwnMetric,
    /// The data that it is held against, for metrics that are a comparison or are made one by `change`.
    pub against: Option<Against>,
    /// How the number differs from those of the data in `against`; the number itself when none.
    pub change: Option<Change>,
}

/// What a rule of our own measures.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnMetric {
    /// A number of a column.
    Statistic(Statistic),
    /// Rows of the table.
    RowCount,
    /// Columns of the table.
    ColumnCount,
    /// Columns that the contract does not name.
    UnexpectedColumns,
    /// Columns that were added, removed or have another type than in the reference.
    SchemaChanges,
    /// How far the distribution of a column is from that of the reference.
    Drift(DriftMethod),
    /// Values that the reference does not have.
    NewCategories,
    /// Values of the reference that are gone.
    LostCategories,
    /// Time between the newest row and the end of its partition, or now where that is earlier, in seconds.
    Freshness,
    /// Pearson's correlation with another column.
    Correlation {
        /// The other property.
        with: String,
    },
    /// Rows for which a condition is true.
    Violations {
        /// The condition, in SQL.
        condition: String,
    },
    /// Rows in which the column does not stand so to another; rows in which one is null are not counted.
    Comparison {
        /// How it must stand.
        order: Order,
        /// The other property.
        to: String,
    },
    /// Rows whose value is on the wrong side of that of the row before.
    Monotonic {
        /// How a value must stand to the one before it.
        order: Order,
        /// The property that orders the rows; the order of the files when none.
        by: Option<String>,
    },
    /// Rows whose values are in no row of another dataset. Rows with a null are not counted.
    ForeignKey {
        /// The properties.
        columns: Vec<String>,
        /// The other dataset.
        dataset: String,
        /// Its columns, one for each of `columns`.
        to: Vec<String>,
    },
    /// Groups whose newest value of the column lies too far back.
    StaleGroups {
        /// The properties that make a group.
        by: Vec<String>,
        /// The age that is still young enough, in seconds.
        seconds: f64,
    },
}

/// A number of a column that its profile knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// Mean of the finite values.
    Mean,
    /// Their sample standard deviation.
    StdDev,
    /// Their sum.
    Sum,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The value below which this share of them lies.
    Quantile(f64),
    /// The third quartile less the first.
    InterquartileRange,
    /// Percent of rows that are null.
    NullShare,
    /// Percent of values that are zero.
    ZeroShare,
    /// Percent of values below zero.
    NegativeShare,
    /// Values that are not a number.
    NanValues,
    /// Different values; a guess once there are more than a thousand.
    DistinctValues,
    /// Different values in percent of all values; a guess likewise.
    DistinctShare,
    /// Percent of values that are the most frequent one.
    TopShare,
    /// Entropy of the values in bits, where all are listed.
    Entropy,
    /// Characters of the shortest text.
    MinLength,
    /// Characters of the longest text.
    MaxLength,
    /// Mean number of characters.
    MeanLength,
    /// Percent of texts that are empty.
    EmptyShare,
}

impl Statistic {
    /// All of them that take no argument, by the word in the contract.
    pub const NAMED: [(&'static str, Self); 19] = [
        ("mean", Self::Mean),
        ("stddev", Self::StdDev),
        ("sum", Self::Sum),
        ("min", Self::Min),
        ("max", Self::Max),
        ("median", Self::Quantile(0.5)),
        ("iqr", Self::InterquartileRange),
        ("nullShare", Self::NullShare),
        ("zeroShare", Self::ZeroShare),
        ("negativeShare", Self::NegativeShare),
        ("nanValues", Self::NanValues),
        ("distinctValues", Self::DistinctValues),
        ("distinctShare", Self::DistinctShare),
        ("topShare", Self::TopShare),
        ("entropy", Self::Entropy),
        ("minLength", Self::MinLength),
        ("maxLength", Self::MaxLength),
        ("meanLength", Self::MeanLength),
        ("emptyShare", Self::EmptyShare),
    ];

    /// The word in the contract.
    pub fn as_str(self) -> &'static str {
        Self::NAMED.iter().find(|(_, statistic)| *statistic == self).map_or("quantile", |(word, _)| word)
    }
}

/// How a distance between two distributions is measured; see [`crate::profile::drift`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftMethod {
    /// The population stability index.
    Psi,
    /// The largest difference of shares at or below a value (Kolmogorov and Smirnov).
    KolmogorovSmirnov,
    /// The p-value of that.
    KolmogorovSmirnovP,
    /// The earth mover's distance, in standard deviations of the reference.
    Wasserstein,
    /// The Jensen–Shannon distance.
    JensenShannon,
    /// Cramér's V.
    CramersV,
    /// The p-value of the χ² test.
    ChiSquaredP,
}

impl DriftMethod {
    /// All of them, by the word in the contract.
    pub const ALL: [(&'static str, Self); 7] = [
        ("psi", Self::Psi),
        ("ks", Self::KolmogorovSmirnov),
        ("ksPValue", Self::KolmogorovSmirnovP),
        ("wasserstein", Self::Wasserstein),
        ("jensenShannon", Self::JensenShannon),
        ("cramersV", Self::CramersV),
        ("chiSquaredPValue", Self::ChiSquaredP),
    ];

    /// The word in the contract.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, method)| *method == self).map_or("", |(word, _)| word)
    }
}

/// Which data a rule compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The partition before; of a dataset without partitions, the version before.
    Previous,
    /// As many of them, together.
    Last(usize),
}

impl Against {
    /// The most partitions that a rule may look back on.
    pub const LAST_MAX: usize = 366;

    /// How many partitions that is.
    pub const fn count(self) -> usize {
        match self {
            Self::Previous => 1,
            Self::Last(count) => count,
        }
    }
}

/// How a number differs from those of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Less their mean.
    Difference,
    /// That in percent of the size of their mean.
    Percent,
    /// Divided by their mean.
    Ratio,
    /// The difference in sample standard deviations of theirs; of at least three.
    ZScore,
}

impl Change {
    /// All of them, by the word in the contract.
    pub const ALL: [(&'static str, Self); 4] = [
        ("difference", Self::Difference),
        ("percentChange", Self::Percent),
        ("ratio", Self::Ratio),
        ("zScore", Self::ZScore),
    ];

    /// The word in the contract.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, change)| *change == self).map_or("", |(word, _)| word)
    }
}

/// How one value must stand to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Smaller.
    Less,
    /// Smaller or equal.
    LessOrEqual,
    /// Equal.
    Equal,
    /// Different.
    NotEqual,
    /// Larger or equal.
    GreaterOrEqual,
    /// Larger.
    Greater,
}

impl Order {
    /// All of them, by the sign in the contract, which is SQL's.
    pub const ALL: [(&'static str, Self); 6] = [
        ("<", Self::Less),
        ("<=", Self::LessOrEqual),
        ("=", Self::Equal),
        ("!=", Self::NotEqual),
        (">=", Self::GreaterOrEqual),
        (">", Self::Greater),
    ];

    /// The sign.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, order)| *order == self).map_or("", |(sign, _)| sign)
    }
}

impl OwnMetric {
    /// The words of the metrics that are no statistic of a column, and whether each needs one.
    pub const NAMES: [(&'static str, bool); 14] = [
        ("quantile", true),
        ("rowCount", false),
        ("columnCount", false),
        ("unexpectedColumns", false),
        ("schemaChanges", false),
        ("drift", true),
        ("newCategories", true),
        ("lostCategories", true),
        ("freshness", true),
        ("correlation", true),
        ("violations", false),
        ("comparison", true),
        ("monotonic", true),
        ("staleGroups", true),
    ];

    /// The word in the contract.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Statistic(statistic) => statistic.as_str(),
            Self::RowCount => "rowCount",
            Self::ColumnCount => "columnCount",
            Self::UnexpectedColumns => "unexpectedColumns",
            Self::SchemaChanges => "schemaChanges",
            Self::Drift(_) => "drift",
            Self::NewCategories => "newCategories",
            Self::LostCategories => "lostCategories",
            Self::Freshness => "freshness",
            Self::Correlation { .. } => "correlation",
            Self::Violations { .. } => "violations",
            Self::Comparison { .. } => "comparison",
            Self::Monotonic { .. } => "monotonic",
            Self::ForeignKey { .. } => "foreignKey",
            Self::StaleGroups { .. } => "staleGroups",
        }
    }

    /// Whether rows are counted, so that `unit: percent` means something.
    pub const fn counts_rows(&self) -> bool {
        match self {
            Self::Violations { .. } | Self::Comparison { .. } | Self::Monotonic { .. } | Self::ForeignKey { .. } => {
                true
            }
            Self::Statistic(_)
            | Self::RowCount
            | Self::ColumnCount
            | Self::UnexpectedColumns
            | Self::SchemaChanges
            | Self::Drift(_)
            | Self::NewCategories
            | Self::LostCategories
            | Self::Freshness
            | Self::Correlation { .. }
            | Self::StaleGroups { .. } => false,
        }
    }

    /// The dimension of the standard that it belongs to when the rule names none.
    pub const fn dimension(&self) -> &'static str {
        match self {
            Self::Statistic(Statistic::NullShare | Statistic::EmptyShare) | Self::RowCount => "completeness",
            Self::Statistic(Statistic::DistinctValues | Statistic::DistinctShare | Statistic::TopShare) => "uniqueness",
            Self::Statistic(_) | Self::Drift(_) | Self::Correlation { .. } => "accuracy",
            Self::ColumnCount | Self::UnexpectedColumns | Self::SchemaChanges => "conformity",
            Self::NewCategories | Self::LostCategories => "coverage",
            Self::Freshness | Self::StaleGroups { .. } => "timeliness",
            Self::Violations { .. } | Self::Comparison { .. } | Self::Monotonic { .. } | Self::ForeignKey { .. } => {
                "consistency"
            }
        }
    }

    /// Whether it is a comparison in itself and so always needs a reference.
    pub const fn needs_reference(&self) -> bool {
        matches!(self, Self::SchemaChanges | Self::Drift(_) | Self::NewCategories | Self::LostCategories)
    }
}

impl OwnRule {
    /// What it measures, for people: `mean as percentChange against the last 7`.
    pub fn words(&self) -> String {
        let metric = match &self.metric {
            OwnMetric::Statistic(Statistic::Quantile(share)) => format!("quantile {share}"),
            OwnMetric::Drift(method) => format!("drift ({})", method.as_str()),
            metric => metric.as_str().to_owned(),
        };
        let change = self.change.map(|change| format!(" as {}", change.as_str())).unwrap_or_default();
        let against = match self.against {
            None => String::new(),
            Some(Against::Previous) => " against the one before".to_owned(),
            Some(Against::Last(count)) => format!(" against the last {count}"),
        };
        format!("{metric}{change}{against}")
    }
}

impl Contract {
    fn own_rules(&self) -> impl Iterator<Item = &OwnRule> {
        let of_columns = self.objects.iter().flat_map(|object| &object.properties).flat_map(|column| &column.quality);
        let rules = self.objects.iter().flat_map(|object| &object.quality).chain(of_columns);
        rules.filter_map(|rule| match &rule.kind {
            RuleKind::Own(own) => Some(own),
            RuleKind::Library(_) | RuleKind::Text | RuleKind::Sql { .. } | RuleKind::Custom { .. } => None,
        })
    }

    /// How many partitions before the one that is checked its rules look at.
    pub fn history_needed(&self) -> usize {
        self.own_rules().filter_map(|rule| rule.against).map(Against::count).max().unwrap_or(0)
    }

    /// The other datasets that its rules look into.
    pub fn other_datasets(&self) -> BTreeSet<&str> {
        let of_rules = self.own_rules().filter_map(|rule| {
            if let OwnMetric::ForeignKey { dataset, .. } = &rule.metric { Some(dataset.as_str()) } else { None }
        });
        let columns = self.objects.iter().flat_map(|object| &object.properties);
        let relationships = columns.flat_map(|column| &column.relationships);
        let of_tables = self.objects.iter().flat_map(|object| &object.relationships);
        of_rules.chain(relationships.chain(of_tables).map(|relationship| relationship.table.as_str())).collect()
    }
}
