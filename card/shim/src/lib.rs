//! Shows a simulated card to Chromium in the place of udev and the kernel's device nodes.
//!
//! Chromium learns of USB and HID devices from libudev, of which it imports 31 functions, and
//! reaches them by opening device nodes. This library has those functions, and the C library's
//! `open` and `ioctl`; it is loaded before the others:
//!
//! ```text
//! LD_PRELOAD=.../libudev.so.1  KOBAN_CARD_DEVICES=DIR  chromium
//! ```
//!
//! Everything from the page down to Chromium's device service is the real thing. Not shown are the
//! kernel's parts: a report descriptor parsed by it, enumeration, permissions of nodes, short
//! packets and their timing, suspension. Feature reports and control transfers have no answer.
//!
//! | the kernel's | here, below `DIR` |
//! | --- | --- |
//! | a device in `/sys` | a directory with `uevent` and attributes as files |
//! | a device's node | the path `node` in it, answered by the socket `sock` beside |
//! | plugging in and out | renaming to `NAME`, and from `NAME` to `.gone-NAME` |
//! | `hidraw` | a packet is a report, with its number before it on the way out |
//! | `usbfs` | a packet is a bulk transfer |
//!
//! C's `open` and `ioctl` take a variable number of arguments, which stable Rust cannot define.
//! Here they take as many as are ever given. On Linux for x86-64 and AArch64 that is the same to
//! the caller: such arguments are passed in the same registers, and one that was not given is
//! passed on unread.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("the shim is for Linux on x86-64 and AArch64");

mod nodes;
mod sysfs;
mod udev;
mod usbfs;
