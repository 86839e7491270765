//! `card-kernel`: cards in front of a real kernel, in a virtual machine.
//!
//! The machine is emulated (TCG), has Debian's own kernel, no disk and no network. Its root folder
//! is this machine's, to read, over 9p: Chromium, Node and the repository are the ones here. In it
//! runs the script of `cargo xtask test` for cards, with `koban-card-guest` in the simulator's
//! place and no shim.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{answer, cargo, complete, complete_quietly, program, root, tools};
use crate::setup;
use crate::steps::timed;

/// How much slower the machine is than this one, for whoever waits in it.
const PATIENCE: u32 = 15;
/// How long the machine may run: longer than anything waits in it, which then says why.
const LIMIT: Duration = Duration::from_secs(3000);
/// Debian's name for whichever kernel is current.
const KERNEL: &str = "linux-image-amd64";
/// What the kernel loads: the devices of the machine, its root folder, and USB with both its ends.
const MODULES: &[&str] = &[
    "virtio_pci",
    "virtio_rng",
    "9pnet_virtio",
    "9p",
    "overlay",
    "hid-generic",
    "usbhid",
    "dummy_hcd",
    "usb_f_hid",
    "usb_f_fs",
];
/// The script; of its tests all but that of Chromium's own window, in which a kernel has no part.
const SCRIPT: &str = "node,--test-reporter=spec,\
                      --test-name-pattern=^(a.page|a.card|two.tabs|of.two.tabs|no.page),\
                      tests/browser/card-devices.test.mjs";
/// The machine's last line but for the kernel's farewell, when all went well.
const PASSED: &str = "ended with 0";

/// Builds the machine and runs the script in it.
///
/// # Errors
/// Something is missing or cannot be built, a test fails, or it takes too long.
pub(crate) fn card_kernel() -> Result<()> {
    setup::for_card_kernel()?;
    complete(&mut cargo("build --package koban-card-guest --package koban-card-simulator"))?;
    let folder = root().join("target/card-kernel");
    let (kernel, memory) = timed("the machine's first files", || {
        let (kernel, modules) = kernel()?;
        Ok((kernel, first_files(&folder, &modules)?))
    })?;
    timed("the machine", || {
        let mut machine = machine(&kernel, &memory).spawn().context("starting qemu")?;
        let passed = watch(&mut machine);
        // it may have ended already, which is as good
        let _ = machine.kill();
        machine.wait()?;
        passed
    })
}

/// Debian's current kernel, and its modules in the order to load them.
fn kernel() -> Result<(PathBuf, Vec<PathBuf>)> {
    if current().is_none() {
        // the lists of a fresh machine are empty
        complete_quietly(setup::apt_get().arg("update"))?;
    }
    let version = &current().context("Debian's lists have no kernel")?;
    let package = &format!("linux-image-{version}");
    let folder = tools("kernel").join(version);
    let kernel = folder.join("boot").join(format!("vmlinuz-{version}"));
    // written last, so that it tells of a complete unpacking
    if !folder.join(".unpacked").exists() {
        timed(&format!("apt-get download {package}"), || unpack(package, version, &folder))?;
    }
    let mut modules: Vec<PathBuf> = vec![];
    for module in MODULES {
        let lines = answer(program("modprobe").arg("--dirname").arg(&folder).args([
            "--set-version",
            version,
            "--show-depends",
            module,
        ]))
        .with_context(|| format!("the kernel has no module {module}"))?;
        for path in lines.lines().filter_map(|line| line.strip_prefix("insmod ")) {
            let path = PathBuf::from(path.trim());
            if !modules.contains(&path) {
                modules.push(path);
            }
        }
    }
    Ok((kernel, modules))
}

/// The version of Debian's current kernel.
fn current() -> Option<String> {
    let depends = answer(program("apt-cache").args(["depends", KERNEL]))?;
    let line = |line: &str| line.trim().strip_prefix("Depends: linux-image-").map(str::to_owned);
    depends.lines().find_map(line)
}

