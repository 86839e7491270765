//! A card's two interfaces on a USB driver: HID for WebHID, and a class of its own for WebUSB.
//!
//! The device says that it is USB 2.1, so that Windows asks for its Microsoft OS 2.0 descriptors
//! and gives the second interface to WinUSB. It has no WebUSB landing page, as no address is built
//! into a card, and no serial number, as any page it is opened to would read it.

use core::fmt;

use embassy_futures::select::{Either, select};
use embassy_time::{Duration, with_timeout};
use embassy_usb::class::hid::{
    Config as HidConfig, HidBootProtocol, HidReader, HidReaderWriter, HidSubclass, HidWriter, State,
};
use embassy_usb::driver::{Driver, Endpoint as _, EndpointIn as _, EndpointOut as _};
use embassy_usb::msos::{
    CompatibleIdFeatureDescriptor, PropertyData, RegistryPropertyFeatureDescriptor, windows_version,
};
use embassy_usb::{Builder, Config, UsbDevice};
use koban_card::frame::{FRAME_BYTES, Frame, Interface, usb};

/// Bytes of a packet of either interface.
const PACKET_BYTES: u16 = 64;
/// The request by which Windows asks for its descriptors; any that no other use has.
const MICROSOFT: u8 = 0x20;
/// The interface's name in Windows' registry: random, and the same in every card.
const GUID: &str = "{6C1B9A0E-52F1-4D0B-9B1F-0D2C7A4E83F5}";
/// How long a host may leave a frame where it is until it is given up.
const PATIENCE: Duration = Duration::from_millis(500);

/// Memory that the descriptors rest in.
pub struct Memory<'d> {
    configuration: [u8; 128],
    capabilities: [u8; 64],
    microsoft: [u8; 256],
    control: [u8; 64],
    hid: State<'d>,
}

impl Memory<'_> {
    /// Memory in which nothing is yet.
    pub const fn new() -> Self {
        Self {
            configuration: [0; 128],
            capabilities: [0; 64],
            microsoft: [0; 256],
            control: [0; 64],
            hid: State::new(),
        }
    }
}

impl Default for Memory<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory(..)")
    }
}

/// Both interfaces, frame by frame.
pub(crate) struct Cable<'d, D: Driver<'d>> {
    hid_out: HidReader<'d, D, FRAME_BYTES>,
    hid_in: HidWriter<'d, D, FRAME_BYTES>,
    vendor_out: D::EndpointOut,
    vendor_in: D::EndpointIn,
}

/// The device on its bus, and its cable.
pub(crate) fn build<'d, D: Driver<'d>>(
    driver: D,
    memory: &'d mut Memory<'d>,
) -> (UsbDevice<'d, D>, Cable<'d, D>) {
    let mut config = Config::new(usb::VENDOR_ID, usb::PRODUCT_ID);
    config.manufacturer = Some("Koban");
    config.product = Some("Koban card");
    let Memory { configuration, capabilities, microsoft, control, hid } = memory;
    let mut builder = Builder::new(driver, config, configuration, capabilities, microsoft, control);
    builder.msos_descriptor(windows_version::WIN8_1, MICROSOFT);
    let hid_config = HidConfig {
        report_descriptor: &usb::REPORT_DESCRIPTOR,
        request_handler: None,
        poll_ms: 1,
        max_packet_size: PACKET_BYTES,
        hid_subclass: HidSubclass::No,
        hid_boot_protocol: HidBootProtocol::None,
    };
    let (hid_out, hid_in) = HidReaderWriter::new(&mut builder, hid, hid_config).split();
    let (vendor_out, vendor_in) = vendor(&mut builder);
    (builder.build(), Cable { hid_out, hid_in, vendor_out, vendor_in })
}

/// The second interface.
fn vendor<'d, D: Driver<'d>>(builder: &mut Builder<'d, D>) -> (D::EndpointOut, D::EndpointIn) {
    let (class, subclass, protocol) = usb::VENDOR_CLASS;
    let mut function = builder.function(class, subclass, protocol);
    function.msos_feature(CompatibleIdFeatureDescriptor::new("WINUSB", ""));
    function.msos_feature(RegistryPropertyFeatureDescriptor::new(
        "DeviceInterfaceGUIDs",
        PropertyData::RegMultiSz(&[GUID]),
    ));
    let mut interface = function.interface();
    let mut setting = interface.alt_setting(class, subclass, protocol, None);
    let out = setting.endpoint_bulk_out(Some(usb::ENDPOINT_OUT.into()), PACKET_BYTES);
    (out, setting.endpoint_bulk_in(Some(usb::ENDPOINT_IN.into()), PACKET_BYTES))
}

impl<'d, D: Driver<'d>> Cable<'d, D> {
    /// Waits for a frame on either interface. May be given up: nothing is lost.
    pub(crate) async fn receive(&mut self) -> (Interface, Frame) {
        loop {
            let (mut hid, mut vendor) = ([0; FRAME_BYTES], [0; FRAME_BYTES]);
            let by_hid = async {
                self.hid_out.ready().await;
                self.hid_out.read(&mut hid).await.ok()
            };
            let by_vendor = async {
                self.vendor_out.wait_enabled().await;
                self.vendor_out.read(&mut vendor).await.ok()
            };
            let (interface, length, bytes) = match select(by_hid, by_vendor).await {
                Either::First(length) => (Interface::Hid, length, hid),
                Either::Second(length) => (Interface::Vendor, length, vendor),
            };
            let whole = length.and_then(|length| bytes.get(..length)).and_then(Frame::of_bytes);
            if let Some(frame) = whole {
                return (interface, frame);
            }
        }
    }

    /// Sends a frame; one that the host does not fetch is lost, as if the cable were out.
    pub(crate) async fn send(&mut self, interface: Interface, frame: &Frame) {
        let sent = async {
            match interface {
                Interface::Hid => self.hid_in.write(frame.bytes()).await,
                Interface::Vendor => self.vendor_in.write(frame.bytes()).await,
            }
        };
        let _lost = with_timeout(PATIENCE, sent).await;
    }
}
