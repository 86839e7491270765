//! A card's USB interfaces as the shim has them: a directory that looks like the kernel's of a HID
//! device, another like that of a USB device, and a socket in each.
//!
//! ```text
//! NAME-hid/   uevent  report_descriptor  hidraw0/{uevent, sock}
//! NAME-usb/   uevent  descriptors  manufacturer  product  serial  busnum  devnum  ...  sock
//! ```
//!
//! A directory of a plugged device has the device's name; it gets it, and loses it to `.gone-NAME`,
//! by renaming. A packet of the socket is a report or a transfer.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use koban_card::frame::{FRAME_BYTES, Frame, Interface, usb};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};

/// A report with its number before it, as a host writes it.
const REPORT_BYTES: usize = 1 + FRAME_BYTES;

/// What a device says it is. All but the first are ones that no page may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A card, as it should be.
    Card,
    /// On the usage page of FIDO's authenticators, and with no interface but one of class HID.
    Fido,
    /// A keyboard, and a USB device of smart card readers' class.
    Keyboard,
}

impl Kind {
    fn report_descriptor(self) -> Vec<u8> {
        let (page, usage): (u16, u8) = match self {
            Self::Card => (usb::USAGE_PAGE, 1),
            Self::Fido => (0xf1d0, 1),
            Self::Keyboard => (0x0001, 6),
        };
        let mut bytes = usb::REPORT_DESCRIPTOR.to_vec();
        let [low, high] = page.to_le_bytes();
        bytes.splice(1..5, [low, high, 0x09, usage]);
        bytes
    }

    /// Class, subclass, protocol of the interface that WebUSB sees.
    fn interface_class(self) -> (u8, u8, u8) {
        match self {
            Self::Card => usb::VENDOR_CLASS,
            Self::Fido => (0x03, 0, 0),
            Self::Keyboard => (0x0b, 0, 0),
        }
    }
}

/// The descriptors of USB 2.0, chapter 9.6: of the device, its configuration, and its interfaces.
fn descriptors(kind: Kind) -> Vec<u8> {
    let [vendor0, vendor1] = usb::VENDOR_ID.to_le_bytes();
    let [product0, product1] = usb::PRODUCT_ID.to_le_bytes();
    let frame = u8::try_from(FRAME_BYTES).unwrap_or(u8::MAX);
    let (class, subclass, protocol) = kind.interface_class();
    let mut bytes = vec![18, 1, 0x00, 0x02, 0, 0, 0, 64, vendor0, vendor1, product0, product1];
    bytes.extend([0x00, 0x01, 1, 2, 3, 1]);
    bytes.extend([9, 2, 9 + 9 + 9 + 7 + 7, 0, 2, 1, 0, 0x80, 50]);
    // without endpoints: the shim shows the HID interface as a device of its own
    bytes.extend([9, 4, 0, 0, 0, 0x03, 0, 0, 0]);
    bytes.extend([9, 4, usb::VENDOR_INTERFACE, 0, 2, class, subclass, protocol, 0]);
    bytes.extend([7, 5, usb::ENDPOINT_OUT, 2, frame, 0, 0]);
    bytes.extend([7, 5, usb::ENDPOINT_IN, 2, frame, 0, 0]);
    bytes
}

/// A plugged device.
#[derive(Debug)]
pub struct Device {
    root: PathBuf,
    /// Of each interface's directory.
    names: [String; 2],
    doors: [Door; 2],
}

/// Where hosts come in.
#[derive(Debug)]
struct Door {
    interface: Interface,
    listener: UnixListener,
    hosts: Vec<UnixStream>,
}

