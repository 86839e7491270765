//! The functions of libudev that Chromium calls (libudev(3)), over [`crate::sysfs`].
//!
//! Objects are boxes that C holds; as Chromium never takes a second reference, the first `unref`
//! frees them. Every function takes a null pointer for an object that is not there.

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::{null, null_mut};

use crate::sysfs::{self, Device, Entry, Monitor};

/// A connection to udev: nothing is kept in it.
pub(crate) struct Udev(#[expect(dead_code, reason = "a box has an address of its own")] u8);

/// A search for devices.
pub(crate) struct Enumerate {
    subsystems: Vec<Vec<u8>>,
    found: Option<Box<Entry>>,
}

/// What C's pointer points to, or nothing for a null pointer.
///
/// # Safety
/// The pointer is null or from a function here, not freed, and in use by one thread.
unsafe fn object<'a, T>(pointer: *const T) -> Option<&'a T> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_ref() }
}

/// As [`object`], to be changed.
///
/// # Safety
/// As for [`object`].
unsafe fn object_mut<'a, T>(pointer: *mut T) -> Option<&'a mut T> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_mut() }
}

/// # Safety
/// Null, or a string that ends with a zero byte and outlives the call.
unsafe fn bytes<'a>(string: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: as the caller promises.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) }.to_bytes())
}

/// # Safety
/// The pointer is null or from [`give`], and is not used any more.
unsafe fn free<T>(pointer: *mut T) -> *mut T {
    if !pointer.is_null() {
        // SAFETY: as the caller promises, it came from a box.
        drop(unsafe { Box::from_raw(pointer) });
    }
    null_mut()
}

fn give<T>(value: Option<T>) -> *mut T {
    value.map_or(null_mut(), |value| Box::into_raw(Box::new(value)))
}

fn lend<T>(value: Option<&T>) -> *mut T {
    value.map_or(null_mut(), |value| std::ptr::from_ref(value).cast_mut())
}

fn string(value: Option<&CString>) -> *const c_char {
    value.map_or(null(), |value| value.as_ptr())
}

/// Functions that C calls. Their pointers are as libudev says: null, or what another of these
/// functions gave, not freed since, in use by one thread; strings end with a zero byte.
macro_rules! for_c {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty $body:block)*) => {$(
        #[unsafe(no_mangle)]
        #[allow(unused_unsafe, reason = "some have no pointers to follow")]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // SAFETY: Chromium calls libudev as libudev says, which is what `object`, `object_mut`,
            // `bytes` and `free` ask for.
            unsafe { $body }
        }
    )*};
}

