//! Devices as directories, and their coming and going.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

const GONE: &[u8] = b".gone-";

/// The directory of devices.
pub(crate) fn root() -> Option<&'static Path> {
    static ROOT: OnceLock<Option<PathBuf>> = OnceLock::new();
    ROOT.get_or_init(|| env::var_os("KOBAN_CARD_DEVICES").map(PathBuf::from)).as_deref()
}

pub(crate) fn text(bytes: impl Into<Vec<u8>>) -> CString {
    // what is behind a zero byte is no text
    let mut bytes = bytes.into();
    bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    CString::new(bytes).unwrap_or_default()
}

/// A list of names and values, as C walks it.
pub(crate) struct Entry {
    pub(crate) name: CString,
    pub(crate) value: CString,
    pub(crate) next: Option<Box<Self>>,
}

/// The list of these.
pub(crate) fn list(of: impl DoubleEndedIterator<Item = (CString, CString)>) -> Option<Box<Entry>> {
    of.rev().fold(None, |next, (name, value)| Some(Box::new(Entry { name, value, next })))
}

/// A device. What is asked of it is kept, since C gets pointers to it.
pub(crate) struct Device {
    pub(crate) path: PathBuf,
    /// Where its files are: elsewhere when it has been pulled out.
    files: PathBuf,
    pub(crate) action: Option<CString>,
    pub(crate) path_text: CString,
    pub(crate) name: CString,
    pub(crate) node: Option<CString>,
    pub(crate) properties: Option<Box<Entry>>,
    parent: OnceCell<Option<Box<Self>>>,
    attributes: RefCell<BTreeMap<Vec<u8>, Option<CString>>>,
}

impl Device {
    /// The device of a directory, if it is one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        Self::moved(path, path, None)
    }

    fn moved(path: &Path, files: &Path, action: Option<&str>) -> Option<Self> {
        let event = fs::read_to_string(files.join("uevent")).ok()?;
        let pairs: Vec<_> = event.lines().filter_map(|line| line.split_once('=')).collect();
        let has_node = files.join("sock").exists();
        Some(Self {
            path: path.to_owned(),
            files: files.to_owned(),
            action: action.map(text),
            path_text: text(path.as_os_str().as_bytes()),
            name: text(path.file_name().unwrap_or_default().as_bytes()),
            node: has_node.then(|| text(path.join("node").as_os_str().as_bytes())),
            properties: list(pairs.into_iter().map(|(name, value)| (text(name), text(value)))),
            parent: OnceCell::new(),
            attributes: RefCell::default(),
        })
    }

    /// A property of its `uevent`.
    pub(crate) fn property(&self, name: &[u8]) -> Option<&CString> {
        let mut entry = self.properties.as_deref();
        while let Some(it) = entry {
            if it.name.as_bytes() == name {
                return Some(&it.value);
            }
            entry = it.next.as_deref();
        }
        None
    }

    pub(crate) fn has(&self, name: &[u8], value: Option<&[u8]>) -> bool {
        value.is_none_or(|value| self.property(name).is_some_and(|own| own.as_bytes() == value))
    }

    pub(crate) fn parent(&self) -> Option<&Self> {
        let find = || {
            let (path, files) = (self.path.parent()?, self.files.parent()?);
            let is_below = root().is_some_and(|root| path.starts_with(root) && path != root);
            is_below.then(|| Self::moved(path, files, None).map(Box::new)).flatten()
        };
        self.parent.get_or_init(find).as_deref()
    }

    /// Does something with a file's first line, which stays where it is while the device does.
    pub(crate) fn attribute<T>(&self, name: &[u8], with: impl Fn(&CString) -> T) -> Option<T> {
        let mut attributes = self.attributes.borrow_mut();
        let read = || {
            let content = fs::read(self.files.join(OsStr::from_bytes(name))).ok()?;
            Some(text(content.split(|byte| *byte == b'\n').next().unwrap_or_default()))
        };
        attributes.entry(name.to_owned()).or_insert_with(read).as_ref().map(with)
    }

    /// This and those below it that have a node.
    fn with_nodes(path: &Path, files: &Path, action: Option<&str>, found: &mut Vec<Self>) {
        let Some(device) = Self::moved(path, files, action) else { return };
        if device.node.is_some() {
            found.push(device);
        }
        for name in names(files) {
            Self::with_nodes(&path.join(&name), &files.join(&name), action, found);
        }
    }
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name())
        .filter(|name| !name.as_bytes().starts_with(b"."))
        .collect()
}

/// Every device with a node.
pub(crate) fn all() -> Vec<Device> {
    let mut found = vec![];
    for (root, name) in
        root().into_iter().flat_map(|root| names(root).into_iter().map(move |name| (root, name)))
    {
        let path = root.join(name);
        Device::with_nodes(&path, &path, None, &mut found);
    }
    found
}

/// Tells of devices that come and go.
pub(crate) struct Monitor {
    epoll: Epoll,
    inotify: Inotify,
    /// Readable while devices wait here: Chromium takes one each time it wakes up.
    more: EventFd,
    waiting: VecDeque<Device>,
    /// Subsystem and, if that matters, type; all, if there is none.
    pub(crate) wanted: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Monitor {
    pub(crate) fn new() -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let more = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        epoll.add(inotify.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        epoll.add(more.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 1))?;
        if let Some(root) = root() {
            inotify.add_watch(root, AddWatchFlags::IN_MOVED_TO)?;
        }
        Ok(Self { epoll, inotify, more, waiting: VecDeque::new(), wanted: vec![] })
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.epoll.0.as_raw_fd()
    }

    /// The next device that came or went.
    pub(crate) fn next(&mut self) -> Option<Device> {
        if self.waiting.is_empty() {
            self.look();
        }
        let device = self.waiting.pop_front();
        // neither can fail but for being so already
        let _ = match self.waiting.is_empty() {
            true => self.more.read().map(|_| ()),
            false => self.more.write(1).map(|_| ()),
        };
        device
    }

    fn look(&mut self) {
        let Some(root) = root() else { return };
        for event in self.inotify.read_events().unwrap_or_default() {
            let Some(name) = event.name else { continue };
            let files = root.join(&name);
            let mut found = vec![];
            match name.as_bytes().strip_prefix(GONE) {
                Some(name) => {
                    let path = root.join(OsStr::from_bytes(name));
                    Device::with_nodes(&path, &files, Some("remove"), &mut found);
                }
                None if name.as_bytes().starts_with(b".") => {}
                None => Device::with_nodes(&files, &files, Some("add"), &mut found),
            }
            let wanted = |device: &Device| {
                let mut any = self.wanted.iter();
                self.wanted.is_empty()
                    || any.any(|(subsystem, kind)| {
                        device.has(b"SUBSYSTEM", Some(subsystem))
                            && device.has(b"DEVTYPE", kind.as_deref())
                    })
            };
            self.waiting.extend(found.into_iter().filter(wanted));
        }
    }
}
