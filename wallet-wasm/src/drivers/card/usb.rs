//! Frames as bulk transfers, by WebUSB.

use js_sys::{Reflect, Uint8Array};
use koban_card::frame::{FRAME_BYTES, Frame, usb};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::device::{self, Device, Opened};
use super::{BUSY_PAUSE_MS, CardProblem, LOOK_MS, asked, within};
use crate::drivers::platform;

/// The direction in an endpoint's address (USB 2.0, section 9.6.6); WebUSB's numbers are without.
const DIRECTION: u8 = 0x80;

/// Attempts to claim an interface: 2 s.
const CLAIMS_MAX: u32 = 20;

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
        if device.configuration().is_null() {
            asked(device.select_configuration(1)).await?;
        }
        for _ in 0..CLAIMS_MAX {
            match asked(device.claim_interface(usb::VENDOR_INTERFACE)).await {
                Ok(_) => return Ok(Self { device, transfer: None }),
                // WebUSB, section 6.1: somebody has claimed it, or has not quite let go of it
                Err(CardProblem::Browser(name)) if name == "NetworkError" => {
                    platform::pause(BUSY_PAUSE_MS).await;
                }
                Err(problem) => return Err(problem),
            }
        }
        Err(CardProblem::InUse)
    }

    /// Closes it.
    pub(super) async fn close(self) {
        // Chromium closes later than it says, but releases at once. What fails here is gone.
        let _ = asked(self.device.release_interface(usb::VENDOR_INTERFACE)).await;
        self.device.close().await;
    }

    /// Sends a frame.
    pub(super) async fn send(&self, frame: &Frame) -> Result<(), JsValue> {
        let data = Uint8Array::from(frame.bytes().as_slice());
        self.device.transfer_out(usb::ENDPOINT_OUT, data).await.map(|_| ())
    }

    /// The next frame, if one comes soon; anything else that comes is none.
    pub(super) async fn receive(&mut self) -> Result<Option<Frame>, JsValue> {
        let mut transfer = match self.transfer.take() {
            Some(transfer) => transfer,
            None => self.ask()?,
        };
        let Some(ended) = within(LOOK_MS, &mut transfer).await else {
            self.transfer = Some(transfer);
            return Ok(None);
        };
        let data = Reflect::get(&ended?, &"data".into())?;
        Ok(device::bytes_of(&data).and_then(|bytes| Frame::of_bytes(&bytes)))
    }

    fn ask(&self) -> Result<JsFuture, JsValue> {
        let length = u32::try_from(FRAME_BYTES).unwrap_or(u32::MAX);
        self.device.transfer_in(usb::ENDPOINT_IN & !DIRECTION, length).map(JsFuture::from)
    }
}
