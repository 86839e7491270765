//! Storage: SQL statements behind one trait. A Durable Object's SQLite and native SQLite both
//! implement it.

use std::fmt;

/// A value of a statement's argument or of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL `NULL`.
    Null,
    /// An integer; within ±(2^53 - 1), which a worker's numbers hold exactly.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

macro_rules! value_from {
    ($($from:ty, $value:ident => $made:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $made
            }
        })*
    };
}
value_from! {
    i64, v => Self::Int(v);
    u32, v => Self::Int(i64::from(v));
    u16, v => Self::Int(i64::from(v));
    u8, v => Self::Int(i64::from(v));
    bool, v => Self::Int(i64::from(v));
    &str, v => Self::Text(v.to_owned());
    String, v => Self::Text(v);
    &[u8], v => Self::Blob(v.to_vec());
    Vec<u8>, v => Self::Blob(v);
}

impl From<u64> for Value {
    /// Amounts and times are at most 2^53 - 1; anything larger is stored as that bound and refused
    /// on reading.
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(bytes: [u8; N]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The storage failed, or holds what this code never wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The database refused; its own words, for the operator's log.
    Database(String),
    /// A column is missing or of another kind.
    Column(&'static str),
    /// An invariant of the ledger does not hold; nothing was changed.
    Invariant(&'static str),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(words) => write!(f, "the database refused: {words}"),
            Self::Column(name) => write!(f, "column {name} is missing or of another kind"),
            Self::Invariant(name) => write!(f, "invariant broken: {name}"),
        }
    }
}
impl std::error::Error for StoreError {}

/// One row of an answer.
#[derive(Clone, Debug, Default)]
pub struct Row(pub Vec<(String, Value)>);

impl Row {
    fn get(&self, name: &'static str) -> Result<&Value, StoreError> {
        let column = self.0.iter().find(|(column, _)| column == name);
        column.map(|(_, value)| value).ok_or(StoreError::Column(name))
    }

    /// Whether the column is `NULL`.
    ///
    /// # Errors
    /// [`StoreError::Column`].
    pub fn is_null(&self, name: &'static str) -> Result<bool, StoreError> {
        Ok(*self.get(name)? == Value::Null)
    }

    /// A column that is an integer not below zero.
    ///
    /// # Errors
    /// [`StoreError::Column`].
    pub fn u64(&self, name: &'static str) -> Result<u64, StoreError> {
        u64::try_from(self.i64(name)?).map_err(|_| StoreError::Column(name))
    }

    /// A column that is an integer.
    ///
    /// # Errors
    /// [`StoreError::Column`].
    pub fn i64(&self, name: &'static str) -> Result<i64, StoreError> {
        match self.get(name)? {
            Value::Int(value) => Ok(*value),
            _ => Err(StoreError::Column(name)),
        }
    }

    /// A column that is text.
    ///
    /// # Errors
    /// [`StoreError::Column`].
    pub fn text(&self, name: &'static str) -> Result<&str, StoreError> {
        match self.get(name)? {
            Value::Text(value) => Ok(value),
            _ => Err(StoreError::Column(name)),
        }
    }

    /// A column that is bytes.
    ///
    /// # Errors
    /// [`StoreError::Column`].
    pub fn blob(&self, name: &'static str) -> Result<&[u8], StoreError> {
        match self.get(name)? {
            Value::Blob(value) => Ok(value),
            _ => Err(StoreError::Column(name)),
        }
    }

    /// A column that is exactly `N` bytes.
    ///
    /// # Errors
    /// [`StoreError::Column`].
    pub fn bytes<const N: usize>(&self, name: &'static str) -> Result<[u8; N], StoreError> {
        self.blob(name)?.try_into().map_err(|_| StoreError::Column(name))
    }
}

/// A database of one object. No statement outside [`transaction`](Self::transaction) may leave it
/// half changed.
pub trait Sql {
    /// Runs one statement; `?` takes the arguments in order. Gives the rows, if it makes any.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn run(&self, statement: &str, arguments: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Runs `work` as one transaction: all of it is kept if it gives `Ok`, none of it if it gives
    /// `Err`.
    ///
    /// # Errors
    /// Those of `work`, and [`StoreError::Database`].
    fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E>;

    /// The one row of a statement's answer, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    fn row(&self, statement: &str, arguments: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.run(statement, arguments)?.into_iter().next())
    }
}
