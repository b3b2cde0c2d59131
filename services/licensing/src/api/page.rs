//! The page on which anyone checks a licence: by its number or by a credential. No script, and nothing from elsewhere; a
//! credential goes in the body, never in an address.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use hutong_runtime::http::{Problem, Query, RawBody};
use maud::{DOCTYPE, Markup, html};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use crate::{
    LicensingService, contract::render_licence, credential::sd_jwt::Wanted, issue::unavailable,
    verify::Checked,
};

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}\
label{display:block;font-weight:600;margin:1rem 0 .25rem}\
input,textarea{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #767676;border-radius:4px}\
textarea{font-family:ui-monospace,monospace;font-size:.85rem}\
button{margin-top:.75rem;padding:.5rem 1.25rem;font:inherit;color:#fff;background:#1d4f91;border:0;border-radius:4px}\
.result{border-left:6px solid #a4262c;padding:.25rem 1rem;margin:1.5rem 0;background:#f7f2f2}\
.result.valid{border-color:#1b6e3c;background:#f0f7f2}\
dt{font-weight:600}dd{margin:0 0 .5rem}";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Number of a licence.
    licence: Option<String>,
}

/// The page to check a licence, or its answer for a number
#[utoipa::path(get, path = "/licensing/check", tag = "licensing", params(Asked), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 400, description = "`malformed_query`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn show(
    State(service): State<LicensingService>,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    let number = asked.licence.as_deref().map(str::trim).filter(|number| !number.is_empty());
    let checked = match number {
        None => None,
        Some(number) => Some(service.check_licence(number).await.map_err(unavailable)?),
    };
    Ok(answer(&page(number.unwrap_or_default(), checked.as_ref())))
}

/// The page with what became of a credential
#[utoipa::path(post, path = "/licensing/check", tag = "licensing",
    request_body(content = String, content_type = "application/x-www-form-urlencoded", description = "`credential`"), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 400, description = "`malformed_query`, `truncated_body`"),
    (status = 413, description = "`body_too_large`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn check(
    State(service): State<LicensingService>,
    RawBody(body): RawBody,
) -> Result<Response, Problem> {
    let credential = form_urlencoded::parse(&body).find(|(name, _)| name == "credential");
    let Some((_, credential)) = credential else {
        let detail = "The form has no field `credential`.";
        return Err(Problem::new("malformed_query", StatusCode::BAD_REQUEST, detail).field("credential"));
    };
    let checked = service.check_credential(&credential, &Wanted::default()).await.map_err(unavailable)?;
    Ok(answer(&page("", Some(&checked))))
}

/// The style of the page
#[utoipa::path(get, path = "/licensing/check.css", tag = "licensing", responses(
    (status = 200, description = "CSS.", body = String, content_type = "text/css")))]
pub(super) async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], STYLE).into_response()
}

fn answer(page: &Markup) -> Response {
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, page.0.clone()).into_response()
}

fn page(number: &str, checked: Option<&Checked>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Check a licence" }
                link rel="stylesheet" href="/licensing/check.css";
            }
            body {
                main {
                    h1 { "Check a licence" }
                    @if let Some(checked) = checked { (result(checked)) }
                    form method="get" action="/licensing/check" {
                        label for="licence" { "Number of the licence" }
                        input id="licence" name="licence" value=(number) maxlength="64" autocomplete="off";
                        button type="submit" { "Check the number" }
                    }
                    form method="post" action="/licensing/check" {
                        label for="credential" { "Credential (SD-JWT)" }
                        textarea id="credential" name="credential" rows="6" autocomplete="off" spellcheck="false" {}
                        button type="submit" { "Check the credential" }
                    }
                }
            }
        }
    }
}

fn result(checked: &Checked) -> Markup {
    let class = if checked.valid { "result valid" } else { "result" };
    html! {
        section class=(class) role="status" {
            h2 { @if checked.valid { "Valid" } @else { "Not valid" } }
            @if let Some(reason) = checked.reason { p { (told(reason)) } }
            @if let Some(licence) = &checked.licence {
                @let whole = render_licence(licence);
                dl {
                    dt { "Number" } dd { (licence.id) }
                    dt { "Business" } dd { (checked.business.as_deref().unwrap_or_default()) " (" (licence.uscc) ")" }
                    dt { "Allows" } dd { (licence.kind) }
                    dt { "From" } dd { (text(&whole["valid_from"])) }
                    dt { "Until" } dd { (text(&whole["valid_until"])) }
                }
            }
            @if let Some(shown) = &checked.shown {
                @if !shown.newest { p { "A later credential of this licence was issued." } }
                @if !shown.claims.is_empty() {
                    h3 { "What it shows" }
                    dl { @for (name, value) in &shown.claims { dt { (name) } dd { (text(value)) } } }
                }
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A reason in words.
fn told(reason: &str) -> &str {
    match reason {
        "unknown" => "There is no licence of this number.",
        "malformed" => "This is neither a number nor a credential of this register.",
        "applied" => "It is applied for and not issued.",
        "not_yet_valid" => "Its time is to come.",
        "suspended" => "It is suspended.",
        "revoked" => "It is revoked.",
        "expired" => "Its time is over.",
        "not_issued" => "The register does not know this credential.",
        "bad_disclosure" => "Something in it was changed after it was issued.",
        "bad_signature" | "unknown_key" | "other_issuer" | "wrong_type" | "wrong_algorithm" => {
            "This register did not issue it."
        }
        "bad_holder_proof" => "The proof of its holder is wrong.",
        other => other,
    }
}