for_c! {
    fn udev_new() -> *mut Udev {
        give(Some(Udev(0)))
    }
    fn udev_unref(udev: *mut Udev) -> *mut Udev {
        free(udev)
    }

    fn udev_device_new_from_syspath(_udev: *mut Udev, path: *const c_char) -> *mut Device {
        let path = bytes(path).map(|path| Path::new(std::ffi::OsStr::from_bytes(path)));
        let ours = path.filter(|path| sysfs::root().is_some_and(|root| path.starts_with(root)));
        give(ours.and_then(Device::at))
    }
    fn udev_device_new_from_devnum(
        _udev: *mut Udev,
        _kind: c_char,
        _number: libc::dev_t
    ) -> *mut Device {
        null_mut()
    }
    fn udev_device_new_from_subsystem_sysname(
        _udev: *mut Udev,
        _subsystem: *const c_char,
        _name: *const c_char
    ) -> *mut Device {
        null_mut()
    }
    fn udev_device_unref(device: *mut Device) -> *mut Device {
        free(device)
    }
    fn udev_device_get_action(device: *mut Device) -> *const c_char {
        string(object(device).and_then(|device| device.action.as_ref()))
    }
    fn udev_device_get_syspath(device: *mut Device) -> *const c_char {
        string(object(device).map(|device| &device.path_text))
    }
    fn udev_device_get_sysname(device: *mut Device) -> *const c_char {
        string(object(device).map(|device| &device.name))
    }
    fn udev_device_get_devnode(device: *mut Device) -> *const c_char {
        string(object(device).and_then(|device| device.node.as_ref()))
    }
    fn udev_device_get_subsystem(device: *mut Device) -> *const c_char {
        string(object(device).and_then(|device| device.property(b"SUBSYSTEM")))
    }
    fn udev_device_get_devtype(device: *mut Device) -> *const c_char {
        string(object(device).and_then(|device| device.property(b"DEVTYPE")))
    }
    fn udev_device_get_driver(device: *mut Device) -> *const c_char {
        string(object(device).and_then(|device| device.property(b"DRIVER")))
    }
    fn udev_device_get_property_value(device: *mut Device, name: *const c_char) -> *const c_char {
        let (device, name) = (object(device), bytes(name));
        string(device.zip(name).and_then(|(device, name)| device.property(name)))
    }
    fn udev_device_get_sysattr_value(device: *mut Device, name: *const c_char) -> *const c_char {
        let (device, name) = (object(device), bytes(name));
        let value = device.zip(name).and_then(|(device, name)| {
            device.attribute(name, |value| value.as_ptr())
        });
        value.unwrap_or(null())
    }
    fn udev_device_get_properties_list_entry(device: *mut Device) -> *mut Entry {
        lend(object(device).and_then(|device| device.properties.as_deref()))
    }
    fn udev_device_get_parent(device: *mut Device) -> *mut Device {
        lend(object(device).and_then(Device::parent))
    }
    fn udev_device_get_parent_with_subsystem_devtype(
        device: *mut Device,
        subsystem: *const c_char,
        kind: *const c_char
    ) -> *mut Device {
        let (subsystem, kind) = (bytes(subsystem), bytes(kind));
        let parents = std::iter::successors(object(device), |device| device.parent()).skip(1);
        let mut fitting = parents.filter(|device| {
            device.has(b"SUBSYSTEM", subsystem) && device.has(b"DEVTYPE", kind)
        });
        lend(fitting.next())
    }

    fn udev_list_entry_get_name(entry: *mut Entry) -> *const c_char {
        string(object(entry).map(|entry| &entry.name))
    }
    fn udev_list_entry_get_next(entry: *mut Entry) -> *mut Entry {
        lend(object(entry).and_then(|entry| entry.next.as_deref()))
    }

    fn udev_enumerate_new(_udev: *mut Udev) -> *mut Enumerate {
        give(Some(Enumerate { subsystems: vec![], found: None }))
    }
    fn udev_enumerate_unref(search: *mut Enumerate) -> *mut Enumerate {
        free(search)
    }
    fn udev_enumerate_add_match_subsystem(
        search: *mut Enumerate,
        subsystem: *const c_char
    ) -> c_int {
        if let Some((search, subsystem)) = object_mut(search).zip(bytes(subsystem)) {
            search.subsystems.push(subsystem.to_owned());
        }
        0
    }
    fn udev_enumerate_scan_devices(search: *mut Enumerate) -> c_int {
        if let Some(search) = object_mut(search) {
            let mut found = sysfs::all();
            let wanted = &search.subsystems;
            found.retain(|device| {
                let mut any = wanted.iter();
                wanted.is_empty() || any.any(|name| device.has(b"SUBSYSTEM", Some(name)))
            });
            let pairs = found.into_iter().map(|device| (device.path_text, CString::default()));
            search.found = sysfs::list(pairs);
        }
        0
    }
    fn udev_enumerate_get_list_entry(search: *mut Enumerate) -> *mut Entry {
        lend(object(search).and_then(|search| search.found.as_deref()))
    }

    fn udev_monitor_new_from_netlink(_udev: *mut Udev, _name: *const c_char) -> *mut Monitor {
        give(Monitor::new().ok())
    }
    fn udev_monitor_unref(monitor: *mut Monitor) -> *mut Monitor {
        free(monitor)
    }
    fn udev_monitor_filter_add_match_subsystem_devtype(
        monitor: *mut Monitor,
        subsystem: *const c_char,
        kind: *const c_char
    ) -> c_int {
        if let Some((monitor, subsystem)) = object_mut(monitor).zip(bytes(subsystem)) {
            monitor.wanted.push((subsystem.to_owned(), bytes(kind).map(<[u8]>::to_owned)));
        }
        0
    }
    fn udev_monitor_enable_receiving(_monitor: *mut Monitor) -> c_int {
        0
    }
    fn udev_monitor_get_fd(monitor: *mut Monitor) -> c_int {
        object(monitor).map_or(-1, Monitor::descriptor)
    }
    fn udev_monitor_receive_device(monitor: *mut Monitor) -> *mut Device {
        give(object_mut(monitor).and_then(Monitor::next))
    }
}
