//! A device that the simulator shows, as a gadget of the kernel.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use koban_card::frame::FRAME_BYTES;
use nix::libc::O_NONBLOCK;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use usb_gadget::function::custom::{
    Custom, Endpoint, EndpointDirection, EndpointReceiver, EndpointSender, Interface,
};
use usb_gadget::function::hid::Hid;
use usb_gadget::{Class, Config, Id, RegGadget, Strings, Udc, UdcState, UsbVersion, udcs};

/// How long the kernel has to enumerate a device, on a machine that is emulated.
const ENUMERATION: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);
/// How often a wait ends to see whether the device is still plugged in.
const WAIT: Duration = Duration::from_millis(50);
const WAIT_MS: u16 = 50;

/// A plugged device; dropping it pulls it out.
pub(crate) struct Gadget {
    card: [UnixStream; 2],
    stopped: Arc<AtomicBool>,
    pumps: Vec<JoinHandle<io::Result<()>>>,
    registered: Option<RegGadget>,
    /// The interface ends with this.
    _vendor: Custom,
}

impl Gadget {
    /// Plugs in the device shown as `NAME-hid` and `NAME-usb`.
    ///
    /// # Errors
    /// It cannot be read or built, or the kernel does not take it.
    pub(crate) fn plug(devices: &Path, name: &str) -> Result<Self> {
        let hid = devices.join(format!("{name}-hid"));
        let usb = devices.join(format!("{name}-usb"));
        let card = [packets(&hid.join("hidraw0/sock"))?, packets(&usb.join("sock"))?];

        let mut reports = Hid::builder();
        reports.report_desc = fs::read(hid.join("report_descriptor"))?;
        reports.report_len = FRAME_BYTES.try_into()?;
        let (reports, reports_handle) = reports.build();
        let description = Description::read(&usb)?;
        let (receiver, receives) = EndpointDirection::host_to_device();
        let (sender, sends) = EndpointDirection::device_to_host();
        // endpoints of one direction are numbered apart, and the firmware's have the same number
        let interface = Interface::new(description.class, "Koban")
            .with_endpoint(Endpoint::bulk(receives))
            .with_endpoint(Endpoint::bulk(sends));
        let (vendor, vendor_handle) = Custom::builder().with_interface(interface).build();

        let mut gadget =
            usb_gadget::Gadget::new(Class::INTERFACE_SPECIFIC, description.id, description.strings)
                .with_config(
                    Config::new("card").with_function(reports_handle).with_function(vendor_handle),
                );
        gadget.usb_version = UsbVersion::V20;
        let port = free_port()?;
        let registered = gadget.bind(&port).context("binding")?;
        enumerated(&port)?;
        let node = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(O_NONBLOCK)
            .open(reports.device_path()?)
            .context("opening the gadget's node")?;
        let stopped = Arc::new(AtomicBool::new(false));
        let pumps = pumps(&card, node, receiver, sender, &stopped)?;
        Ok(Self { card, stopped, pumps, registered: Some(registered), _vendor: vendor })
    }
}

impl Drop for Gadget {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        for card in &self.card {
            // the simulator may have ended it
            let _ = card.shutdown(Shutdown::Both);
        }
        for pump in self.pumps.drain(..) {
            if let Ok(Err(error)) = pump.join() {
                eprintln!("a device stopped early: {error}");
            }
        }
        if let Some(Err(error)) = self.registered.take().map(RegGadget::remove) {
            eprintln!("a device was not removed: {error}");
        }
    }
}

/// What a device says of itself, from what the simulator shows.
struct Description {
    id: Id,
    class: Class,
    strings: Strings,
}

impl Description {
    /// Reads the descriptors of USB 2.0, chapter 9.6: the numbers are in the device's; the class is
    /// in that of the second interface.
    fn read(usb: &Path) -> Result<Self> {
        let bytes = fs::read(usb.join("descriptors"))?;
        let [vendor0, vendor1, product0, product1] =
            *bytes.get(8..).and_then(<[u8]>::first_chunk).context("no device descriptor")?;
        let id = Id::new(
            u16::from_le_bytes([vendor0, vendor1]),
            u16::from_le_bytes([product0, product1]),
        );
        let mut rest = bytes.as_slice();
        let class = loop {
            let length = usize::from(*rest.first().context("no second interface")?);
            ensure!(length > 1, "a descriptor without an end");
            let (descriptor, others) = rest.split_at_checked(length).context("cut off")?;
            if let [_, 4, 1, _, _, class, subclass, protocol, _] = *descriptor {
                break Class::new(class, subclass, protocol);
            }
            rest = others;
        };
        let text = |name: &str| fs::read_to_string(usb.join(name));
        let strings = Strings::new(text("manufacturer")?, text("product")?, text("serial")?);
        Ok(Self { id, class, strings })
    }
}

