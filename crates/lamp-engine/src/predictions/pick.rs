//! Some predictions out of many, without reading the others.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, AsArray};
use lamp_core::ids::PredictionId;
use lamp_core::prediction::Prediction;

use super::{columns, decode, read};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::source::{Source, blocking, parquet};

/// From so many wanted rows of a file on, the whole file is read.
const SINGLE_ROWS_MAX: usize = 64;

impl Engine {
    /// The ids in prediction logs, in file order; no other column is read.
    pub async fn prediction_ids(&self, files: &[DataFile]) -> Result<Vec<PredictionId>, EngineError> {
        let files = files.to_vec();
        blocking(move || {
            let mut all = Vec::new();
            for file in &files {
                all.extend(ids_of(file)?);
            }
            Ok(all)
        })
        .await
    }

    /// The predictions whose ids are wanted, in file order; each once for every time that it is there.
    pub async fn pick_predictions(
        &self,
        files: &[DataFile],
        wanted: &HashSet<PredictionId>,
    ) -> Result<Vec<Prediction>, EngineError> {
        let (files, wanted) = (files.to_vec(), wanted.clone());
        blocking(move || {
            let mut picked = Vec::new();
            for file in &files {
                picked.extend(pick(file, &wanted)?);
            }
            Ok(picked)
        })
        .await
    }
}

fn ids_of(file: &DataFile) -> Result<Vec<PredictionId>, EngineError> {
    let source = Source::open(std::slice::from_ref(file))?;
    let column = source.column(columns::PREDICTION_ID).map_err(|_| decode::not_a_log(file, "it has no ids"))?;
    let mut all = Vec::new();
    for piece in source.pieces() {
        source.read(&piece, &[column], |batch| {
            let ids = batch.rows.column(0);
            let ids = ids.as_string_opt::<i32>().ok_or_else(|| decode::not_a_log(file, "its ids are not text"))?;
            for row in 0..ids.len() {
                let id = PredictionId::parse(ids.value(row));
                all.push(id.ok_or_else(|| decode::not_a_log(file, format!("`{}` is no id", ids.value(row))))?);
            }
            Ok(true)
        })?;
    }
    Ok(all)
}

fn pick(file: &DataFile, wanted: &HashSet<PredictionId>) -> Result<Vec<Prediction>, EngineError> {
    let ids = ids_of(file)?;
    let rows: Vec<usize> = ids.iter().enumerate().filter(|(_, id)| wanted.contains(*id)).map(|(row, _)| row).collect();
    if rows.len() > SINGLE_ROWS_MAX {
        let all = read(std::slice::from_ref(file))?;
        return Ok(all.into_iter().filter(|prediction| wanted.contains(&prediction.id)).collect());
    }
    let mut picked = Vec::new();
    for row in rows {
        if let Some(batch) = parquet::row(file, row)?.next().transpose()? {
            picked.extend(decode::predictions(file, &batch)?);
        }
    }
    Ok(picked)
}
