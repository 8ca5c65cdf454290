//! The program: arguments, start, maintenance, end.

mod assemble;
mod certificates;
mod check;
mod leases;
mod listeners;
mod maintenance;
mod program;

pub use program::{Streams, run};
