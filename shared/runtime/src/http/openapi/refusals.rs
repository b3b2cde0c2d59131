//! What any operation may answer besides what it says of itself: refusals that the server gives before or around it, and the
//! one form that they have. Stated here once, and not by each operation.

use http::StatusCode;
use utoipa::openapi::{
    Components, Content, ContentBuilder, Object, ObjectBuilder, OpenApi, Ref, RefOr, Response,
    ResponseBuilder, Schema, Type, path::Operation,
};

/// The schema's name.
const PROBLEM: &str = "Problem";
const PROBLEM_JSON: &str = "application/problem+json";

/// Adds the refusals that are common to all operations, and the form of those that have none.
pub(super) fn complete(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        // Of a path, too, not only of an operation.
        let path_has_parameters = item.parameters.as_ref().is_some_and(|given| !given.is_empty());
        for (_, operation) in super::operations(item) {
            add(operation, path_has_parameters);
            form(operation);
            describe(operation);
        }
    }
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(PROBLEM.to_owned(), RefOr::T(Schema::Object(problem())));
}

fn add(operation: &mut Operation, path_has_parameters: bool) {
    let has_parameters =
        path_has_parameters || operation.parameters.as_ref().is_some_and(|given| !given.is_empty());
    let has_body = operation.request_body.is_some();
    let common = [
        (true, "401", "The token is not valid, or one is needed."),
        (has_parameters || has_body, "400", "The request is malformed; `field` names the part."),
        (has_body, "413", "The body is too large."),
        (has_body, "415", "The body is of another type than this takes."),
        (true, "429", "The caller sent too many; nothing was done. Wait for the seconds in Retry-After."),
        (true, "503", "A service that this needs is away; nothing was done. Try again."),
    ];
    for (applies, status, told) in common {
        if applies {
            let responses = &mut operation.responses.responses;
            responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(Response::new(told)));
        }
    }
}

/// An error whose form is not told has that of the operation's other errors, as under a standard that has its own; else
/// it is a problem document.
fn form(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let formed =
        responses.iter().filter(|(status, _)| is_error(status)).find_map(|(_, response)| match response {
            RefOr::T(response) if !response.content.is_empty() => Some(response.content.clone()),
            _ => None,
        });
    let problem = ResponseBuilder::new().content(PROBLEM_JSON, content()).build();
    let common = formed.unwrap_or(problem.content);
    for (_, response) in responses.iter_mut().filter(|(status, _)| is_error(status)) {
        let RefOr::T(response) = response else { continue };
        if response.content.is_empty() {
            response.content = common.clone();
        }
        if let Some(RefOr::T(told)) = response.content.get_mut(PROBLEM_JSON)
            && told.schema.is_none()
        {
            *told = content();
        }
    }
}

/// A response needs a description; one without says what its status means.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let meaning = status.parse().ok().and_then(|status: StatusCode| status.canonical_reason());
            meaning.unwrap_or("See the standard.").clone_into(&mut response.description);
        }
    }
}

fn is_error(status: &str) -> bool {
    status.starts_with(['4', '5'])
}

fn content() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build()
}

/// RFC 9457, with the members that Hutong adds.
fn problem() -> Object {
    let text = |told: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(told));
    ObjectBuilder::new()
        .description(Some(
            "A problem document (RFC 9457). Some have members beside these, such as the line at fault.",
        ))
        .property("type", text("The address of the page about this code."))
        .property("title", text("The code in words."))
        .property(
            "status",
            ObjectBuilder::new().schema_type(Type::Integer).description(Some("The HTTP status.")),
        )
        .property("detail", text("What was wrong here, for people."))
        .property("code", text("What programs may rely on: it never changes."))
        .property("field", text("The part of the request at fault, if one is."))
        .required("status")
        .required("code")
        .build()
}
