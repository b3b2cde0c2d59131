//! `GET /parking/v1/live`: changes of occupancy as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse, Response, Sse, sse::Event as Block},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hutong_runtime::http::{Problem, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::malformed;
use crate::{
    ParkingService,
    geo::{self, Point},
    live::{Change, Cursor, Next, Seat},
};

const LAST_EVENT_ID: &str = "last-event-id";
/// Proxies that collect answers before they pass them on must not.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
const RECONNECT: Duration = Duration::from_secs(2);
const RADIUS_M_MAX: f64 = 50_000.0;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Only sites of this feed.
    source: Option<String>,
    /// Only these sites, separated by commas.
    uid: Option<String>,
    /// Only sites around a place: lat, lon and radius together.
    lat: Option<f64>,
    lon: Option<f64>,
    /// Metres, up to 50,000.
    radius: Option<f64>,
    /// Go on after the event of this id. Without it: from now on. The header Last-Event-ID wins.
    after: Option<String>,
}

struct Filter {
    source: Option<String>,
    uids: Option<Vec<String>>,
    around: Option<(Point, f64)>,
}

impl Filter {
    fn of(wanted: &Wanted) -> Result<Self, Problem> {
        let around = match (wanted.lat, wanted.lon, wanted.radius) {
            (None, None, None) => None,
            (Some(lat), Some(lon), Some(radius))
                if (-90.0..=90.0).contains(&lat)
                    && (-180.0..=180.0).contains(&lon)
                    && radius > 0.0
                    && radius <= RADIUS_M_MAX =>
            {
                Some((geo::point(lat, lon), geo::chord_2(radius)))
            }
            _ => {
                let detail =
                    "lat, lon and radius stand together: -90 to 90, -180 to 180, and up to 50,000 metres.";
                return Err(malformed("radius", detail));
            }
        };
        let uids = wanted.uid.as_ref().map(|uids| uids.split(',').map(|uid| uid.trim().to_owned()).collect());
        Ok(Self { source: wanted.source.clone(), uids, around })
    }

    fn wants(&self, change: &Change) -> bool {
        let near = |(here, chord_2): &(Point, f64)| {
            let distance_2: f64 = here.iter().zip(change.place).map(|(a, b)| (a - b) * (a - b)).sum();
            distance_2 <= *chord_2
        };
        self.source.as_ref().is_none_or(|source| *source == change.source)
            && self.uids.as_ref().is_none_or(|uids| uids.contains(&change.site))
            && self.around.as_ref().is_none_or(near)
    }
}

/// Changes of occupancy as server-sent events
///
/// Each event is a site in the names of ParkAPI. Its `id` is where to go on from. A client that was away for longer than
/// the service remembers, or that reads too slowly, gets an event `missed` first: it reads the sites anew.
#[utoipa::path(get, path = "/parking/v1/live", tag = "parking",
    params(Wanted, ("Last-Event-ID" = Option<String>, Header, description = "Where to go on.")), responses(
    (status = 200, description = "Events, until the caller leaves.", content_type = "text/event-stream"),
    (status = 400, description = "A parameter is wrong.", content_type = "application/problem+json"),
    (status = 503, description = "Too many subscribers.", content_type = "application/problem+json")))]
pub(super) async fn live(
    State(service): State<ParkingService>,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let filter = Filter::of(&wanted)?;
    let live = &service.0.live;
    let named = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("(not text)"));
    let cursor = match named.or(wanted.after.as_deref()) {
        None | Some("now") => live.cursor(),
        Some(text) => text.parse().map_err(|_| {
            Problem::new("bad_cursor", StatusCode::BAD_REQUEST, "This is no id of an event.").field("after")
        })?,
    };
    let seat = live.enter(service.0.config.live_subscribers_max).ok_or_else(|| {
        let detail = "All places for subscribers are taken; close subscriptions that are no longer read.";
        Problem::new("too_many_subscribers", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(10)
    })?;
    let subscription = Subscription { service, filter, cursor, greeted: false, _seat: seat };
    let blocks = futures::stream::unfold(subscription, |mut subscription| async move {
        let block = subscription.next().await?;
        Some((Ok::<_, Infallible>(block), subscription))
    });
    Ok(([NO_BUFFERING], Sse::new(blocks)).into_response())
}

/// One subscriber. It pulls: what it does not take costs nobody else anything.
struct Subscription {
    service: ParkingService,
    filter: Filter,
    cursor: Cursor,
    greeted: bool,
    _seat: Seat,
}

impl Subscription {
    /// The next block; None when the service stops, and the client may come back.
    async fn next(&mut self) -> Option<Block> {
        if !self.greeted {
            self.greeted = true;
            return Some(self.bare("connected").retry(RECONNECT));
        }
        let inner = self.service.0.clone();
        let heartbeat = Duration::from_secs(inner.config.heartbeat_s);
        let until = inner.clock.monotonic() + heartbeat;
        loop {
            match inner.live.after(self.cursor) {
                Next::Change(change) => {
                    self.cursor.number = change.number;
                    if self.filter.wants(&change) {
                        return Some(Block::default().id(self.cursor.to_string()).data(&change.json));
                    }
                }
                Next::Missed(number) => {
                    self.cursor = Cursor { number, ..inner.live.cursor() };
                    let data = "{\"read\":\"/parking/v1/sites\"}";
                    return Some(Block::default().id(self.cursor.to_string()).event("missed").data(data));
                }
                Next::Nothing => {
                    let left = until.saturating_sub(inner.clock.monotonic());
                    tokio::select! {
                        () = inner.stopping.cancelled() => return None,
                        () = inner.live.beyond(self.cursor.number) => {}
                        () = inner.clock.sleep(left) => return Some(self.bare("alive")),
                    }
                }
            }
        }
    }

    /// A block without an event: the connection is alive, and the client's position moves on.
    fn bare(&self, comment: &str) -> Block {
        Block::default().id(self.cursor.to_string()).comment(comment)
    }
}
