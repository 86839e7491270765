//! A USB device's node as Linux's usbfs has it (`linux/usbdevice_fs.h`).
//!
//! The descriptor that Chromium holds is the writing end of a pipe with room for one packet: empty
//! means that a transfer can be reaped, as a descriptor of usbfs is writable then. When Chromium
//! closes it, the reading end hangs up.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{c_int, c_uint, c_ulong, c_void};
use std::os::fd::{AsFd as _, AsRawFd as _, IntoRawFd as _, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, Shutdown, recv, send, shutdown};
use nix::sys::stat::fstat;
use nix::unistd::{pipe2, read, write};

/// Descriptors below this can be devices.
const DESCRIPTORS: usize = 4096;
/// Longest packet, bytes.
const PACKET_BYTES_MAX: usize = 4096;
/// Packets that wait for a transfer; a card that sends more loses them.
const PACKETS_MAX: usize = 1024;
/// The bit of endpoints towards the host.
const IN: u8 = 0x80;
const CONTROL: u8 = 2;

/// Open devices by descriptor. They are never freed: a thread may still look at them.
static OPEN: [AtomicPtr<Device>; DESCRIPTORS] = [const { AtomicPtr::new(null_mut()) }; DESCRIPTORS];
/// Claimed interfaces: of which device, and the open device that has it.
static CLAIMED: Mutex<BTreeMap<(PathBuf, c_uint), u64>> = Mutex::new(BTreeMap::new());

/// `struct usbdevfs_urb`.
#[repr(C)]
struct Urb {
    kind: u8,
    endpoint: u8,
    status: c_int,
    flags: c_uint,
    buffer: *mut u8,
    buffer_length: c_int,
    actual_length: c_int,
    start_frame: c_int,
    packets_or_stream: c_int,
    error_count: c_int,
    signal: c_uint,
    user_context: *mut c_void,
}

/// A transfer of Chromium's, which leaves it alone until it has reaped it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Transfer(*mut Urb);

// SAFETY: whoever holds a device's lock alone looks at its transfers.
unsafe impl Send for Transfer {}

impl Transfer {
    fn urb(&mut self) -> &mut Urb {
        // SAFETY: Chromium submitted it, and has not reaped it yet.
        unsafe { &mut *self.0 }
    }

    fn ends(mut self, status: c_int, length: usize) -> Self {
        let urb = self.urb();
        urb.status = status;
        urb.actual_length = c_int::try_from(length).unwrap_or(c_int::MAX);
        self
    }

    fn room(&mut self) -> &mut [u8] {
        let urb = self.urb();
        let length = usize::try_from(urb.buffer_length).unwrap_or(0);
        if urb.buffer.is_null() {
            return &mut [];
        }
        // SAFETY: the buffer is the transfer's, and so long.
        unsafe { std::slice::from_raw_parts_mut(urb.buffer, length) }
    }
}

#[derive(Default)]
struct Transfers {
    /// Towards the host, waiting for the card.
    waiting: VecDeque<Transfer>,
    /// To be reaped.
    done: VecDeque<Transfer>,
    /// From the card, waiting for a transfer: the card's endpoint says NAK meanwhile.
    packets: VecDeque<Vec<u8>>,
    gone: bool,
    /// Whether the pipe is full: nothing to reap.
    full: bool,
}

/// An open device.
pub(crate) struct Device {
    path: PathBuf,
    card: OwnedFd,
    /// Of the pipe: the reading end, the writing end that Chromium has, and the number that both
    /// have as files, as a descriptor is soon another's.
    reading: OwnedFd,
    writing: RawFd,
    number: u64,
    transfers: Mutex<Transfers>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a device whose packets go over this socket.
pub(crate) fn open(path: &Path, card: OwnedFd) -> nix::Result<c_int> {
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
    // a page is the least
    fcntl(&writing, FcntlArg::F_SETPIPE_SZ(1))?;
    let number = fstat(&reading)?.st_ino;
    let descriptor = writing.into_raw_fd();
    let device: &'static Device = Box::leak(Box::new(Device {
        path: path.to_owned(),
        card,
        reading,
        writing: descriptor,
        number,
        transfers: Mutex::default(),
    }));
    device.signal(&mut locked(&device.transfers));
    let place = usize::try_from(descriptor).ok().and_then(|place| OPEN.get(place));
    place.ok_or(Errno::EMFILE)?.store(std::ptr::from_ref(device).cast_mut(), Ordering::Release);
    std::thread::spawn(|| device.serve());
    Ok(descriptor)
}

/// The open device of a descriptor.
pub(crate) fn of(descriptor: c_int) -> Option<&'static Device> {
    let place = OPEN.get(usize::try_from(descriptor).ok()?)?;
    // SAFETY: what is in the table is never freed.
    let device = unsafe { place.load(Ordering::Acquire).as_ref() }?;
    // SAFETY: it is only asked about.
    let open = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
    fstat(open).is_ok_and(|status| status.st_ino == device.number).then_some(device)
}

impl Device {
    /// Carries packets from the card until Chromium closes the device.
    fn serve(&self) {
        let mut packet = [0; PACKET_BYTES_MAX];
        loop {
            let gone = locked(&self.transfers).gone;
            let wanted = if gone { PollFlags::empty() } else { PollFlags::POLLIN };
            let mut polled = [
                PollFd::new(self.reading.as_fd(), PollFlags::empty()),
                PollFd::new(self.card.as_fd(), wanted),
            ];
            let polled = if gone { &mut polled[..1] } else { &mut polled[..] };
            if poll(polled, PollTimeout::NONE).is_err() {
                continue;
            }
            if polled.first().and_then(PollFd::any) == Some(true) {
                return self.closed();
            }
            let received = recv(self.card.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT);
            let mut transfers = locked(&self.transfers);
            match received {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(_) | Ok(0) => transfers.pulled_out(),
                Ok(length) if transfers.packets.len() < PACKETS_MAX => {
                    transfers.packets.extend(packet.get(..length).map(<[u8]>::to_vec));
                    transfers.pair();
                }
                Ok(_) => {}
            }
            self.signal(&mut transfers);
        }
    }

