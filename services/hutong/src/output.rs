//! What commands print: results on standard output, progress and errors on standard error.

#![allow(clippy::print_stdout, clippy::print_stderr)] // The one place that prints.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

use serde::Serialize;

/// Prints results as the caller asked for.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    /// A result: as JSON, or as the text made for people.
    pub fn result<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> String) {
        if self.json {
            match serde_json::to_string_pretty(value) {
                Ok(json) => write(&json),
                Err(error) => eprintln!("hutong: the result has no JSON form: {error}"),
            }
        } else {
            write(text(value).trim_end());
        }
    }

    /// A result that is a JSON document from the city anyway.
    pub fn document(self, document: &serde_json::Value) {
        self.result(document, |d| serde_json::to_string_pretty(d).unwrap_or_default());
    }

    /// A line of a result that grows.
    pub fn line(self, text: impl Display) {
        write(&text.to_string());
    }

    /// Something to know while waiting.
    pub fn note(self, text: impl Display) {
        eprintln!("{text}");
    }

    /// Why the command failed, with its causes.
    pub fn error(self, error: &(dyn std::error::Error + 'static)) {
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // A message that repeats its cause says nothing new.
            if !causes.iter().any(|said| said.contains(&text)) {
                causes.push(text);
            }
            source = cause.source();
        }
        if self.json {
            eprintln!("{}", serde_json::json!({ "error": causes.join(": ") }));
        } else {
            eprintln!("hutong: {}", causes.join(": "));
        }
    }
}

/// Writes a line to standard output. Whoever read it may have gone, as `| head` does: then the rest is for nobody.
fn write(line: &str) {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Ok(()) => {}
        // As the signal SIGPIPE would end it.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(141),
        Err(error) => {
            eprintln!("hutong: standard output takes nothing: {error}");
            std::process::exit(1);
        }
    }
}