impl Device {
    /// Plugs a device in: `number` is new for each plugging, as the kernel's are.
    ///
    /// # Errors
    /// The directories cannot be written.
    pub fn plug(root: &Path, serial: &str, number: u32, kind: Kind) -> io::Result<Self> {
        let names = [format!("{serial}.{number}-hid"), format!("{serial}.{number}-usb")];
        let [hid, usb] = &names;
        let (hid_directory, usb_directory) = (Directory::of(root, hid)?, Directory::of(root, usb)?);
        let id = format!("0003:{:08X}:{:08X}", usb::VENDOR_ID, usb::PRODUCT_ID);
        hid_directory.write(
            "uevent",
            format!("SUBSYSTEM=hid\nHID_ID={id}\nHID_NAME=Koban Card\nHID_UNIQ={serial}\n"),
        )?;
        hid_directory.write("report_descriptor", kind.report_descriptor())?;
        let node = hid_directory.below("hidraw0")?;
        node.write("uevent", "SUBSYSTEM=hidraw\n")?;
        usb_directory.write("uevent", "SUBSYSTEM=usb\nDEVTYPE=usb_device\n")?;
        usb_directory.write("descriptors", descriptors(kind))?;
        usb_directory.write("devnum", number.to_string())?;
        for (name, value) in [
            ("manufacturer", "Koban"),
            ("product", "Koban Card"),
            ("serial", serial),
            ("busnum", "1"),
            ("bConfigurationValue", "1"),
        ] {
            usb_directory.write(name, value)?;
        }
        let doors = [
            Door { interface: Interface::Hid, listener: node.socket()?, hosts: vec![] },
            Door { interface: Interface::Vendor, listener: usb_directory.socket()?, hosts: vec![] },
        ];
        hid_directory.show(root, hid)?;
        usb_directory.show(root, usb)?;
        Ok(Self { root: root.to_owned(), names, doors })
    }

    /// Pulls it out. By USB what hosts had open ends; by HID it falls silent, and is given back to
    /// be kept: Chromium would take a socket's end for reports without content, where the kernel
    /// says that the device is gone.
    ///
    /// # Errors
    /// The directories cannot be renamed.
    pub fn unplug(self) -> io::Result<Vec<UnixStream>> {
        for name in &self.names {
            fs::rename(self.root.join(name), self.root.join(format!(".gone-{name}")))?;
        }
        let hid = self.doors.into_iter().filter(|door| door.interface == Interface::Hid);
        Ok(hid.flat_map(|door| door.hosts).collect())
    }

    /// What tells by being readable that [`receive`](Self::receive) has something to do.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.doors.iter().flat_map(|door| {
            std::iter::once(door.listener.as_fd()).chain(door.hosts.iter().map(AsFd::as_fd))
        })
    }

    /// Lets hosts in and out, and takes the frames they have sent.
    pub fn receive(&mut self) -> Vec<(Interface, Frame)> {
        self.doors.iter_mut().flat_map(Door::receive).collect()
    }

    /// Sends a frame. Each opener of a HID device sees every report; of the other interface there
    /// is one opener. A host that has not read for hundreds of frames loses this one, as the
    /// kernel's openers do.
    pub fn send(&mut self, interface: Interface, frame: &Frame) {
        for door in self.doors.iter_mut().filter(|door| door.interface == interface) {
            for host in &mut door.hosts {
                let _lost = host.write(frame.bytes());
            }
        }
    }
}

impl Door {
    fn receive(&mut self) -> Vec<(Interface, Frame)> {
        while let Ok((host, _)) = self.listener.accept() {
            if host.set_nonblocking(true).is_ok() {
                self.hosts.push(host);
            }
        }
        let mut frames = vec![];
        let interface = self.interface;
        self.hosts.retain_mut(|host| {
            // one byte more, so that a longer packet is seen to be longer
            let mut packet = [0; REPORT_BYTES + 1];
            loop {
                match host.read(&mut packet) {
                    Ok(0) => return false,
                    Ok(length) => frames.extend(frame_of(interface, &packet[..length])),
                    Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
                }
            }
        });
        frames.into_iter().map(|frame| (interface, frame)).collect()
    }
}

fn frame_of(interface: Interface, packet: &[u8]) -> Option<Frame> {
    match interface {
        Interface::Hid => Frame::of_bytes(packet.strip_prefix(&[0])?),
        Interface::Vendor => Frame::of_bytes(packet),
    }
}

/// A directory that is not shown yet.
struct Directory(PathBuf);

impl Directory {
    fn of(root: &Path, name: &str) -> io::Result<Self> {
        let path = root.join(format!(".new-{name}"));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn below(&self, name: &str) -> io::Result<Self> {
        let path = self.0.join(name);
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<()> {
        fs::write(self.0.join(name), content)
    }

    /// A socket that keeps packets apart, in the place of a device's node.
    fn socket(&self) -> io::Result<UnixListener> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let door = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
        bind(door.as_raw_fd(), &UnixAddr::new(&self.0.join("sock"))?)?;
        listen(&door, Backlog::new(16)?)?;
        Ok(door.into())
    }

    fn show(self, root: &Path, name: &str) -> io::Result<()> {
        fs::rename(self.0, root.join(name))
    }
}
