//! What WebHID and WebUSB have in common. `web-sys` has both behind its unstable flag only.

use std::cell::Cell;

use js_sys::{Array, Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;

use super::{CardProblem, Way, asked};

#[wasm_bindgen]
extern "C" {
    /// `navigator.hid` or `navigator.usb`.
    #[derive(Debug)]
    pub(super) type Devices;

    #[wasm_bindgen(method, catch, js_name = getDevices)]
    async fn get_devices(this: &Devices) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = requestDevice)]
    async fn request_device(this: &Devices, options: &JsValue) -> Result<JsValue, JsValue>;

    /// Has an event call a listener.
    #[wasm_bindgen(method, js_name = addEventListener)]
    pub(super) fn listen(this: &Devices, event: &str, listener: &Function);

    /// Has it call it no more.
    #[wasm_bindgen(method, js_name = removeEventListener)]
    pub(super) fn unlisten(this: &Devices, event: &str, listener: &Function);

    /// A `HIDDevice` or a `USBDevice`.
    #[derive(Clone, Debug, PartialEq)]
    pub(super) type Device;

    #[wasm_bindgen(method, getter, js_name = vendorId)]
    fn vendor(this: &Device) -> u16;

    #[wasm_bindgen(method, getter, js_name = productId)]
    fn product(this: &Device) -> u16;

    /// What it calls itself.
    #[wasm_bindgen(method, getter, js_name = productName)]
    pub(super) fn name(this: &Device) -> Option<String>;

    #[wasm_bindgen(method, getter, js_name = serialNumber)]
    fn serial(this: &Device) -> Option<String>;

    #[wasm_bindgen(method, getter, js_name = opened)]
    fn is_open(this: &Device) -> bool;

    #[wasm_bindgen(method, catch, js_name = open)]
    async fn try_open(this: &Device) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, js_name = close)]
    async fn try_close(this: &Device) -> Result<JsValue, JsValue>;

    /// WebHID, section 6.8.
    #[wasm_bindgen(method, setter, js_name = oninputreport)]
    pub(super) fn set_on_input_report(this: &Device, listener: Option<&Function>);

    /// WebHID, section 6.5.
    #[wasm_bindgen(method, catch, js_name = sendReport)]
    pub(super) async fn send_report(
        this: &Device,
        report: u8,
        data: Uint8Array,
    ) -> Result<JsValue, JsValue>;

    /// WebUSB, section 6.
    #[wasm_bindgen(method, getter)]
    pub(super) fn configuration(this: &Device) -> JsValue;

    /// WebUSB, section 6.1.
    #[wasm_bindgen(method, catch, js_name = selectConfiguration)]
    pub(super) async fn select_configuration(
        this: &Device,
        configuration: u8,
    ) -> Result<JsValue, JsValue>;

    /// WebUSB, section 6.1.
    #[wasm_bindgen(method, catch, js_name = claimInterface)]
    pub(super) async fn claim_interface(this: &Device, number: u8) -> Result<JsValue, JsValue>;

    /// WebUSB, section 6.1.
    #[wasm_bindgen(method, catch, js_name = releaseInterface)]
    pub(super) async fn release_interface(this: &Device, number: u8) -> Result<JsValue, JsValue>;

    /// WebUSB, section 6.1.
    #[wasm_bindgen(method, catch, js_name = transferIn)]
    pub(super) fn transfer_in(
        this: &Device,
        endpoint: u8,
        length: u32,
    ) -> Result<js_sys::Promise, JsValue>;

    /// WebUSB, section 6.1.
    #[wasm_bindgen(method, catch, js_name = transferOut)]
    pub(super) async fn transfer_out(
        this: &Device,
        endpoint: u8,
        data: Uint8Array,
    ) -> Result<JsValue, JsValue>;
}

impl Devices {
    /// Those of this browser that are reached this way; none if it has no such way.
    pub(super) fn of(way: Way) -> Option<Self> {
        let name = match way {
            Way::Hid => "hid",
            Way::Usb => "usb",
            Way::Virtual => return None,
        };
        let navigator = Reflect::get(&js_sys::global(), &"navigator".into()).ok()?;
        let devices = Reflect::get(&navigator, &name.into()).ok()?;
        devices.is_object().then(|| devices.unchecked_into())
    }

    /// Those the holder has granted.
    pub(super) async fn granted(&self) -> Result<Vec<Device>, JsValue> {
        Ok(Array::from(&self.get_devices().await?).iter().map(JsCast::unchecked_into).collect())
    }

    /// The one the holder chooses of those that fit the filter.
    pub(super) async fn choose(&self, filter: &JsValue) -> Result<Option<Device>, JsValue> {
        let options = js_sys::Object::new();
        Reflect::set(&options, &"filters".into(), &Array::of1(filter))?;
        match self.request_device(&options).await {
            // WebHID's answer: a list, empty if nothing was chosen
            Ok(chosen) if Array::is_array(&chosen) => {
                let first = Array::from(&chosen).get(0);
                Ok(first.is_object().then(|| first.unchecked_into()))
            }
            Ok(chosen) => Ok(Some(chosen.unchecked_into())),
            // WebUSB's, then
            Err(exception) if super::fact(&exception) == "NotFoundError" => Ok(None),
            Err(exception) => Err(exception),
        }
    }
}

impl Device {
    /// What tells it from other devices; WebHID does not show a serial number.
    pub(super) fn identity(&self) -> String {
        let serial = self.serial().unwrap_or_default();
        format!("{:04x}:{:04x} {serial}", self.vendor(), self.product())
    }

    /// Opens it.
    pub(super) async fn open(&self) -> Result<Opened, CardProblem> {
        // left open by a command that was given up
        self.close().await;
        asked(self.try_open()).await?;
        Ok(Opened { device: self.clone(), is_closed: Cell::new(false) })
    }

    /// Closes it; closed it may be.
    async fn close(&self) {
        if self.is_open() {
            // What cannot be closed is gone.
            let _ = asked(self.try_close()).await;
        }
    }
}

/// An open device, closed at the latest when it is dropped.
#[derive(Debug)]
pub(super) struct Opened {
    device: Device,
    is_closed: Cell<bool>,
}

impl Opened {
    /// Closes it, so that it is closed when this returns.
    pub(super) async fn close(&self) {
        self.is_closed.set(true);
        self.device.close().await;
    }
}

impl std::ops::Deref for Opened {
    type Target = Device;
    fn deref(&self) -> &Device {
        &self.device
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !self.is_closed.get() {
            let device = self.device.clone();
            spawn_local(async move { device.close().await });
        }
    }
}

/// A filter of a chooser.
pub(super) fn filter<const N: usize>(values: [(&str, u16); N]) -> JsValue {
    let filter = js_sys::Object::new();
    for (name, value) in values {
        // A new object takes every value.
        let _ = Reflect::set(&filter, &name.into(), &value.into());
    }
    filter.into()
}

/// The bytes of a `DataView`.
pub(super) fn bytes_of(view: &JsValue) -> Option<Vec<u8>> {
    let view: &js_sys::DataView = view.dyn_ref()?;
    let (offset, length) = (view.byte_offset(), view.byte_length());
    let offset = u32::try_from(offset).ok()?;
    let length = u32::try_from(length).ok()?;
    let bytes = Uint8Array::new_with_byte_offset_and_length(&view.buffer(), offset, length);
    Some(bytes.to_vec())
}
