//! What is registered, as the web framework itself has it, against what is described.

use std::collections::BTreeSet;

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{Service, ServiceResponse},
    introspection::{IntrospectionNode, IntrospectionTree},
    test::{TestRequest, call_service, init_service},
    web::{self, Data},
};
use lionrocket_http::{app, openapi};

use crate::api::{Api, RequestExt, request};

/// What browsers load beside the web application's files: no operations of the API.
const PAGES: [&str; 4] = ["/docs", "/docs/", "/docs/{file}", "/openapi.json"];

/// Every route as `METHOD /path`; `ANY /path` for one that takes all methods.
async fn registered<B: MessageBody>(
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
) -> BTreeSet<String> {
    let call = TestRequest::get().uri("/livez");
    let call = call.insert_header(("host", "localhost")).to_request();
    let answer = call_service(service, call).await;
    let tree = answer.request().app_data::<Data<IntrospectionTree>>();
    let mut found = BTreeSet::new();
    collect(&tree.unwrap().root, &mut found);
    found
}

fn collect(node: &IntrospectionNode, found: &mut BTreeSet<String>) {
    let methods = node.methods.iter().map(ToString::to_string);
    found.extend(methods.map(|method| format!("{method} {}", node.full_path)));
    if node.methods.is_empty() && node.children.is_empty() {
        found.insert(format!("ANY {}", node.full_path));
    }
    for child in &node.children {
        collect(child, found);
    }
}

/// Every operation as `METHOD /path`.
fn described() -> BTreeSet<String> {
    let document = serde_json::to_value(openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[actix_web::test]
async fn every_route_that_is_registered_is_an_operation_that_is_described() {
    let api = Api::new().await;
    let pages = PAGES.map(|page| ["GET", "HEAD"].map(|method| format!("{method} {page}")));
    let expected: BTreeSet<_> = described().into_iter().chain(pages.concat()).collect();
    let service = init_service(app(api.state.clone())).await;
    assert_eq!(registered(&service).await, expected);
}

#[actix_web::test]
async fn a_route_is_found_however_it_is_registered() {
    async fn answer() -> HttpResponse {
        HttpResponse::Ok().finish()
    }
    let app = App::new()
        .route("/one", web::put().to(answer))
        .service(web::resource("/two").to(answer))
        .service(web::scope("/three").route("/{id}", web::get().to(answer)))
        .configure(|config| {
            config.route("/four", web::delete().to(answer));
        });
    let found = registered(&init_service(app).await).await;
    for route in ["PUT /one", "ANY /two", "GET /three/{id}", "DELETE /four"] {
        assert!(found.contains(route), "{route}: {found:?}");
    }
}

/// The addresses of all routes, cut into their parts.
fn patterns() -> Vec<Vec<String>> {
    let routes = described();
    let paths = routes.iter().filter_map(|route| route.split_once(' '));
    let paths = paths.map(|(_, path)| path).chain(PAGES);
    paths
        .map(|path| path.split('/').skip(1).map(str::to_owned).collect())
        .collect()
}

fn is_known(parts: &[&str], patterns: &[Vec<String>]) -> bool {
    patterns.iter().any(|pattern| {
        let matches = |(known, part): (&String, &&str)| {
            known == part || known.starts_with('{') && !part.is_empty()
        };
        pattern.len() == parts.len() && pattern.iter().zip(parts).all(matches)
    })
}

#[actix_web::test]
async fn nothing_answers_beside_the_routes_that_are_described() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let patterns = patterns();
    let words: BTreeSet<&str> = patterns.iter().flatten().map(String::as_str).collect();
    let words = words.into_iter().filter(|word| !word.starts_with('{'));
    let words: Vec<_> = words.chain(["1", "..", "*", "debug"]).collect();
    let begins = patterns.iter().flat_map(|pattern| {
        let filled = pattern
            .iter()
            .map(|part| if part.starts_with('{') { "1" } else { part });
        let filled: Vec<_> = filled.collect();
        (0..=filled.len()).map(move |length| filled[..length].to_vec())
    });
    let begins: BTreeSet<Vec<&str>> = begins.collect();
    let mut asked = 0;
    for begin in &begins {
        for word in &words {
            let parts: Vec<_> = begin.iter().chain([word]).copied().collect();
            // The start of the web application is no operation.
            if is_known(&parts, &patterns) || parts.concat().is_empty() {
                continue;
            }
            let path = format!("/{}", parts.join("/"));
            for method in ["GET", "POST"] {
                let answer = api.send(request(method, &path).by(&admin)).await;
                assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
                asked += 1;
            }
        }
    }
    assert!(asked > 2_000, "{asked}");
}

#[actix_web::test]
async fn a_page_says_which_methods_it_knows() {
    let api = Api::new().await;
    for page in PAGES {
        let path = page.replace("{file}", "start.js");
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let answer = api.send(request(method, &path)).await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}");
        }
    }
}
