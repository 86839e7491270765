//! The library takes the place of libudev by its name.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libudev.so.1");
    println!("cargo:rerun-if-changed=build.rs");
}
