//! Evaluation tables: the columns that a model takes, and what was to be predicted.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{cast, filter, is_not_null, nullif};
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::common::DFSchema;
use datafusion::physical_plan::PhysicalExpr;
use futures::{StreamExt, TryStreamExt, stream};
use lamp_core::package::Datatype;
use lamp_core::profile::ColumnKind;
use lamp_core::table::{Table, Values};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;
use crate::provider::unwrap_error;
use crate::source::{Batch, Piece, Source, blocking, cast_strictly};
use crate::{types, values};

/// Inputs with the truth beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTable {
    /// One column for each that was asked for, in that order.
    pub inputs: Table,
    /// The target, as long as the inputs, without nulls; absent when none was asked for.
    pub target: Option<Values>,
    /// Rows left out because their target is null (or not a number).
    pub null_targets: u64,
    /// Which files the rows come from, in their order: name, and number of rows that were kept.
    pub rows_of_files: Vec<(String, usize)>,
}

/// What to read and how to cast it.
pub(crate) struct Plan {
    columns: Vec<(String, Datatype)>,
    /// Places in the source's schema: first the columns, then what else the target needs.
    projection: Vec<usize>,
    target: Option<Arc<dyn PhysicalExpr>>,
    target_sql: String,
}

impl Plan {
    /// Places in the source's schema of all that is read.
    pub(crate) fn projection(&self) -> &[usize] {
        &self.projection
    }

    /// The target of no row, in its type.
    pub(crate) fn no_targets(&self) -> Result<Values, EngineError> {
        let expression = self.target.as_ref();
        let data_type = expression.and_then(|expression| expression.data_type(&Schema::empty()).ok());
        let empty = datafusion::arrow::array::new_empty_array(&data_type.unwrap_or(DataType::Null));
        values::of(&empty).map_err(EngineError::Internal)
    }
}

/// Targets of one piece, without those that are not known.
#[derive(Default)]
pub(crate) struct TargetArrays {
    pub(crate) target: Vec<ArrayRef>,
    pub(crate) null_targets: u64,
}

/// Arrays of one piece: a list a column, and the target's.
#[derive(Default)]
struct Arrays {
    columns: Vec<Vec<ArrayRef>>,
    targets: TargetArrays,
    rows_of_files: Vec<(String, usize)>,
}

impl Arrays {
    /// Counts rows that were kept of a file, which come after all others so far.
    fn count(&mut self, file: &str, rows: usize) {
        match self.rows_of_files.last_mut() {
            Some((last, so_far)) if last == file => *so_far += rows,
            _ => self.rows_of_files.push((file.to_owned(), rows)),
        }
    }
}

impl Engine {
    /// Reads the columns that a signature names, cast to its datatypes, in file order. Booleans
    /// come as `Bool`, the integer types as `Int`, the float types as `Float`, text as `Text`.
    /// `target_sql` is an expression over all columns of the files, evaluated row by row; rows for
    /// which it is null are left out and counted; NaN counts as null, in the target and in the
    /// columns that it is made from. A value that does not fit its datatype (a
    /// fraction in an integer column, words in a number column) is an error.
    pub async fn read_table(
        &self,
        files: &[DataFile],
        columns: &[(String, Datatype)],
        target_sql: Option<&str>,
    ) -> Result<LabelledTable, EngineError> {
        let source = Source::open_async(files).await?;
        let plan = Arc::new(self.plan(&source, columns, target_sql)?);
        let pieces = stream::iter(source.pieces()).map(|piece| {
            let (source, plan) = (Arc::clone(&source), Arc::clone(&plan));
            blocking(move || read_piece(&source, &piece, &plan))
        });
        let empty = Arrays { columns: vec![Vec::new(); columns.len()], ..Arrays::default() };
        let all = pieces
            .buffered(self.settings.threads)
            .try_fold(empty, async |mut all, piece: Arrays| {
                for (column, more) in all.columns.iter_mut().zip(piece.columns) {
                    column.extend(more);
                }
                all.targets.target.extend(piece.targets.target);
                all.targets.null_targets += piece.targets.null_targets;
                for (file, rows) in &piece.rows_of_files {
                    all.count(file, *rows);
                }
                Ok(all)
            })
            .await?;
        finish(&plan, all)
    }

