//! [`Sql`] over a Durable Object's SQLite.

use wasm_bindgen::closure::ScopedClosure;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Function, Reflect};
use worker::{SqlStorage, SqlStorageValue, Storage};

use crate::sql::{Row, Sql, StoreError, Value};

/// An object's database.
#[derive(Clone)]
pub(super) struct ObjectSql {
    statements: SqlStorage,
    /// The object's storage as JavaScript has it, whose method `transactionSync` has no wrapper.
    storage: JsValue,
}

impl ObjectSql {
    pub(super) fn new(storage: &Storage) -> Self {
        Self { statements: storage.sql(), storage: JsValue::from(storage.as_raw()) }
    }

    /// Calls `transactionSync`: what `work` did is undone if it throws.
    fn transaction_sync(
        &self,
        work: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue> {
        let method: Function =
            Reflect::get(&self.storage, &JsValue::from_str("transactionSync"))?.dyn_into()?;
        let mut work = || work();
        let callback =
            ScopedClosure::<dyn FnMut() -> Result<(), JsValue>>::borrow_mut_aborting(&mut work);
        method.call1(&self.storage, callback.as_ref()).map(|_| ())
    }
}

impl Sql for ObjectSql {
    fn run(&self, statement: &str, arguments: &[Value]) -> Result<Vec<Row>, StoreError> {
        let arguments: Vec<_> = arguments.iter().map(argument).collect::<Result<_, _>>()?;
        let cursor = self.statements.exec(statement, arguments).map_err(refused)?;
        let names = cursor.column_names();
        let mut rows = Vec::new();
        for values in cursor.raw() {
            let values = values.map_err(refused)?.into_iter().map(value);
            let named = names.iter().zip(values).map(|(name, value)| Ok((name.clone(), value?)));
            rows.push(Row(named.collect::<Result<_, _>>()?));
        }
        Ok(rows)
    }

    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut work = Some(work);
        let mut done = None;
        let kept = self.transaction_sync(&mut || {
            done = work.take().map(|work| work());
            match done {
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => Err(JsValue::from_str("undone")),
            }
        });
        match (done, kept) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (_, Err(error)) => Err(refused(worker::Error::from(error)).into()),
            (None, Ok(())) => Err(StoreError::Invariant("a transaction runs").into()),
        }
    }
}

fn refused(error: worker::Error) -> StoreError {
    StoreError::Database(error.to_string())
}

fn argument(value: &Value) -> Result<SqlStorageValue, StoreError> {
    Ok(match value {
        Value::Null => SqlStorageValue::Null,
        Value::Int(value) => SqlStorageValue::try_from_i64(*value).map_err(refused)?,
        Value::Text(value) => SqlStorageValue::String(value.clone()),
        Value::Blob(value) => SqlStorageValue::Blob(value.clone()),
    })
}

fn value(value: SqlStorageValue) -> Result<Value, StoreError> {
    Ok(match value {
        SqlStorageValue::Null => Value::Null,
        SqlStorageValue::Boolean(value) => Value::from(value),
        SqlStorageValue::Integer(value) => Value::Int(value),
        SqlStorageValue::String(value) => Value::Text(value),
        SqlStorageValue::Blob(value) => Value::Blob(value),
        SqlStorageValue::Float(_) => {
            return Err(StoreError::Database("a number beyond 2^53, or a fraction".to_owned()));
        }
    })
}
