//! Frames as reports, by WebHID.

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt as _;
use js_sys::{Reflect, Uint8Array};
use koban_card::frame::{Frame, usb};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

use super::device::{self, Device, Opened};
use super::{CardProblem, LOOK_MS, within};

/// A card's interface.
pub(super) fn filter() -> JsValue {
    device::filter([("usagePage", usb::USAGE_PAGE), ("usage", usb::USAGE)])
}

/// An open device.
#[derive(Debug)]
pub(super) struct HidPort {
    device: Opened,
    frames: UnboundedReceiver<Frame>,
    _listener: Closure<dyn Fn(JsValue)>,
}

impl HidPort {
    /// Opens a device.
    pub(super) async fn open(device: &Device) -> Result<Self, CardProblem> {
        let device = device.open().await?;
        let (heard, frames) = unbounded();
        let listener = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            let data = Reflect::get(&event, &"data".into()).ok();
            let bytes = data.and_then(|data| device::bytes_of(&data));
            if let Some(frame) = bytes.and_then(|bytes| Frame::of_bytes(&bytes)) {
                // The port may have gone.
                let _ = heard.unbounded_send(frame);
            }
        });
        device.set_on_input_report(Some(listener.as_ref().unchecked_ref()));
        Ok(Self { device, frames, _listener: listener })
    }

    /// Closes it.
    pub(super) async fn close(self) {
        self.device.close().await;
    }

    /// Sends a report.
    pub(super) async fn send(&self, frame: &Frame) -> Result<(), JsValue> {
        let data = Uint8Array::from(frame.bytes().as_slice());
        self.device.send_report(0, data).await.map(|_| ())
    }

    /// The next report, if one comes soon.
    pub(super) async fn receive(&mut self) -> Option<Frame> {
        within(LOOK_MS, self.frames.next()).await.flatten()
    }
}

impl Drop for HidPort {
    fn drop(&mut self) {
        self.device.set_on_input_report(None);
    }
}