    fn closed(&self) {
        let place = usize::try_from(self.writing).ok().and_then(|place| OPEN.get(place));
        if let Some(place) = place {
            // unless another device has the descriptor by now
            let own = std::ptr::from_ref(self).cast_mut();
            let _ = place.compare_exchange(own, null_mut(), Ordering::AcqRel, Ordering::Relaxed);
        }
        locked(&CLAIMED).retain(|_, by| *by != self.number);
        let _ = shutdown(self.card.as_raw_fd(), Shutdown::Both);
    }

    /// Shows by the pipe whether there is something to reap.
    fn signal(&self, transfers: &mut Transfers) {
        let full = transfers.done.is_empty() && !transfers.gone;
        if full == transfers.full {
            return;
        }
        transfers.full = full;
        if full {
            // SAFETY: Chromium has it open, or this fails.
            let writing = unsafe { std::os::fd::BorrowedFd::borrow_raw(self.writing) };
            let _ = write(writing, &[0]);
        } else {
            let _ = read(&self.reading, &mut [0; 2]);
        }
    }

    /// A request of usbfs.
    ///
    /// # Safety
    /// The argument is what usbfs takes for the request.
    pub(crate) unsafe fn control(
        &self,
        request: c_ulong,
        argument: *mut c_void,
    ) -> nix::Result<c_int> {
        let mut transfers = locked(&self.transfers);
        // the kind of device, 'U', and the request's number
        let result = match request & 0xffff {
            0x550a => self.submit(&mut transfers, Transfer(argument.cast())),
            0x550b => transfers.discard(Transfer(argument.cast())),
            0x550d => transfers.reap().map(|transfer| {
                // SAFETY: USBDEVFS_REAPURBNDELAY takes a place for a pointer.
                unsafe { *argument.cast::<*mut Urb>() = transfer.0 };
            }),
            // SAFETY: USBDEVFS_CLAIMINTERFACE takes an interface's number.
            0x550f => self.claim(unsafe { *argument.cast::<c_uint>() }),
            // SAFETY: as above, USBDEVFS_RELEASEINTERFACE.
            0x5510 => self.release(unsafe { *argument.cast::<c_uint>() }),
            // no driver of the kernel has the interface
            0x5508 | 0x5512 => Err(Errno::ENODATA),
            // interface and configuration set, endpoint or device reset, privileges dropped
            0x5503..=0x5505 | 0x5514 | 0x5515 | 0x551e => Ok(()),
            _ => Err(Errno::ENOTTY),
        };
        self.signal(&mut transfers);
        result.map(|()| 0)
    }

    fn submit(&self, transfers: &mut Transfers, mut transfer: Transfer) -> nix::Result<()> {
        if transfers.gone {
            return Err(Errno::ENODEV);
        }
        let urb = transfer.urb();
        if urb.kind == CONTROL {
            transfers.done.push_back(transfer.ends(-libc::EPIPE, 0));
        } else if urb.endpoint & IN != 0 {
            transfers.waiting.push_back(transfer);
            transfers.pair();
        } else {
            let flags = MsgFlags::MSG_NOSIGNAL;
            let ended = match send(self.card.as_raw_fd(), transfer.room(), flags) {
                Ok(length) => transfer.ends(0, length),
                Err(_) => transfer.ends(-libc::EPIPE, 0),
            };
            transfers.done.push_back(ended);
        }
        Ok(())
    }

    fn claim(&self, interface: c_uint) -> nix::Result<()> {
        let mut claimed = locked(&CLAIMED);
        let by = claimed.entry((self.path.clone(), interface)).or_insert(self.number);
        if *by == self.number { Ok(()) } else { Err(Errno::EBUSY) }
    }

    fn release(&self, interface: c_uint) -> nix::Result<()> {
        let mut claimed = locked(&CLAIMED);
        let key = (self.path.clone(), interface);
        if claimed.get(&key) != Some(&self.number) {
            return Err(Errno::EINVAL);
        }
        claimed.remove(&key);
        Ok(())
    }
}

impl Transfers {
    /// Packets and transfers that wait for each other.
    fn pair(&mut self) {
        while !self.packets.is_empty() {
            let Some(mut transfer) = self.waiting.pop_front() else { return };
            let packet = self.packets.pop_front().unwrap_or_default();
            let room = transfer.room();
            let length = room.len().min(packet.len());
            room[..length].copy_from_slice(&packet[..length]);
            let status = if packet.len() > length { -libc::EOVERFLOW } else { 0 };
            self.done.push_back(transfer.ends(status, length));
        }
    }

    fn discard(&mut self, transfer: Transfer) -> nix::Result<()> {
        let place = self.waiting.iter().position(|waiting| *waiting == transfer);
        let transfer = place.and_then(|place| self.waiting.remove(place)).ok_or(Errno::EINVAL)?;
        self.done.push_back(transfer.ends(-libc::ENOENT, 0));
        Ok(())
    }

    fn reap(&mut self) -> nix::Result<Transfer> {
        self.done.pop_front().ok_or(if self.gone { Errno::ENODEV } else { Errno::EAGAIN })
    }

    fn pulled_out(&mut self) {
        self.gone = true;
        let waiting = self.waiting.drain(..).map(|transfer| transfer.ends(-libc::ESHUTDOWN, 0));
        self.done.extend(waiting);
    }
}
