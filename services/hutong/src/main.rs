//! Starts the program.

fn main() -> std::process::ExitCode {
    hutong::commands::main()
}
