//! Cards as processes: the applet of `koban-card` on a disk, with a button, behind the sockets
//! that `koban-card-shim` shows to a browser as USB devices.
//!
//! ```text
//! Chromium ── shim ── sockets ── Device ── frames ── SimulatedCard ── Card ── Disk
//! ```
//!
//! Everything above the sockets is what firmware would be; below them, neither the kernel's nor the
//! bus's part is shown: no enumeration, no descriptors parsed by a kernel, no suspended device.
//! A disk's memory lasts as long as the directory it is in.

mod card;
mod device;
mod disk;
mod trick;

pub use card::{Said, SimulatedCard};
pub use device::{Device, Kind};
pub use disk::Disk;
pub use trick::Trick;
