//! Rows in IndexedDB, every write with strict durability: the wallet's, and the virtual card's.
//!
//! Through `web-sys`, because the one wrapper that gives access to strict durability brings two
//! dozen macro crates along.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbFactory, IdbRequest, IdbTransaction};

use super::{fact, method};
use crate::engine::{Edit, Fault, Problem, Row, Store};

/// Grows when the stores change; the rows inside are CBOR and evolve by themselves.
const VERSION: u32 = 2;

/// The wallet's open database.
#[derive(Clone, Debug)]
pub struct Database(Tables);

/// Named stores of bytes under texts.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    database: IdbDatabase,
    names: Vec<&'static str>,
}

/// A store, a key, and what is under it from now on; nothing, if there is no value.
pub(super) type Change<'a> = (&'static str, &'a str, Option<&'a [u8]>);

fn unavailable(exception: &JsValue) -> Problem {
    let name = fact(exception);
    let full = name == "QuotaExceededError";
    Problem::with(if full { Fault::StorageFull } else { Fault::StorageNotDurable }, name)
}

impl Database {
    /// Opens or makes the database of this name.
    ///
    /// # Errors
    /// [`Fault::StorageNotDurable`] if there is no IndexedDB, or it does not know strict
    /// durability.
    pub async fn open(name: &str) -> Result<Self, Problem> {
        let names = Store::ALL.into_iter().map(Store::name).collect();
        Tables::open(name, VERSION, names).await.map(Self)
    }

    /// All rows.
    ///
    /// # Errors
    /// [`Fault::StorageNotDurable`] if they cannot be read.
    pub async fn rows(&self) -> Result<Vec<Row>, Problem> {
        let stores = Store::ALL.into_iter().zip(self.0.rows().await?);
        let row = |store, (key, value)| Row { store, key, value };
        Ok(stores
            .flat_map(|(store, rows)| rows.into_iter().map(move |it| row(store, it)))
            .collect())
    }

    /// Makes the edits durable, all or none. When this returns, they are on the disk.
    ///
    /// # Errors
    /// [`Fault::StorageFull`], [`Fault::StorageNotDurable`]; none of the edits was made then.
    pub async fn write(&self, edits: &[Edit]) -> Result<(), Problem> {
        let changes = edits.iter().map(|edit| match edit {
            Edit::Put(row) => (row.store.name(), row.key.as_str(), Some(row.value.as_slice())),
            Edit::Delete(store, key) => (store.name(), key.as_str(), None),
        });
        self.0.write(changes).await
    }

    /// Closes it, so that it may be opened under another version or deleted.
    pub fn close(&self) {
        self.0.database.close();
    }
}

impl Tables {
    /// Opens or makes the database of this name, with these stores in this version.
    pub(super) async fn open(
        name: &str,
        version: u32,
        names: Vec<&'static str>,
    ) -> Result<Self, Problem> {
        let none = || Problem::with(Fault::StorageNotDurable, "no IndexedDB");
        let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).map_err(|_| none())?;
        let factory: IdbFactory = factory.dyn_into().map_err(|_| none())?;
        let request = factory.open_with_u32(name, version).map_err(|e| unavailable(&e))?;
        let (upgrading, stores) = (request.clone(), names.clone());
        let upgrade = Closure::once(move || {
            if let Ok(Ok(db)) = upgrading.result().map(JsCast::dyn_into::<IdbDatabase>) {
                for store in stores {
                    // A store that cannot be made shows at the first use.
                    let _ = db.create_object_store(store);
                }
            }
        });
        request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        let database = done(&request).await?.dyn_into().map_err(|_| none())?;
        let tables = Self { database, names };
        // A newer version of the program in another tab must not wait for this one.
        let opened = tables.database.clone();
        let outdated = Closure::<dyn Fn()>::new(move || opened.close());
        tables.database.set_onversionchange(Some(outdated.into_js_value().unchecked_ref()));
        let strict = Reflect::get(tables.begin("readwrite")?.as_ref(), &"durability".into());
        if strict.ok().and_then(|strict| strict.as_string()).as_deref() != Some("strict") {
            return Err(Problem::with(Fault::StorageNotDurable, "no strict durability"));
        }
        Ok(tables)
    }

    /// All rows of each store, in its order: keys and values.
    pub(super) async fn rows(&self) -> Result<Vec<Vec<(String, Vec<u8>)>>, Problem> {
        let transaction = self.begin("readonly")?;
        let mut stores = Vec::new();
        for name in &self.names {
            let table = transaction.object_store(name).map_err(|e| unavailable(&e))?;
            let keys = table.get_all_keys().map_err(|e| unavailable(&e))?;
            let values = table.get_all().map_err(|e| unavailable(&e))?;
            let keys: Array = done(&keys).await?.unchecked_into();
            let values: Array = done(&values).await?.unchecked_into();
            let row = |(key, value): (JsValue, JsValue)| {
                (key.as_string().unwrap_or_default(), Uint8Array::new(&value).to_vec())
            };
            stores.push(keys.iter().zip(values.iter()).map(row).collect());
        }
        Ok(stores)
    }

    /// Makes the changes durable, all or none. When this returns, they are on the disk.
    pub(super) async fn write<'a>(
        &self,
        mut changes: impl Iterator<Item = Change<'a>>,
    ) -> Result<(), Problem> {
        let transaction = self.begin("readwrite")?;
        let asked = changes.try_for_each(|change| ask(&transaction, change));
        if let Err(exception) = asked {
            // It may have aborted already.
            let _ = transaction.abort();
            return Err(unavailable(&exception));
        }
        let ended = Promise::new(&mut |resolve: Function, reject: Function| {
            transaction.set_oncomplete(Some(&resolve));
            transaction.set_onabort(Some(&reject));
        });
        let ended = JsFuture::from(ended).await;
        ended.map(|_| ()).map_err(|_| {
            let error = transaction.error().map_or(JsValue::NULL, JsValue::from);
            unavailable(&error)
        })
    }

    /// A transaction over all stores with strict durability.
    fn begin(&self, mode: &str) -> Result<IdbTransaction, Problem> {
        let names: Array = self.names.iter().map(|name| JsValue::from(*name)).collect();
        let options = Object::new();
        let begun = Reflect::set(&options, &"durability".into(), &"strict".into())
            .and_then(|_| method(&self.database, "transaction").ok_or(JsValue::NULL))
            .and_then(|begin| begin.call3(&self.database, &names, &mode.into(), &options));
        begun.map(JsCast::unchecked_into).map_err(|e| unavailable(&e))
    }
}

fn ask(transaction: &IdbTransaction, (store, key, value): Change<'_>) -> Result<(), JsValue> {
    let table = transaction.object_store(store)?;
    match value {
        Some(value) => table.put_with_key(&Uint8Array::from(value), &key.into())?,
        None => table.delete(&key.into())?,
    };
    Ok(())
}

/// The result of a request.
async fn done(request: &IdbRequest) -> Result<JsValue, Problem> {
    let answered = Promise::new(&mut |resolve: Function, reject: Function| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    let failed = |_| {
        let error = request.error().ok().flatten();
        unavailable(&error.map_or(JsValue::NULL, JsValue::from))
    };
    JsFuture::from(answered).await.map_err(failed)?;
    request.result().map_err(|e| unavailable(&e))
}