    /// What to read for columns and a target.
    pub(crate) fn plan(
        &self,
        source: &Source,
        columns: &[(String, Datatype)],
        target_sql: Option<&str>,
    ) -> Result<Plan, EngineError> {
        let mut projection = Vec::new();
        for (name, _) in columns {
            projection.push(source.column(name)?);
        }
        let mut plan = Plan { columns: columns.to_vec(), projection, target: None, target_sql: String::new() };
        let Some(sql) = target_sql else { return Ok(plan) };
        let failed = |e| unwrap_error(e, sql);
        let session = self.session();
        check_is_one_expression(sql)?;
        let whole = DFSchema::try_from(source.schema().as_ref().clone()).map_err(failed)?;
        let expression = session.parse_sql_expr(sql, &whole).map_err(failed)?;
        let mut needed: Vec<usize> = Vec::new();
        for column in expression.column_refs() {
            needed.push(source.column(column.name())?);
        }
        // References come from a hash set.
        needed.sort_unstable();
        plan.projection.extend(needed);
        let target_schema = source.projected(&plan.projection[columns.len()..]);
        let narrowed = DFSchema::try_from(target_schema.as_ref().clone()).map_err(failed)?;
        plan.target = Some(session.create_physical_expr(expression, &narrowed).map_err(failed)?);
        sql.clone_into(&mut plan.target_sql);
        Ok(plan)
    }
}

/// The expression's parser stops where an expression ends; what follows must not be dropped.
fn check_is_one_expression(sql: &str) -> Result<(), EngineError> {
    use datafusion::sql::sqlparser::{dialect::GenericDialect, parser::Parser, tokenizer::Token};
    let failed = |reason: String| EngineError::Sql { sql: sql.to_owned(), reason };
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).map_err(|e| failed(e.to_string()))?;
    parser.parse_expr().map_err(|e| failed(e.to_string()))?;
    let next = parser.peek_token();
    if next.token == Token::EOF { Ok(()) } else { Err(failed(format!("there is more after the expression: `{next}`"))) }
}

fn read_piece(source: &Source, piece: &Piece, plan: &Plan) -> Result<Arrays, EngineError> {
    let mut arrays = Arrays { columns: vec![Vec::new(); plan.columns.len()], ..Arrays::default() };
    source.read(piece, &plan.projection, |batch| {
        let kept = arrays.targets.add(&batch.rows, plan)?;
        let rows = kept.as_ref().map_or(batch.rows.num_rows(), BooleanArray::true_count);
        arrays.count(&batch.file.name, rows);
        for (index, (name, datatype)) in plan.columns.iter().enumerate() {
            let mut array = Arc::clone(batch.rows.column(index));
            if let Some(kept) = &kept {
                array = filter(&array, kept).map_err(|e| EngineError::Internal(e.to_string()))?;
            }
            let array = cast_to(&array, *datatype).map_err(|reason| cast_error(&batch, name, *datatype, reason))?;
            arrays.columns[index].push(array);
        }
        Ok(true)
    })?;
    Ok(arrays)
}

fn cast_error(batch: &Batch<'_>, column: &str, datatype: Datatype, reason: String) -> EngineError {
    let (column, file) = (column.to_owned(), batch.file.name.clone());
    EngineError::Cast { column, file, datatype: datatype.as_str(), reason }
}