/// Fetches a kernel's package, which is not installed, and indexes its modules.
fn unpack(package: &str, version: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    complete_quietly(program("apt-get").args(["download", package]).current_dir(folder))?;
    for entry in fs::read_dir(folder)? {
        let archive = entry?.path();
        complete_quietly(program("dpkg-deb").arg("--extract").arg(&archive).arg(folder))?;
        fs::remove_file(archive)?;
    }
    complete_quietly(program("depmod").arg("--basedir").arg(folder).arg(version))?;
    Ok(fs::write(folder.join(".unpacked"), "")?)
}

/// What is in the machine's memory when it starts: `init`, a shell, the modules.
fn first_files(folder: &Path, modules: &[PathBuf]) -> Result<PathBuf> {
    let files = folder.join("files");
    if files.exists() {
        fs::remove_dir_all(&files)?;
    }
    for name in ["bin", "modules", "proc", "sys", "dev", "outside", "written", "root"] {
        fs::create_dir_all(files.join(name))?;
    }
    fs::copy("/bin/busybox", files.join("bin/busybox"))?;
    fs::copy(root().join("card/kernel/init"), files.join("init"))?;
    complete(program("chmod").arg("+x").arg(files.join("init")))?;
    for (number, module) in (100..).zip(modules) {
        let name = module.file_name().context("a module without a name")?.to_string_lossy();
        fs::copy(module, files.join("modules").join(format!("{number}-{name}")))?;
    }
    let memory = folder.join("memory.cpio");
    let pack = "find . | cpio --create --format=newc --quiet";
    complete(
        program("sh").args(["-c", pack]).current_dir(&files).stdout(fs::File::create(&memory)?),
    )?;
    Ok(memory)
}

/// The machine, about to start; its serial line is its output.
fn machine(kernel: &Path, memory: &Path) -> Command {
    let environment = [
        ("KOBAN_ROOT", root().display().to_string()),
        ("KOBAN_COMMAND", SCRIPT.to_owned()),
        ("KOBAN_ORIGINS", "{}".to_owned()),
        ("KOBAN_OUT", "/tmp".to_owned()),
        ("KOBAN_PATIENCE", PATIENCE.to_string()),
        ("KOBAN_CARD_SHIM", String::new()),
        (
            "KOBAN_CARD_SIMULATOR",
            root().join("target/debug/koban-card-guest").display().to_string(),
        ),
        ("NODE_PATH", tools("node_modules").display().to_string()),
    ];
    let mut line = "console=ttyS0 quiet mitigations=off nokaslr panic=-1 tsc=reliable".to_owned();
    for (name, value) in environment {
        line += &format!(" {name}={value}");
    }
    let mut machine = program("qemu-system-x86_64");
    machine
        .args(["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max", "-smp", "2"])
        .args(["-m", "3000", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"])
        .args(["-device", "virtio-rng-pci", "-virtfs"])
        .arg("local,path=/,mount_tag=outside,security_model=none,readonly=on,multidevs=remap")
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(memory)
        .args(["-append", &line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    machine
}

/// Shows what the machine says, with the time of each line, until it ends.
fn watch(machine: &mut Child) -> Result<()> {
    let start = Instant::now();
    let said = lines(machine.stdout.take().context("the machine says nothing")?);
    let mut passed = None;
    loop {
        let left = LIMIT.saturating_sub(start.elapsed());
        match said.recv_timeout(left) {
            Ok(line) => {
                let line = line.trim_end();
                if line.starts_with("ended with ") {
                    passed = Some(line == PASSED);
                }
                writeln!(io::stdout(), "{:6.1} s  {line}", start.elapsed().as_secs_f64())?;
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!("not done after {} s", LIMIT.as_secs()),
        }
    }
    ensure!(passed.context("the machine ended before the script")?, "the script failed");
    Ok(())
}

fn lines(output: impl io::Read + Send + 'static) -> Receiver<String> {
    let (send, said) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    said
}
