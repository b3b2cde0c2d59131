//! The portal for people: who looked at my data, my consents, what was erased. Rendered here, without scripts.
//!
//! A person's token goes in the body of each form and in no cookie and no address: closing the page is logging out. In a
//! development city one chooses a made-up person; every page then says so.

mod form;
mod render;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderValue, StatusCode, header};
use hutong_ledger::id::{Domain, TxId};
use hutong_runtime::{
    auth::{Caller, Person, refusal},
    http::Problem,
};

use self::form::Form;
use crate::PortalService;

/// The most accesses of a domain that a page shows.
const LISTED_MAX: u64 = 200;
const STYLE: &str = include_str!("pages/style.css");
/// Styles from here and forms to here; nothing else is loaded, run or framed.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

pub(crate) fn routes(service: PortalService) -> Router {
    Router::new()
        .route("/portal", get(door).post(enter))
        .route("/portal/withdraw", post(withdraw))
        .route("/portal/receipt", post(receipt))
        .route("/portal/document", post(document))
        .route("/portal/style.css", get(style))
        .with_state(service)
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// Who are you?
async fn door(State(service): State<PortalService>) -> Response {
    page(StatusCode::OK, render::door(&service.names()))
}

/// What the city knows of you.
async fn enter(State(service): State<PortalService>, form: Form) -> Response {
    service.shown(service.entered(&form).await, None).await
}

async fn withdraw(State(service): State<PortalService>, form: Form) -> Response {
    let person = match service.person(form.get("token")).await {
        Ok(person) => person,
        Err(problem) => return failed(&problem),
    };
    let withdrawn = match form.get("domain").parse::<Domain>() {
        Ok(domain) => service.withdraw(&person, domain, form.get("id")).await,
        Err(error) => Err(malformed(&error.to_string())),
    };
    match withdrawn {
        Ok(_) => service.shown(Ok(person), Some("The consent is withdrawn. 授权已撤回。")).await,
        Err(problem) => failed(&problem),
    }
}

async fn receipt(State(service): State<PortalService>, form: Form) -> Response {
    let receipt = async {
        let person = service.person(form.get("token")).await?;
        let id: TxId = form
            .get("transaction")
            .parse()
            .map_err(|_| malformed("A transaction's id has 76 hex digits."))?;
        service.receipt(&person, id).await
    };
    match receipt.await {
        Ok(receipt) => download("receipt.json", receipt),
        Err(problem) => failed(&problem),
    }
}

async fn document(State(service): State<PortalService>, form: Form) -> Response {
    let document = async {
        let person = service.person(form.get("token")).await?;
        let list = service.document(&person, None).await?;
        serde_json::to_vec(&list).map_err(Problem::internal)
    };
    match document.await {
        Ok(document) => download("accesses.json", document),
        Err(problem) => failed(&problem),
    }
}

impl PortalService {
    fn names(&self) -> Vec<String> {
        self.ports.personas.as_ref().map(|personas| personas.names()).unwrap_or_default()
    }

    /// The person who comes through the door: a made-up one by name, any other by token.
    async fn entered(&self, form: &Form) -> Result<Person, Problem> {
        let persona = form.get("persona");
        if persona.is_empty() {
            return self.person(form.get("token")).await;
        }
        let token = self.ports.personas.as_ref().and_then(|personas| personas.token(persona));
        let nobody = || malformed("There is no such persona here.");
        self.person(&token.ok_or_else(nobody)?).await
    }

    async fn person(&self, token: &str) -> Result<Person, Problem> {
        match self.ports.authenticator.caller(token.trim()).await {
            Ok(Caller::Person(person)) => Ok(person),
            Ok(_) => {
                let detail = "This is for the person themselves, not for officials.";
                Err(Problem::new("person_required", StatusCode::FORBIDDEN, detail))
            }
            Err(fault) => Err(refusal(fault)),
        }
    }

    /// The page of a person.
    async fn shown(&self, person: Result<Person, Problem>, told: Option<&str>) -> Response {
        let gathered = async {
            let person = person?;
            let own = self.own(&person, None).await?;
            let me = self.me(&person, &own).await?;
            let (accesses, more) = self.newest(&own, LISTED_MAX).await?;
            let consents = self.consents(&own).await?.consents;
            let erasures = self.erasures(&own).await?.erasures;
            Ok(render::Gathered { person, me, accesses, more, consents, erasures })
        };
        match gathered.await {
            Ok(gathered) => page(StatusCode::OK, render::person(&gathered, told)),
            Err(problem) => failed(&problem),
        }
    }
}

/// What is wrong with a form.
fn malformed(detail: &str) -> Problem {
    Problem::new("malformed_form", StatusCode::BAD_REQUEST, detail)
}

fn page(status: StatusCode, markup: maud::Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, markup.into_string()).into_response()
}

fn failed(problem: &Problem) -> Response {
    page(problem.status(), render::problem(problem))
}

fn download(name: &'static str, body: impl Into<bytes::Bytes>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body.into()).into_response()
}
