//! The description of `/fhir/R4` in OpenAPI. FHIR's own description is the CapabilityStatement.

use utoipa::openapi::{
    Content, HttpMethod, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, Required,
    ResponseBuilder, ResponsesBuilder, Type,
    path::{OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
};

const FHIR_JSON: &str = "application/fhir+json";

/// Path, method, what it does, statuses.
type Operation = (&'static str, HttpMethod, &'static str, &'static [u16]);

const READ: &[u16] = &[200, 304, 400, 401, 403, 404, 406, 410, 503];
const FOUND: &[u16] = &[200, 400, 401, 403, 404, 406, 503];
const WRITTEN: &[u16] = &[200, 201, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 503];

const OPERATIONS: [Operation; 22] = [
    ("/fhir/R4", HttpMethod::Post, "A batch or transaction", WRITTEN),
    ("/fhir/R4/metadata", HttpMethod::Get, "The CapabilityStatement", &[200, 406]),
    ("/fhir/R4/_history", HttpMethod::Get, "All versions of all resources", FOUND),
    ("/fhir/R4/{type}", HttpMethod::Get, "Search", FOUND),
    ("/fhir/R4/{type}", HttpMethod::Post, "Create, with If-None-Exist on condition", WRITTEN),
    ("/fhir/R4/{type}", HttpMethod::Put, "Update on condition", WRITTEN),
    ("/fhir/R4/{type}", HttpMethod::Patch, "Patch on condition", WRITTEN),
    ("/fhir/R4/{type}", HttpMethod::Delete, "Delete on condition", DELETED),
    ("/fhir/R4/{type}/_search", HttpMethod::Post, "Search, with the parameters as a form", FOUND),
    ("/fhir/R4/{type}/_history", HttpMethod::Get, "All versions of a type's resources", FOUND),
    ("/fhir/R4/{type}/{id}", HttpMethod::Get, "Read", READ),
    ("/fhir/R4/{type}/{id}", HttpMethod::Put, "Update, or create under a client's id", WRITTEN),
    ("/fhir/R4/{type}/{id}", HttpMethod::Patch, "JSON Patch or merge patch", WRITTEN),
    ("/fhir/R4/{type}/{id}", HttpMethod::Delete, "Delete", DELETED),
    ("/fhir/R4/{type}/{id}/_history", HttpMethod::Get, "All versions of a resource", READ),
    ("/fhir/R4/{type}/{id}/_history/{version}", HttpMethod::Get, "A version of a resource", READ),
    ("/fhir/R4/{type}/", HttpMethod::Get, "Search", FOUND),
    ("/fhir/R4/{type}/", HttpMethod::Post, "Create", WRITTEN),
    ("/fhir/R4/{type}/", HttpMethod::Put, "Update on condition", WRITTEN),
    ("/fhir/R4/{type}/", HttpMethod::Patch, "Patch on condition", WRITTEN),
    ("/fhir/R4/{type}/", HttpMethod::Delete, "Delete on condition", DELETED),
    ("/fhir/R4/", HttpMethod::Post, "A batch or transaction", WRITTEN),
];
const DELETED: &[u16] = &[200, 204, 400, 401, 403, 404, 405, 406, 409, 412, 503];

fn told(status: u16) -> &'static str {
    match status {
        200 => "Done.",
        201 => "Made: Location names the version.",
        204 => "Done, with nothing to show.",
        304 => "Not changed since.",
        400 => "The request is not well formed.",
        401 => "No token, or one that does not hold.",
        403 => "The caller does not own the domain.",
        404 => "No such resource or type.",
        405 => "Nobody does that here: what the ledger tells, nobody changes.",
        406 => "No form that the caller takes.",
        409 => "Others write the same resource.",
        410 => "Deleted or erased.",
        412 => "A condition does not hold.",
        413 => "Too large.",
        415 => "A form that is not taken.",
        422 => "The resource breaks a rule of FHIR R4, or of the ledger.",
        _ => "The ledger does not answer; try again.",
    }
}

/// What a body is.
fn taken(path: &str, method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Patch => {
            "A JSON Patch (RFC 6902) or a merge patch (RFC 7396), each under its own type too."
        }
        _ if path.ends_with("_search") => "Parameters, as application/x-www-form-urlencoded.",
        _ if path.contains("{type}") => "A resource.",
        _ => "A Bundle.",
    }
}

/// The description of these routes.
pub fn document() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for (path, method, summary, statuses) in OPERATIONS {
        let mut responses = ResponsesBuilder::new();
        for status in statuses {
            let mut response = ResponseBuilder::new().description(told(*status));
            if !matches!(status, 204 | 304) {
                response = response.content(FHIR_JSON, Content::default());
            }
            responses = responses.response(status.to_string(), response);
        }
        let mut operation =
            OperationBuilder::new().tag("health").summary(Some(summary)).responses(responses.build());
        for name in ["type", "id", "version"].into_iter().filter(|name| path.contains(&format!("{{{name}}}")))
        {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path);
            operation = operation.parameter(parameter.required(Required::True).schema(Some(text)));
        }
        if matches!(method, HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch) {
            let body = RequestBodyBuilder::new().description(Some(taken(path, &method)));
            operation = operation.request_body(Some(body.content(FHIR_JSON, Content::default()).build()));
        }
        paths = paths.path(path, PathItem::new(method, operation));
    }
    OpenApiBuilder::new().paths(paths).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_statuses() {
        let json = serde_json::to_value(document()).unwrap();
        for (path, method, _, statuses) in OPERATIONS {
            let method = serde_json::to_value(method).unwrap();
            let responses = &json["paths"][path][method.as_str().unwrap()]["responses"];
            assert_eq!(
                responses.as_object().map(serde_json::Map::len),
                Some(statuses.len()),
                "{path} {method}"
            );
        }
    }
}
