//! Native SQLite behind [`Sql`], for the World and for benches: the same statements as in a Durable
//! Object.

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use crate::sql::{Row, Sql, StoreError, Value};

/// A database in memory or in a file.
#[derive(Debug)]
pub struct Sqlite(Connection);

impl Sqlite {
    /// A database in memory.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn in_memory() -> Result<Self, StoreError> {
        Connection::open_in_memory().map_err(refused).and_then(limited)
    }

    /// A database in a file, with a write-ahead log and full durability.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub fn in_file(path: &std::path::Path) -> Result<Self, StoreError> {
        let database = Connection::open(path).map_err(refused)?;
        database.pragma_update(None, "journal_mode", "WAL").map_err(refused)?;
        database.pragma_update(None, "synchronous", "FULL").map_err(refused)?;
        limited(database)
    }
}

/// A Durable Object's limit on a statement's arguments, so that tests meet it too.
const ARGUMENTS_MAX: i32 = 100;

fn limited(database: Connection) -> Result<Sqlite, StoreError> {
    database.set_limit(Limit::SQLITE_LIMIT_VARIABLE_NUMBER, ARGUMENTS_MAX).map_err(refused)?;
    Ok(Sqlite(database))
}

fn refused(error: rusqlite::Error) -> StoreError {
    StoreError::Database(error.to_string())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl Sql for Sqlite {
    fn run(&self, statement: &str, arguments: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut prepared = self.0.prepare_cached(statement).map_err(refused)?;
        let names: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let mut answers = prepared.query(params_from_iter(arguments)).map_err(refused)?;
        let mut rows = Vec::new();
        while let Some(answer) = answers.next().map_err(refused)? {
            let mut row = Row::default();
            for (at, name) in names.iter().enumerate() {
                let value = match answer.get_ref(at).map_err(refused)? {
                    ValueRef::Integer(value) => Value::Int(value),
                    ValueRef::Text(bytes) => {
                        Value::Text(String::from_utf8_lossy(bytes).into_owned())
                    }
                    ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                    ValueRef::Null | ValueRef::Real(_) => Value::Null,
                };
                row.0.push((name.clone(), value));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.run("BEGIN IMMEDIATE", &[])?;
        let done = work();
        self.run(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }, &[])?;
        done
    }
}
