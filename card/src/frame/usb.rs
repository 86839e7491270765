//! How a card describes itself to a machine.
//!
//! ```text
//! interface 0  class 0x03 HID             interrupt IN 0x81, OUT 0x01, 64 bytes, 1 ms
//! interface 1  class 0xff / 0x43 / 0x01   bulk IN 0x82, OUT 0x02, 64 bytes
//! ```
//!
//! Pages reach the first by WebHID and the second by WebUSB. Chromium refuses them a FIDO or
//! keyboard usage page, and smart card (CCID, 0x0b) and HID classes over WebUSB: hence both, and
//! both vendor-defined.

/// The vendor: pid.codes, which lends numbers to open hardware.
pub const VENDOR_ID: u16 = 0x1209;
/// The product: a placeholder until pid.codes assigns one.
pub const PRODUCT_ID: u16 = 0xca5d;

/// The usage page of [`REPORT_DESCRIPTOR`]: vendor-defined (HID Usage Tables 1.5, section 3.1).
pub const USAGE_PAGE: u16 = 0xffca;
/// Its usage.
pub const USAGE: u16 = 1;
/// One report in and one out, each a frame; no report id, no feature report (HID 1.11, section
/// 6.2.2).
#[rustfmt::skip]
pub const REPORT_DESCRIPTOR: [u8; 34] = [
    0x06, 0xca, 0xff,             // usage page
    0x09, 0x01,                   // usage 1
    0xa1, 0x01,                   // collection: application
    0x09, 0x03,                   //   usage 3
    0x15, 0x00, 0x26, 0xff, 0x00, //   values 0 to 255
    0x75, 0x08, 0x95, 0x40,       //   64 of 8 bits
    0x81, 0x08,                   //   input
    0x09, 0x04,                   //   usage 4
    0x15, 0x00, 0x26, 0xff, 0x00,
    0x75, 0x08, 0x95, 0x40,
    0x91, 0x08,                   //   output
    0xc0,                         // end of collection
];

/// The interface of WebUSB.
pub const VENDOR_INTERFACE: u8 = 1;
/// Its class, subclass and protocol.
pub const VENDOR_CLASS: (u8, u8, u8) = (0xff, 0x43, 0x01);
/// Its bulk endpoint towards the host, as in a descriptor; WebUSB's number is without the bit 0x80.
pub const ENDPOINT_IN: u8 = 0x82;
/// Its bulk endpoint towards the card.
pub const ENDPOINT_OUT: u8 = 0x02;