impl TargetArrays {
    /// Evaluates the target of a batch; returns which rows are kept, when not all are.
    pub(crate) fn add(&mut self, batch: &RecordBatch, plan: &Plan) -> Result<Option<BooleanArray>, EngineError> {
        let Some(expression) = &plan.target else { return Ok(None) };
        let failed = |e| unwrap_error(e, &plan.target_sql);
        let columns: Vec<usize> = (plan.columns.len()..plan.projection.len()).collect();
        let batch = batch.project(&columns).map_err(|e| EngineError::Internal(e.to_string()))?;
        let batch = without_nan(&batch).map_err(|e| EngineError::Internal(e.to_string()))?;
        let target =
            expression.evaluate(&batch).and_then(|value| value.into_array(batch.num_rows())).map_err(failed)?;
        let kept = known(&target)?;
        let dropped = kept.len() - kept.true_count();
        if dropped == 0 {
            self.target.push(target);
            return Ok(None);
        }
        self.null_targets += dropped as u64;
        self.target.push(filter(&target, &kept).map_err(|e| EngineError::Internal(e.to_string()))?);
        Ok(Some(kept))
    }
}

/// The batch with nulls for NaN: in SQL, NaN is larger than every number, and a comparison with it
/// would make up a label where there is none.
fn without_nan(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let column = |array: &ArrayRef| {
        if !array.data_type().is_floating() {
            return Ok(Arc::clone(array));
        }
        let floats = cast(array, &DataType::Float64)?;
        let is_nan = BooleanArray::from_unary(floats.as_primitive::<Float64Type>(), f64::is_nan);
        if is_nan.has_true() { nullif(array, &is_nan) } else { Ok(Arc::clone(array)) }
    };
    let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(batch.schema(), columns, &options)
}

/// Which values are neither null nor NaN.
fn known(target: &ArrayRef) -> Result<BooleanArray, EngineError> {
    if types::kind(target.data_type()) == ColumnKind::Float {
        let floats = cast_strictly(target, &DataType::Float64).map_err(EngineError::Internal)?;
        let floats = floats.as_primitive::<Float64Type>();
        return Ok(floats.iter().map(|value| Some(value.is_some_and(|value| !value.is_nan()))).collect());
    }
    is_not_null(target).map_err(|e| EngineError::Internal(e.to_string()))
}

const fn arrow_type(datatype: Datatype) -> DataType {
    match datatype {
        Datatype::Bool => DataType::Boolean,
        Datatype::Int8 => DataType::Int8,
        Datatype::Int16 => DataType::Int16,
        Datatype::Int32 => DataType::Int32,
        Datatype::Int64 => DataType::Int64,
        Datatype::Fp32 => DataType::Float32,
        Datatype::Fp64 => DataType::Float64,
        Datatype::Bytes => DataType::Utf8,
    }
}

fn cast_to(array: &ArrayRef, datatype: Datatype) -> Result<ArrayRef, String> {
    let target = arrow_type(datatype);
    let loses_fractions = target.is_integer() && types::kind(array.data_type()) == ColumnKind::Float;
    if loses_fractions {
        let floats = cast_strictly(array, &DataType::Float64)?;
        if let Some(value) = floats.as_primitive::<Float64Type>().iter().flatten().find(|value| value.fract() != 0.0) {
            return Err(format!("{value} is not a whole number"));
        }
    }
    cast_strictly(array, &target)
}

fn finish(plan: &Plan, all: Arrays) -> Result<LabelledTable, EngineError> {
    let mut inputs = Table::default();
    for ((name, datatype), arrays) in plan.columns.iter().zip(all.columns) {
        let arrays = if arrays.is_empty() {
            vec![datafusion::arrow::array::new_empty_array(&arrow_type(*datatype))]
        } else {
            arrays
        };
        inputs.push(name, values::of_all(&arrays).map_err(EngineError::Internal)?);
    }
    let target = match &plan.target {
        None => None,
        Some(_) if all.targets.target.is_empty() => Some(plan.no_targets()?),
        Some(_) => Some(values::of_all(&all.targets.target).map_err(EngineError::Internal)?),
    };
    Ok(LabelledTable { inputs, target, null_targets: all.targets.null_targets, rows_of_files: all.rows_of_files })
}
