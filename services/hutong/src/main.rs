//! Starts the program: reads the command line, runs the command, prints why it failed.

use std::process::ExitCode;

use clap::Parser;
use hutong::{cli::Cli, commands, output::Output};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output { json: cli.global.json };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::FAILURE
        }
    }
}
