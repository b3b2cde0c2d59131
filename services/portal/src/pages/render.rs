//! The pages themselves.

use hutong_runtime::{auth::Person, http::Problem};
use maud::{DOCTYPE, Markup, html};

use crate::{accesses::Seen, consents::Given, erasures::Certificate, me::Me};

/// What the page of a person shows.
pub(super) struct Gathered {
    pub(super) person: Person,
    pub(super) me: Me,
    /// The newest first; those that a court keeps sealed last.
    pub(super) accesses: Vec<Seen>,
    /// Whether there are more than are shown.
    pub(super) more: bool,
    pub(super) consents: Vec<Given>,
    pub(super) erasures: Vec<Certificate>,
}

fn layout(development: bool, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "My data · 我的数据" }
                link rel="stylesheet" href="/portal/style.css";
            }
            body {
                @if development {
                    p.development role="note" {
                        "Development city: the persons here are made up. 开发环境：此处人物均为虚构。"
                    }
                }
                main { (body) }
            }
        }
    }
}

/// Choosing who one is.
pub(super) fn door(names: &[String]) -> Markup {
    let body = html! {
        h1 { "My data · 我的数据" }
        p { "See who looked at your data, and withdraw what you consented to." }
        @if !names.is_empty() {
            h2 { "Be somebody made up · 选择虚构人物" }
            form method="post" action="/portal" {
                @for name in names {
                    button name="persona" value=(name) { (name) }
                }
            }
        }
        h2 { "Come with a token · 使用令牌" }
        form method="post" action="/portal" autocomplete="off" {
            label for="token" { "The token that your identity provider gave you" }
            textarea id="token" name="token" rows="4" required {}
            button { "Show my data" }
        }
    };
    layout(!names.is_empty(), &body)
}

pub(super) fn problem(problem: &Problem) -> Markup {
    let body = html! {
        h1 { "That did not work · 操作未成功" }
        p { (problem.detail()) }
        p { "Code: " a href={ "/docs/errors/" (problem.code()) } { (problem.code()) } }
        p { a href="/portal" { "Back to the start · 返回" } }
    };
    layout(false, &body)
}

pub(super) fn person(gathered: &Gathered, told: Option<&str>) -> Markup {
    let Gathered { person, me, accesses, more, consents, erasures } = gathered;
    let token = person.token.expose();
    let body = html! {
        h1 { "My data · 我的数据" }
        @if let Some(told) = told { p.told role="status" { (told) } }
        @if !me.unreachable.is_empty() {
            p.warning {
                "These agencies do not answer now, and what of yours lies there is not shown: "
                (me.unreachable.join(", "))
            }
        }
        (where_it_lies(me))
        h2 { "Who looked at my data · 谁查看了我的数据" }
        @if accesses.is_empty() { p { "Nobody did. 无人查看。" } } @else { (table(accesses, token)) }
        @if *more { p { "There are more; the document below has all of them." } }
        form method="post" action="/portal/document" {
            (hidden(token))
            button { "Download the whole list with its proof · 下载完整记录及证明" }
        }
        h2 { "My consents · 我的授权" }
        @if consents.is_empty() { p { "You gave none. 暂无授权。" } }
        @for consent in consents { (given(consent, token)) }
        @if !erasures.is_empty() {
            h2 { "What was erased · 已删除的数据" }
            @for certificate in erasures { (erased(certificate, token)) }
        }
        p { a href="/portal" { "Leave · 退出" } }
    };
    layout(person.persona, &body)
}

fn where_it_lies(me: &Me) -> Markup {
    html! {
        h2 { "Where it lies · 数据所在" }
        @if me.domains.is_empty() { p { "Nowhere. 无。" } } @else {
            table {
                thead { tr { th { "Domain" } th { "Agency" } th { "Sealed" } th { "Accesses" } th { "Consents" } } }
                tbody {
                    @for domain in &me.domains {
                        tr {
                            td data-label="Domain" { (domain.domain) }
                            td data-label="Agency" { (domain.owner) }
                            td data-label="Sealed" { (domain.sealed.join(", ")) }
                            td data-label="Accesses" { (domain.accesses) }
                            td data-label="Consents" { (domain.consents) }
                        }
                    }
                }
            }
        }
    }
}

