//! `hutong load`: submits a file of records and waits until all of it is final.

use hutong_client::City;
use hutong_runtime::SystemClock;
use indicatif::{ProgressBar, ProgressStyle};

use super::{CommandError, Context};
use crate::{
    cli,
    load::{Load, Summary},
};

pub(super) async fn run(context: Context, args: cli::Load) -> Result<(), CommandError> {
    let city = context.city()?;
    let file =
        std::fs::read(&args.file).map_err(|source| CommandError::Io { path: args.file.clone(), source })?;
    let load = Load::prepare(&city, args.domain, &file, &SystemClock::shared())?;
    let summary = with_bar(&context, load, args.in_flight as usize).await?;
    context.output.result(&summary, Summary::text);
    match summary.finals {
        0 if summary.submitted > 0 => Err(CommandError::Negative("nothing of the file was loaded".into())),
        _ => Ok(()),
    }
}

/// Loads with a progress bar on standard error, where that is a terminal.
pub(crate) async fn with_bar(
    context: &Context,
    load: Load,
    in_flight: usize,
) -> Result<Summary, CommandError> {
    let bar = if context.output.json { ProgressBar::hidden() } else { ProgressBar::new(load.len() as u64) };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} final, {per_sec}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let summary = load.run(in_flight, |count| bar.inc(count)).await;
    bar.finish_and_clear();
    summary
}

impl Context {
    /// The city of the data folder, at the address given.
    pub(super) fn city(&self) -> Result<City, CommandError> {
        let city = City::open(&self.global.data)?;
        Ok(match &self.global.url {
            Some(url) => city.at(url.clone()),
            None => city,
        })
    }
}
