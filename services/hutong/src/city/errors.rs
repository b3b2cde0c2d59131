//! The pages that problem documents point to: what each error code means and what to do.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use hutong_runtime::http::{Path, Problem};
use include_dir::{Dir, include_dir};

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/errors");

pub(crate) fn routes() -> Router {
    Router::new().route("/docs/errors/{code}", get(page))
}

async fn page(Path(code): Path<String>) -> Response {
    match PAGES.get_file(format!("{code}.md")) {
        Some(page) => ([("content-type", "text/markdown; charset=utf-8")], page.contents()).into_response(),
        None => {
            let detail = "There is no page of this error code.";
            Problem::new("unknown_path", axum::http::StatusCode::NOT_FOUND, detail).into_response()
        }
    }
}