/// The simulator's socket of an interface.
fn packets(path: &Path) -> Result<UnixStream> {
    let end: OwnedFd =
        socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    connect(end.as_raw_fd(), &UnixAddr::new(path)?)
        .with_context(|| format!("connecting to {}", path.display()))?;
    Ok(end.into())
}

/// A port with nothing in it.
fn free_port() -> Result<Udc> {
    let mut ports = udcs()?;
    ports.sort_by_key(|port| port.name().to_owned());
    let is_free = |port: &Udc| port.function().is_ok_and(|function| function.is_none());
    ports.into_iter().find(is_free).context("no free port")
}

/// Waits until the kernel has taken the device.
fn enumerated(port: &Udc) -> Result<()> {
    let deadline = Instant::now() + ENUMERATION;
    while port.state()? != UdcState::Configured {
        ensure!(Instant::now() < deadline, "not enumerated: {}", port.state()?);
        sleep(LOOK);
    }
    Ok(())
}

/// Frames from host to card and from card to host, by either interface.
fn pumps(
    card: &[UnixStream; 2],
    node: File,
    receiver: EndpointReceiver,
    sender: EndpointSender,
    stopped: &Arc<AtomicBool>,
) -> Result<Vec<JoinHandle<io::Result<()>>>> {
    let [reports, transfers] = card;
    let (to, from, reads, writes) =
        (reports.try_clone()?, reports.try_clone()?, node.try_clone()?, node);
    let out = stopped.clone();
    let reports_out = thread::spawn(move || reports_out(&reads, to, &out));
    let stop = stopped.clone();
    let reports_in = thread::spawn(move || reports_in(from, &writes, &stop));
    let (to, from) = (transfers.try_clone()?, transfers.try_clone()?);
    let stop = stopped.clone();
    let transfers_out = thread::spawn(move || transfers_out(receiver, to, &stop));
    let stop = stopped.clone();
    let transfers_in = thread::spawn(move || transfers_in(from, sender, &stop));
    Ok(vec![reports_out, reports_in, transfers_out, transfers_in])
}

/// Output reports, to the card with the report's number before them.
fn reports_out(mut node: &File, mut card: UnixStream, stopped: &AtomicBool) -> io::Result<()> {
    let mut packet = [0; 1 + FRAME_BYTES];
    while ready(node, PollFlags::POLLIN, stopped)? {
        let length = match node.read(&mut packet[1..]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            length => length?,
        };
        if card.write(&packet[..=length]).is_err() {
            break;
        }
    }
    Ok(())
}

/// Input reports.
fn reports_in(mut card: UnixStream, mut node: &File, stopped: &AtomicBool) -> io::Result<()> {
    let mut packet = [0; FRAME_BYTES];
    while let Ok(1..) = card.read(&mut packet) {
        // the kernel takes one when a host has asked for the one before
        while ready(node, PollFlags::POLLOUT, stopped)? {
            match node.write(&packet) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    written?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Waits for the gadget's node; no longer than the device is plugged in.
fn ready(node: &File, flag: PollFlags, stopped: &AtomicBool) -> io::Result<bool> {
    while !stopped.load(Ordering::Relaxed) {
        let mut waited = [PollFd::new(node.as_fd(), flag)];
        if poll(&mut waited, WAIT_MS)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Bulk transfers towards the card.
fn transfers_out(
    mut receiver: EndpointReceiver,
    mut card: UnixStream,
    stopped: &AtomicBool,
) -> io::Result<()> {
    while !stopped.load(Ordering::Relaxed) {
        let buffer = BytesMut::with_capacity(FRAME_BYTES);
        if let Some(frame) = receiver.recv_timeout(buffer, WAIT)?
            && card.write(&frame).is_err()
        {
            break;
        }
    }
    Ok(())
}

/// Bulk transfers towards the host.
fn transfers_in(
    mut card: UnixStream,
    mut sender: EndpointSender,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let mut packet = [0; FRAME_BYTES];
    while let Ok(1..) = card.read(&mut packet) {
        loop {
            match sender.send_timeout(Bytes::copy_from_slice(&packet), WAIT) {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    if stopped.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                }
                sent => break sent?,
            }
        }
    }
    Ok(())
}
