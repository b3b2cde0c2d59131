//! Starts the program.

/// Every transaction is a few dozen small allocations on one thread that another frees; the system's allocator spends a
/// fifth of the CPU on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    hutong::commands::main()
}
