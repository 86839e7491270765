//! The C library's functions on device nodes: those of cards are answered here, all others by the C
//! library.

use std::ffi::{CStr, OsStr, c_char, c_int, c_ulong, c_void};
use std::mem::transmute;
use std::os::fd::{AsRawFd as _, IntoRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::mode_t;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::{sysfs, usbfs};

/// A function of the C library, looked up once. No lock: it is called while others are held, and
/// between `fork` and `exec`.
struct Real {
    name: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Real {
    const fn new(name: &'static CStr) -> Self {
        Self { name, found: AtomicPtr::new(std::ptr::null_mut()) }
    }

    fn get(&self) -> *mut c_void {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            // SAFETY: the name ends with a zero byte.
            found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
            self.found.store(found, Ordering::Relaxed);
        }
        found
    }
}

type Open = unsafe extern "C" fn(*const c_char, c_int, mode_t) -> c_int;
type OpenAt = unsafe extern "C" fn(c_int, *const c_char, c_int, mode_t) -> c_int;
type Ioctl = unsafe extern "C" fn(c_int, c_ulong, *mut c_void) -> c_int;

/// What C gets for a result: a descriptor, or -1 and the reason beside it.
fn for_c(result: nix::Result<c_int>) -> c_int {
    result.unwrap_or_else(|errno| {
        errno.set();
        -1
    })
}

/// Opens a card's node, if the path is one.
///
/// # Safety
/// The path is null or a string that ends with a zero byte.
unsafe fn open_node(path: *const c_char) -> Option<nix::Result<c_int>> {
    let root = sysfs::root()?;
    if path.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes()));
    if !path.starts_with(root) || path.file_name() != Some(OsStr::new("node")) {
        return None;
    }
    let directory = path.parent()?;
    let is_hid = directory.file_name()?.as_bytes().starts_with(b"hidraw");
    let card = connected(&directory.join("sock"));
    Some(card.and_then(|card| match is_hid {
        true => Ok(card.into_raw_fd()),
        false => usbfs::open(directory, card),
    }))
}

fn connected(path: &Path) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let card = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    connect(card.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(card)
}

macro_rules! opening {
    ($($name:ident: $type:ty = ($($before:ident: $before_type:ty)?);)*) => {$(
        /// As in open(2).
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            $($before: $before_type,)?
            path: *const c_char,
            flags: c_int,
            mode: mode_t,
        ) -> c_int {
            const NAME: &CStr = match CStr::from_bytes_with_nul(
                concat!(stringify!($name), "\0").as_bytes()
            ) {
                Ok(name) => name,
                Err(_) => c"",
            };
            static REAL: Real = Real::new(NAME);
            // SAFETY: the path is as open(2) says.
            if let Some(opened) = unsafe { open_node(path) } {
                return for_c(opened);
            }
            // SAFETY: the function of that name in the C library has this type.
            let real = unsafe { transmute::<*mut c_void, Option<$type>>(REAL.get()) };
            match real {
                // SAFETY: its arguments are the caller's.
                Some(real) => unsafe { real($($before,)? path, flags, mode) },
                None => for_c(Err(Errno::ENOSYS)),
            }
        }
    )*};
}

opening! {
    open: Open = ();
    open64: Open = ();
    openat: OpenAt = (directory: c_int);
    openat64: OpenAt = (directory: c_int);
}

/// As in ioctl(2).
#[unsafe(no_mangle)]
unsafe extern "C" fn ioctl(descriptor: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    static REAL: Real = Real::new(c"ioctl");
    if let Some(device) = usbfs::of(descriptor) {
        // SAFETY: the argument is what usbfs takes for the request, as the caller thinks it is.
        return for_c(unsafe { device.control(request, argument) });
    }
    // SAFETY: the function of that name in the C library has this type.
    let real = unsafe { transmute::<*mut c_void, Option<Ioctl>>(REAL.get()) };
    match real {
        // SAFETY: its arguments are the caller's.
        Some(real) => unsafe { real(descriptor, request, argument) },
        None => for_c(Err(Errno::ENOSYS)),
    }
}
