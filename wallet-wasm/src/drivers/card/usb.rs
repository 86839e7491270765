//! Frames as bulk transfers, by WebUSB.

use js_sys::{Reflect, Uint8Array};
use koban_card::frame::{FRAME_BYTES, Frame, usb};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::device::{self, Device, Opened};
use super::{CardProblem, within_a_look};

/// The direction in an endpoint's address (USB 2.0, section 9.6.6); WebUSB's numbers are without.
const DIRECTION: u8 = 0x80;

/// A card's interface.
pub(super) fn filter() -> JsValue {
    let (class, subclass, protocol) = usb::VENDOR_CLASS;
    device::filter([
        ("classCode", class.into()),
        ("subclassCode", subclass.into()),
        ("protocolCode", protocol.into()),
    ])
}

/// An open device with its interface claimed.
#[derive(Debug)]
pub(super) struct UsbPort {
    device: Opened,
    /// The transfer that is waited for; it goes on when waiting pauses.
    transfer: Option<JsFuture>,
}

impl UsbPort {
    /// Opens a device.
    pub(super) async fn open(device: &Device) -> Result<Self, CardProblem> {
        let device = device.open().await?;
        let claimed = async {
            if device.configuration().is_null() {
                device.select_configuration(1).await?;
            }
            device.claim_interface(usb::VENDOR_INTERFACE).await
        };
        claimed.await.map_err(|exception| device.trouble(&exception))?;
        Ok(Self { device, transfer: None })
    }

    /// The device.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Sends a frame.
    pub(super) async fn send(&self, frame: &Frame) -> Result<(), JsValue> {
        let data = Uint8Array::from(frame.bytes().as_slice());
        self.device.transfer_out(usb::ENDPOINT_OUT, data).await.map(|_| ())
    }

    /// The next frame, if one comes soon; anything else that comes is none.
    pub(super) async fn receive(&mut self) -> Result<Option<Frame>, CardProblem> {
        let mut transfer = match self.transfer.take() {
            Some(transfer) => transfer,
            None => self.ask().map_err(|exception| self.device.trouble(&exception))?,
        };
        let Some(ended) = within_a_look(&mut transfer).await else {
            self.transfer = Some(transfer);
            return self.device.still_there().map(|()| None);
        };
        let result = ended.map_err(|exception| self.device.trouble(&exception))?;
        let data = Reflect::get(&result, &"data".into()).ok();
        let bytes = data.and_then(|data| device::bytes_of(&data));
        Ok(bytes.and_then(|bytes| Frame::of_bytes(&bytes)))
    }

    fn ask(&self) -> Result<JsFuture, JsValue> {
        let length = u32::try_from(FRAME_BYTES).unwrap_or(u32::MAX);
        self.device.transfer_in(usb::ENDPOINT_IN & !DIRECTION, length).map(JsFuture::from)
    }
}
