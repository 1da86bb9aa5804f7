//! GATE, from its paper and documentation ("Automatic and precise data validation for machine learning", 2023), as its
//! authors describe it and without the slips of their package: statistics of columns as z-scores, columns put into
//! clusters, the distance to the three nearest partitions, and the 95th percentile of that as the bound.

use lamp_core::profile::{ColumnProfile, Profile};

/// Neighbours that count.
const NEIGHBOURS: usize = 3;
/// The quantile of earlier scores that is the bound.
const BOUND: f64 = 0.95;
/// Share of the variance that the clusters keep.
const VARIANCE: f64 = 0.95;
const STATISTICS: usize = 6;

/// One partition: by column, coverage, mean, median, 95 % quantile, number of values, share of the heaviest.
type Row = Vec<[f64; STATISTICS]>;

#[derive(Debug, Clone, Default)]
pub struct Gate {
    names: Vec<String>,
    rows: Vec<Row>,
}

/// What the partitions so far make of the next one.
pub struct GateOutlook<'g> {
    gate: &'g Gate,
    clusters: Vec<usize>,
    features: Vec<Vec<f64>>,
    centre: Vec<[(f64, f64); STATISTICS]>,
    bound: f64,
}

fn statistics(column: &ColumnProfile) -> [f64; STATISTICS] {
    let values = column.non_null().max(1) as f64;
    let heaviest = column.top.entries.first().map_or(0.0, |(_, count)| *count as f64);
    [
        1.0 - column.null_share(),
        column.mean().unwrap_or(0.0),
        column.quantile(0.5).unwrap_or(0.0),
        column.quantile(0.95).unwrap_or(0.0),
        column.distinct().estimate as f64,
        heaviest / values,
    ]
}

impl Gate {
    fn row(&self, profile: &Profile) -> Row {
        self.names.iter().map(|name| profile.find(name).map_or([0.0; STATISTICS], statistics)).collect()
    }

    pub fn learn(&mut self, profile: &Profile) {
        if self.names.is_empty() {
            self.names = profile.columns.iter().map(|column| column.name.clone()).collect();
        }
        self.rows.push(self.row(profile));
    }

    pub fn outlook(&self) -> GateOutlook<'_> {
        let centre: Vec<_> = (0..self.names.len()).map(|column| centre_of(&self.rows, column)).collect();
        let scaled: Vec<Row> = self.rows.iter().map(|row| z_scores(row, &centre)).collect();
        let clusters = clusters(&self.names, &scaled);
        let features: Vec<Vec<f64>> = scaled.iter().map(|row| features(row, &clusters)).collect();
        let mut scores: Vec<f64> = (0..features.len())
            .map(|at| {
                distance(&features[at], features.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, f)| f))
            })
            .collect();
        scores.sort_by(f64::total_cmp);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a sample")]
        let place = ((scores.len().max(1) - 1) as f64 * BOUND) as usize;
        GateOutlook {
            gate: self,
            clusters,
            bound: scores.get(place).copied().unwrap_or(f64::INFINITY),
            features,
            centre,
        }
    }
}

impl GateOutlook<'_> {
    pub fn alarms(&self, profile: &Profile) -> bool {
        let row = z_scores(&self.gate.row(profile), &self.centre);
        distance(&features(&row, &self.clusters), self.features.iter()) >= self.bound
    }
}

fn centre_of(rows: &[Row], column: usize) -> [(f64, f64); STATISTICS] {
    std::array::from_fn(|statistic| {
        let values: Vec<f64> = rows.iter().map(|row| row[column][statistic]).collect();
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        (mean, variance.sqrt())
    })
}

fn z_scores(row: &Row, centre: &[[(f64, f64); STATISTICS]]) -> Row {
    let scaled = |value: f64, (mean, deviation): (f64, f64)| match deviation > 0.0 {
        true => (value - mean) / deviation,
        // What never varied is far off as soon as it does.
        false if (value - mean).abs() > 1e-12 => 10.0,
        false => 0.0,
    };
    row.iter().zip(centre).map(|(row, centre)| std::array::from_fn(|at| scaled(row[at], centre[at]))).collect()
}

