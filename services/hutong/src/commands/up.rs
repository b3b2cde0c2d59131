//! `hutong up`: a whole city in this process, until it is told to stop.

use std::net::SocketAddr;

use hutong_client::City;
use hutong_runtime::{SystemClock, config, telemetry};
use serde::Serialize;

use super::{CommandError, Context, load};
use crate::{
    city::{
        CityError,
        layout::Layout,
        settings::CitySettings,
        up::{Options, Running},
    },
    cli::Up,
    load::Load,
};

/// Real sales, bundled (see data/README.md).
const SALES: &[u8] = include_bytes!("../../../../data/property/ames-sales.csv");
const DEMO_IN_FLIGHT: usize = 400;

/// What is typed or asked for by the environment goes before the file.
#[derive(Debug, Serialize)]
struct Flags {
    http: Http,
    telemetry: Telemetry,
}

#[derive(Debug, Serialize)]
struct Http {
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Serialize)]
struct Telemetry {
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
}

pub(super) async fn run(context: Context, args: Up) -> Result<(), CommandError> {
    let flags =
        Flags { http: Http { listen: args.listen }, telemetry: Telemetry { filter: super::log_filter() } };
    let settings: CitySettings = config::load(args.config.as_deref(), &flags).map_err(CityError::from)?;
    if args.print_config {
        context.output.line(config::print_config(&settings).map_err(CityError::from)?);
        return Ok(());
    }
    let telemetry =
        telemetry::init(&settings.telemetry, "city", args.name.as_str()).map_err(CityError::from)?;
    let ended = serve(&context, args, settings).await;
    telemetry.end().await;
    ended
}

async fn serve(context: &Context, args: Up, settings: CitySettings) -> Result<(), CommandError> {
    let layout = Layout::new(&context.global.data);
    let nats = (args.bus != "embedded").then(|| args.bus.clone());
    let options = Options { agencies: args.agencies.into(), nats, name: args.name, settings };
    context.output.note(format!("opening the city in {}", layout.root().display()));
    let city = Running::start(layout, options).await?;
    let shutdown = city.shutdown();
    shutdown.on_signals().map_err(CityError::from)?;
    ready(context, &city);
    if args.demo {
        let demo = demo(context, &city);
        tokio::select! {
            shown = demo => shown?,
            () = shutdown.draining() => {}
        }
    }
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

/// The bundled property sales, and what became of one of them.
async fn demo(context: &Context, city: &Running) -> Result<(), CommandError> {
    let files = City::open(city.layout.root())?;
    super::demo::parcel(&files).await?;
    let domain = hutong_property::domain();
    let load = Load::prepare(&files, domain, SALES, &SystemClock::shared())?;
    context.output.note(format!("loading the bundled property sales: {} transactions", load.len()));
    let summary = load::with_bar(context, load, DEMO_IN_FLIGHT).await?;
    context.output.note(summary.text());
    let data = city.layout.root().display();
    context.output.note(format!(
        "try:  hutong get record property/526301100 --data {data}\n      \
         hutong get history property/526301100 --data {data}\n      \
         hutong tail --after 0 --limit 3 --data {data}\n      \
         hutong disclose property/lane-7 --fields conditions --as natural-resources --official registrar-7 \
         --purpose registration --duty case-17 --data {data}\n      \
         hutong accesses --persona wang-lan --data {data}\n      \
         hutong get status --data {data}"
    ));
    Ok(())
}