fn table(accesses: &[Seen], token: &str) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "When · 时间" } th { "Who · 机构" } th { "Why · 目的" } th { "On what basis · 依据" }
                    th { "What · 字段" } th { "Proof · 凭证" }
                }
            }
            tbody { @for seen in accesses { (row(seen, token)) } }
        }
    }
}

fn row(seen: &Seen, token: &str) -> Markup {
    let Some(opened) = &seen.opened else {
        let until = seen.sealed_until_ms.map_or_else(String::new, time);
        return html! {
            tr.sealed {
                td colspan="6" {
                    "Access " (seen.number) " in " (seen.domain) " is sealed by a court until " (until) "."
                }
            }
        };
    };
    html! {
        tr.emergency[opened.emergency] {
            td data-label="When" { (time(opened.time_ms)) }
            td data-label="Who" { (opened.agency) br; small { (opened.official) } }
            td data-label="Why" { (opened.purpose) @if opened.emergency { br; strong { "Emergency · 紧急" } } }
            td data-label="On what basis" { (basis(&opened.basis)) }
            td data-label="What" { (opened.fields.join(", ")) br; small { (seen.domain) "/" (opened.record) } }
            td data-label="Proof" { (receipt(&opened.access, token)) }
        }
    }
}

fn basis(basis: &serde_json::Value) -> Markup {
    let members = basis.as_object().into_iter().flatten();
    html! {
        @for (kind, told) in members {
            (kind) " " small { (told.as_str().unwrap_or_default()) } " "
        }
    }
}

fn given(consent: &Given, token: &str) -> Markup {
    html! {
        section.consent {
            p {
                strong { (consent.consumer) } " may read " (consent.fields.join(", ")) " of " (consent.record_type)
                " in " (consent.domain) " for " (consent.purposes.join(", ")) ", from " (time(consent.from_ms))
                " until " (time(consent.until_ms)) ". " em { (consent.state) }
            }
            @if consent.withdrawn_ms.is_none() {
                form method="post" action="/portal/withdraw" {
                    (hidden(token))
                    input type="hidden" name="domain" value=(consent.domain);
                    input type="hidden" name="id" value=(consent.id);
                    button { "Withdraw · 撤回" }
                }
            }
        }
    }
}

fn erased(certificate: &Certificate, token: &str) -> Markup {
    let transaction = certificate.receipt.rsplit('/').next().unwrap_or_default();
    html! {
        section.erasure {
            p {
                (certificate.fields.join(", ")) " of " (certificate.domain) "/" (certificate.record) ": "
                em { (certificate.status) } " since " (time(certificate.erased_ms)) "."
            }
            @if !certificate.read_by.is_empty() {
                p { "Before, it was read by:" }
                ul {
                    @for opened in certificate.read_by.iter().filter_map(|seen| seen.opened.as_ref()) {
                        li { (opened.agency) ", " (time(opened.time_ms)) " " (receipt(&opened.access, token)) }
                    }
                }
            }
            (receipt(transaction, token))
        }
    }
}

fn receipt(transaction: &str, token: &str) -> Markup {
    html! {
        form method="post" action="/portal/receipt" {
            (hidden(token))
            input type="hidden" name="transaction" value=(transaction);
            button aria-label={ "Receipt of transaction " (transaction) } { "Receipt" }
        }
    }
}

fn hidden(token: &str) -> Markup {
    html! { input type="hidden" name="token" value=(token); }
}

fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "?".to_owned(), |time| time.strftime("%F %R UTC").to_string())
}
