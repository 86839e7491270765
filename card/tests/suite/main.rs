//! The applet on a machine whose power and store fail when told to.

mod bench;
mod cuts;
mod emulated;
mod hostile;
mod limits;
mod machine;
mod money;
mod owner;
mod worlds;