/// By cluster and statistic, the mean of the absolute z-scores.
fn features(row: &Row, clusters: &[usize]) -> Vec<f64> {
    let count = clusters.iter().max().map_or(0, |most| most + 1);
    let mut sums = vec![[0.0; STATISTICS]; count];
    let mut sizes = vec![0.0; count];
    for (values, cluster) in row.iter().zip(clusters) {
        sizes[*cluster] += 1.0;
        for (sum, value) in sums[*cluster].iter_mut().zip(values) {
            *sum += value.abs();
        }
    }
    sums.iter().zip(sizes).flat_map(|(sums, size)| sums.map(|sum| sum / size)).collect()
}

/// The mean distance to the nearest others.
fn distance<'f>(one: &[f64], others: impl Iterator<Item = &'f Vec<f64>>) -> f64 {
    let far = |other: &Vec<f64>| one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let mut distances: Vec<f64> = others.map(far).collect();
    distances.sort_by(f64::total_cmp);
    distances.truncate(NEIGHBOURS);
    distances.iter().sum::<f64>() / distances.len().max(1) as f64
}

/// Average linkage on 0.25 times the likeness of the names and 0.75 times that of the statistics, until there are as
/// many clusters as principal components keep 95 % of the variance.
fn clusters(names: &[String], rows: &[Row]) -> Vec<usize> {
    let vectors: Vec<Vec<f64>> =
        (0..names.len()).map(|column| rows.iter().flat_map(|row| row[column]).collect()).collect();
    let likeness =
        |a: usize, b: usize| 0.25 * names_alike(&names[a], &names[b]) + 0.75 * cosine(&vectors[a], &vectors[b]);
    let alike: Vec<Vec<f64>> = (0..names.len()).map(|a| (0..names.len()).map(|b| likeness(a, b)).collect()).collect();
    let wanted = components(&vectors);
    let mut groups: Vec<Vec<usize>> = (0..names.len()).map(|column| vec![column]).collect();
    while groups.len() > wanted {
        let mut best = (f64::NEG_INFINITY, 0, 1);
        for a in 0..groups.len() {
            for b in a + 1..groups.len() {
                let pairs = groups[a].iter().flat_map(|x| groups[b].iter().map(|y| alike[*x][*y]));
                let mean = pairs.sum::<f64>() / (groups[a].len() * groups[b].len()) as f64;
                if mean > best.0 {
                    best = (mean, a, b);
                }
            }
        }
        let merged = groups.remove(best.2);
        groups[best.1].extend(merged);
    }
    let mut of = vec![0; names.len()];
    for (number, group) in groups.iter().enumerate() {
        for column in group {
            of[*column] = number;
        }
    }
    of
}

/// Tokens that two names share (Dice's coefficient): in place of the embedding of a language model.
fn names_alike(a: &str, b: &str) -> f64 {
    let [a, b] = [a, b].map(|name| name.split('_').collect::<Vec<_>>());
    2.0 * a.iter().filter(|token| b.contains(token)).count() as f64 / (a.len() + b.len()) as f64
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let norm = (dot(a, a) * dot(b, b)).sqrt();
    if norm > 0.0 { dot(a, b) / norm } else { 0.0 }
}

/// How many eigenvalues of the columns' Gram matrix make up 95 % of their sum (by Jacobi's rotations).
fn components(vectors: &[Vec<f64>]) -> usize {
    let n = vectors.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut gram: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|b| dot(&vectors[a], &vectors[b])).collect()).collect();
    for _ in 0..12 {
        for p in 0..n {
            for q in p + 1..n {
                if gram[p][q].abs() < 1e-9 {
                    continue;
                }
                let angle = 0.5 * (2.0 * gram[p][q]).atan2(gram[q][q] - gram[p][p]);
                let (sin, cos) = angle.sin_cos();
                for row in &mut gram {
                    let (a, b) = (row[p], row[q]);
                    (row[p], row[q]) = (cos * a - sin * b, sin * a + cos * b);
                }
                let (above, below) = gram.split_at_mut(q);
                for (a, b) in above[p].iter_mut().zip(&mut below[0]) {
                    (*a, *b) = (cos * *a - sin * *b, sin * *a + cos * *b);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|at| gram[at][at].max(0.0)).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let all: f64 = values.iter().sum();
    let mut sum = 0.0;
    values
        .iter()
        .take_while(|value| {
            let before = sum;
            sum += **value;
            before < VARIANCE * all
        })
        .count()
        .max(1)
}
