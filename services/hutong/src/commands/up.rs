//! `hutong up`: a whole city in this process, until it is told to stop.

use super::{CommandError, Context};
use crate::{
    city::{
        CityError,
        layout::Layout,
        up::{Options, Running},
    },
    cli::Up,
};

pub(super) async fn run(context: Context, args: Up) -> Result<(), CommandError> {
    let layout = Layout::new(&context.global.data);
    let nats = (args.bus != "embedded").then(|| args.bus.clone());
    let options = Options { listen: args.listen, agencies: args.agencies.into(), nats, name: args.name };
    context.output.note(format!("opening the city in {}", layout.root().display()));
    let city = Running::start(layout, options).await?;
    let shutdown = city.shutdown();
    shutdown.on_signals().map_err(CityError::from)?;
    ready(&context, &city);
    let ended = city.finish().await;
    context.output.note("stopped; the city goes on from here when it is started again");
    Ok(ended?)
}

fn ready(context: &Context, city: &Running) {
    let url = &city.city.url;
    let agencies: Vec<String> = city.city.agencies.iter().map(|agency| agency.id.to_string()).collect();
    context.output.note(format!(
        "chain      {}\nagencies   {}\nfiles      {}\nbrowse     {url}/docs/\nhealth     {url}/readyz\n\
         development keys are in use: this city is for trying things out",
        city.city.chain,
        agencies.join(", "),
        city.layout.city().display(),
    ));
    context.output.line(format!("ready      {url}"));
}
