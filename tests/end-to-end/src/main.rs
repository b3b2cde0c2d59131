//! The program under test: `hutong`, built for this package so that its tests know where it is.

fn main() -> std::process::ExitCode {
    hutong::commands::main()
}
