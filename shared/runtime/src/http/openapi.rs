//! The API's description: one OpenAPI 3.1 document from the parts of all services, and a page to browse it.

mod refusals;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use utoipa::openapi::{
    ComponentsBuilder, Info, OpenApi, PathItem,
    path::Operation,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};
use utoipa_swagger_ui::Config;

use super::{Path, Problem};

/// Swagger UI brings its own scripts and styles, inline ones among them, and reads only the document beside it.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// The name of the one security scheme.
const BEARER: &str = "bearer";

/// One document from many, with what any operation may answer. Where two describe the same path and method, the first stands.
pub fn merge(title: &str, version: &str, parts: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An agency's or a person's token. Some calls are public."));
    let components =
        ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(bearer.build())).build();
    let scopes: [&str; 0] = [];
    let optional = [SecurityRequirement::default(), SecurityRequirement::new(BEARER, scopes)];
    let whole = OpenApi::builder()
        .info(Info::new(title, version))
        .components(Some(components))
        .security(Some(optional))
        .build();
    let mut merged = parts.into_iter().fold(whole, OpenApi::merge_from);
    refusals::complete(&mut merged);
    name(&mut merged);
    merged
}

/// Gives each operation an id that no other has, of its method and path. Those of the parts are names of functions, which
/// meet.
fn name(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let bare = path.replace(['{', '}', '*'], "").replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        for (method, operation) in operations(item) {
            operation.operation_id = Some(format!("{method}{bare}"));
        }
    }
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, head, options, .. } = item;
    let all = [
        ("get", get),
        ("put", put),
        ("post", post),
        ("delete", delete),
        ("patch", patch),
        ("head", head),
        ("options", options),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

#[derive(Clone)]
struct Docs {
    document: Bytes,
    page: Arc<Config<'static>>,
}

/// `/openapi.json` and `/docs/`.
pub fn routes(document: &OpenApi) -> Result<Router, serde_json::Error> {
    let docs = Docs {
        document: document.to_json()?.into(),
        // No validator: the document must not be sent elsewhere to be judged.
        page: Arc::new(Config::from("/openapi.json").validator_url("none")),
    };
    Ok(Router::new()
        .route("/openapi.json", get(openapi_json))
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|State(docs): State<Docs>| async move { file("", docs) }))
        .route(
            "/docs/{*file}",
            get(|Path(name): Path<String>, State(docs): State<Docs>| async move { file(&name, docs) }),
        )
        .with_state(docs))
}

async fn openapi_json(State(docs): State<Docs>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], docs.document).into_response()
}

fn file(name: &str, docs: Docs) -> Response {
    match utoipa_swagger_ui::serve(name, docs.page) {
        Ok(Some(file)) => {
            let headers = [(header::CONTENT_TYPE, file.content_type)];
            let mut response = (headers, file.bytes.into_owned()).into_response();
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
            response
        }
        Ok(None) => {
            Problem::new("unknown_path", StatusCode::NOT_FOUND, "There is no such page.").into_response()
        }
        Err(error) => Problem::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;
    use utoipa::OpenApi as _;

    use super::*;

    #[utoipa::path(get, path = "/v1/blocks", responses((status = 200, description = "Headers.")))]
    #[expect(dead_code, reason = "only its description is used")]
    fn blocks() {}

    #[utoipa::path(get, path = "/property/v1/parcels/{id}", params(("id" = String, Path)), responses((status = 200)))]
    #[expect(dead_code, reason = "only its description is used")]
    fn parcel() {}

    #[derive(utoipa::OpenApi)]
    #[openapi(paths(blocks))]
    struct Storage;

    #[derive(utoipa::OpenApi)]
    #[openapi(paths(parcel))]
    struct Property;

    async fn get_page(path: &str) -> (u16, String, String) {
        let document = merge("Hutong", "1", [Storage::openapi(), Property::openapi()]);
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = routes(&document).expect("JSON").oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let header =
            |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let kind = header(header::CONTENT_TYPE);
        let body = to_bytes(response.into_body(), 10 << 20).await.expect("a body");
        (status, kind, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn the_parts_become_one_document() {
        let (status, _, body) = get_page("/openapi.json").await;
        let document: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &document["openapi"]), (200, &"3.1.0".into()));
        assert_eq!(document["info"]["title"], "Hutong");
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/property/v1/parcels/{id}", "/v1/blocks"]);
        assert_eq!(
            document["paths"]["/property/v1/parcels/{id}"]["get"]["responses"]["200"]["description"],
            "OK"
        );
        assert_eq!(document["paths"]["/v1/blocks"]["get"]["operationId"], "get_v1_blocks");
        // What any may answer is told of each, in the one form.
        let statuses = |path: &str| -> Vec<&String> {
            document["paths"][path]["get"]["responses"].as_object().unwrap().keys().collect()
        };
        assert_eq!(statuses("/v1/blocks"), ["200", "401", "429", "503"]);
        assert_eq!(statuses("/property/v1/parcels/{id}"), ["200", "400", "401", "429", "503"]);
        let refusal = &document["paths"]["/v1/blocks"]["get"]["responses"]["401"];
        let schema = &refusal["content"]["application/problem+json"]["schema"]["$ref"];
        assert_eq!(schema, "#/components/schemas/Problem", "{refusal}");
        assert!(document["components"]["schemas"]["Problem"]["properties"]["code"].is_object());
    }

    #[tokio::test]
    async fn the_page_is_served_from_here_alone() {
        assert_eq!(get_page("/docs").await.0, 308);
        let (status, kind, page) = get_page("/docs/").await;
        assert_eq!((status, kind.as_str()), (200, "text/html"));
        assert!(page.contains("swagger-ui"), "{page}");
        let (status, _, script) = get_page("/docs/swagger-initializer.js").await;
        assert!(status == 200 && script.contains("/openapi.json"), "{script}");
        assert_eq!(get_page("/docs/swagger-ui-bundle.js").await.0, 200);
        assert_eq!(get_page("/docs/../Cargo.toml").await.0, 404);
        let (status, kind, _) = get_page("/docs/%ff").await;
        assert_eq!((status, kind.as_str()), (400, "application/problem+json"));
    }
}
