//! The wallet's rows in IndexedDB, every write with strict durability.
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
const VERSION: u32 = 1;

/// An open database.
#[derive(Clone, Debug)]
pub struct Database(IdbDatabase);

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
        let none = || Problem::with(Fault::StorageNotDurable, "no IndexedDB");
        let factory = Reflect::get(&js_sys::global(), &"indexedDB".into()).map_err(|_| none())?;
        let factory: IdbFactory = factory.dyn_into().map_err(|_| none())?;
        let request = factory.open_with_u32(name, VERSION).map_err(|e| unavailable(&e))?;
        let upgrading = request.clone();
        let upgrade = Closure::once(move || {
            if let Ok(Ok(db)) = upgrading.result().map(JsCast::dyn_into::<IdbDatabase>) {
                for store in Store::ALL {
                    // A store that cannot be made shows at the first use.
                    let _ = db.create_object_store(store.name());
                }
            }
        });
        request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
        let opened = done(&request).await?;
        let database = Self(opened.dyn_into().map_err(|_| none())?);
        // A newer version of the wallet in another tab must not wait for this one.
        let opened = database.0.clone();
        let outdated = Closure::<dyn Fn()>::new(move || opened.close());
        database.0.set_onversionchange(Some(outdated.into_js_value().unchecked_ref()));
        let strict = Reflect::get(database.begin("readwrite")?.as_ref(), &"durability".into());
        if strict.ok().and_then(|strict| strict.as_string()).as_deref() != Some("strict") {
            return Err(Problem::with(Fault::StorageNotDurable, "no strict durability"));
        }
        Ok(database)
    }

    /// All rows.
    ///
    /// # Errors
    /// [`Fault::StorageNotDurable`] if they cannot be read.
    pub async fn rows(&self) -> Result<Vec<Row>, Problem> {
        let transaction = self.begin("readonly")?;
        let mut rows = Vec::new();
        for store in Store::ALL {
            let table = transaction.object_store(store.name()).map_err(|e| unavailable(&e))?;
            let keys = table.get_all_keys().map_err(|e| unavailable(&e))?;
            let values = table.get_all().map_err(|e| unavailable(&e))?;
            let keys: Array = done(&keys).await?.unchecked_into();
            let values: Array = done(&values).await?.unchecked_into();
            for (key, value) in keys.iter().zip(values.iter()) {
                let value = Uint8Array::new(&value).to_vec();
                rows.push(Row { store, key: key.as_string().unwrap_or_default(), value });
            }
        }
        Ok(rows)
    }

    /// Makes the edits durable, all or none. When this returns, they are on the disk.
    ///
    /// # Errors
    /// [`Fault::StorageFull`], [`Fault::StorageNotDurable`]; none of the edits was made then.
    pub async fn write(&self, edits: &[Edit]) -> Result<(), Problem> {
        let transaction = self.begin("readwrite")?;
        let asked = edits.iter().try_for_each(|edit| ask(&transaction, edit));
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

    /// Closes it, so that it may be opened under another version or deleted.
    pub fn close(&self) {
        self.0.close();
    }

    /// A transaction over all stores with strict durability.
    fn begin(&self, mode: &str) -> Result<IdbTransaction, Problem> {
        let names: Array = Store::ALL.iter().map(|store| JsValue::from(store.name())).collect();
        let options = Object::new();
        let begun = Reflect::set(&options, &"durability".into(), &"strict".into())
            .and_then(|_| method(&self.0, "transaction").ok_or(JsValue::NULL))
            .and_then(|begin| begin.call3(&self.0, &names, &mode.into(), &options));
        begun.map(JsCast::unchecked_into).map_err(|e| unavailable(&e))
    }
}

fn ask(transaction: &IdbTransaction, edit: &Edit) -> Result<(), JsValue> {
    match edit {
        Edit::Put(row) => {
            let table = transaction.object_store(row.store.name())?;
            let value = Uint8Array::from(row.value.as_slice());
            table.put_with_key(&value, &row.key.as_str().into())?;
        }
        Edit::Delete(store, key) => {
            transaction.object_store(store.name())?.delete(&key.as_str().into())?;
        }
    }
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
