//! The short form of the example of that name.
#![forbid(unsafe_code)]

#[path = "../examples/chaos/main.rs"]
mod chaos;

fn main() -> std::process::ExitCode {
    chaos::main()
}
