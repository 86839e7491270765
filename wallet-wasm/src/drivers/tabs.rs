//! Several tabs, one writer: a Web Lock says who, a BroadcastChannel tells the others when to look.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::BroadcastChannel;

use super::{fact, method};
use crate::engine::{Fault, Problem};

/// The right to write, held until it is dropped or its tab is gone.
#[derive(Debug)]
pub struct Lease(Function);

impl Drop for Lease {
    fn drop(&mut self) {
        // It settles the promise that holds the lock.
        let _ = self.0.call0(&JsValue::NULL);
    }
}

/// The right to write under `name`, if no other tab has it; with `wait`, once no other has it.
///
/// # Errors
/// [`Fault::StorageNotDurable`] in a browser without Web Locks, where two tabs could spend one
/// coin.
pub async fn lease(name: &str, wait: bool) -> Result<Option<Lease>, Problem> {
    let none = |exception: &JsValue| Problem::with(Fault::StorageNotDurable, fact(exception));
    let missing = || Problem::with(Fault::StorageNotDurable, "no Web Locks");
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).map_err(|e| none(&e))?;
    let locks = Reflect::get(&navigator, &"locks".into()).map_err(|e| none(&e))?;
    let request = method(&locks, "request").ok_or_else(missing)?;
    let options = Object::new();
    Reflect::set(&options, &"ifAvailable".into(), &(!wait).into()).map_err(|e| none(&e))?;
    let release = Rc::new(RefCell::new(None));
    let (granted, slot) = (Rc::new(RefCell::new(None)), release.clone());
    let callback = {
        let granted = granted.clone();
        Closure::once(move |lock: JsValue| {
            let answer = |it: &JsValue| {
                if let Some(granted) = granted.borrow_mut().take() {
                    let granted: Function = granted;
                    // It settles the promise that is waited for below.
                    let _ = granted.call1(&JsValue::NULL, it);
                }
            };
            if lock.is_null() {
                answer(&false.into());
                return JsValue::UNDEFINED;
            }
            let held = Promise::new(&mut |resolve, _| *slot.borrow_mut() = Some(resolve));
            answer(&true.into());
            held.into()
        })
    };
    let answered = Promise::new(&mut |resolve, _| *granted.borrow_mut() = Some(resolve));
    request
        .call3(&locks, &name.into(), &options, callback.as_ref().unchecked_ref())
        .map_err(|e| none(&e))?;
    JsFuture::from(answered).await.map_err(|e| none(&e))?;
    let release: Option<Function> = release.borrow_mut().take();
    Ok(release.map(Lease))
}

/// What tabs tell each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The database has changed.
    Changed,
    /// A tab asks for the right to write.
    Wanted,
}

impl News {
    const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Wanted => "wanted",
        }
    }

    fn of_event(event: &JsValue) -> Option<Self> {
        let word = Reflect::get(event, &"data".into()).ok()?.as_string()?;
        [Self::Changed, Self::Wanted].into_iter().find(|news| news.word() == word)
    }
}

/// Kept alive as long as the channel may call it.
struct Listener(#[expect(dead_code, reason = "held, not read")] Closure<dyn Fn(JsValue)>);

/// The channel between the tabs of one wallet. It carries no contents: the database has them.
pub struct Channel {
    channel: BroadcastChannel,
    listener: RefCell<Option<Listener>>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Channel(..)")
    }
}

impl Channel {
    /// The channel of this name.
    ///
    /// # Errors
    /// [`Fault::StorageNotDurable`] in a browser without such channels.
    pub fn open(name: &str) -> Result<Self, Problem> {
        let channel = BroadcastChannel::new(name)
            .map_err(|e| Problem::with(Fault::StorageNotDurable, fact(&e)))?;
        Ok(Self { channel, listener: RefCell::new(None) })
    }

    /// Tells the other tabs.
    pub fn tell(&self, news: News) {
        // A closed channel has nobody to tell.
        let _ = self.channel.post_message(&news.word().into());
    }

    /// Calls `listener` with what other tabs tell.
    pub fn listen(&self, listener: impl Fn(News) + 'static) {
        let listener = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            if let Some(news) = News::of_event(&event) {
                listener(news);
            }
        });
        self.channel.set_onmessage(Some(listener.as_ref().unchecked_ref()));
        *self.listener.borrow_mut() = Some(Listener(listener));
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
